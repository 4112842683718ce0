# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is KVM usable here? Only when a tiny guest has run under it on this boot.

A /dev/kvm that opens proves little: in containers and nested guests it may make machines that never get anywhere.
"""

from __future__ import annotations

import json
import posixpath
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Dict, Optional, Tuple

from ....errors import HostError, OperationFailed
from ....host.api import Host
from .account import OURSELVES, Account
from .model import KVM

DEVICE = "/dev/kvm"

# Seconds that the guest may take; under KVM it takes a tenth of one, under TCG on a slow machine two tenths.
PATIENCE = 2.0

# Seconds for which a no is believed: after a hang the machine may only have been busy, after words of QEMU somebody may
# have mended what they were about.
HUNG, REFUSED = 600.0, 30.0

# The mode bits that let a group read and write.
GROUP = 0o060

# The host's architecture -> those of the guest that the proof can be run for.
PROVABLE = {"x86_64": ("x86_64",)}


@dataclass(frozen=True)
class KvmState:
    """Whether guests run under KVM, and why not."""

    usable: bool
    reason: str = ""


@dataclass(frozen=True)
class Proof:
    """What became of the tiny guest: whether it ran, whether it got nowhere within our patience."""

    ran: bool
    hung: bool
    said: str


def kvm_state(host: Host, binary: str, scratch: str, *, account: Account = OURSELVES) -> KvmState:
    """Return whether guests of this binary run under KVM; runs the proof when its result is not known for this boot.

    ``scratch`` is as in launch.probe_binary: a beginning of paths, and a lock that is held.
    """
    reason = _hindrance(host, binary, account)
    if reason:
        return KvmState(False, reason)
    return known_state(host, binary, scratch, account=account) or _prove(host, binary, scratch, account)


def known_state(host: Host, binary: str, scratch: str, *, account: Account = OURSELVES) -> Optional[KvmState]:
    """Return what is known without running anything, or None."""
    reason = _hindrance(host, binary, account)
    if reason:
        return KvmState(False, reason)
    try:
        record = json.loads(host.read(_record(scratch)) or b"{}")
        if record.get("key") != _key(host, binary, account) or _doubtful(record, host.now()):
            return None
        return KvmState(record["usable"], record["reason"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def prove(
    host: Host, binary: str, scratch: str, *, accel: str = KVM, account: Account = OURSELVES, patience: float = PATIENCE
) -> Proof:
    """Run the tiny guest under an accelerator; it is gone when this returns."""
    from . import guest  # what proves is needed once a boot
    from .launch import end, start, words

    firmware, log, socket = f"{scratch}.rom", f"{scratch}.guest.log", f"{scratch}.guest.sock"
    host.write(firmware, guest.image(), mode=0o644)
    process = start(host, _arguments(binary, accel, firmware), log, socket, account)
    hung = True
    try:
        hung = not host.wait_exit(process, timeout=patience)
    finally:
        end(host, process, patience=0)
        host.remove(socket)
        host.remove(firmware)
    ran = guest.MESSAGE.encode() in host.tail(log, 4000)
    return Proof(ran=ran, hung=hung and not ran, said=words(host, log))


def _arguments(binary: str, accel: str, firmware: str) -> Tuple[str, ...]:
    from . import guest
    from .launch import monitor

    return (
        *(binary, "-no-user-config", "-nodefaults", "-display", "none", "-no-reboot"),
        *("-machine", f"q35,accel={accel}", "-m", "16", "-bios", firmware),
        *("-chardev", "stdio,id=console,signal=off"),
        *("-device", f"isa-debugcon,iobase={guest.CONSOLE_PORT:#x},chardev=console"),
        *("-device", f"isa-debug-exit,iobase={guest.EXIT_PORT:#x},iosize=1"),
        *monitor(wait="off"),
    )


def _prove(host: Host, binary: str, scratch: str, account: Account) -> KvmState:
    try:
        proof = prove(host, binary, scratch, account=account)
    except OperationFailed as error:
        return KvmState(False, error.message)
    state = KvmState(proof.ran, "" if proof.ran else _reason(proof))
    until = None if proof.ran else host.now() + (HUNG if proof.hung else REFUSED)
    record = {**asdict(state), "key": _key(host, binary, account), "until": until}
    with suppress(HostError):  # what cannot be remembered is proven again
        host.write(_record(scratch), json.dumps(record).encode())
    return state


def _hindrance(host: Host, binary: str, account: Account) -> str:
    """Return why KVM is out of the question, as far as that can be seen without trying."""
    architecture = host.architecture()
    if guest_architecture(binary, architecture) not in PROVABLE.get(architecture, ()):
        return f"{posixpath.basename(binary)} on a host of {architecture} is not known to work with KVM"
    if host.stat(DEVICE) is None:
        return f"{DEVICE} is missing: load kvm_intel or kvm_amd, or switch virtualization on in the firmware"
    if account.user is None and not host.writable(DEVICE):
        return _forbidden(host)
    return ""


def _forbidden(host: Host) -> str:
    """Why this user may not open the device, and what would let him."""
    found = host.stat(DEVICE)
    if found is not None and found.gid and found.mode & GROUP == GROUP:
        return _FORBIDDEN
    return (
        f"no permission to open {DEVICE}, which is for root only: give it to the group kvm (chgrp kvm {DEVICE} and "
        f"chmod 0660 {DEVICE}, for ever by a rule of udev), and add the user to that group"
    )


def guest_architecture(binary: str, host_architecture: str) -> str:
    """Return what a binary emulates by its name; one that does not say (qemu-kvm) emulates its host."""
    _name, found, architecture = posixpath.basename(binary).partition("qemu-system-")
    return architecture if found else host_architecture


_FORBIDDEN = f"no permission to open {DEVICE}: add the user that runs QEMU to the group kvm"

# QEMU's words -> ours.
_REASONS = (
    ("Permission denied", _FORBIDDEN),
    ("No such device", f"{DEVICE} has no driver behind it: load the kernel module kvm_intel or kvm_amd"),
    ("invalid accelerator", "this QEMU was built without KVM"),
)


def _reason(proof: Proof) -> str:
    known = next((ours for theirs, ours in _REASONS if theirs in proof.said), "")
    if known and not proof.hung:
        return known
    why = "it hangs" if proof.hung else (proof.said or "it ended without a word")
    return f"{DEVICE} opens, but a guest does not run under it (nested virtualization or a container?): {why}"


def _record(scratch: str) -> str:
    return f"{scratch}.kvm.json"


def _doubtful(record: Dict[str, Any], now: float) -> bool:
    until = record["until"]
    # a clock that was set back must not make a doubt last for ever
    return until is not None and not now < until <= now + HUNG


def _key(host: Host, binary: str, account: Account) -> Dict[str, Any]:
    """Everything that the result depends on."""
    device, program = host.stat(DEVICE), host.stat(host.resolve(binary))
    return {
        "boot": host.boot_id(),
        "binary": [binary, program.mtime_ns, program.size] if program else [binary],
        "device": [device.inode, device.mode, device.uid, device.gid] if device else [],
        "modules": [name for name in host.entries("/sys/module") if name.startswith("kvm")],
        "account": [list(account.user or (host.euid(), host.egid())), list(account.groups)],
    }

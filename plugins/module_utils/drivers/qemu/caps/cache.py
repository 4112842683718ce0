# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The capabilities of a binary, from the cache where nothing has changed, else probed: the door for everybody else.

A cache file has two lines: a stamp with everything that the answers depend on and the digest of the second line, and
the packed capabilities. Whatever is wrong with a file, the answer is to probe again.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import Any, Dict, Optional, Sequence

from ....errors import HostError, MissingLibrary, MissingProgram, OperationFailed
from ....host.api import Host
from .account import OURSELVES, Account
from .kvm import KvmState, known_state, kvm_state
from .model import KVM, Capabilities
from .pack import FORMAT, dump, pack, unpack
from .trusted import check_own

# Seconds to wait for another run that probes the same binary.
PATIENCE = 60.0

# Where distributions put QEMU's loadable modules: a package that adds one adds devices to a binary that stays as it is.
MODULE_DIRECTORIES = ("/usr/lib64/qemu", "/usr/lib/qemu", "/usr/lib/{arch}-linux-gnu/qemu")


def capabilities(
    host: Host, binary: str, directory: str, *, account: Account = OURSELVES, spare: Sequence[str] = ()
) -> Capabilities:
    """Return what a QEMU binary (a path, or a name to look up) can do on this host, probing it when it must.

    ``directory`` is the layout's capabilities directory, made here when it is missing. Where it cannot be written, the
    binary is probed in the first directory of ``spare`` that can. ``account`` is who will run the guests.
    Raises MissingProgram when there is no such binary, OperationFailed when it cannot be asked, UnsupportedConfig when
    it is too old, LockBusy when another run takes too long to probe it, HostError when nothing can be written.
    """
    path = _found(host, binary)
    name = hashlib.sha256(host.resolve(path).encode()).hexdigest()[:16]
    known = _cached(host, path, f"{directory}/{name}", account)
    return known or _probed(host, path, name, (directory, *spare), account)


def _probed(host: Host, path: str, name: str, places: Sequence[str], account: Account) -> Capabilities:
    """Probe in the first of these directories that takes what has to be written for it: a log, a socket, a lock."""
    refusal: Optional[HostError] = None
    for directory in places:
        try:
            if host.stat(directory) is None:
                host.make_directory(directory)
            check_own(host, directory)
            return _renewed(host, path, f"{directory}/{name}", account)
        except (MissingProgram, MissingLibrary):
            raise
        except HostError as error:
            refusal = refusal or error
    if refusal is None:
        raise ValueError("there is a directory to probe in")
    raise refusal


def _found(host: Host, binary: str) -> str:
    path = host.find_program(binary)
    if path is not None:
        return path
    if binary.startswith("/") and host.stat(host.resolve(binary)) is not None:
        raise OperationFailed(f"{binary} is not a program that can be executed.", hint="Name a QEMU system emulator.")
    raise MissingProgram(
        binary, hint="Install QEMU's system emulator (qemu-system-x86, qemu-kvm), or correct its path."
    )


def _cached(host: Host, path: str, scratch: str, account: Account) -> Optional[Capabilities]:
    state = known_state(host, path, scratch, account=account)
    return _load(host, path, scratch, state) if state else None


def _renewed(host: Host, path: str, scratch: str, account: Account) -> Capabilities:
    from .launch import probe_binary  # not needed where the cache answers

    with host.lock(f"{scratch}.lock", timeout=PATIENCE):
        known = _cached(host, path, scratch, account)  # another run may have probed while we waited
        if known is not None:
            return known
        state = kvm_state(host, path, scratch, account=account)
        known = _load(host, path, scratch, state)
        if known is None:
            known = probe_binary(host, path, scratch, kvm=state.usable, account=account)
            _store(host, path, scratch, state, known)
        return _with_state(known, path, state)


def _with_state(caps: Capabilities, path: str, state: KvmState) -> Capabilities:
    usable = state.usable and KVM in caps.accels
    reason = state.reason or ("" if usable else "QEMU did not switch KVM on")
    return replace(caps, binary=path, kvm=usable, kvm_reason=reason)


def _stamp(host: Host, path: str, state: KvmState) -> Dict[str, Any]:
    resolved = host.resolve(path)
    found = host.stat(resolved)
    places = [place.format(arch=host.architecture()) for place in MODULE_DIRECTORIES]
    modules = [(place, host.stat(place)) for place in places]
    return {
        "format": FORMAT,
        "binary": [resolved, found.mtime_ns, found.size] if found else [resolved],
        "modules": [[place, node.mtime_ns] for place, node in modules if node],
        # what KVM offers depends on the processor, the kernel and its parameters
        "kvm": host.boot_id() if state.usable else None,
    }


def _load(host: Host, path: str, scratch: str, state: KvmState) -> Optional[Capabilities]:
    head, _newline, body = (host.read(f"{scratch}.json") or b"").partition(b"\n")
    try:
        stamp = json.loads(head)
        if stamp.pop("digest") != _digest(body) or stamp != _stamp(host, path, state):
            return None
        return _with_state(_unpacked(body), path, state)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


@lru_cache(maxsize=4)
def _unpacked(body: bytes) -> Capabilities:
    """What a file says; a run asks several times for each guest, and the file rarely changes meanwhile."""
    return unpack(json.loads(body))


def _store(host: Host, path: str, scratch: str, state: KvmState, caps: Capabilities) -> None:
    body = dump(pack(caps))
    head = dump({**_stamp(host, path, state), "digest": _digest(body)})
    with suppress(HostError):  # a full disk costs time at the next run, not this run
        host.write(f"{scratch}.json", head + b"\n" + body, mode=0o644)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

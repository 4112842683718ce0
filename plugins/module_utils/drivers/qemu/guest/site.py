# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where guests live: the host, our files on it, the QEMU binaries, and the user that QEMU runs as."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Optional, Tuple

from ....errors import HostError, MissingProgram, NotFound, UnsupportedConfig
from ....host.api import Host
from ....host.layout import Layout, short_name
from ....model.domain.core import Domain
from ....xml.parse import Element
from ...api import Neighbours
from ...listing import live, persistent
from ...store import Store
from ..caps.account import OURSELVES, Account
from ..caps.cache import capabilities
from ..caps.model import Capabilities
from ..caps.trusted import check_program
from ..context import Context
from .facts import host_facts
from .images import Runner
from .journal import Journal, read_journal
from .status import Status

# Users that packages make for QEMU, the best first. On a bare host that has none of them QEMU gets a number of its
# own, which Debian reserves for libvirt-qemu and which no login has.
RUNNERS: Tuple[str, ...] = ("corral-qemu", "libvirt-qemu", "qemu")
BARE_ID = 64055

# A directory of our own in the one place that every host lets everybody write to.
SPARE = "/tmp/corral-{uid}"

BINARIES = ("/usr/libexec/qemu-kvm", "/usr/bin/qemu-kvm")


@dataclass(frozen=True)
class Site:
    """What every call of the driver needs: plain values and the seam to the machine.

    ``ports`` are those that guests have been given in this run, by number with the guest's name: as long as a QEMU does
    not listen yet, nobody else knows. ``said`` keeps what has just been said of all guests: the time, and the rows.
    """

    host: Host
    layout: Layout
    store: Store
    runner: Optional[Runner]
    read_only: bool = False
    neighbours: Optional[Neighbours] = None
    ports: Dict[int, str] = field(default_factory=dict, compare=False, repr=False)
    said: Dict[str, Tuple[float, List[Any]]] = field(default_factory=dict, compare=False, repr=False)

    def binary(self, document: Optional[Element] = None) -> str:
        """The QEMU that a document asks for, else the host's own; raises MissingProgram."""
        domain = None if document is None else Domain(document)
        if domain is not None and domain.emulator:
            return domain.emulator
        arch = (domain.arch if domain is not None else None) or self.host.architecture()
        return default_binary(self.host, "x86_64" if arch == "i686" else arch)

    def capabilities(self, document: Optional[Element] = None) -> Capabilities:
        """What that QEMU can do, probed once and cached; one that a document names must be a trusted program."""
        binary = self.binary(document)
        if document is not None and Domain(document).emulator:
            check_program(self.host, binary, "emulator")
        who = account(self.host, self.runner)
        return capabilities(self.host, binary, self.layout.capabilities_dir, account=who, spare=self._spare())

    def host_id(self) -> str:
        """What identities are derived from; another tree has guests of its own."""
        return f"{self.host.machine_id()}:{self.layout.config}"

    def _spare(self) -> Tuple[str, ...]:
        """Where a QEMU can be probed on a host whose cache cannot be written: in memory, else where anybody can."""
        return self.layout.runtime, SPARE.format(uid=self.host.euid())

    def context(self, document: Element) -> Context:
        """The facts that the passes and the command writer need for one guest."""
        domain = Domain(document)
        name = domain.name or "guest"
        directory = self.layout.domain_directory(name)
        return Context(
            caps=self.capabilities(document),
            directory=directory,
            home=self.layout.workplace(name),
            channels=directory,
            nvram=self.layout.nvram_dir,
            ram=self.layout.memory_dir,
            tpm=self.layout.tpm_dir,
            console_log=self.layout.domain_console_log(name),
            privileged=self.host.euid() == 0,
            host_arch=self.host.architecture(),
            host_id=self.host_id(),
            now=self.host.now(),
            short_name=short_name(name),
            dbus_socket=f"{self.layout.workplace(name)}/dbus.sock",
            **host_facts(self.host, domain),
        )

    def start_context(self, document: Element) -> Context:
        """The same, with what was found out about the guest's images: asked for when it is started."""
        from .chains import backing_chains, cd_drives

        domain = Domain(document)
        return replace(
            self.context(document),
            backing=backing_chains(self.host, domain),
            cdroms=cd_drives(self.host, domain),
        )

    def persistent(self, name: str) -> Optional[Element]:
        """The persistent document of a guest, or None."""
        return persistent(self.store, name)

    def active(self, name: str) -> Optional[Element]:
        """The live document of a guest, or None."""
        return live(self.store, name, f"Guest {name} runs on: shut it down from inside, and start it again.")

    def status(self, name: str) -> Optional[Status]:
        """The runtime facts of a guest, None when it was never started since the host has booted."""
        path = self.layout.live_status("domain", name)
        hint = f"Remove it when no QEMU of guest {name} runs any more (pgrep -af 'guest={name}')."
        try:
            found = self.store.read_status(name)
            return None if found is None else Status.from_plain(found)
        except HostError as error:
            error.hint = hint if error.details.get("path") == path else error.hint
            raise
        except (TypeError, ValueError, IndexError) as error:
            raise HostError(f"{path} is damaged: {error}.", hint=hint, path=path) from error

    def journal(self, name: str) -> Journal:
        """The events that QEMU wrote for the running, or the last, start of a guest."""
        return read_journal(self.host, self.layout.journal(name))

    def require(self, name: str) -> Element:
        """The persistent or else the live document; raises NotFound."""
        found = self.persistent(name)
        found = self.active(name) if found is None else found
        if found is None:
            raise NotFound(f"There is no guest named '{name}'.", name=name)
        return found


def default_binary(host: Host, arch: str) -> str:
    """The emulator for an architecture; raises MissingProgram that says what to install."""
    found = host.find_program(f"qemu-system-{arch}")
    if found:
        return found
    if arch == host.architecture():
        for path in BINARIES:
            if host.stat(path) is not None:
                return path
    if arch not in ("x86_64", "aarch64", "riscv64", "ppc64", "s390x", "arm", "i386"):
        raise UnsupportedConfig(f"QEMU does not emulate arch='{arch}'.")
    raise MissingProgram(
        f"qemu-system-{arch}",
        hint="Install QEMU: qemu-system-x86 (Debian, Ubuntu), qemu-kvm (Fedora, RHEL) or qemu-x86 (openSUSE).",
    )


def runner(host: Host, layout: Layout) -> Optional[Runner]:
    """The user that QEMU runs as: None (ourselves) unless we are root and others may look into our directories."""
    if host.euid() != 0 or layout.private:
        return None
    for name in RUNNERS:
        found = host.user(name)
        if found:
            return Runner(name, *found, groups=host.groups(name))
    return Runner(f"uid {BARE_ID}", BARE_ID, BARE_ID)


def account(host: Host, user: Optional[Runner]) -> Account:
    """As whom QEMU is started: the runner with its own groups, and the group that may use /dev/kvm."""
    if user is None:
        return OURSELVES
    kvm = host.stat("/dev/kvm")
    extra = (kvm.gid,) if kvm is not None and kvm.gid and kvm.mode & 0o060 == 0o060 else ()
    return Account((user.uid, user.gid), tuple(dict.fromkeys((*user.groups, *extra))))

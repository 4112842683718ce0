# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract of hypervisor drivers: guests."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, ContextManager, Dict, FrozenSet, List, Mapping, Optional, Sequence

from ...host.layout import Layout
from ...xml.compare import Change
from ...xml.parse import Element, clone
from .base import Driver, Fault, Summary, mutates
from .inside import Inside
from .secret import SecretUser

ACTIVE_STATES: FrozenSet[str] = frozenset({"running", "paused", "in shutdown", "pmsuspended"})


@dataclass(frozen=True)
class Domain(Summary):
    """One guest. ``state`` and ``reason`` are libvirt's words: running/booted, shut off/shutdown, paused/user, ...

    ``id`` is a number while it is active. ``runtime`` holds plain facts for people: pid, console_log, log, monitor,
    started (seconds since the epoch), memory and CPU figures.
    """

    id: Optional[int] = None
    state: str = "shut off"
    reason: str = "unknown"
    runtime: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Saved:
    """A guest that was saved at a moment, in seconds since the epoch.

    ``paused`` says that it did not run then, ``resume`` that the host starts it again by itself.
    """

    when: float
    paused: bool = False
    resume: bool = False


@dataclass(frozen=True)
class GuestAddress:
    """An address of a guest at the interface with this MAC address.

    ``source`` says who knows it: ``agent``, ``lease`` (the network's DHCP server) or ``arp`` (the host has met it).
    """

    mac: str
    address: str
    source: str
    prefix: Optional[int] = None


@dataclass(frozen=True)
class Seed:
    """What a guest reads at its first boot: ``kind`` is cloud-init or ignition, ``files`` are texts by their names.

    The files of cloud-init are those of its data source NoCloud, without an instance id where the user gives none;
    ignition has one file, ``config``. They may hold secrets.
    """

    kind: str
    files: Mapping[str, str] = field(repr=False)


class HypervisorDriver(Driver):
    """Guests. Names are exact; ``lookup_domain`` also takes a uuid or an id. Raises NotFound, OperationInvalid, ..."""

    kind = "hypervisor"

    def version(self) -> Dict[str, Any]:
        raise self.unsupported("version")

    def layout(self) -> Layout:
        """Where the driver keeps its files; the other drivers of the connection keep theirs beside."""
        raise self.unsupported("layout")

    def list_domains(self) -> List[Domain]:
        raise self.unsupported("list_domains")

    def lookup_domain(self, reference: str) -> Domain:
        raise self.unsupported("lookup_domain")

    def domain_xml(self, name: str, *, inactive: bool = False) -> Element:
        """The live document of an active guest, else (or with ``inactive``) the persistent one."""
        raise self.unsupported("domain_xml")

    def domain_remains(self, name: str) -> List[Element]:
        """What is left of a guest's damaged documents: for telling what it uses, and never to be kept."""
        return []

    def secrets_used(self) -> List[SecretUser]:
        """What the guests, active or not, name secrets for: their disks, and the state of their TPMs."""
        return []

    def observe_domain(self, name: str, wanted: Element) -> Element:
        """The live document of an active guest with what has drifted from it: asked of what runs, where it can tell.

        Only what ``wanted`` speaks about is asked for, so that most guests need not be spoken to.
        """
        return self.domain_xml(name)

    def normalise_domain(self, document: Element) -> Element:
        """Complete a desired document as defining it would: pure, keeps the identity of a guest of that name."""
        raise self.unsupported("normalise_domain")

    def seeded_document(self, document: Element, seed: Seed) -> Element:
        """Return a copy of a desired document whose guest finds the seed, and that differs with the seed's content.

        No part of the content can be told from it. The seed itself is there when ``write_seed`` has made it.
        """
        raise self.unsupported("seeded_document")

    def has_seed(self, name: str, document: Element, seed: Seed) -> bool:
        """Whether the guest of this name has the very seed that one of this complete document is to have."""
        raise self.unsupported("has_seed")

    def ignored_parts(self, document: Element) -> List[str]:
        """What a document says that this driver does not read, as paths for people; it is kept all the same."""
        return []

    def outdated_parts(self, document: Element) -> List[str]:
        """Sentences about what a complete document asks for and the next version of the hypervisor may not have."""
        return []

    def console_log(self, name: str, *, size: int = 16384) -> bytes:
        """The last bytes that the guest wrote to its console since it was started."""
        raise self.unsupported("console_log")

    def wait_domain(self, name: str, states: Sequence[str], *, timeout: float) -> Domain:
        """Wait until the guest is in one of the states; raises TimedOut."""
        raise self.unsupported("wait_domain")

    def console_size(self, name: str) -> int:
        """How many bytes the guest has written to its console since it was started."""
        raise self.unsupported("console_size")

    def wait_console(self, name: str, text: str, *, timeout: float, since: int = 0) -> bool:
        """Wait until the text stands in the console log; False in time or when the guest has ended without it.

        What stands before the byte ``since`` does not count.
        """
        raise self.unsupported("wait_console")

    def wait_agent(self, name: str, *, timeout: float) -> bool:
        """Wait until the guest agent answers; False in time or when the guest has ended."""
        raise self.unsupported("wait_agent")

    def wait_port(self, name: str, port: int, *, address: Optional[str] = None, timeout: float) -> bool:
        """Wait until a TCP port takes connections; False in time or when the guest has ended.

        Without an address those count that ``domain_addresses`` has, with the agent's.
        """
        raise self.unsupported("wait_port")

    def domain_addresses(self, name: str, *, agent: bool = False) -> List[GuestAddress]:
        """The addresses of an active guest, in the order of its interfaces; its agent is asked only with ``agent``."""
        return []

    def wait_address(self, name: str, *, timeout: float) -> List[GuestAddress]:
        """Wait until an address is known at which others may reach the guest; none in time or at its end."""
        raise self.unsupported("wait_address")

    def explain_addresses(self, name: str) -> List[str]:
        """Why no address of an active guest is known, as sentences."""
        return []

    def explain_hang(self, name: str) -> List[str]:
        """Why the hypervisor of an active guest does nothing, as sentences; empty where it does something."""
        return []

    def domain_faults(self, name: str) -> List[Fault]:
        """What an active guest lacks on the host to be as its live document says; none for one that is off."""
        return []

    def agent_info(self, name: str) -> Dict[str, Any]:
        """What the guest agent says: ``hostname``, ``os`` and ``interfaces``; raises what keeps it from answering."""
        raise self.unsupported("agent_info")

    def domain_figures(self, name: str, *, balloon: bool = False) -> Dict[str, Any]:
        """What the guest takes of the host at present; with ``balloon`` QEMU is asked how much memory the guest has.

        ``uptime`` in seconds, ``rss_mib``, ``cpu_seconds``, ``balloon_mib``, and ``disks`` with ``size`` and
        ``allocated`` in bytes, in the order of the document; what is not known is missing or None.
        """
        return {}

    def domain_log(self, name: str, *, size: int = 4096) -> bytes:
        """The last bytes of what the hypervisor itself said about the guest."""
        return b""

    def domain_argv(self, name: str) -> List[str]:
        """The command line that the guest would be started with."""
        raise self.unsupported("domain_argv")

    def domain_command(self, name: str) -> str:
        """The same as one line for a shell, ready to be pasted, without secrets."""
        raise self.unsupported("domain_command")

    def save_screenshot(self, name: str, path: str) -> None:
        """Write what the guest's first display shows to a file, as PNG; the guest notices nothing."""
        raise self.unsupported("save_screenshot")

    def saved_domain(self, name: str) -> Optional[Saved]:
        """How a guest was saved that is off and goes on from there at its next start; None for any other."""
        return None

    def check_removal(self, name: str, *, storage: str = "keep") -> List[str]:
        """The paths that are deleted with the definition; raises OperationInvalid for what stands in the way."""
        return []

    def check_start(self, document: Element) -> None:
        """Raise what would keep a guest of this completed document from being started now; changes nothing.

        The guest itself may run still: it is ended first, and what it takes is free then.
        """

    def check_rename(self, name: str, new_name: str) -> None:
        """Raise what would keep the guest from being renamed."""
        raise self.unsupported("check_rename")

    def renamed_document(self, document: Element, new_name: str) -> Element:
        """What renaming its guest makes of a completed document: a copy with the name and what is called after it."""
        copy = clone(document)
        for found in copy.findall("name"):
            found.text = new_name
        return copy

    @mutates
    def exclusive(self, name: str, *, timeout: float) -> ContextManager[None]:
        """Keep other runs from working on the guest of this name meanwhile; raises LockBusy.

        Looking takes no part in it, and each changing call is whole without it.
        """
        return nullcontext()

    @mutates
    def define_domain(self, document: Element) -> Domain:
        """Keep the document; creates the guest or replaces its definition."""
        raise self.unsupported("define_domain")

    @mutates
    def write_seed(self, document: Element, seed: Seed) -> None:
        """Make the seed of the guest of a complete document; a guest that runs has the old one until it ends.

        It goes with the guest, and when a definition without one is kept.
        """
        raise self.unsupported("write_seed")

    @mutates
    def undefine_domain(self, name: str, *, storage: str = "keep") -> None:
        """Forget the persistent document; a running guest goes on and becomes transient.

        With ``storage`` "owned" the guest must be off; what ``check_removal`` names is deleted first.
        """
        raise self.unsupported("undefine_domain")

    @mutates
    def rename_domain(self, name: str, new_name: str) -> Domain:
        """Give a guest that is off another name; done again after a kill it comes to its end."""
        raise self.unsupported("rename_domain")

    @mutates
    def create_domain(self, document: Element, *, paused: bool = False) -> Domain:
        """Start a guest that has no persistent document and is forgotten when it ends."""
        raise self.unsupported("create_domain")

    @mutates
    def start_domain(self, name: str, *, paused: bool = False) -> Domain:
        raise self.unsupported("start_domain")

    @mutates
    def shutdown_domain(self, name: str, *, again: bool = False) -> None:
        """Ask the guest to shut down, by its agent where it listens, else by its power button; returns at once.

        ``again`` says that it was asked before: then it is the power button.
        """
        raise self.unsupported("shutdown_domain")

    @mutates
    def reboot_domain(self, name: str, *, timeout: float) -> None:
        """Ask the guest's agent to reboot it, and wait until it does; raises TimedOut or OperationInvalid."""
        raise self.unsupported("reboot_domain")

    @mutates
    def reset_domain(self, name: str) -> None:
        """Press the guest's reset button; one that is paused stays so."""
        raise self.unsupported("reset_domain")

    @mutates
    def destroy_domain(self, name: str) -> None:
        """End the guest at once, as if its power were cut."""
        raise self.unsupported("destroy_domain")

    @mutates
    def save_domain(self, name: str, *, timeout: float, resume: bool = False) -> Domain:
        """Write what a guest is at this moment to a file of the host and end it; its next start goes on from there.

        ``resume`` says that the host starts it again by itself. Raises TimedOut after so many seconds, and what keeps
        it from being saved; the guest then goes on as before.
        """
        raise self.unsupported("save_domain")

    @mutates
    def forget_saved(self, name: str) -> None:
        """Throw away what a guest was saved as: its next start is one from its disks, as after a power cut."""
        raise self.unsupported("forget_saved")

    @mutates
    def settle_domain(self, name: str) -> str:
        """Clean up after a guest that has ended, and return what its definition says is done now: destroy or restart.

        It is destroy (which means nothing) for a guest that somebody wanted to end.
        """
        return "destroy"

    @mutates
    def suspend_domain(self, name: str) -> None:
        raise self.unsupported("suspend_domain")

    @mutates
    def resume_domain(self, name: str) -> None:
        raise self.unsupported("resume_domain")

    @mutates
    def update_domain(self, name: str, wanted: Element, changes: Sequence[Change], *, force: bool = False) -> None:
        """Let an active guest have what the complete document says at the places of these changes, and nothing else.

        One transaction, the changes in their order. Raises OperationFailed for the first that cannot be made; the
        live document then says what the guest has, and the details ``applied`` and ``not_applied`` list the changes.
        ``force`` takes out a medium that the guest has locked.
        """
        raise self.unsupported("update_domain")

    @mutates
    def mend_domain(self, name: str) -> None:
        """Put right everything that ``domain_faults`` finds; the guest goes on."""

    @mutates
    def guard_links(self, devices: Sequence[str]) -> None:
        """Let these links of active guests have the rules of their network filters that they lack.

        Whoever connects links again calls this first. Raises what the nwfilter driver raises.
        """

    @mutates
    def resize_disk(self, name: str, path: str, capacity: int) -> None:
        """Let the disk of an active guest that has this image be of this size, in bytes; the guest sees it at once."""
        raise self.unsupported("resize_disk")

    @mutates
    def set_domain_autostart(self, name: str, autostart: bool) -> None:
        raise self.unsupported("set_domain_autostart")

    @mutates
    def inside(self, name: str, *, patience: float) -> Inside:
        """A way into an active guest by its agent, which may take ``patience`` seconds for each answer."""
        raise self.unsupported("inside")

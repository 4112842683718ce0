# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The seven driver contracts: what each kind of driver may be asked, and what a driver's ``open`` answers.

A driver is a class that overrides the calls it serves. A call that it leaves alone raises NoSupport, like an empty
slot in libvirt's driver tables. Calls marked ``@mutates`` are refused on a read-only connection, in one place
(``connect.connection``), and are never reached there.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import (
    Any,
    Callable,
    ContextManager,
    Dict,
    FrozenSet,
    List,
    Mapping,
    Optional,
    Protocol,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
)

from ..errors import NoSupport
from ..host.api import Host
from ..host.layout import Layout
from ..values import Uri
from ..xml.compare import Change
from ..xml.parse import Element

F = TypeVar("F", bound=Callable[..., Any])


def mutates(call: F) -> F:
    """Mark a driver call as one that changes something."""
    call.corral_mutates = True  # type: ignore[attr-defined]
    return call


@dataclass(frozen=True)
class Request:
    """What a driver is asked to open: ``uri`` is None while a driver is probed for.

    ``hypervisor`` is None for the hypervisor table itself, and the driver that took that slot for the other tables.
    """

    uri: Optional[Uri]
    host: Host
    read_only: bool = False
    auth: Optional[Mapping[str, str]] = None
    hypervisor: Optional[HypervisorDriver] = None


@dataclass(frozen=True)
class Success:
    """The driver takes the slot; ``uri`` is set by a driver that was probed for."""

    driver: Any
    uri: Optional[Uri] = None


@dataclass(frozen=True)
class Declined:
    """The driver leaves the URI to others, and says why. An error is raised instead."""

    reason: str


Answer = Union[Success, Declined]


@dataclass(frozen=True)
class Summary:
    """One object of any kind, as a list shows it."""

    name: str
    uuid: str
    active: bool
    persistent: bool = True
    autostart: bool = False


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
class Network(Summary):
    """One virtual network. ``bridge`` is the Linux bridge that guests are connected to, None where there is none.

    ``runtime`` holds plain facts about an active one for people: dnsmasq's pid, the lease file, when it was started.
    """

    bridge: Optional[str] = None
    runtime: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """What keeps an active object from working: ``what`` is a word out of a table, ``detail`` a sentence for people."""

    what: str
    detail: str


@dataclass(frozen=True)
class Lease:
    """An address that a network's DHCP server has given out; ``expires`` in seconds since the epoch, None for never."""

    network: str
    mac: str
    address: str
    hostname: Optional[str] = None
    client_id: Optional[str] = None
    expires: Optional[float] = None


class Neighbours(Protocol):
    """The connection as its drivers see it: they never import each other, and reach each other through its slots."""

    @property
    def hypervisor(self) -> HypervisorDriver: ...

    @property
    def network(self) -> NetworkDriver: ...

    @property
    def storage(self) -> StorageDriver: ...

    @property
    def secret(self) -> SecretDriver: ...

    @property
    def nwfilter(self) -> NwfilterDriver: ...


class Driver:
    """What all drivers share. ``kind`` names the slot, ``name`` the driver as in libvirt's tables."""

    kind = ""
    name = ""

    def meet(self, neighbours: Neighbours) -> None:
        """Learn through whom the drivers of the other slots are reached; called once, when the walk is over."""

    def unsupported(self, call: str) -> NoSupport:
        """Return the error for a call that this driver does not serve."""
        return NoSupport(f"The {self.name} driver has no {call}.")

    def explain(self) -> Dict[str, Any]:
        """Return plain facts about the driver for -vv and failures, without secrets."""
        return {}

    def close(self) -> None:
        """Let go of what the driver holds open; the connection calls it once, at its end."""


# What all drivers have is between them and the connection.
NOT_CALLS = ("unsupported", "explain", "close", "meet")


def contract(kind: type) -> Dict[str, bool]:
    """Return the calls of a contract, each with whether it changes something."""
    calls = {name: value for base in reversed(kind.__mro__) for name, value in vars(base).items()}
    return {
        name: bool(getattr(value, "corral_mutates", False))
        for name, value in calls.items()
        if callable(value) and not name.startswith("_") and name not in NOT_CALLS
    }


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

    def observe_domain(self, name: str, wanted: Element) -> Element:
        """The live document of an active guest with what has drifted from it: asked of what runs, where it can tell.

        Only what ``wanted`` speaks about is asked for, so that most guests need not be spoken to.
        """
        return self.domain_xml(name)

    def normalise_domain(self, document: Element) -> Element:
        """Complete a desired document as defining it would: pure, keeps the identity of a guest of that name."""
        raise self.unsupported("normalise_domain")

    def ignored_parts(self, document: Element) -> List[str]:
        """What a document says that this driver does not read, as paths for people; it is kept all the same."""
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

        Without an address those count that the guest agent reports.
        """
        raise self.unsupported("wait_port")

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
    def set_domain_autostart(self, name: str, autostart: bool) -> None:
        raise self.unsupported("set_domain_autostart")


class NetworkDriver(Driver):
    """Virtual networks. Names are exact; ``lookup_network`` also takes a uuid. Raises NotFound, ..."""

    kind = "network"

    def list_networks(self) -> Sequence[Summary]:
        raise self.unsupported("list_networks")

    def lookup_network(self, reference: str) -> Summary:
        raise self.unsupported("lookup_network")

    def network_xml(self, name: str, *, inactive: bool = False) -> Element:
        """The document of an active network as it was started, else (or with ``inactive``) the persistent one."""
        raise self.unsupported("network_xml")

    def normalise_network(self, document: Element) -> Element:
        """Complete a desired document as defining it would, and check it: keeps the identity of a network of that name.

        Bridge names and subnets that are left open are chosen so that they clash with nothing on the host.
        """
        raise self.unsupported("normalise_network")

    def ignored_network_parts(self, document: Element) -> List[str]:
        """What a document says that this driver does not read, as paths for people; it is kept all the same."""
        return []

    def network_faults(self, name: str) -> List[Fault]:
        """What an active network lacks on the host to work as its live document says; none for an inactive one."""
        return []

    def network_advice(self, name: str) -> List[str]:
        """What others on this host do to an active network, such as a firewall that drops its packets, as sentences."""
        return []

    def network_leases(self, name: str) -> List[Lease]:
        """The addresses that DHCP has given out and that have not expired, the latest first."""
        return []

    def network_guests(self, name: str) -> List[str]:
        """The names of the active guests that are connected to the network."""
        return []

    def actual_interface(self, interface: Element) -> Element:
        """What an <interface type='network'> really is while it runs: one of type bridge, direct, hostdev, ...

        It has what the network and its portgroup add (vlan, bandwidth, virtualport, mtu, isolation), and the
        interface's own <mac>, <model> and so on. Raises NotFound, and OperationInvalid for an inactive network.
        """
        raise self.unsupported("actual_interface")

    @mutates
    def exclusive(self, name: str, *, timeout: float) -> ContextManager[None]:
        """Keep other runs from working on the network of this name meanwhile; raises LockBusy."""
        return nullcontext()

    @mutates
    def define_network(self, document: Element) -> Summary:
        """Keep the document; creates the network or replaces its definition. An active one goes on as it is."""
        raise self.unsupported("define_network")

    @mutates
    def create_network(self, document: Element) -> Summary:
        """Start a network that has no persistent document and is forgotten when it ends."""
        raise self.unsupported("create_network")

    @mutates
    def undefine_network(self, name: str) -> None:
        """Forget the persistent document; an active network goes on and becomes transient."""
        raise self.unsupported("undefine_network")

    @mutates
    def start_network(self, name: str) -> Summary:
        """Make the network work, and connect the active guests again that were connected to it."""
        raise self.unsupported("start_network")

    @mutates
    def destroy_network(self, name: str) -> None:
        """Take the network down; active guests stay as they are, without it."""
        raise self.unsupported("destroy_network")

    @mutates
    def update_network(self, name: str, wanted: Element, changes: Sequence[Change]) -> None:
        """Let an active network have what the complete document says at these places; cuts nobody off."""
        raise self.unsupported("update_network")

    @mutates
    def mend_network(self, name: str) -> None:
        """Put right everything that ``network_faults`` finds, and connect the guests again that lost their bridge."""
        raise self.unsupported("mend_network")

    @mutates
    def set_network_autostart(self, name: str, autostart: bool) -> None:
        raise self.unsupported("set_network_autostart")


class InterfaceDriver(Driver):
    """The host's own network interfaces."""

    kind = "interface"

    def list_interfaces(self) -> List[Summary]:
        raise self.unsupported("list_interfaces")


class StorageDriver(Driver):
    """Storage pools and their volumes."""

    kind = "storage"

    def list_pools(self) -> List[Summary]:
        raise self.unsupported("list_pools")

    def lookup_pool(self, reference: str) -> Summary:
        raise self.unsupported("lookup_pool")

    def pool_xml(self, name: str, *, inactive: bool = False) -> Element:
        raise self.unsupported("pool_xml")


class NodeDeviceDriver(Driver):
    """The host's devices."""

    kind = "node device"

    def list_node_devices(self) -> List[Summary]:
        raise self.unsupported("list_node_devices")


class SecretDriver(Driver):
    """Secrets; their values never leave the driver in clear."""

    kind = "secret"

    def list_secrets(self) -> List[Summary]:
        raise self.unsupported("list_secrets")


class NwfilterDriver(Driver):
    """Network filters."""

    kind = "nwfilter"

    def list_nwfilters(self) -> List[Summary]:
        raise self.unsupported("list_nwfilters")


CONTRACTS: Tuple[Type[Driver], ...] = (
    HypervisorDriver,
    NetworkDriver,
    InterfaceDriver,
    StorageDriver,
    NodeDeviceDriver,
    SecretDriver,
    NwfilterDriver,
)

ACTIVE_STATES: FrozenSet[str] = frozenset({"running", "paused", "in shutdown", "pmsuspended"})

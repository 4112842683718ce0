# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract of network drivers: virtual networks."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, ContextManager, List, Mapping, Optional, Sequence

from ...xml.compare import Change
from ...xml.parse import Element
from .base import Driver, Expected, Fault, Summary, mutates


@dataclass(frozen=True)
class Network(Summary):
    """One virtual network. ``bridge`` is the Linux bridge that guests are connected to, None where there is none.

    ``runtime`` holds plain facts about an active one for people: dnsmasq's pid, the lease file, when it was started.
    """

    bridge: Optional[str] = None
    runtime: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Lease:
    """An address that a network's DHCP server has given out; ``expires`` in seconds since the epoch, None for never."""

    network: str
    mac: str
    address: str
    hostname: Optional[str] = None
    client_id: Optional[str] = None
    expires: Optional[float] = None


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

    def check_network(self, document: Element, *, start: bool) -> None:
        """Raise what would keep a complete document from being kept, or with ``start`` the network from being started.

        That is what this host has in its place: an address, a route, a bridge. Check mode asks, too.
        """

    def expect_network(self, name: str, expected: Expected) -> None:
        """Choose and check from now on as if a network were so. For checks of several: nothing else notes it."""

    def ignored_network_parts(self, document: Element) -> List[str]:
        """What a document says that this driver does not read, as paths for people; it is kept all the same."""
        return []

    def network_faults(self, name: str) -> List[Fault]:
        """What an active network lacks on the host to work as its live document says; none for an inactive one."""
        return []

    def check_mend(self, name: str) -> None:
        """Raise what ``mend_network`` would raise for what it cannot put right, before it does anything."""

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
    def destroy_network(self, name: str, *, again: bool = False) -> None:
        """Take the network down; active guests stay as they are, without it.

        With ``again`` it is started next: where that never comes, it counts as active, and as lacking everything.
        """
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
    def renew_limits(self, name: str) -> None:
        """Let an active network guarantee its guests what their live documents say (<inbound floor>), and nothing else.

        Raises UnsupportedConfig where that is more than it has.
        """
        raise self.unsupported("renew_limits")

    @mutates
    def set_network_autostart(self, name: str, autostart: bool) -> None:
        raise self.unsupported("set_network_autostart")

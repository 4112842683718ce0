# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The networks of the test driver: no packet flows, and everything behaves as if."""

from __future__ import annotations

from typing import Dict, List, Sequence

from ...errors import AlreadyExists, NotFound, OperationInvalid
from ...model.network.identity import NETWORK
from ...xml.compare import Change, take
from ...xml.parse import Element, add, clone
from ..api import Expected, Fault, Lease, Network, NetworkDriver, mutates
from .keeper import Keeper
from .net import Net, interfaces_on, leases
from .node import Node


class SimulatedNetwork(NetworkDriver):
    """The network driver of ``test:///default`` and ``test:///FILE``."""

    name = "test"

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self._expected: Dict[str, Expected] = {}

    def list_networks(self) -> List[Network]:
        """Return every network, in the order of the document."""
        return [net.summary() for net in self.keeper.read().nets()]

    def lookup_network(self, reference: str) -> Network:
        """Return the network of a name or uuid."""
        return self.keeper.read().lookup_net(reference).summary()

    def network_xml(self, name: str, *, inactive: bool = False) -> Element:
        """Return the document of an active network, else the persistent one."""
        return self.keeper.read().net(name).document(inactive=inactive)

    def normalise_network(self, document: Element) -> Element:
        """Return the document as it would be stored."""
        return self.keeper.read().complete_net(document, self._expected)

    def expect_network(self, name: str, expected: Expected) -> None:
        """Choose and check as if a network were so."""
        self._expected[name] = expected

    def network_faults(self, name: str) -> List[Fault]:
        """Return what somebody has written into the document as faults."""
        return self.keeper.read().net(name).faults()

    def network_leases(self, name: str) -> List[Lease]:
        """Return the addresses that the active guests would have."""
        node = self.keeper.read()
        return leases(node.net(name), node.guests())

    def network_guests(self, name: str) -> List[str]:
        """Return the active guests with an interface on the network."""
        node = self.keeper.read()
        node.net(name)
        return [guest.name for guest in node.guests() if interfaces_on(guest, name)]

    def actual_interface(self, interface: Element) -> Element:
        """Return the interface with the bridge of its network, and what network and portgroup add."""
        return actual(self.keeper.read(), interface)

    @mutates
    def define_network(self, document: Element) -> Network:
        """Keep the document; the network keeps its uuid, bridge and subnets, and whether it starts by itself."""
        with self.keeper.change() as node:
            return node.define_net(node.complete_net(document)).summary()

    @mutates
    def create_network(self, document: Element) -> Network:
        """Start a network that is forgotten when it ends."""
        with self.keeper.change() as node:
            name = (document.findtext("name") or "").strip()
            if node.find_net(name) is not None:
                raise AlreadyExists(f"There is a network named {name!r} already; start that one.", name=name)
            net = node.define_net(node.complete_net(document))
            net.set_active(True)
            net.make_transient()
            return net.summary()

    @mutates
    def undefine_network(self, name: str) -> None:
        """Forget the definition; an active network goes on until it ends."""
        with self.keeper.change() as node:
            net = node.net(name)
            if not net.persistent:
                raise OperationInvalid(f"The network {name!r} is transient: it has no definition.")
            if net.active:
                net.make_transient()
            else:
                node.remove(net)

    @mutates
    def start_network(self, name: str) -> Network:
        """Make the network active."""
        with self.keeper.change() as node:
            net = node.net(name)
            if net.active:
                raise OperationInvalid(f"The network {name!r} is active already.")
            net.set_active(True)
            return net.summary()

    @mutates
    def destroy_network(self, name: str, *, again: bool = False) -> None:
        """Make the network inactive; a transient one is gone then."""
        with self.keeper.change() as node:
            net = active(node, name)
            if net.persistent:
                net.set_active(False)
            else:
                node.remove(net)

    @mutates
    def update_network(self, name: str, wanted: Element, changes: Sequence[Change]) -> None:
        """Let the document of the active network say so."""
        with self.keeper.change() as node:
            net = active(node, name)
            for change in changes:
                take(net.running(), wanted, change, NETWORK)

    @mutates
    def mend_network(self, name: str) -> None:
        """Forget the faults."""
        with self.keeper.change() as node:
            active(node, name).mend()

    @mutates
    def set_network_autostart(self, name: str, autostart: bool) -> None:
        """Keep whether the network starts with the host; a transient one cannot."""
        with self.keeper.change() as node:
            net = node.net(name)
            if not net.persistent:
                raise OperationInvalid(f"The network {name!r} is transient and cannot start with the host; define it.")
            net.facts().autostart = True if autostart else None


def active(node: Node, name: str) -> Net:
    """Return an active network; raises NotFound and OperationInvalid."""
    net = node.net(name)
    if not net.active:
        raise OperationInvalid(f"The network {name!r} is not active; start it first.", name=name)
    return net


def check_interfaces(node: Node, guest: Element) -> None:
    """Raise NotFound or OperationInvalid for an interface of a guest on a network that cannot take it."""
    for interface in guest.findall("devices/interface[@type='network']"):
        actual(node, interface)


def actual(node: Node, interface: Element) -> Element:
    """Return what an interface on a network is while it runs; raises what the network lacks for it."""
    found = clone(interface)
    source = found.find("source")
    if source is None or not source.get("network"):
        return found
    view = active(node, str(source.get("network"))).view
    group = view.portgroup(source.get("portgroup"))
    if source.get("portgroup") and group is None:
        raise NotFound(f"The network {view.name!r} has no portgroup named {source.get('portgroup')!r}.")
    if view.bridge:
        source.set("bridge", view.bridge)
    for tag in ("vlan", "bandwidth", "virtualport"):
        holders = [found, *([] if group is None else [group.element]), *([] if tag == "bandwidth" else [view.element])]
        said = next((inner for holder in holders if (inner := holder.find(tag)) is not None), None)
        if said is not None and found.find(tag) is None:
            found.append(clone(said))
    if view.isolated and found.find("port") is None:
        add(found, "port", isolated="yes")
    return found

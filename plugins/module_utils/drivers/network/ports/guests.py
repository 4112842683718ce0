# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which active guests are connected to a network: what their live documents say is the truth, and nothing else is kept.

An interface belongs to a network by ``<source network='...'>``, whatever type it has while it runs.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Collection, List, NamedTuple, Optional, Sequence, Tuple

from ....errors import CorralError
from ....model.domain.interface import Interface
from ....model.network.core import Network
from ....values import PciAddress
from ....xml.parse import Element
from ...api import HypervisorDriver
from ...listing import Told, active_told
from ...surroundings import Link, Surroundings


class Port(NamedTuple):
    """One interface of an active guest, as its live document has it; ``target`` is its device on the host."""

    guest: str
    target: str
    interface: Element

    @property
    def mac(self) -> str:
        """The MAC address that the guest has there."""
        return (Interface(self.interface).mac or "").lower()

    @property
    def device(self) -> Optional[str]:
        """The device of the host that a macvtap stands on."""
        return Interface(self.interface).source_device

    @property
    def pci(self) -> Optional[PciAddress]:
        """The device of the host that the guest was given."""
        found = self.interface.find("source/address")
        if found is None:
            return None
        parts = (found.get(name, "0") for name in ("domain", "bus", "slot", "function"))
        return PciAddress(*(int(part, 0) for part in parts))


def connected(hypervisor: Optional[HypervisorDriver], name: str) -> List[Port]:
    """The interfaces of active guests on a network, by guest; a guest that ends meanwhile has none."""
    return [] if hypervisor is None else [port for each in active_told(hypervisor) for port in _ports(each, name)]


def _ports(guest: Told, name: str) -> List[Port]:
    with suppress(CorralError):
        return [] if guest.document is None else _of_document(guest.guest, guest.document, name)
    return []


def guests_of(hypervisor: Optional[HypervisorDriver], name: str) -> List[str]:
    """The active guests on a network; one whose live document is damaged counts where that does not name another."""
    if hypervisor is None:
        return []
    return sorted({each.guest for each in active_told(hypervisor) if each.document is None or _ports(each, name)})


def _of_document(guest: str, document: Element, name: str) -> List[Port]:
    views = [Interface(each) for each in document.iterfind("devices/interface")]
    return [Port(guest, view.target or "", view.element) for view in views if view.network == name]


def others(hypervisor: Optional[HypervisorDriver], name: str, interface: Element, given: Sequence[Port]) -> List[Port]:
    """The ports of others, for choosing a device: those of active guests, and what was ``given`` in this run.

    What has the interface's own MAC address is the interface itself, as it was connected before.
    """
    own = (Interface(interface).mac or "").lower()
    found = {port.mac: port for port in given}
    found.update({port.mac: port for port in connected(hypervisor, name)})
    return [port for mac, port in found.items() if mac != own]


def lost_ports(
    network: Network, surroundings: Surroundings, hypervisor: Optional[HypervisorDriver], bridges: Collection[str]
) -> Tuple[Port, ...]:
    """The interfaces of guests whose taps are there and not on the network's bridge.

    Guests, of which there may be many, are read only where a tap is on none of ``bridges``, those of all networks.
    """
    port = network.virtualport
    if not network.bridge or (port is not None and port.type == "openvswitch"):
        return ()  # a port of Open vSwitch has another master
    stray = {link.name for link in surroundings.links if _is_tap(link) and link.master not in bridges}
    ports = connected(hypervisor, network.name or "") if stray else []
    return tuple(each for each in ports if each.target in stray)


def _is_tap(link: Link) -> bool:
    return link.kind == "tun"

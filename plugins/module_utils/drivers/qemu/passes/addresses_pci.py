# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PCI addresses: those that are given are checked, the others are given out, missing controllers are added.

Two rounds, as in libvirt: the first counts how many buses it takes and adds their controllers, the second gives out
the addresses. Source of the rules: libvirt's pci-addresses page.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.device import Controller
from ....values import PciAddress
from ..context import Context
from ..devices.controller_pci import (
    DOWNSTREAM_PORT,
    PCI_BRIDGE,
    PCI_EXPANDER,
    PCI_MODELS,
    PCI_ROOT,
    PCIE_EXPANDER,
    PCIE_ROOT,
    ROOT_PORT,
    pci_model,
)
from ..devices.controller_usb import USB_MODELS, shares_slot
from ..kinds import PCI, PCIE
from .controllers import add_controller
from .pci_buses import Bus, Buses, Want, new_bus
from .pci_chipset import fixed_place, place_chipset
from .sockets import Socket, controller_want, has_root, sockets


def assign_pci_addresses(domain: Domain, context: Context) -> None:
    """Give every PCI device an address and add the controllers that this takes.

    Raises XmlError for addresses that collide, that are out of the bus's range, or on a bus of the wrong kind.
    """
    if _controllers(domain):
        _add_buses(domain, context)
    found = sockets(domain, context)
    buses = _collect(domain, context, found, growing=False)
    place_chipset(domain, found, buses, store=True)
    _give_out(found, domain, buses, store=True)
    _set_multifunction(found)
    for controller in _controllers(domain):
        _finish(controller, domain)


def _controllers(domain: Domain) -> List[Controller]:
    return [controller for controller in domain.controllers if controller.type == "pci"]


def _collect(domain: Domain, context: Context, found: Sequence[Socket], *, growing: bool) -> Buses:
    """The buses with every address that the document gives reserved, except what the chipset reserves itself."""
    buses = Buses(_buses(domain), growing=growing, pcie_bridge=context.caps.has_device("pcie-pci-bridge"))
    for socket in found:
        place = socket.place
        if place is not None and (not domain.is_i440fx() or fixed_place(socket, domain) != place):
            socket.put(buses.reserve(place, socket.want, socket.device.line))
    return buses


def _buses(domain: Domain) -> List[Bus]:
    """A bus for each index up to the highest; where the document skips one, the model that will be added there."""
    by_index: Dict[int, Controller] = {c.index or 0: c for c in _controllers(domain)}
    skipped = ROOT_PORT if has_root(domain, PCIE_ROOT) else PCI_BRIDGE
    models = [by_index[n].model if n in by_index else skipped for n in range(max(by_index, default=-1) + 1)]
    if models and 0 not in by_index:
        models[0] = PCI_ROOT
    for controller in by_index.values():
        pci_model(controller)
    return [new_bus(model or "") for model in models]


# the first round: which controllers it takes


def _add_buses(domain: Domain, context: Context) -> None:
    found = sockets(domain, context)
    before = len(_buses(domain))
    buses = _collect(domain, context, found, growing=True)
    place_chipset(domain, found, buses, store=False)
    if has_root(domain, PCI_ROOT) and not all(bus.is_full() for bus in buses.buses):
        buses.next(Want(PCI))  # room to add a bridge later
    _give_out(found, domain, buses, store=False)
    if before <= 1 and len(buses.buses) > before and has_root(domain, PCIE_ROOT):
        buses.next(Want(PCIE))  # a free port to plug something in later, in guests that leave their ports to us
    _add_missing(domain, buses)


def _add_missing(domain: Domain, buses: Buses) -> None:
    """Write down the controllers of buses that have none; each takes an address itself, which may take a bus more.

    On which bus that is does not matter here: in the second round controllers are served first.
    """
    index = 1
    while index < len(buses.buses):
        if domain.controller("pci", index) is None:
            row = buses.buses[index].row
            add_controller(domain, "pci", index, row.model)
            buses.next(controller_want(row))
        index += 1


# the second round: addresses


def _give_out(found: Sequence[Socket], domain: Domain, buses: Buses, *, store: bool) -> None:
    for socket in found:
        if not socket.is_open or fixed_place(socket, domain) is not None:
            continue
        if isinstance(socket.device, Controller) and shares_slot(socket.device):
            place, multifunction = _usb2_place(socket, socket.device, found, buses)
        else:
            place, multifunction = buses.next(socket.want), None
        if store:
            socket.put(place, multifunction)


def _usb2_place(
    socket: Socket, controller: Controller, found: Sequence[Socket], buses: Buses
) -> Tuple[PciAddress, Optional[bool]]:
    """A USB 2 controller and its companions are functions of one slot."""
    function = USB_MODELS[controller.model or ""].function or 0
    multifunction = True if function == 0 else None
    for other in found:
        place = other.place
        same = isinstance(other.device, Controller) and other.device.index == controller.index
        if place is not None and same and isinstance(other.device, Controller) and shares_slot(other.device):
            wanted = PciAddress(place.domain, place.bus, place.slot, function)
            return buses.reserve(wanted, socket.want, controller.line), multifunction
    return buses.next(socket.want, function), multifunction


def _set_multifunction(found: Sequence[Socket]) -> None:
    """Function 0 of a slot with several functions says so, unless the document says otherwise."""
    places = [socket.place for socket in found]
    busy = {(place.bus, place.slot) for place in places if place is not None and place.function}
    for socket in found:
        place, address = socket.place, socket.device.address
        if place is None or address is None or place.function or (place.bus, place.slot) not in busy:
            continue
        if address.multifunction is None:
            address.multifunction = True


# what a controller's own numbers follow from its address


def _finish(controller: Controller, domain: Domain) -> None:
    """Name QEMU's device, and number chassis, port and bus."""
    row = PCI_MODELS[controller.model or ""]
    place = controller.address.pci() if controller.address is not None else PciAddress()
    if controller.model_name is None and row.devices:
        controller.model_name = row.devices[0]
    if row.model == PCI_BRIDGE and controller.chassis_nr is None:
        controller.chassis_nr = controller.index
    if row.model in (ROOT_PORT, DOWNSTREAM_PORT):
        _number_port(controller, row.model, place)
    if row.model in (PCI_EXPANDER, PCIE_EXPANDER) and controller.bus_nr is None:
        controller.bus_nr = _free_bus_number(domain)
    if row.model == PCI_BRIDGE and (controller.index or 0) <= place.bus:
        raise XmlError(
            f"the pci-bridge {controller.index} is on bus {place.bus}; its index has to be higher than its bus.",
            line=controller.line,
        )


def _number_port(controller: Controller, model: str, place: PciAddress) -> None:
    if controller.chassis is None:
        controller.chassis = controller.index
    if controller.target_port is None:
        controller.target_port = (place.slot << 3) + place.function if model == ROOT_PORT else place.slot


def _free_bus_number(domain: Domain) -> int:
    """Two below the lowest in use: one for the expander, one for the bridge in it."""
    lowest = min([256, *(c.bus_nr for c in _controllers(domain) if c.bus_nr is not None)])
    if lowest <= 2:
        raise UnsupportedConfig("there is no bus number left below the lowest busNr; write the busNr of each expander.")
    return lowest - 2

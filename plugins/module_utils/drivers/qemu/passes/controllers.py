# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controllers: their indexes and their order, those that the machine brings, those that devices need.

Source of the rules: libvirt's formatdomain, "Controllers". The order counts: it is the one in which addresses are
given out, so it follows libvirt's to arrive at the same addresses.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Set, Tuple

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.device import Controller, Device
from ....xml.parse import Element
from ..context import Context
from ..devices.controller_pci import ROOTS, root_model
from ..devices.controller_usb import COMPANIONS, EHCI, NO_USB, default_usb, is_companion, shares_slot
from ..devices.table import kind_of

DISK_CONTROLLERS = ("scsi", "fdc", "ide", "sata")


def add_controllers(domain: Domain, context: Context) -> None:
    """Number, order and complete the controllers, and add those that are missing.

    Raises XmlError for two controllers of one type with one index, for a USB controller beside model='none', and
    for another PCI root than the machine's.
    """
    arrange(domain)
    _number(domain)
    _refuse_doubles(domain)
    _refuse_usb_beside_none(domain)
    _add_machine_controllers(domain, context)
    _complete_all(domain, context)
    _add_for_disks(domain)
    _add_for_ports(domain)
    _add_for_smartcards(domain)
    _add_for_scsi_hostdevs(domain)
    _complete_all(domain, context)
    _check_root(domain)


def _complete_all(domain: Domain, context: Context) -> None:
    for controller in domain.controllers:
        kind = kind_of(controller.element)
        if kind is not None:
            kind.complete(controller, domain, context)


# order and indexes


def _place(order: List[Controller], new: Controller) -> int:
    """Where libvirt's list takes a controller in: among those of its type by index, a master before its companions."""
    place: Optional[int] = None
    for position in range(len(order) - 1, -1, -1):
        other = order[position]
        if other.type != new.type:
            continue
        if new.index is None:
            return position + 1
        if (other.index or 0) > new.index or (
            other.index == new.index and is_companion(other) and not is_companion(new)
        ):
            place = position
        elif place is None:
            place = position + 1
    return len(order) if place is None else place


def arrange(domain: Domain) -> None:
    """Put the controllers into libvirt's order, where the first of them stands."""
    found = domain.controllers
    order: List[Controller] = []
    for controller in found:
        order.insert(_place(order, controller), controller)
    if order == found:
        return
    devices = domain.devices()
    start = devices.index(found[0].element)
    for controller in found:
        devices.remove(controller.element)
    devices[start:start] = [controller.element for controller in order]


def add_controller(domain: Domain, type_: str, index: int, model: Optional[str] = None) -> Controller:
    """Add a controller at its place in the order and return it; it is not completed yet."""
    order = domain.controllers
    new = domain.new(Controller, type=type_, index=str(index))
    new.model = model
    place = _place(order, new)
    if place < len(order):
        order[place].element.addprevious(new.element)
    elif order:
        order[-1].element.addnext(new.element)
    return new


def _want(domain: Domain, type_: str, index: int, model: Optional[str] = None) -> None:
    if domain.controller(type_, index) is None:
        add_controller(domain, type_, index, model)


def _number(domain: Domain) -> None:
    """Give the controllers without an index the lowest free one of their type; USB 2 companions stay together."""
    for position, controller in enumerate(domain.controllers):
        if controller.index is not None:
            if controller.index < 0:
                raise XmlError(f"the controller index {controller.index} is below 0.", line=controller.line)
            continue
        group = _usb2_group(domain, position, controller)
        taken = {other.index for other in domain.controllers if other.type == controller.type}
        if controller.type == "pci" and controller.model is not None and controller.model not in ROOTS:
            taken.add(0)  # the root's, which the document need not name
        free = next(number for number in range(len(taken) + 1) if number not in taken)
        controller.index = free if group is None else group


def _usb2_group(domain: Domain, position: int, controller: Controller) -> Optional[int]:
    """The index of the USB 2 controller just before, when this one is another part of it."""
    if not shares_slot(controller):
        return None
    before = [other for other in domain.controllers[:position] if other.type == "usb"]
    if not before or not shares_slot(before[-1]):
        return None
    index = before[-1].index
    same = [c for c in domain.controllers if c.type == "usb" and c.index == index and c.model == controller.model]
    return None if same else index


def _refuse_doubles(domain: Domain) -> None:
    seen: Set[Tuple[Optional[str], Optional[int]]] = set()
    for controller in domain.controllers:
        key = (controller.type, controller.index)
        if key in seen and controller.type != "usb":
            raise XmlError(
                f"there are two {controller.type} controllers with the index {controller.index}; give each its own.",
                line=controller.line,
            )
        seen.add(key)


def _refuse_usb_beside_none(domain: Domain) -> None:
    usb = [controller for controller in domain.controllers if controller.type == "usb"]
    if len(usb) > 1 and any(controller.model == NO_USB for controller in usb):
        raise XmlError("a USB controller with model='none' switches USB off, and there is another one; remove one.")


# what the machine brings


def _add_machine_controllers(domain: Domain, context: Context) -> None:
    usb = default_usb(domain, context)
    if usb is not None and domain.controller("usb", 0) is None:
        add_controller(domain, "usb", 0, usb)
        if usb == EHCI:
            for row in COMPANIONS:
                add_controller(domain, "usb", 0, row.model)
    if domain.is_q35():
        _want(domain, "sata", 0)
    root = root_model(domain)
    if root is not None:
        _want(domain, "pci", 0, root)


def _check_root(domain: Domain) -> None:
    wanted, found = root_model(domain), domain.controller("pci", 0)
    if wanted is not None and found is not None and found.model != wanted:
        raise XmlError(
            f"the PCI controller with index 0 is a {found.model}, and the machine {domain.machine} has a {wanted}.",
            line=found.line,
        )


# what devices need


def _devices(domain: Domain, *tags: str) -> Iterator[Device]:
    for tag in tags:
        for element in domain.element.findall(f"devices/{tag}"):
            yield Device(element)


def _attribute(element: Element, path: str, name: str) -> Optional[str]:
    found = element.find(path)
    return None if found is None else found.get(name)


def _add_for_disks(domain: Domain) -> None:
    """Every controller up to the highest one that a disk's drive address names."""
    highest: Dict[str, int] = {}
    for disk in _devices(domain, "disk"):
        bus = _attribute(disk.element, "target", "bus") or ""
        place = disk.address
        if bus in DISK_CONTROLLERS and place is not None and place.type == "drive":
            highest[bus] = max(highest.get(bus, 0), place.controller or 0)
    for bus in DISK_CONTROLLERS:
        for index in range(highest.get(bus, -1) + 1):
            _want(domain, bus, index)


def _add_for_ports(domain: Domain) -> None:
    """The virtio-serial controller of every channel and console on virtio."""
    for device in _devices(domain, "channel", "console"):
        if _attribute(device.element, "target", "type") == "virtio":
            place = device.address
            on_serial = place is not None and place.type == "virtio-serial"
            _want(domain, "virtio-serial", (place.controller or 0) if place is not None and on_serial else 0)


def _add_for_smartcards(domain: Domain) -> None:
    """The CCID controller of every smart card; a card without an address gets the next slot of the first one."""
    for card in _devices(domain, "smartcard"):
        place = card.ensure_address()
        if place.type is None:
            slots = [other.address for other in _devices(domain, "smartcard") if other.address is not None]
            taken = [p.dimm_slot or 0 for p in slots if p.type == "ccid" and not p.controller]
            place.type, place.controller, place.dimm_slot = "ccid", 0, max(taken, default=-1) + 1
        if place.type == "ccid":
            _want(domain, "ccid", place.controller or 0)


def _add_for_scsi_hostdevs(domain: Domain) -> None:
    """Every SCSI controller up to the highest one that a passed-through SCSI device sits on, all of one model."""
    highest, model = -1, None
    for device in _devices(domain, "hostdev"):
        if device.element.get("type") != "scsi" or device.element.get("mode", "subsystem") != "subsystem":
            continue
        number = (device.address.controller or 0) if device.address is not None else 0
        if number > highest:
            highest = number
            found = domain.controller("scsi", number)
            model = found.model if found is not None else model
    for index in range(highest + 1):
        _want(domain, "scsi", index, model)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slots that belong to the chipset: what is soldered on, and what has its usual place there.

Source: QEMU's hw/i386/pc_piix.c and pc_q35.c, the ICH9's data sheet, and libvirt's pci-addresses page.
"""

from __future__ import annotations

from typing import List, Optional, Sequence

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.device import Controller
from ....values import PciAddress
from ..devices.controller_pci import DMI_TO_PCI_BRIDGE
from ..kinds import PCI, PCIE
from .pci_buses import Buses, Want
from .sockets import Socket

PIIX3_IDE = PciAddress(slot=1, function=1)
PIIX3_USB = PciAddress(slot=1, function=2)
ICH9_SATA = PciAddress(slot=0x1F, function=2)
ICH9_SOUND = PciAddress(slot=0x1B)
DMI_BRIDGE = PciAddress(slot=0x1E)
ICH9_USB = (PciAddress(slot=0x1D), PciAddress(slot=0x1A))
_PCI, _PCIE = Want(PCI), Want(PCIE, automatic=False)


def fixed_place(socket: Socket, domain: Domain) -> Optional[PciAddress]:
    """The address of a controller that comes with the machine, or None."""
    controller = socket.device
    if not isinstance(controller, Controller) or controller.index != 0:
        return None
    if domain.is_i440fx() and controller.type == "ide":
        return PIIX3_IDE
    if domain.is_i440fx() and controller.type == "usb" and controller.model == "piix3-uhci":
        return PIIX3_USB
    return ICH9_SATA if domain.is_q35() and controller.type == "sata" else None


def place_chipset(domain: Domain, found: Sequence[Socket], buses: Buses, *, store: bool) -> None:
    """Reserve the chipset's own slots and put devices at their usual places; ``store`` is off while counting buses."""
    if not buses.buses:
        return
    if domain.is_i440fx():
        _place_piix3(domain, found, buses, store)
    elif domain.is_q35():
        _place_ich9(domain, found, buses, store)


def _place_piix3(domain: Domain, found: Sequence[Socket], buses: Buses, store: bool) -> None:
    for socket in found:
        place = _put_fixed(socket, domain)
        if place is not None:
            buses.reserve(place, _PCI, socket.device.line)
    buses.reserve(PciAddress(slot=1), _PCI)  # the ISA bridge
    buses.reserve(PciAddress(slot=1, function=3), _PCI)  # power management
    _place_video(found, buses, _PCI, 2, store)


def _place_ich9(domain: Domain, found: Sequence[Socket], buses: Buses, store: bool) -> None:
    for socket in found:
        if _put_fixed(socket, domain) is None:
            _place_usual(socket, buses)
    buses.reserve(PciAddress(slot=0x1F), _PCIE)  # the ISA bridge
    buses.reserve(PciAddress(slot=0x1F, function=3), _PCIE)  # the SMBus
    _place_video(found, buses, _PCIE, 1, store)
    sound = [socket for socket in _open(found, "sound") if socket.device.element.get("model") == "ich9"]
    if sound:
        _try(sound[0], buses, [ICH9_SOUND])


def _put_fixed(socket: Socket, domain: Domain) -> Optional[PciAddress]:
    fixed = fixed_place(socket, domain)
    if fixed is None:
        return None
    if socket.place not in (None, fixed):
        controller = socket.device.element.get("type")
        raise XmlError(
            f"the first {controller} controller of this machine is at {fixed}, not at {socket.place}.",
            line=socket.device.line,
            hint="Remove its <address>.",
        )
    socket.put(fixed)
    return fixed


def _place_usual(socket: Socket, buses: Buses) -> None:
    """Where boards have a USB 2 controller and a DMI bridge, unless something else is there."""
    model = socket.device.element.get("model")
    if not socket.is_open or not isinstance(socket.device, Controller):
        return
    if model == "ich9-uhci1":
        _try(socket, buses, ICH9_USB, multifunction=True)
    elif model == DMI_TO_PCI_BRIDGE:
        _try(socket, buses, [DMI_BRIDGE])


def _try(socket: Socket, buses: Buses, places: Sequence[PciAddress], multifunction: Optional[bool] = None) -> None:
    place = next((place for place in places if not buses.in_use(place)), None)
    if place is not None:
        want = Want(socket.want.connect, automatic=False)
        socket.put(buses.reserve(place, want), multifunction)


def _open(found: Sequence[Socket], tag: str) -> List[Socket]:
    return [socket for socket in found if socket.device.element.tag == tag and socket.is_open]


def _place_video(found: Sequence[Socket], buses: Buses, want: Want, slot: int, store: bool) -> None:
    """The first screen sits where QEMU itself would put it: in the first slot after the chipset."""
    video: List[Socket] = [socket for socket in found if socket.device.element.tag == "video"]
    if not video or not video[0].is_open:
        return
    place = PciAddress(slot=slot)
    if not buses.in_use(place):
        video[0].put(buses.reserve(place, want))
        return
    place = buses.next(video[0].want)
    if store:
        video[0].put(place)

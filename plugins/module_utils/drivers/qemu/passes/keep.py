# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses of a guest that is defined anew: what the document leaves open stays where it was.

They are kept while the guest stays on its chipset: on another one they would mean nothing. Devices that nobody wrote
down (the balloon, the controllers) keep theirs too, so this runs when those are there.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Tuple

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.device import Address, Controller, Device
from ....xml.canonical import value_at
from ....xml.parse import Element, clone
from ..context import Context
from ..devices.table import kind_of
from ..kinds import CCID, DRIVE, INTEGRATED, ISA, PCI, PCIE, USB, VIRTIO, VIRTIO_SERIAL
from .controllers import add_controller

Key = Tuple[str, ...]

# How a device is recognised again: paths of values that do not change. Devices with the same values are counted.
KEYS: Dict[str, Tuple[str, ...]] = {
    "disk": ("target/@dev",),
    "interface": ("mac/@address",),
    "controller": ("@type", "@index", "@model"),
    "serial": ("target/@type", "target/@port"),
    "parallel": ("target/@port",),
    "console": ("target/@type", "target/@port"),
    "channel": ("@type", "target/@name"),
    "filesystem": ("target/@dir",),
    "input": ("@type", "@bus"),
    "sound": ("@model",),
    "video": ("model/@type",),
    "watchdog": ("@model",),
    "rng": ("backend/@model", "backend"),
    "hostdev": ("source/address/@bus", "source/address/@slot", "source/address/@function"),
}

# Where a device lives -> the type of its address.
ADDRESSES: Dict[str, str] = {
    **dict.fromkeys((PCI, PCIE, VIRTIO, INTEGRATED), "pci"),
    DRIVE: "drive",
    USB: "usb",
    VIRTIO_SERIAL: "virtio-serial",
    ISA: "isa",
    CCID: "ccid",
}


def keep_addresses(domain: Domain, existing: Domain, context: Context) -> None:
    """Copy the addresses of the devices that are still there, where the document says nothing and nobody sits there."""
    before = dict(_keyed(existing.devices()))
    taken = set(_places(domain.devices()))
    for key, element in _keyed(domain.devices()):
        source = before.get(key)
        found = None if source is None else Device(source).address
        if found is None or element.find("address") is not None or found.type != _wanted(element, domain, context):
            continue
        place = _place(found)
        if place not in taken:
            element.append(clone(found.element))
            taken.add(place)


def keep_controllers(domain: Domain, existing: Domain) -> None:
    """Bring along the bridges and root ports, spare ones too, unless the document has controllers of its own."""
    if any(controller.type == "pci" and controller.index for controller in domain.controllers):
        return
    for controller in existing.controllers:
        index = controller.index or 0
        if controller.type == "pci" and domain.controller("pci", index) is None:
            _fill(add_controller(domain, "pci", index, controller.model), controller)


def _fill(new: Controller, old: Controller) -> None:
    copy = clone(old.element)
    for part in copy.findall("alias"):
        copy.remove(part)
    new.element.attrib.update({str(name): str(value) for name, value in copy.attrib.items()})
    new.element.extend(list(copy))


def _wanted(element: Element, domain: Domain, context: Context) -> str:
    """The type of address that a device needs, or an empty text."""
    kind = kind_of(element)
    return "" if kind is None else ADDRESSES.get(kind.bus(kind.view(element), domain, context), "")


def _keyed(devices: Element) -> Iterator[Tuple[Key, Element]]:
    """Every device with what names it, and the how manieth of that name it is."""
    seen: Dict[Key, int] = {}
    for device in devices:
        key = (str(device.tag), *(value_at(device, path) or "" for path in KEYS.get(str(device.tag), ())))
        seen[key] = seen.get(key, 0) + 1
        yield (*key, str(seen[key])), device


def _places(devices: Element) -> List[Tuple[object, ...]]:
    return [_place(Address(found)) for found in devices.iterfind("*/address")]


def _place(address: Address) -> Tuple[object, ...]:
    """An address as a value: the same place may be written in several ways."""
    try:
        if address.type == "pci":
            return ("pci", address.pci())
        numbers = (address.controller or 0, address.channel or 0, address.target or 0, address.unit or 0)
    except XmlError:
        return ("nowhere",)  # the passes refuse it
    return (address.type, address.port, address.iobase, *numbers)

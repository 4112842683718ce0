# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Input devices and USB hubs.

Source of the rules: libvirt's formatdomain, "Input devices" and "Hub devices".
"""

from __future__ import annotations

from typing import Dict, Iterator, Tuple

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.small import Hub, Input
from ....xml.views import check_choice
from ..command.address import pci_properties, usb_properties, virtio_driver, virtio_properties
from ..context import Context
from ..kinds import NONE, USB, VIRTIO, Kind
from ..options import Option, properties

TYPES = ("mouse", "keyboard", "tablet", "passthrough", "evdev")
USB_DEVICES: Dict[str, str] = {"mouse": "usb-mouse", "keyboard": "usb-kbd", "tablet": "usb-tablet"}
VIRTIO_DEVICES: Dict[str, str] = {
    "mouse": "virtio-mouse",
    "keyboard": "virtio-keyboard",
    "tablet": "virtio-tablet",
    "passthrough": "virtio-input-host",
}
BY_BUS: Dict[str, Tuple[str, ...]] = {
    "ps2": ("mouse", "keyboard"),
    "usb": tuple(USB_DEVICES),
    "virtio": tuple(VIRTIO_DEVICES),
    "none": ("evdev",),
}


def _complete(device: Input, domain: Domain, context: Context) -> None:
    if device.bus is None and device.type != "evdev":
        place = device.address.type if device.address else None
        by_type = {"mouse": "ps2", "keyboard": "ps2", "tablet": "usb", "passthrough": "virtio"}
        device.bus = "usb" if place == "usb" else "virtio" if place == "pci" else by_type.get(device.type or "")


def _bus(device: Input, domain: Domain, context: Context) -> str:
    return {"usb": USB, "virtio": VIRTIO}.get(device.bus or "", NONE)


def _check(device: Input, domain: Domain, context: Context) -> None:
    check_choice(device, "type", device.type, TYPES)
    bus = device.bus or "none"
    if device.type not in BY_BUS.get(bus, ()):
        where = [name for name, types in BY_BUS.items() if device.type in types]
        known = " or ".join(where)
        raise XmlError(f"an input '{device.type}' cannot sit on bus '{bus}'; write {known}.", line=device.line)
    if bus == "ps2" and device.address is not None:
        raise XmlError("a PS/2 input device has no <address>.", line=device.line)
    if device.model not in (None, "virtio") and device.type != "passthrough":
        raise XmlError(f"an input '{device.type}' has no model '{device.model}'; remove it.", line=device.line)
    if device.type == "passthrough" and not device.event:
        raise XmlError("an input 'passthrough' needs <source evdev='/dev/input/...'/>.", line=device.line)


def _alias(device: Input, index: int, domain: Domain) -> str:
    return f"input{index}"


def _write(device: Input, domain: Domain, context: Context) -> Iterator[Option]:
    if device.type == "evdev":
        own = {
            "qom-type": "input-linux",
            "id": device.id(),
            "evdev": device.device,
            "repeat": device.repeat,
            "grab_all": True if device.grab == "all" else None,
            "grab-toggle": device.grab_toggle,
        }
        yield Option("-object", properties(own))
    elif device.bus == "usb":
        plain = {"driver": USB_DEVICES[device.type or ""], "id": device.id()}
        yield Option("-device", properties(plain, usb_properties(device, domain)))
    elif device.bus == "virtio":
        name = virtio_driver(VIRTIO_DEVICES[device.type or ""], device.model)
        mine = {"driver": name, "id": device.id(), "evdev": device.event}
        yield Option("-device", properties(mine, virtio_properties(device), pci_properties(device, domain)))


INPUT = Kind(Input, _write, complete=_complete, check=_check, bus=_bus, alias=_alias)


def _check_hub(hub: Hub, domain: Domain, context: Context) -> None:
    check_choice(hub, "type", hub.type, ("usb",))


def _hub_bus(hub: Hub, domain: Domain, context: Context) -> str:
    return USB


def _write_hub(hub: Hub, domain: Domain, context: Context) -> Iterator[Option]:
    yield Option("-device", properties({"driver": "usb-hub", "id": hub.id()}, usb_properties(hub, domain)))


def _hub_depth(hub: Hub, domain: Domain) -> int:
    """How many hubs it stands behind: QEMU wants to know a hub before what plugs into it."""
    return (hub.address.port or "").count(".") if hub.address is not None else 0


HUB = Kind(Hub, _write_hub, check=_check_hub, bus=_hub_bus, rank=_hub_depth)

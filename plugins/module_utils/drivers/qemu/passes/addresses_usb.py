# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""USB ports: those that are given are checked, the others are given out, hubs are added when ports run out.

Source of the rules: libvirt's formatdomain, "Device Addresses" (usb).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional, Set, Tuple

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.device import Device
from ....xml.parse import add
from ..context import Context
from ..devices.controller_usb import NO_USB, usb_ports
from ..devices.table import kind_of
from ..kinds import USB

HUB_PORTS = 8  # QEMU's hw/usb/dev-hub.c
DEPTH = 4  # the most numbers of a port path that are written
# The order in which libvirt serves the kinds; those that are not here come last.
USB_ORDER = ("hostdev", "disk", "controller", "input", "serial", "sound", "redirdev")

Path = Tuple[int, ...]


@dataclass
class Hub:
    """The ports of a controller or a hub: which are taken, and the hubs on them."""

    size: int
    used: Set[int] = field(default_factory=set)
    hubs: Dict[int, Hub] = field(default_factory=dict)

    def free_path(self, depth: int = DEPTH) -> Optional[Path]:
        """The path of the first free port, on this hub before those below it."""
        free = next((port for port in range(1, self.size + 1) if port not in self.used), None)
        if free is not None:
            return (free,)
        if depth <= 1:
            return None
        for port in sorted(self.hubs):
            below = self.hubs[port].free_path(depth - 1)
            if below is not None:
                return (port, *below)
        return None


def assign_usb_ports(domain: Domain, context: Context) -> None:
    """Give every USB device a port; adds hubs when the controllers have too few.

    Raises XmlError for a port that is used twice or does not exist, UnsupportedConfig for USB devices in a guest
    whose USB is switched off.
    """
    devices = usb_devices(domain, context)
    _add_hubs(domain, devices)
    hubs = [Device(element) for element in domain.element.findall("devices/hub[@type='usb']")]
    buses = _buses(domain)
    for hub in sorted(hubs, key=_depth):  # a hub before those on it
        if _given(hub) is not None:
            _plug_hub(hub, buses)
    for device in devices:
        if _given(device) is not None:
            _reserve(device, buses)
    for hub in hubs:
        if _given(hub) is None:
            _assign(hub, buses)
            _plug_hub(hub, buses)
    for device in devices:
        if _given(device) is None:
            _reserve(_assign(device, buses), buses)


def usb_devices(domain: Domain, context: Context) -> List[Device]:
    """The devices that want a USB port, hubs left out, in the order in which they are served."""
    found: List[Device] = []
    for element in domain.devices():
        kind = kind_of(element)
        if kind is None or element.tag == "hub":
            continue
        device = kind.view(element)
        place = device.address
        is_usb = kind.bus(device, domain, context) == USB
        if is_usb and (place is None or place.type in (None, "usb")):
            found.append(device)
    return sorted(found, key=_rank)


def _rank(device: Device) -> int:
    tag = str(device.element.tag)
    return USB_ORDER.index(tag) if tag in USB_ORDER else len(USB_ORDER)


def _given(device: Device) -> Optional[Tuple[int, Path]]:
    """The bus and the port path that the document gives."""
    place = device.address
    if place is None or place.type != "usb" or place.port is None:
        return None
    parts = place.port.split(".")
    if not all(part.isdigit() and int(part) for part in parts) or len(parts) > DEPTH:
        raise XmlError(
            f"the port of a USB address is {place.port!r}, and is up to {DEPTH} numbers from 1 on, such as '1.2'.",
            line=place.line,
        )
    return place.channel or 0, tuple(int(part) for part in parts)


def _depth(hub: Device) -> int:
    given = _given(hub)
    return len(given[1]) if given is not None else 0


def _add_hubs(domain: Domain, devices: List[Device]) -> None:
    """As many hubs as it takes for every device to have a port; each costs a port itself."""
    hubs = domain.element.findall("devices/hub[@type='usb']")
    count = len(devices) + len(hubs)
    usb = [controller for controller in domain.controllers if controller.type == "usb"]
    if count and all(controller.model == NO_USB for controller in usb):
        raise UnsupportedConfig("the guest has USB devices, and no USB controller; add one or remove the devices.")
    ports = sum(usb_ports(controller) for controller in usb) + HUB_PORTS * len(hubs)
    if count > ports:
        for _hub in range(-(-(count - ports + 1) // (HUB_PORTS - 1))):
            add(domain.devices(), "hub", type="usb")


def _buses(domain: Domain) -> Dict[int, Hub]:
    buses: Dict[int, Hub] = {}
    for controller in domain.controllers:
        ports = usb_ports(controller) if controller.type == "usb" else 0
        if not ports:
            continue
        if controller.index in buses:
            raise XmlError(
                f"there are two USB controllers with the index {controller.index}; give each its own.",
                line=controller.line,
            )
        buses[controller.index or 0] = Hub(ports)
    return buses


def _find(device: Device, buses: Dict[int, Hub]) -> Tuple[Hub, int]:
    """The hub and the port that a device's address names."""
    given = _given(device)
    if given is None:
        raise AssertionError("given is not there")
    bus, path = given
    hub = buses.get(bus)
    if hub is None:
        raise XmlError(f"there is no USB bus {bus}; add a <controller type='usb' index='{bus}'/>.", line=device.line)
    said = ".".join(str(port) for port in path)
    for port in path[:-1]:
        if port not in hub.hubs:
            raise XmlError(
                f"the USB address {said} on bus {bus} leads through a hub that is not there.", line=device.line
            )
        hub = hub.hubs[port]
    if path[-1] > hub.size:
        raise XmlError(f"the USB bus {bus} has no port {said}.", line=device.line)
    return hub, path[-1]


def _reserve(device: Device, buses: Dict[int, Hub]) -> None:
    hub, port = _find(device, buses)
    if port in hub.used:
        bus, path = _given(device) or (0, ())
        said = ".".join(str(number) for number in path)
        raise XmlError(f"the USB port {said} of bus {bus} is used twice; give each device its own.", line=device.line)
    hub.used.add(port)


def _plug_hub(device: Device, buses: Dict[int, Hub]) -> None:
    hub, port = _find(device, buses)
    _reserve(device, buses)
    hub.hubs[port] = Hub(HUB_PORTS)


def _assign(device: Device, buses: Dict[int, Hub]) -> Device:
    """Write the first free port into a device's address: on the bus that it names, or on the first that has one."""
    place = device.ensure_address()
    wanted = [place.channel or 0] if place.type == "usb" else sorted(buses)
    for bus in wanted:
        path = buses[bus].free_path() if bus in buses else None
        if path is not None:
            place.type, place.channel = "usb", bus
            place.port = ".".join(str(port) for port in path)
            return device
    where = f"on bus {wanted[0]}" if place.type == "usb" else "of any bus"
    raise XmlError(f"there is no free USB port {where}; add a USB controller or a hub.", line=device.line)

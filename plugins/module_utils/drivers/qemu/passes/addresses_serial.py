# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ports of virtio-serial controllers for channels and consoles.

Source of the rules: libvirt's formatdomain, "Device Addresses" (virtio-serial): port 0 is for consoles.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Set, Tuple

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.device import Address, Device
from ....xml.parse import Element
from ..context import Context
from ..devices.controller import VIRTIO_SERIAL_PORTS
from .controllers import add_controller


def assign_serial_ports(domain: Domain, context: Context) -> None:
    """Give every channel on virtio a port; adds controllers when the ports run out.

    Raises XmlError for a port that is used twice or that the controller does not have. A console on virtio takes a
    port of its own, but none is written down for it, as in libvirt.
    """
    ports = _Ports(domain)
    for device in _devices(domain):
        ports.reserve_given(device)
    for console in _devices(domain, "console"):
        if _given(console) is None:
            ports.take(0)
    for channel in _devices(domain, "channel"):
        if _given(channel) is None:
            ports.assign(channel)


def _devices(domain: Domain, *tags: str) -> List[Device]:
    """The devices on virtio-serial: consoles first, then channels."""
    found: List[Element] = []
    for tag in tags or ("console", "channel"):
        found += domain.element.findall(f"devices/{tag}")
    return [Device(element) for element in found if _is_virtio(element)]


def _is_virtio(element: Element) -> bool:
    target = element.find("target")
    return target is not None and target.get("type") == "virtio"


def _given(device: Device) -> Optional[Tuple[int, int]]:
    """The controller and the port that the document gives; port 0 is not given."""
    place = device.address
    if place is None or place.type != "virtio-serial":
        return None
    port = _port(place)
    if not port:
        return None
    return place.controller or 0, port


def _port(place: Address) -> int:
    if place.channel and place.port is not None:  # without a port nothing but the controller counts, as in libvirt
        raise XmlError("a virtio-serial controller has one bus, and its number is 0.", line=place.line)
    text = place.port or "0"
    if not text.isdigit():
        raise XmlError(f"the port of a virtio-serial address is {text!r}, and must be a number.", line=place.line)
    return int(text)


def _write(place: Address, index: int, port: int) -> None:
    place.type, place.controller, place.channel, place.port = "virtio-serial", index, 0, str(port)


class _Ports:
    """Which ports of which controller are taken."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.size: Dict[int, int] = {}
        self.used: Dict[int, Set[int]] = {}
        for controller in domain.controllers:
            if controller.type == "virtio-serial":
                self._add(controller.index or 0, controller.ports)

    def _add(self, index: int, size: Optional[int]) -> None:
        self.size[index] = VIRTIO_SERIAL_PORTS if size is None else size
        self.used[index] = set()

    def reserve_given(self, device: Device) -> None:
        """Take the port that the document gives."""
        given = _given(device)
        if given is None:
            return
        index, port = given
        line = device.line
        if index not in self.size:
            raise XmlError(f"there is no <controller type='virtio-serial' index='{index}'/>; add it.", line=line)
        if port >= self.size[index]:
            raise XmlError(
                f"the virtio-serial controller {index} has {self.size[index]} ports, and no port {port}.", line=line
            )
        if port in self.used[index]:
            raise XmlError(f"port {port} of the virtio-serial controller {index} is used twice.", line=line)
        self.used[index].add(port)
        _write(device.ensure_address(), index, port)

    def take(self, first: int) -> Tuple[int, int]:
        """Take the first free port from ``first`` on, on whichever controller has one."""
        for index in sorted(self.size):
            port = self._free(index, first)
            if port is not None:
                self.used[index].add(port)
                return index, port
        index = next(number for number in range(len(self.size) + 1) if number not in self.size)
        add_controller(self.domain, "virtio-serial", index)
        self._add(index, None)
        self.used[index].add(first)
        return index, first

    def _free(self, index: int, first: int) -> Optional[int]:
        return next((port for port in range(first, self.size[index]) if port not in self.used[index]), None)

    def assign(self, channel: Device) -> None:
        """Give a channel a port, on the controller that its address names if it names one."""
        place = channel.ensure_address()
        if place.type == "virtio-serial":
            index = place.controller or 0
            port = self._free(index, 1) if index in self.size else None
            if port is None:
                raise XmlError(f"the virtio-serial controller {index} has no free port.", line=channel.line)
            self.used[index].add(port)
        else:
            index, port = self.take(1)
        _write(place, index, port)

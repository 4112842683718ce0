# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which devices of a domain want which address, in the order in which they are served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.device import Address, Controller, Device
from ....values import PciAddress
from ....xml.parse import Element
from ..context import Context
from ..devices.controller_pci import PCIE_ROOT, ROOTS, PciModel, pci_model
from ..devices.table import kind_of
from ..kinds import INTEGRATED, PCI, PCIE, VIRTIO
from .pci_buses import Want

# The kinds in the order in which libvirt gives out PCI addresses; those that are not here come last.
PCI_ORDER: Tuple[str, ...] = (
    "filesystem",
    "interface",
    "sound",
    "controller",
    "disk",
    "hostdev",
    "memballoon",
    "rng",
    "watchdog",
    "video",
    "shmem",
    "input",
    "serial",
    "iommu",
    "vsock",
    "memory",
    "crypto",
    "panic",
)
_RANK: Dict[str, int] = {tag: rank for rank, tag in enumerate(PCI_ORDER)}


@dataclass(frozen=True)
class Socket:
    """A device that wants a PCI address, or has one."""

    device: Device
    want: Want

    @property
    def place(self) -> Optional[PciAddress]:
        """The address that it has, or None; domain, bus and slot 0 is none."""
        address = self.device.address
        if address is None or address.type != "pci":
            return None
        place = address.pci()
        return place if place.domain or place.bus or place.slot else None

    @property
    def is_open(self) -> bool:
        """Whether it has no address, and no address of another kind."""
        address = self.device.address
        return address is None or address.type is None or (address.type == "pci" and self.place is None)

    def put(self, place: PciAddress, multifunction: Optional[bool] = None) -> None:
        """Write the address."""
        address = self.device.ensure_address()
        if self.place is None:
            address.multifunction = multifunction
        address.set_pci(place)


def sockets(domain: Domain, context: Context) -> List[Socket]:
    """Every device that lives on PCI or has a PCI address, in the order in which addresses are given out."""
    express = has_root(domain, PCIE_ROOT)
    # a <console> never sits on PCI: one that repeats a <serial> repeats its address too
    elements = [element for element in domain.devices() if element.tag != "console"]
    found = [_socket(element, domain, context, express) for element in elements]
    return sorted((socket for socket in found if socket is not None), key=_order)


def has_root(domain: Domain, model: str) -> bool:
    """Whether the guest's PCI root is of that model."""
    root = domain.controller("pci", 0)
    return root is not None and root.model == model


def _order(socket: Socket) -> Tuple[int, int]:
    element = socket.device.element
    tag = str(element.tag)
    if tag == "controller" and element.get("type") == "pci":
        return -1, 0
    if tag == "interface" and element.get("type") == "hostdev":
        return _RANK["hostdev"], -1  # an assigned device in disguise: before those that say what they are
    if tag == "video":
        return _RANK["video"], 0 if _is_primary(element) else 1
    return _RANK.get(tag, len(_RANK)), 0


def _is_primary(video: Element) -> bool:
    model = video.find("model")
    return model is not None and model.get("primary") == "yes"


def _socket(element: Element, domain: Domain, context: Context, express: bool) -> Optional[Socket]:
    kind = kind_of(element)
    device = Device(element) if kind is None else kind.view(element)
    bus = PCI if kind is None else kind.bus(device, domain, context)
    want = _want(device, bus, express)
    has_address = device.address is not None and device.address.type == "pci"
    if has_address:
        _check_range(device.address)
    if kind is None or want is None:
        return Socket(device, want or Want(PCI)) if has_address and not _is_root(device) else None
    return Socket(device, want)


def _is_root(device: Device) -> bool:
    return isinstance(device, Controller) and device.type == "pci" and device.model in ROOTS


def _want(device: Device, bus: str, express: bool) -> Optional[Want]:
    if _is_root(device) or bus not in (PCI, PCIE, VIRTIO, INTEGRATED):
        return None
    if isinstance(device, Controller) and device.type == "pci":
        return controller_want(pci_model(device), device.index)
    connect = PCIE if express and bus != PCI and not _is_transitional(device) else PCI
    return Want(connect, integrated=bus == INTEGRATED)


def controller_want(row: PciModel, index: Optional[int] = None) -> Want:
    """What a PCI controller needs of the bus that it plugs into."""
    return Want(row.model, automatic=False, shares=row.shares, index=index)


def _is_transitional(device: Device) -> bool:
    """Whether it has the I/O ports of old virtio, which conventional PCI slots have and PCI Express ones have not."""
    model = device.element.find("model")
    names = (device.element.get("model"), None if model is None else model.get("type"))
    return "virtio-transitional" in names


def _check_range(address: Optional[Address]) -> None:
    if address is None:
        raise AssertionError("address is not there")
    for name, value, limit in (
        ("bus", address.bus, 0xFF),
        ("slot", address.slot, 0x1F),
        ("function", address.function, 7),
    ):
        if value is not None and value > limit:
            raise XmlError(f"the {name} of a PCI address is {value:#x}, and is at most {limit:#x}.", line=address.line)

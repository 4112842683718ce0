# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How addresses and the options that all devices share are written as -device properties."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.device import Device
from ..options import properties


def pci_bus(domain: Domain, index: int, line: Optional[int] = None) -> str:
    """QEMU's name of the PCI bus that the controller with this index provides; a root's is the machine's own."""
    controller = domain.controller("pci", index)
    if controller is None:
        raise XmlError(
            f"there is no <controller type='pci' index='{index}'/> for an address on bus {index}.", line=line
        )
    return {"pci-root": "pci.0", "pcie-root": "pcie.0"}.get(controller.model or "") or controller.id()


def pci_properties(device: Device, domain: Domain) -> Mapping[str, Any]:
    """bus, addr, multifunction and acpi-index of a device at a PCI address."""
    address = device.address
    if address is None or address.type != "pci":
        return {}
    place = address.pci()
    where = f"{place.slot:#x}" + (f".{place.function:#x}" if place.function else "")
    return properties(
        {
            "bus": pci_bus(domain, place.bus, address.line),
            "multifunction": address.multifunction,
            "addr": where,
            "acpi-index": device.acpi_index,
        }
    )


def usb_properties(device: Device, domain: Domain) -> Mapping[str, Any]:
    """bus and port of a device at a USB address."""
    address = device.address
    if address is None or address.type != "usb":
        return {}
    controller = domain.controller("usb", address.channel or 0)
    if controller is None:
        raise XmlError(f"there is no <controller type='usb' index='{address.channel or 0}'/>.", line=address.line)
    return properties({"bus": f"{controller.id()}.0", "port": address.port})


def rom_properties(device: Device) -> Mapping[str, Any]:
    """rombar and romfile of a device."""
    file = "" if device.rom_enabled is False else device.rom_file
    return properties({"rombar": None if device.rom_bar is None else int(device.rom_bar), "romfile": file})


def virtio_properties(device: Device) -> Mapping[str, Any]:
    """The <driver> options that every virtio device has."""
    return properties(
        {
            "iommu_platform": device.iommu,
            "ats": device.ats,
            "packed": device.packed,
            "page-per-vq": device.page_per_vq,
        }
    )


def virtio_driver(base: str, model: Optional[str]) -> str:
    """The PCI device of a virtio model: plain, -transitional or -non-transitional."""
    for ending in ("-non-transitional", "-transitional"):
        if model and model.endswith(ending):
            return f"{base}-pci{ending}"
    return f"{base}-pci"

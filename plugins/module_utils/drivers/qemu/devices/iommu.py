# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IOMMUs: one row a model.

Source of the rules: libvirt's formatdomain, "IOMMU devices".
"""

from __future__ import annotations

from typing import Dict, Iterator

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.platform import Iommu
from ....xml.views import check_choice
from ..command.address import pci_properties
from ..context import Context
from ..kinds import INTEGRATED, NONE, Kind
from ..options import Option, properties

DEVICES: Dict[str, str] = {"intel": "intel-iommu", "virtio": "virtio-iommu-pci"}


def _bus(iommu: Iommu, domain: Domain, context: Context) -> str:
    return INTEGRATED if iommu.model == "virtio" else NONE


def _complete(iommu: Iommu, domain: Domain, context: Context) -> None:
    """Extended interrupts take remapped ones."""
    if iommu.model == "intel" and iommu.eim and iommu.intremap is None:
        iommu.intremap = True


def _check(iommu: Iommu, domain: Domain, context: Context) -> None:
    check_choice(iommu, "model", iommu.model, DEVICES)
    if len(domain.all(Iommu)) > 1:
        raise XmlError("a guest has at most one <iommu>.", line=iommu.line)
    if not domain.is_q35():
        raise UnsupportedConfig(
            f"an <iommu model='{iommu.model}'> needs a q35 machine, and this is {domain.machine}.",
            line=iommu.line,
            hint="Write <type machine='q35'>, or remove the <iommu>.",
        )
    if not context.caps.has_device(DEVICES[iommu.model or ""]):
        raise UnsupportedConfig(f"{context.caps.binary} has no IOMMU '{iommu.model}'.", line=iommu.line)
    (_check_intel if iommu.model == "intel" else _check_virtio)(iommu, domain)


def _check_intel(iommu: Iommu, domain: Domain) -> None:
    place = iommu.address.type if iommu.address is not None else None
    if place is not None:
        raise XmlError("an <iommu model='intel'> is part of the chipset and has no <address>.", line=iommu.line)
    ioapic = domain.feature("ioapic")
    if iommu.intremap and domain.is_kvm() and (ioapic is None or ioapic.get("driver") != "qemu"):
        raise XmlError(
            "<iommu> with intremap='on' needs <ioapic driver='qemu'/> in <features>; add it.", line=iommu.line
        )
    if iommu.eim and not iommu.intremap:
        raise XmlError("<iommu> with eim='on' needs intremap='on' as well.", line=iommu.line)


def _check_virtio(iommu: Iommu, domain: Domain) -> None:
    if iommu.element.find("driver") is not None:
        raise XmlError("an <iommu model='virtio'> has no <driver>.", line=iommu.line)
    if domain.feature_state("acpi") != "on":
        raise XmlError("an <iommu model='virtio'> needs <acpi/> in <features>; add it.", line=iommu.line)
    place = iommu.address.type if iommu.address is not None else None
    if place not in (None, "pci"):
        raise XmlError("the <address> of an <iommu model='virtio'> is of type 'pci'.", line=iommu.line)


def _write(iommu: Iommu, domain: Domain, context: Context) -> Iterator[Option]:
    own = {
        "driver": DEVICES[iommu.model or ""] if iommu.model == "intel" else "virtio-iommu",
        "id": iommu.id(),
        "intremap": None if iommu.intremap is None else "on" if iommu.intremap else "off",
        "caching-mode": iommu.caching_mode,
        "eim": None if iommu.eim is None else "on" if iommu.eim else "off",
        "device-iotlb": iommu.iotlb,
        "aw-bits": iommu.aw_bits,
        "dma-translation": iommu.dma_translation,
    }
    yield Option("-device", properties(own, pci_properties(iommu, domain)))


IOMMU = Kind(Iommu, _write, complete=_complete, check=_check, bus=_bus)

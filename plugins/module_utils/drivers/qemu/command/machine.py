# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine type, its features and the accelerator."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ....model.domain.core import Domain
from ....model.domain.memory import MemoryDevice
from ....values import scale
from ....xml.parse import Element
from ....xml.views import View, number_of
from ..context import Context
from ..devices.sound import speaker_options
from ..options import Option, properties
from .firmware import flash_properties
from .memory import default_ram_id
from .numa import has_hmat

IRQCHIP = {"qemu": "split", "kvm": "on"}


def machine_options(domain: Domain, context: Context) -> Iterator[Option]:
    """-machine and -accel."""
    yield Option("-machine", properties(_machine(domain, context)), first="type")
    yield Option("-accel", properties(_accel(domain)), first="accel")
    yield from _power_management(domain)


def _machine(domain: Domain, context: Context) -> Mapping[str, Any]:
    ioapic = domain.feature("ioapic")
    hpet = domain.timer("hpet")
    return {
        "type": domain.machine,
        "usb": False,  # the USB controller is a device like any other
        "vmport": domain.feature_state("vmport"),
        "i8042": False if domain.feature_state("ps2") == "off" else None,
        "hmat": True if has_hmat(domain) else None,
        "smm": domain.feature_state("smm"),
        "kernel_irqchip": None if ioapic is None else IRQCHIP.get(ioapic.get("driver", "")),
        "dump-guest-core": bool(domain.dump_core),
        "mem-merge": False if domain.backing is not None and domain.backing.no_merge else None,
        "nvdimm": True if any(device.model == "nvdimm" for device in domain.all(MemoryDevice)) else None,
        "memory-backend": default_ram_id(domain, context),
        "graphics": False if domain.bios_use_serial else None,
        "hpet": None if hpet is None else hpet.present,
        **flash_properties(domain),
        **speaker_options(domain),
        "acpi": (domain.feature_state("acpi") or "off") if domain.is_x86() else None,
    }


def _accel(domain: Domain) -> Mapping[str, Any]:
    if not domain.is_kvm():
        cache = domain.element.find("features/tcg/tb-cache")
        return {"accel": "tcg", "tb-size": None if cache is None else _mebibytes(cache)}
    ring = domain.element.find("features/kvm/dirty-ring")
    on = ring is not None and ring.get("state") == "on"
    return {"accel": "kvm", "dirty-ring-size": ring.get("size") if on and ring is not None else None}


def _mebibytes(element: Element) -> int:
    """A size of the document in MiB, which is what QEMU takes there."""
    number = number_of(View(element), "size", (element.text or "").strip())
    return scale(number, element.get("unit") or "KiB", what=f"<{element.tag}>") >> 20


def _power_management(domain: Domain) -> Iterator[Option]:
    """Whether the guest may suspend, as the chipset says it (S3 to memory, S4 to disk)."""
    chip = "ICH9-LPC" if domain.is_q35() else "PIIX4_PM"
    for state, allowed in (("s3", domain.suspend_to_mem), ("s4", domain.suspend_to_disk)):
        if allowed is not None:
            yield Option("-global", f"{chip}.disable_{state}={int(not allowed)}")

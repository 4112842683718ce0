# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Panic notifiers: how a guest's kernel says that it crashed. One row a model.

Source of the rules: libvirt's formatdomain, "Panic device". Hyper-V's is a feature of the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterator, Optional

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.platform import Panic
from ..command.address import pci_properties
from ..context import Context
from ..kinds import INTEGRATED, ISA, NONE, Kind
from ..options import Option, properties


@dataclass(frozen=True)
class Notifier:
    """A model: QEMU's device, its bus, the type of address that it may have."""

    device: Optional[str]
    bus: str
    address: Optional[str] = None


MODELS: Dict[str, Notifier] = {
    "isa": Notifier("pvpanic", ISA, "isa"),
    "pvpanic": Notifier("pvpanic-pci", INTEGRATED, "pci"),
    "hyperv": Notifier(None, NONE),
}


def _complete(panic: Panic, domain: Domain, context: Context) -> None:
    if panic.model is None:
        panic.model = "isa"


def _bus(panic: Panic, domain: Domain, context: Context) -> str:
    return MODELS[panic.model].bus if panic.model in MODELS else NONE


def _check(panic: Panic, domain: Domain, context: Context) -> None:
    row = MODELS.get(panic.model or "")
    if row is None:
        raise XmlError(f"<panic model='{panic.model}'> is not one of {', '.join(MODELS)} on x86.", line=panic.line)
    place = panic.address.type if panic.address is not None else None
    if place not in (None, row.address):
        raise XmlError(f"a <panic model='{panic.model}'> cannot have an address of type '{place}'.", line=panic.line)
    if len([other for other in domain.all(Panic) if other.model == panic.model]) > 1:
        raise XmlError(f"a guest has at most one <panic model='{panic.model}'>.", line=panic.line)
    if row.device is not None and not context.caps.has_device(row.device):
        raise UnsupportedConfig(
            f"{context.caps.binary} has no panic notifier '{panic.model}'.",
            line=panic.line,
            hint="Remove the <panic>.",
        )


def _write(panic: Panic, domain: Domain, context: Context) -> Iterator[Option]:
    device = MODELS[panic.model or ""].device
    if device is None:
        return
    place = panic.address
    port = int(place.iobase, 0) if place is not None and place.iobase else None
    yield Option("-device", properties({"driver": device, "ioport": port}, pci_properties(panic, domain)))


PANIC = Kind(Panic, _write, complete=_complete, check=_check, bus=_bus)

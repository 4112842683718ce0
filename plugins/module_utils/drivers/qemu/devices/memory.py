# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Memory devices: modules that can be plugged (dimm, nvdimm), and memory by virtio. One row a model.

Source of the rules: libvirt's formatdomain, "Memory devices".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.memory import MemoryDevice, in_kib
from ....xml.views import check_choice
from ..command.address import pci_properties
from ..command.memory_backend import Store, backend_options
from ..context import Context
from ..kinds import NONE, VIRTIO, Kind
from ..options import Option, properties

BLOCK = 2048  # KiB, the least of virtio-mem: a transparent huge page


@dataclass(frozen=True)
class Model:
    """A model: QEMU's device, its bus, the stem of its name, the type of its address; ``path``: it has a file."""

    device: str
    bus: str
    stem: str
    address: str
    path: bool = False


MODELS: Dict[str, Model] = {
    "dimm": Model("pc-dimm", NONE, "dimm", "dimm"),
    "nvdimm": Model("nvdimm", NONE, "nvdimm", "dimm", path=True),
    "virtio-pmem": Model("virtio-pmem-pci", VIRTIO, "virtiopmem", "pci", path=True),
    "virtio-mem": Model("virtio-mem-pci", VIRTIO, "virtiomem", "pci"),
}
SIZES = ("size", "page", "align", "label", "block", "requested", "current")


def _complete(device: MemoryDevice, domain: Domain, context: Context) -> None:
    for name in SIZES:
        size = getattr(device, name)
        if size is not None:
            setattr(device, name, in_kib(size, getattr(device, f"{name}_unit"), f"<{name}>"))
            setattr(device, f"{name}_unit", "KiB")
    row = MODELS.get(device.model or "")
    if row is not None and row.address == "dimm" and domain.max_memory_slots:
        _give_slot(device, domain)
    if device.model == "virtio-mem" and device.block is None:
        device.block, device.block_unit = BLOCK, "KiB"


def _modules(domain: Domain) -> List[MemoryDevice]:
    return [other for other in domain.all(MemoryDevice) if other.model in ("dimm", "nvdimm")]


def _give_slot(device: MemoryDevice, domain: Domain) -> None:
    place = device.ensure_address()
    if place.type is None:
        place.type = "dimm"
    if place.type != "dimm" or place.dimm_slot is not None:
        return
    taken = {other.address.dimm_slot for other in _modules(domain) if other.address is not None}
    place.dimm_slot = next(number for number in range(len(taken) + 1) if number not in taken)


def _bus(device: MemoryDevice, domain: Domain, context: Context) -> str:
    return MODELS[device.model].bus if device.model in MODELS else NONE


def _check(device: MemoryDevice, domain: Domain, context: Context) -> None:
    check_choice(device, "model", device.model, MODELS)
    row = MODELS[device.model or ""]
    if not device.size:
        raise XmlError("a <memory> device needs a <size> in its <target>.", line=device.line)
    if row.path and not device.path:
        raise XmlError(f"a <memory model='{device.model}'> needs a <path> in its <source>.", line=device.line)
    if row.path and device.discard:
        raise XmlError(f"a <memory model='{device.model}'> cannot be discarded; remove discard.", line=device.line)
    if device.uuid is not None and row.address == "dimm":
        raise XmlError(f"a <memory model='{device.model}'> has no <uuid> on x86.", line=device.line)
    _check_place(device, row, domain)
    if device.model == "virtio-mem":
        _check_blocks(device)
    if device.model == "virtio-pmem" and (device.access != "shared" or device.node is not None):
        raise XmlError("a <memory model='virtio-pmem'> has access='shared' and no <node>.", line=device.line)
    if not context.caps.has_device(row.device):
        raise UnsupportedConfig(f"{context.caps.binary} has no <memory model='{device.model}'>.", line=device.line)


def _check_place(device: MemoryDevice, row: Model, domain: Domain) -> None:
    place = device.address
    if place is not None and place.type not in (None, row.address):
        raise XmlError(
            f"the address of a <memory model='{device.model}'> is of type '{row.address}', not '{place.type}'.",
            line=device.line,
        )
    if domain.max_memory is None or not domain.max_memory_slots:
        raise XmlError("memory devices need <maxMemory slots='...'>, the most the guest can have.", line=device.line)
    if len(domain.all(MemoryDevice)) > domain.max_memory_slots:
        raise XmlError(
            f"there are {len(domain.all(MemoryDevice))} memory devices and {domain.max_memory_slots} slots; raise the "
            "slots of <maxMemory>.",
            line=device.line,
        )
    cells = {cell.id for cell in domain.cells}
    if device.node is None and cells and device.model != "virtio-pmem":
        raise XmlError("a <memory> device needs the <node> of the guest that it belongs to.", line=device.line)
    if device.node is not None and device.node not in cells:
        raise XmlError(
            f"a <memory> device is on <node>{device.node}</node>, which the guest has not.", line=device.line
        )
    slot = place.dimm_slot if place is not None and row.address == "dimm" else None
    if slot is not None and slot >= domain.max_memory_slots:
        raise XmlError(f"the slot {slot} is beyond the {domain.max_memory_slots} of <maxMemory>.", line=device.line)
    same = [other for other in _modules(domain) if other.address is not None and other.address.dimm_slot == slot]
    if slot is not None and len(same) > 1:
        raise XmlError(f"the memory slot {slot} is used twice.", line=device.line)


def _check_blocks(device: MemoryDevice) -> None:
    block, requested = device.block or 0, device.requested or 0
    if block < BLOCK or block & (block - 1):
        raise XmlError(
            f"the <block> of virtio-mem is {block} KiB, and is a power of two from {BLOCK} on.", line=device.line
        )
    if requested % block or requested > (device.size or 0):
        raise XmlError(
            f"<requested> is {requested} KiB, and is a multiple of the <block>, at most the <size>.", line=device.line
        )


def _alias(device: MemoryDevice, index: int, domain: Domain) -> str:
    row = MODELS[device.model or ""]
    if row.address == "dimm" and device.address is not None and device.address.dimm_slot is not None:
        return f"{row.stem}{device.address.dimm_slot}"
    same = [other for other in domain.all(MemoryDevice) if other.model == device.model]
    return f"{row.stem}{same.index(device)}"


def store_of(device: MemoryDevice) -> Store:
    """What the device asks of its backend."""
    return Store(
        id=f"mem{device.id()}",
        name=device.id(),
        size=device.kib(),
        cell=device.node,
        access=device.access,
        discard=device.discard,
        path=device.path,
        pmem=device.pmem,
        nodes=device.nodemask,
        page=device.page,
        align=device.align,
        preallocates=device.model != "virtio-pmem",
        lazy=device.model == "virtio-mem",
    )


def _write(device: MemoryDevice, domain: Domain, context: Context) -> Iterator[Option]:
    row = MODELS[device.model or ""]
    yield from backend_options(store_of(device), domain, context)
    own: Dict[str, Any] = {
        "driver": row.device,
        "node": device.node,
        "label-size": (device.label or 0) * 1024 or None,
        "unarmed": True if device.readonly else None,
        "memdev": f"mem{device.id()}",
        "id": device.id(),
        **_virtio_mem(device, context),
        **_place(device, row),
    }
    yield Option("-device", properties(own, pci_properties(device, domain)))


def _virtio_mem(device: MemoryDevice, context: Context) -> Mapping[str, Any]:
    if device.model != "virtio-mem":
        return {"memaddr": device.guest_address} if device.model == "virtio-pmem" else {}
    prealloc = context.has("virtio-mem-prealloc") and device.page is not None
    return {
        "block-size": (device.block or BLOCK) * 1024,
        "requested-size": (device.requested or 0) * 1024,
        "memaddr": device.guest_address,
        "prealloc": True if prealloc else None,
        "dynamic-memslots": device.dynamic_slots,
    }


def _place(device: MemoryDevice, row: Model) -> Mapping[str, Any]:
    place = device.address
    if row.address != "dimm" or place is None or place.type != "dimm":
        return {}
    return {"slot": place.dimm_slot, "addr": place.base}


MEMORY = Kind(MemoryDevice, _write, complete=_complete, check=_check, bus=_bus, alias=_alias)

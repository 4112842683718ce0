# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SCSI controllers; a new model is a row of ``SCSI_MODELS``.

Source of the rules: libvirt's formatdomain, "Controllers".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.device import Controller
from ..command.address import pci_properties, virtio_properties
from ..context import Context
from ..kinds import PCI, VIRTIO, Kind
from ..options import Option, properties


@dataclass(frozen=True)
class ScsiModel:
    """One model: QEMU's device and the QOM type that tells whether it is built in, and where it plugs in."""

    model: str
    device: str
    type: str
    bus: str = PCI
    virtio: bool = False


SCSI_MODELS: Dict[str, ScsiModel] = {
    row.model: row
    for row in (
        ScsiModel("lsilogic", "lsi", "lsi53c895a"),
        ScsiModel("virtio-scsi", "virtio-scsi-pci", "virtio-scsi-pci", VIRTIO, True),
        ScsiModel("virtio-transitional", "virtio-scsi-pci-transitional", "virtio-scsi-pci", PCI, True),
        ScsiModel("virtio-non-transitional", "virtio-scsi-pci-non-transitional", "virtio-scsi-pci", VIRTIO, True),
        ScsiModel("lsisas1068", "mptsas1068", "mptsas1068"),
        ScsiModel("lsisas1078", "megasas", "megasas"),
        ScsiModel("vmpvscsi", "pvscsi", "pvscsi"),
        ScsiModel("am53c974", "am53c974", "am53c974"),
        ScsiModel("dc390", "dc390", "dc390"),
    )
}
# what only a virtio-scsi controller has: field of the view -> how the document calls it
_VIRTIO_ONLY = {
    "queues": "queues",
    "cmd_per_lun": "cmd_per_lun",
    "max_sectors": "max_sectors",
    "ioeventfd": "ioeventfd",
    "iothread": "iothread",
    "iothreads": "<iothreads>",
}


def scsi_model(controller: Controller) -> ScsiModel:
    """The row of a SCSI controller; raises XmlError for a model that there is not."""
    row = SCSI_MODELS.get(controller.model or "")
    if row is None:
        known = ", ".join(SCSI_MODELS)
        raise XmlError(f"QEMU has no SCSI controller '{controller.model}'; write one of {known}.", line=controller.line)
    return row


def default_scsi(context: Context) -> Optional[str]:
    """The model of a SCSI controller that names none, or None where the QEMU has no SCSI at all."""
    wanted = ("lsilogic", "virtio-scsi")
    return next((name for name in wanted if context.caps.has_device(SCSI_MODELS[name].type)), None)


def _complete(controller: Controller, domain: Domain, context: Context) -> None:
    if controller.model in (None, "auto"):
        controller.model = default_scsi(context)


def _bus(controller: Controller, domain: Domain, context: Context) -> str:
    return scsi_model(controller).bus


def _check(controller: Controller, domain: Domain, context: Context) -> None:
    row = scsi_model(controller)
    if not context.caps.has_device(row.type):
        raise UnsupportedConfig(f"{context.caps.binary} has no SCSI controller '{row.model}'; write virtio-scsi.")
    if row.virtio:
        _check_iothreads(controller, domain, context)
    else:
        refuse_virtio_options(controller)


def refuse_virtio_options(controller: Controller) -> None:
    """Raise UnsupportedConfig when a controller has options of virtio-scsi."""
    for field, said in _VIRTIO_ONLY.items():
        if getattr(controller, field):
            raise UnsupportedConfig(f"{said} belongs to a virtio-scsi controller; this one is '{controller.model}'.")


def _check_iothreads(controller: Controller, domain: Domain, context: Context) -> None:
    wanted = [controller.iothread] if controller.iothread is not None else []
    if controller.iothreads and not context.has("virtio-scsi-iothread-mapping"):
        raise UnsupportedConfig(f"{context.caps.binary} cannot spread queues over <iothreads>; write 'iothread'.")
    if wanted and controller.iothreads:
        raise UnsupportedConfig("a controller has either 'iothread' or <iothreads>, not both.")
    wanted += [thread.id or 0 for thread in controller.iothreads]
    there = _iothread_ids(domain)
    for number in wanted:
        if number not in there:
            raise UnsupportedConfig(f"the controller uses the I/O thread {number}; add it to <iothreadids>.")


def _iothread_ids(domain: Domain) -> List[int]:
    """The ids that are named, and the lowest others up to the number of threads."""
    named = [int(found.get("id", "0")) for found in domain.element.findall("iothreadids/iothread")]
    others = (number for number in range(1, 1 << 16) if number not in named)
    return named + [next(others) for _missing in range((domain.iothreads or 0) - len(named))]


def _write(controller: Controller, domain: Domain, context: Context) -> Iterator[Option]:
    row = scsi_model(controller)
    own: Mapping[str, Any] = {"driver": row.device, "id": controller.id()}
    extra = _virtio_options(controller) if row.virtio else {}
    yield Option("-device", properties(own, extra, pci_properties(controller, domain)))


def _virtio_options(controller: Controller) -> Mapping[str, Any]:
    mapping = [_vq_mapping(thread) for thread in controller.iothreads]
    own: Mapping[str, Any] = {
        "iothread": None if controller.iothread is None else f"iothread{controller.iothread}",
        "num_queues": controller.queues,
        "cmd_per_lun": controller.cmd_per_lun,
        "max_sectors": controller.max_sectors,
        "ioeventfd": controller.ioeventfd,
        "iothread-vq-mapping": mapping or None,
    }
    return properties(own, virtio_properties(controller))


def _vq_mapping(thread: Any) -> Mapping[str, Any]:
    queues = [queue.id for queue in thread.queues]
    return properties({"iothread": f"iothread{thread.id}", "vqs": queues or None})


SCSI_CONTROLLER = Kind(
    Controller,
    _write,
    complete=_complete,
    check=_check,
    bus=_bus,
    alias=lambda controller, index, domain: f"scsi{controller.index}",
    part=lambda controller: controller.type == "scsi",
)

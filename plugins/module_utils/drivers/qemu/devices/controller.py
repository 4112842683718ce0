# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controllers without a choice of models: IDE, SATA, floppy, virtio-serial, CCID; and the rows of all controllers.

PCI, USB and SCSI controllers have files of their own. Source of the rules: libvirt's formatdomain, "Controllers".
"""

from __future__ import annotations

from typing import Any, Callable, Iterator, Tuple

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.device import Controller
from ....xml.views import check_choice
from ..command.address import pci_properties, usb_properties, virtio_driver, virtio_properties
from ..context import Context
from ..kinds import NONE, PCI, USB, VIRTIO, Kind
from ..options import Option, properties
from .controller_pci import PCI_CONTROLLER
from .controller_scsi import SCSI_CONTROLLER, refuse_virtio_options
from .controller_usb import USB_CONTROLLER

TYPES = ("pci", "usb", "scsi", "ide", "sata", "fdc", "virtio-serial", "ccid")
VIRTIO_MODELS = ("virtio", "virtio-transitional", "virtio-non-transitional")
VIRTIO_SERIAL_PORTS = 31  # QEMU's hw/virtio/virtio-serial-bus.c: VIRTIO_PCI_QUEUE_MAX / 2 - 1, and port 0


def _of_type(type_: str) -> Callable[[Any], bool]:
    return lambda controller: bool(controller.type == type_)


def _numbered(controller: Controller, index: int, domain: Domain) -> str:
    return f"{controller.type}{controller.index}"


def is_built_in(controller: Controller, domain: Domain) -> bool:
    """Whether the machine brings the IDE or SATA controller, so that QEMU is not told of it."""
    machine = {"ide": domain.is_i440fx(), "sata": domain.is_q35()}
    return controller.index == 0 and machine.get(controller.type or "", False)


def _disk_alias(controller: Controller, index: int, domain: Domain) -> str:
    return "ide" if is_built_in(controller, domain) else f"{controller.type}{controller.index}"


def _check_ide(controller: Controller, domain: Domain, context: Context) -> None:
    refuse_virtio_options(controller)
    if not domain.is_i440fx():
        raise UnsupportedConfig(f"The machine {domain.machine} has no IDE; put the disks on sata, scsi or virtio.")
    if controller.index:
        raise UnsupportedConfig("The machine has one IDE controller; put the disks on sata, scsi or virtio.")


def _check_sata(controller: Controller, domain: Domain, context: Context) -> None:
    refuse_virtio_options(controller)
    if not is_built_in(controller, domain) and not context.caps.has_device("ich9-ahci"):
        raise UnsupportedConfig(f"{context.caps.binary} has no SATA controller; put the disks on scsi or virtio.")


def _check_plain(controller: Controller, domain: Domain, context: Context) -> None:
    refuse_virtio_options(controller)
    check_choice(controller, "type", controller.type, TYPES)


def _nothing(controller: Controller, domain: Domain, context: Context) -> Iterator[Option]:
    yield from ()


def _write_sata(controller: Controller, domain: Domain, context: Context) -> Iterator[Option]:
    if not is_built_in(controller, domain):
        own = {"driver": "ahci", "id": controller.id()}
        yield Option("-device", properties(own, pci_properties(controller, domain)))


def _serial_bus(controller: Controller, domain: Domain, context: Context) -> str:
    return PCI if controller.model == "virtio-transitional" else VIRTIO


def _check_serial(controller: Controller, domain: Domain, context: Context) -> None:
    refuse_virtio_options(controller)
    if controller.model is not None and controller.model not in VIRTIO_MODELS:
        known = ", ".join(VIRTIO_MODELS)
        raise XmlError(
            f"there is no virtio-serial controller '{controller.model}'; write one of {known}.", line=controller.line
        )


def _write_serial(controller: Controller, domain: Domain, context: Context) -> Iterator[Option]:
    own = {
        "driver": virtio_driver("virtio-serial", controller.model),
        "id": controller.id(),
        "max_ports": controller.ports,
        "vectors": controller.vectors,
    }
    yield Option("-device", properties(own, virtio_properties(controller), pci_properties(controller, domain)))


def _write_ccid(controller: Controller, domain: Domain, context: Context) -> Iterator[Option]:
    own = {"driver": "usb-ccid", "id": controller.id()}
    yield Option("-device", properties(own, usb_properties(controller, domain)))


IDE_CONTROLLER = Kind(
    Controller, _nothing, check=_check_ide, bus=lambda *_: PCI, alias=_disk_alias, part=_of_type("ide")
)
SATA_CONTROLLER = Kind(
    Controller, _write_sata, check=_check_sata, bus=lambda *_: PCI, alias=_disk_alias, part=_of_type("sata")
)
SERIAL_CONTROLLER = Kind(
    Controller, _write_serial, check=_check_serial, bus=_serial_bus, alias=_numbered, part=_of_type("virtio-serial")
)
CCID_CONTROLLER = Kind(
    Controller, _write_ccid, check=_check_plain, bus=lambda *_: USB, alias=_numbered, part=_of_type("ccid")
)
_OTHERS = ("pci", "usb", "scsi", "ide", "sata", "virtio-serial", "ccid")
PLAIN_CONTROLLER = Kind(
    Controller,
    _nothing,
    check=_check_plain,
    bus=lambda *_: NONE,
    alias=_numbered,
    part=lambda controller: controller.type not in _OTHERS,
)

# What plugs into PCI; the CCID controller is a USB device and stands below the USB hubs.
CONTROLLERS: Tuple[Kind, ...] = (
    PCI_CONTROLLER,
    USB_CONTROLLER,
    SCSI_CONTROLLER,
    IDE_CONTROLLER,
    SATA_CONTROLLER,
    SERIAL_CONTROLLER,
    PLAIN_CONTROLLER,
)

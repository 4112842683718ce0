# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A disk as the guest sees it: the -device with its place on a bus, and the properties that its bus has.

Names are those of QEMU's device properties (hw/block/, hw/ide/, hw/scsi/, hw/usb/dev-storage.c).
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.device import Controller
from ....model.domain.disk import Disk
from ..command.address import pci_properties, usb_properties, virtio_driver, virtio_properties
from ..command.blockdev import CACHES
from ..context import Context
from ..images import policy_of
from ..options import Option, properties
from .boot import boot_index

Props = Mapping[str, Any]

# On these controllers a disk has a SCSI id and nothing else; on the others a channel, an id and a LUN.
NARROW_CONTROLLERS = ("lsilogic", "ncr53c90", "dc390", "am53c974")


def device_option(disk: Disk, domain: Domain, context: Context, drive: Props) -> Option:
    """The -device; ``drive`` says where the bytes come from (drive or chardev; empty for a drive without a medium)."""
    own = BUSES[disk.target_bus or ""](disk, domain, context)
    return Option("-device", properties(own, drive, _common(disk, domain)))


def scsi_controller(disk: Disk, domain: Domain) -> Controller:
    """The controller that a SCSI disk is on; raises XmlError where the domain has none of that number."""
    return _controller("scsi", disk, domain)


def is_narrow(controller: Controller) -> bool:
    """Whether the controller's places have one number only."""
    return (controller.model or "lsilogic") in NARROW_CONTROLLERS


def _controller(type_: str, disk: Disk, domain: Domain) -> Controller:
    number = (disk.address.controller or 0) if disk.address is not None else 0
    found = domain.controller(type_, number)
    if found is None:
        raise XmlError(f"there is no <controller type='{type_}' index='{number}'/>.", line=disk.line)
    return found


def _common(disk: Disk, domain: Domain) -> Props:
    write_error, read_error = _policies(disk)
    return {
        "share-rw": True if disk.shareable else None,
        "id": disk.id(),
        "bootindex": None if disk.device == "floppy" else boot_index(disk, domain),
        "logical_block_size": disk.logical_block_size or None,
        "physical_block_size": disk.physical_block_size or None,
        "discard_granularity": disk.discard_granularity,
        "wwn": int(disk.wwn, 16) if disk.wwn else None,
        "rotation_rate": disk.rotation_rate or None,
        "vendor": disk.vendor,
        "product": disk.product,
        "write-cache": _write_cache(disk),
        "cyls": disk.cylinders or None,
        "heads": disk.heads or None,
        "secs": disk.sectors or None,
        "bios-chs-trans": disk.translation,
        "serial": _serial(disk),
        "werror": write_error,
        "rerror": read_error,
    }


def _serial(disk: Disk) -> Optional[str]:
    """A backslash before each blank: guests have been shown it since libvirt wrote key=value lists, and know it so."""
    return None if disk.serial is None else re.sub(r"([\\ ])", r"\\\1", disk.serial)


def _policies(disk: Disk) -> Tuple[Optional[str], Optional[str]]:
    """What happens on errors: a policy for writing holds for reading too, but a full disk is no reading error."""
    write, read = disk.error_policy, disk.read_error_policy
    if write == "enospace":
        return "enospc", read
    return write, read or write


def _write_cache(disk: Disk) -> Optional[str]:
    cache = policy_of(disk).cache
    if cache is None or disk.device == "lun":
        return None
    return "on" if CACHES[cache][2] else "off"


def _virtio(disk: Disk, domain: Domain, context: Context) -> Props:
    base = "vhost-user-blk" if disk.type == "vhostuser" else "virtio-blk"
    lun = disk.device == "lun" and context.has("virtio-blk-scsi")
    return properties(
        {
            "driver": virtio_driver(base, disk.model),
            "iothread": f"iothread{disk.iothread}" if disk.iothread else None,
            "ioeventfd": disk.ioeventfd,
            "event_idx": disk.event_idx,
            "scsi": True if lun else None,
            "num-queues": disk.queues or None,
            "queue-size": disk.queue_size or None,
            "iothread-vq-mapping": _mapping(disk),
        },
        virtio_properties(disk),
        pci_properties(disk, domain),
    )


def _mapping(disk: Disk) -> Optional[List[Props]]:
    """Which iothread serves which queues; without numbers QEMU deals the queues out."""
    uses = disk.iothreads
    if not uses:
        return None
    return [
        properties({"iothread": f"iothread{use.id}", "vqs": [queue.id for queue in use.queues] or None}) for use in uses
    ]


def _ide_driver(disk: Disk) -> str:
    return "ide-cd" if disk.device == "cdrom" else "ide-hd"


def _ide(disk: Disk, domain: Domain, context: Context) -> Props:
    place = disk.ensure_address()
    builtin = domain.is_i440fx() or domain.machine == "isapc"
    bus = "ide" if builtin else _controller("ide", disk, domain).id()
    return {"driver": _ide_driver(disk), "bus": f"{bus}.{place.channel or 0}", "unit": place.unit or 0}


def _sata(disk: Disk, domain: Domain, context: Context) -> Props:
    place = disk.ensure_address()
    builtin = domain.is_q35() and not place.controller
    bus = "ide" if builtin else _controller("sata", disk, domain).id()
    return {"driver": _ide_driver(disk), "bus": f"{bus}.{place.unit or 0}"}


def _scsi(disk: Disk, domain: Domain, context: Context) -> Props:
    """A disk shows its serial, else its old drive name, as its identification: guests have seen it for years."""
    driver = {"lun": "scsi-block", "cdrom": "scsi-cd"}.get(disk.device or "", "scsi-hd")
    shown = None if disk.device == "lun" else disk.serial or f"drive-{disk.id()}"
    return properties({"driver": driver}, _scsi_place(disk, domain), {"device_id": shown, "removable": disk.removable})


def _scsi_place(disk: Disk, domain: Domain) -> Props:
    controller, place = scsi_controller(disk, domain), disk.ensure_address()
    if is_narrow(controller):
        return {"bus": f"{controller.id()}.{place.channel or 0}", "scsi-id": place.unit or 0}
    return {
        "bus": f"{controller.id()}.0",
        "channel": place.channel or 0,
        "scsi-id": place.target or 0,
        "lun": place.unit or 0,
    }


def _usb(disk: Disk, domain: Domain, context: Context) -> Props:
    removable = bool(disk.removable) if context.has("usb-storage-removable") else None
    return properties({"driver": "usb-storage"}, usb_properties(disk, domain), {"removable": removable})


def _floppy(disk: Disk, domain: Domain, context: Context) -> Props:
    return {"driver": "floppy", "unit": disk.ensure_address().unit or 0}


BUSES: Dict[str, Callable[[Disk, Domain, Context], Props]] = {
    "virtio": _virtio,
    "ide": _ide,
    "sata": _sata,
    "scsi": _scsi,
    "usb": _usb,
    "fdc": _floppy,
}

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Disks: one kind for hard disks, CD-ROM drives, floppy drives and LUNs, whatever they are attached to."""

from __future__ import annotations

from ....model.domain.core import Domain
from ....model.domain.disk import Disk
from ..context import Context
from ..kinds import DRIVE, NONE, USB, VIRTIO, Kind
from .disk_check import check_disk
from .disk_complete import complete_disk
from .disk_device import is_narrow, scsi_controller
from .disk_names import index_of
from .disk_write import write_disk

BUSES = {"virtio": VIRTIO, "usb": USB, "ide": DRIVE, "sata": DRIVE, "scsi": DRIVE, "fdc": DRIVE}


def _bus(disk: Disk, domain: Domain, context: Context) -> str:
    return BUSES.get(disk.target_bus or "", NONE)


def disk_alias(disk: Disk, index: int, domain: Domain) -> str:
    """The bus with the place on it (ide0-1-0, scsi0-0-0-3), or with the number of the target (virtio-disk0)."""
    place = disk.address
    if place is None or place.type != "drive":
        return f"{disk.target_bus}-disk{index_of(disk.target or '')}"
    parts = [place.controller, place.channel, place.target, place.unit]
    if disk.target_bus != "scsi" or is_narrow(scsi_controller(disk, domain)):
        del parts[2]
    return f"{disk.target_bus}" + "-".join(str(part or 0) for part in parts)


DISK = Kind(Disk, write_disk, complete=complete_disk, check=check_disk, bus=_bus, alias=disk_alias)

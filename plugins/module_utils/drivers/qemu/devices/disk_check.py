# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of a disk: what the guest's side of it cannot be. Its images are checked in disk_check_source.

Source of the rules: libvirt's formatdomain, and what QEMU's devices accept.
"""

from __future__ import annotations

import re
from typing import Callable, Optional, Tuple

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.disk import Disk
from ..context import Context
from . import disk_names
from .disk_check_domain import check_in_domain
from .disk_check_source import check_images

BUSES = ("ide", "fdc", "scsi", "virtio", "usb", "sata", "sd")
MODELS = ("virtio", "virtio-transitional", "virtio-non-transitional")
VENDOR_LENGTH, PRODUCT_LENGTH = 8, 16
LARGEST_LIMIT = 1_000_000_000_000_000  # QEMU's block/throttle.h, THROTTLE_VALUE_MAX
VIRTIO_ONLY = ("queues", "queue_size", "event_idx", "ioeventfd", "iommu", "ats", "packed", "page_per_vq")

Complaint = Optional[str]
Rule = Callable[[Disk], Complaint]


def check_disk(disk: Disk, domain: Domain, context: Context) -> None:
    """Raise XmlError for a disk that no guest could have, UnsupportedConfig for one that this QEMU has not."""
    _check_name(disk)
    for rule in RULES:
        complaint = rule(disk)
        if complaint:
            raise XmlError(f"the disk '{disk.target}': {complaint}", line=disk.line)
    check_in_domain(disk, domain)
    _check_capabilities(disk, context)
    check_images(disk, domain, context)


def _check_name(disk: Disk) -> None:
    name = disk.target or ""
    if disk_names.index_of(name) is None:
        raise XmlError(f"'{name}' is no name for a disk; write one such as vda, sda or hda.", line=disk.line)
    if disk_names.partition_of(name):
        raise XmlError(f"'{name}' names a partition; write the name of the disk without a number.", line=disk.line)


def _bus(disk: Disk) -> Complaint:
    if disk.target_bus not in BUSES:
        return f"QEMU has no bus '{disk.target_bus}' for disks; write one of {', '.join(BUSES)}."
    if (disk.device == "floppy") != (disk.target_bus == "fdc"):
        return f"device='{disk.device}' cannot be on bus='{disk.target_bus}'; floppies, and only they, are on 'fdc'."
    if disk.device == "cdrom" and disk.target_bus in ("virtio", "sd"):
        return f"bus='{disk.target_bus}' has no drives for CDs; write bus='sata', 'scsi' or 'usb'."
    if disk.device == "lun" and disk.target_bus not in ("virtio", "scsi"):
        return f"device='lun' needs bus='virtio' or 'scsi', not '{disk.target_bus}'."
    return None


def _prefix(disk: Disk) -> Complaint:
    prefix = disk_names.prefix_of(disk.target or "")
    if disk.device == "floppy" and prefix != "fd":
        return "a floppy's target is named fda or fdb."
    if disk.device in ("disk", "lun") and prefix == "fd":
        return "names that begin with fd are for floppies; write one such as vda, sda or hda."
    return None


def _address(disk: Disk) -> Complaint:
    bus, type_ = disk.target_bus, disk.address.type if disk.address is not None else None
    wanted = {"virtio": ("pci", "ccw", "virtio-mmio"), "usb": ("usb",), "sd": ()}.get(bus or "", ("drive",))
    if type_ is not None and type_ not in wanted:
        return f"an address of type='{type_}' does not fit bus='{bus}'." + (
            f" Write type='{wanted[0]}', or leave the address out." if wanted else ""
        )
    return None


def _unit(disk: Disk) -> Complaint:
    """IDE and floppy buses have room for two; libvirt's documents may count an IDE bus through."""
    place = disk.address
    if place is None or place.type != "drive":
        return None
    if place.target and disk.target_bus in ("ide", "sata", "fdc"):
        return f"on bus='{disk.target_bus}' the target of the address is 0."
    if place.channel and disk.target_bus in ("sata", "fdc"):
        return f"on bus='{disk.target_bus}' the bus of the address is 0."
    return None


def _drive_options(disk: Disk) -> Complaint:
    bus = disk.target_bus
    if bus != "virtio":
        if disk.model in MODELS:
            return f"model='{disk.model}' needs bus='virtio', not '{bus}'."
        wrong = [name for name in VIRTIO_ONLY if getattr(disk, name) is not None]
        if wrong or disk.iothreads:
            return f"the driver option '{(wrong or ['iothreads'])[0]}' is for bus='virtio' only."
    elif disk.model is not None and disk.model not in MODELS:
        return f"there is no model '{disk.model}'; write one of {', '.join(MODELS)}."
    if disk.removable is not None and (bus not in ("usb", "scsi") or disk.device != "disk"):
        return "removable='...' is for hard disks on bus='usb' or 'scsi' only."
    if disk.tray is not None and not disk.is_removable():
        return "only a cdrom or floppy has a tray."
    if disk.driver not in (None, "qemu"):
        return f"the driver name is 'qemu', not '{disk.driver}'."
    return None


def _geometry(disk: Disk) -> Complaint:
    if not (disk.cylinders and disk.heads and disk.sectors):
        return None
    if disk.target_bus in ("usb", "sd"):
        return f"bus='{disk.target_bus}' has no <geometry>."
    if disk.translation not in (None, "auto") and disk.target_bus != "ide":
        return "the translation mode of a <geometry> is for bus='ide' only."
    return None


def _identity(disk: Disk) -> Complaint:
    bus, serial = disk.target_bus, disk.serial
    if disk.wwn and bus not in ("ide", "scsi"):
        return "a <wwn> is for bus='ide' and 'scsi' only."
    if disk.wwn and not re.fullmatch(r"(0x)?[0-9A-Fa-f]{16}", disk.wwn):
        return f"the <wwn> '{disk.wwn}' is not 16 hexadecimal digits."
    for name, text, longest in (("vendor", disk.vendor, VENDOR_LENGTH), ("product", disk.product, PRODUCT_LENGTH)):
        if text and bus != "scsi":
            return f"a <{name}> is for bus='scsi' only."
        if text and (len(text) > longest or not text.isascii() or not text.isprintable()):
            return f"a <{name}> is at most {longest} printable characters."
    if serial and bus == "sd":
        return "bus='sd' has no <serial>."
    if serial and not re.fullmatch(r"[A-Za-z0-9\-_ .+]+", serial):
        return f"the <serial> '{serial}' has characters other than letters, digits, '-', '_', ' ', '.' and '+'."
    return None


def _lun(disk: Disk) -> Complaint:
    if disk.sgio == "unfiltered":
        return "sgio='unfiltered' is gone from Linux; leave it out."
    if disk.device != "lun":
        if disk.rawio is not None or disk.sgio is not None:
            return "rawio and sgio are for device='lun' only."
        if disk.source is not None and disk.source.reservations is not None:
            return "<reservations> are for device='lun' only."
        return None
    if disk.wwn or disk.vendor or disk.product or (disk.serial and disk.target_bus == "scsi"):
        return "a LUN shows its own serial, wwn, vendor and product; leave them out."
    if disk.copy_on_read:
        return "copy_on_read does not go with device='lun'."
    return None


def _rotation(disk: Disk) -> Complaint:
    if disk.rotation_rate and (disk.target_bus not in ("scsi", "ide", "sata") or disk.device != "disk"):
        return "rotation_rate is for hard disks on bus='scsi', 'ide' or 'sata' only."
    return None


def _access(disk: Disk) -> Complaint:
    if disk.is_empty() and not disk.is_removable() and disk.device != "lun":
        return "there is no <source>; only a cdrom or floppy may be empty."
    if disk.is_empty() and disk.target_bus == "usb":
        return "a drive on bus='usb' cannot be empty; name an image in <source>."
    if disk.read_only and disk.device == "disk" and disk.target_bus in ("ide", "sata"):
        return f"a hard disk on bus='{disk.target_bus}' cannot be read-only; write bus='virtio' or 'scsi'."
    if disk.copy_on_read and (disk.read_only or disk.is_removable()):
        return "copy_on_read writes into the image, which a read-only disk or a removable medium forbids."
    if disk.shareable and not disk.read_only and disk.format not in (None, "raw"):
        return f"format '{disk.format}' cannot be shared by guests that write; only type='raw' can."
    if disk.io == "native" and disk.cache not in ("none", "directsync"):
        return "io='native' needs cache='none' or cache='directsync'."
    return None


def _transient(disk: Disk) -> Complaint:
    if not disk.transient:
        return None
    if disk.is_empty() or disk.read_only or disk.type != "file" or disk.device != "disk":
        return "only a hard disk from a file that the guest may write can be <transient/>."
    if disk.share_backing and disk.target_bus not in ("usb", "virtio", "scsi"):
        return f"<transient shareBacking='yes'/> needs bus='virtio', 'scsi' or 'usb', not '{disk.target_bus}'."
    return None


def _policy(disk: Disk) -> Complaint:
    if disk.source is not None and disk.source.startup_policy not in (None, "mandatory", "requisite", "optional"):
        return f"startupPolicy='{disk.source.startup_policy}' is none of mandatory, requisite and optional."
    if disk.source is not None and disk.source.startup_policy == "requisite" and not disk.is_removable():
        return "startupPolicy='requisite' is for a cdrom or floppy only."
    if disk.snapshot not in (None, "no", "internal", "external", "manual"):
        return f"snapshot='{disk.snapshot}' is none of no, internal, external and manual."
    return None


# limits that exclude each other: a total, and its parts
EXCLUSIVE: Tuple[Tuple[str, str, str], ...] = (
    ("total_bytes_sec", "read_bytes_sec", "write_bytes_sec"),
    ("total_iops_sec", "read_iops_sec", "write_iops_sec"),
    ("total_bytes_sec_max", "read_bytes_sec_max", "write_bytes_sec_max"),
    ("total_iops_sec_max", "read_iops_sec_max", "write_iops_sec_max"),
)


def _iotune(disk: Disk) -> Complaint:
    if disk.iotune is None:
        return None
    limits = disk.iotune.limits()
    for total, *parts in EXCLUSIVE:
        if total in limits and any(part in limits for part in parts):
            return f"<{total}> cannot be set together with a limit for reading or writing alone."
    for name, value in limits.items():
        if value > LARGEST_LIMIT:
            return f"<{name}> is {value}, and QEMU counts to {LARGEST_LIMIT}."
        base = name[: -len("_length")] if name.endswith("_length") else None
        if base is not None and base not in limits:
            return f"<{name}> needs <{base}>."
    if disk.iotune.group_name and not limits:
        return "a <group_name> needs limits beside it."
    if disk.throttle_filters:
        return "<iotune> and <throttlefilters> cannot be used together."
    return None


RULES: Tuple[Rule, ...] = (
    _bus,
    _prefix,
    _address,
    _unit,
    _drive_options,
    _geometry,
    _identity,
    _lun,
    _rotation,
    _access,
    _transient,
    _policy,
    _iotune,
)


def _check_capabilities(disk: Disk, context: Context) -> None:
    flags = (
        ("aio-io-uring", disk.io == "io_uring", "io='io_uring'"),
        ("virtio-blk-queue-size", disk.target_bus == "virtio" and bool(disk.queue_size), "queue_size"),
        ("virtio-blk-iothread-mapping", bool(disk.iothreads), "<iothreads>"),
        ("disk-rotation-rate", bool(disk.rotation_rate), "rotation_rate"),
        ("usb-storage-removable", disk.removable is not None and disk.target_bus == "usb", "removable"),
    )
    for flag, asked, what in flags:
        if asked and not context.has(flag):
            raise UnsupportedConfig(f"{context.caps.binary} does not know {what}.", line=disk.line)

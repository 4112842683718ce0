# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Disks: hard disks, CD-ROM drives, floppy drives and LUNs.

Source of the rules: libvirt's formatdomain, "Hard drives, floppy disks, CDROMs".
"""

from __future__ import annotations

from typing import Dict, Optional

from ...xml.parse import add
from ...xml.views import NATURAL, ON_OFF, TEXT, YES_NO, Child, Children, Field, Flag, Opaque, View, one_of
from .device import Device, IothreadUse
from .storage import Auth, BackingStore, Encryption, Source

POLICIES = one_of("stop", "report", "ignore", "enospace")
READ_POLICIES = one_of("stop", "report", "ignore")
CACHES = one_of("default", "none", "writethrough", "writeback", "directsync", "unsafe")


class ThrottleFilter(View):
    """A <throttlefilter>: the name of a throttle group of the domain."""

    group = Field("@group", TEXT)


class Iotune(View):
    """The <iotune>: limits in bytes or requests a second; 0 is no limit."""

    total_bytes_sec = Field("total_bytes_sec", NATURAL)
    read_bytes_sec = Field("read_bytes_sec", NATURAL)
    write_bytes_sec = Field("write_bytes_sec", NATURAL)
    total_iops_sec = Field("total_iops_sec", NATURAL)
    read_iops_sec = Field("read_iops_sec", NATURAL)
    write_iops_sec = Field("write_iops_sec", NATURAL)
    total_bytes_sec_max = Field("total_bytes_sec_max", NATURAL)
    read_bytes_sec_max = Field("read_bytes_sec_max", NATURAL)
    write_bytes_sec_max = Field("write_bytes_sec_max", NATURAL)
    total_iops_sec_max = Field("total_iops_sec_max", NATURAL)
    read_iops_sec_max = Field("read_iops_sec_max", NATURAL)
    write_iops_sec_max = Field("write_iops_sec_max", NATURAL)
    size_iops_sec = Field("size_iops_sec", NATURAL)
    total_bytes_sec_max_length = Field("total_bytes_sec_max_length", NATURAL)
    read_bytes_sec_max_length = Field("read_bytes_sec_max_length", NATURAL)
    write_bytes_sec_max_length = Field("write_bytes_sec_max_length", NATURAL)
    total_iops_sec_max_length = Field("total_iops_sec_max_length", NATURAL)
    read_iops_sec_max_length = Field("read_iops_sec_max_length", NATURAL)
    write_iops_sec_max_length = Field("write_iops_sec_max_length", NATURAL)
    group_name = Field("group_name", TEXT)

    def limits(self) -> Dict[str, int]:
        """The limits that are set, by element name."""
        numbers = [name for name, item in self.declared() if name != "group_name"]
        found = {name: getattr(self, name) for name in numbers}
        return {name: value for name, value in found.items() if value}


class Disk(Device):
    """A <disk>."""

    tag = "disk"
    type = Field("@type", TEXT)
    device = Field("@device", one_of("disk", "cdrom", "floppy", "lun"))
    model = Field("@model", TEXT)
    rawio = Field("@rawio", YES_NO)
    sgio = Field("@sgio", TEXT)
    snapshot = Field("@snapshot", TEXT)
    # <driver>
    driver = Field("driver/@name", TEXT)
    format = Field("driver/@type", TEXT)
    cache = Field("driver/@cache", CACHES)
    error_policy = Field("driver/@error_policy", POLICIES)
    read_error_policy = Field("driver/@rerror_policy", READ_POLICIES)
    io = Field("driver/@io", one_of("native", "threads", "io_uring"))
    ioeventfd = Field("driver/@ioeventfd", ON_OFF)
    event_idx = Field("driver/@event_idx", ON_OFF)
    copy_on_read = Field("driver/@copy_on_read", ON_OFF)
    discard = Field("driver/@discard", one_of("ignore", "unmap"))
    discard_no_unref = Field("driver/@discard_no_unref", ON_OFF)
    detect_zeroes = Field("driver/@detect_zeroes", one_of("off", "on", "unmap"))
    iothread = Field("driver/@iothread", NATURAL)
    iothreads = Children("driver/iothreads/iothread", IothreadUse)
    queues = Field("driver/@queues", NATURAL)
    queue_size = Field("driver/@queue_size", NATURAL)
    cache_size = Field("driver/metadata_cache/max_size", NATURAL)
    cache_size_unit = Field("driver/metadata_cache/max_size/@unit", TEXT)
    # images
    source = Child("source", Source)
    backing = Child("backingStore", BackingStore)
    auth = Child("auth", Auth)
    encryption = Child("encryption", Encryption)
    mirror = Opaque("mirror")
    backend_domain = Field("backenddomain/@name", TEXT)
    # what the guest sees
    target = Field("target/@dev", TEXT)
    target_bus = Field("target/@bus", TEXT)
    tray = Field("target/@tray", one_of("open", "closed"))
    removable = Field("target/@removable", ON_OFF)
    rotation_rate = Field("target/@rotation_rate", NATURAL)
    cylinders = Field("geometry/@cyls", NATURAL)
    heads = Field("geometry/@heads", NATURAL)
    sectors = Field("geometry/@secs", NATURAL)
    translation = Field("geometry/@trans", one_of("auto", "none", "lba"))
    logical_block_size = Field("blockio/@logical_block_size", NATURAL)
    physical_block_size = Field("blockio/@physical_block_size", NATURAL)
    discard_granularity = Field("blockio/@discard_granularity", NATURAL)
    iotune = Child("iotune", Iotune)
    throttle_filters = Children("throttlefilters/throttlefilter", ThrottleFilter)
    read_only = Flag("readonly")
    shareable = Flag("shareable")
    transient = Flag("transient")
    share_backing = Field("transient/@shareBacking", YES_NO)
    serial_given = Flag("serial")
    wwn = Field("wwn", TEXT)
    vendor = Field("vendor", TEXT)
    product = Field("product", TEXT)

    @property
    def serial(self) -> Optional[str]:
        """The serial number, with the blanks around it: they are part of it."""
        found = self.element.find("serial")
        return None if found is None else found.text or None

    def is_empty(self) -> bool:
        """Whether there is no medium: no source, or one that names nothing."""
        return self.source is None or is_empty_source(self.type, self.source)

    def is_removable(self) -> bool:
        """Whether the guest can open the drive and put another medium in."""
        return self.device in ("cdrom", "floppy")

    def ensure_source(self) -> Source:
        """The <source>, made when it is missing."""
        if self.source is None:
            add(self.element, "source")
        found = self.source
        if found is None:
            raise AssertionError("found is not there")
        return found

    def secret_bearer(self) -> Optional[Auth]:
        """The <auth> that counts: of the disk, or of its source."""
        return self.auth or (self.source.auth if self.source is not None else None)

    def encrypted(self) -> Optional[Encryption]:
        """The <encryption> that counts: of the disk, or of its source."""
        return self.encryption or (self.source.encryption if self.source is not None else None)


PLACES = {"file": "file", "block": "dev", "dir": "dir", "volume": "pool", "vhostvdpa": "dev"}


def is_empty_source(type_: Optional[str], source: Source) -> bool:
    """Whether a source of a type names no image; a network source always names one."""
    attribute = PLACES.get(type_ or "file")
    return attribute is not None and not source.element.get(attribute) and source.fd_group is None

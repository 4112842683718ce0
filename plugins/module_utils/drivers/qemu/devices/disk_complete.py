# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a disk gets that its document leaves open, and what of a live document is no part of a stored one.

Source of the rules: libvirt's formatdomain, "Hard drives, floppy disks, CDROMs".
"""

from __future__ import annotations

from typing import Iterator

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.disk import Disk, Iotune, is_empty_source
from ....model.domain.storage import BackingStore, Source
from ....values import scale
from ....xml.parse import Element
from ..context import Context
from .disk_names import BUS_OF_PREFIX, address_of, index_of, prefix_of

IMAGE_TYPES = ("file", "block", "dir", "network", "volume")
PARTS = ("controller", "bus", "target", "unit")


def complete_disk(disk: Disk, domain: Domain, context: Context) -> None:
    """Fill in type, driver, bus, drive address and what follows from them."""
    if disk == domain.all(Disk)[0]:
        _sort(domain)
    _forget_live(disk)
    _settle_type(disk)
    _settle_target(disk)
    if disk.device == "cdrom":
        disk.read_only = True
    _settle_driver(disk)
    _settle_source(disk)
    _settle_snapshot(disk)
    _settle_address(disk)
    _settle_iotune(disk, domain)


def _sort(domain: Domain) -> None:
    """Disks of one bus stand together, by the number of their target; the buses in the order of the document."""
    disks = domain.all(Disk)
    for disk in disks:
        _settle_type(disk)
        _settle_target(disk)
    buses = list(dict.fromkeys(disk.target_bus for disk in disks))
    ordered = sorted(disks, key=lambda disk: (buses.index(disk.target_bus), index_of(disk.target or "") or 0))
    places = [domain.devices().index(disk.element) for disk in disks]
    for place, disk in zip(places, ordered):
        domain.devices().insert(place, disk.element)


def _forget_live(disk: Disk) -> None:
    """A copy job and the numbers of block nodes belong to one run of the guest."""
    for element in list(disk.element.findall("mirror")):
        disk.element.remove(element)
    for element in disk.element.iter("source", "backingStore", "dataStore"):
        element.attrib.pop("index", None)


def _settle_type(disk: Disk) -> None:
    disk.type = disk.type or "file"
    disk.device = disk.device or "disk"
    source = disk.source
    if source is None and disk.type in IMAGE_TYPES:
        disk.type = "file"
    elif (
        source is not None
        and is_empty_source(disk.type, source)
        and len(source.element) == 0
        and source.startup_policy is None
    ):
        disk.element.remove(source.element)


def _settle_target(disk: Disk) -> None:
    name = disk.target
    if name is None:
        raise XmlError("a <disk> has no target; write <target dev='vda' bus='virtio'/>.", line=disk.line)
    if name.startswith("ioemu:"):
        disk.target = name = name[len("ioemu:") :]
    if disk.target_bus is None:
        disk.target_bus = "fdc" if disk.device == "floppy" else BUS_OF_PREFIX.get(prefix_of(name) or "", "ide")
    if disk.tray == "closed":
        disk.tray = None


def _settle_driver(disk: Disk) -> None:
    """QEMU's own driver, and raw: the content of an image never says what it is, or a guest could choose."""
    disk.driver = disk.driver or "qemu"
    if disk.format == "aio":
        disk.format = "raw"
    if disk.format is None and disk.type != "volume":
        disk.format = "raw"
    if disk.cache == "default":
        disk.cache = None
    if disk.cache_size is not None:
        disk.cache_size = scale(disk.cache_size, disk.cache_size_unit or "b", what="<max_size>")
        disk.cache_size_unit = "bytes"


def _settle_source(disk: Disk) -> None:
    for store in _below(disk):
        if store.cache_size is not None:
            store.cache_size = scale(store.cache_size, store.cache_size_unit or "b", what="<max_size>")
            store.cache_size_unit = "bytes"
    for element in disk.element.iter("encryption"):
        if element.get("engine") is None:
            element.set("engine", "qemu")
    for label in list(disk.element.iter("seclabel")):
        if label.find("label") is None and label.get("relabel") != "no":
            _remove(label)  # a label that says nothing
    source = disk.source
    if source is None:
        return
    if disk.type == "nvme" and source.managed is None:
        source.managed = True
    if disk.type == "network":
        _settle_network(source)
    if disk.type == "volume":
        _drop(source.element, "auth")  # the pool has its own


def _settle_network(source: Source) -> None:
    if source.protocol == "iscsi" and source.name and "/" not in source.name:
        source.name = f"{source.name}/0"
    source.startup_policy = None
    _drop(source.element, "seclabel")


def _drop(parent: Element, tag: str) -> None:
    for element in list(parent.findall(tag)):
        parent.remove(element)


def _remove(element: Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _below(disk: Disk) -> Iterator[BackingStore]:
    store = disk.backing
    while store is not None:
        yield store
        store = store.backing


def _settle_snapshot(disk: Disk) -> None:
    """No snapshot of what cannot change: said by <readonly/>, and for vhost-user in words."""
    if disk.type == "vhostuser" and disk.snapshot is None:
        disk.snapshot = "no"
    if disk.read_only and disk.snapshot == "no":
        disk.snapshot = None


def _settle_address(disk: Disk) -> None:
    address = disk.address
    if address is not None and address.type == "drive":
        for part in PARTS:
            if address.element.get(part) is None:
                address.element.set(part, "0")
    if address is not None and address.type is not None:
        return
    index = index_of(disk.target or "")
    if index is None:
        raise XmlError(
            f"'{disk.target}' is no name for a disk, and the disk has no <address>; write one such as vda, sda or hda.",
            line=disk.line,
        )
    place = address_of(disk.target_bus or "", index)
    if place is not None:
        new = disk.ensure_address()
        new.type = "drive"
        new.controller, new.channel, new.target, new.unit = place


def _settle_iotune(disk: Disk, domain: Domain) -> None:
    """No limits of 0; a disk that only names a group gets the limits of the group's other disks."""
    own = disk.iotune
    if own is None:
        return
    for element in list(own.element):
        if (element.text or "").strip() == "0":
            own.element.remove(element)
    if own.group_name and not own.limits():
        for other in domain.all(Disk):
            model = other.iotune
            if model is not None and model.group_name == own.group_name and model.limits():
                _copy_limits(model, own)
                break
    if len(own.element) == 0:
        disk.element.remove(own.element)


def _copy_limits(model: Iotune, own: Iotune) -> None:
    for name, value in model.limits().items():
        setattr(own, name, value)

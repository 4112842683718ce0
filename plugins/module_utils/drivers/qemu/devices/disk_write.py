# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A disk on the command line: images, filters, the device; before the first one what all disks share."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Optional

from ....model.domain.core import Domain
from ....model.domain.disk import Disk
from ..command.blockdev import chain_options
from ..command.blockdev_secrets import managed_helper
from ..context import Context
from ..images import Image, top_image
from ..options import Option, properties
from .boot import boot_index
from .disk_device import device_option


def write_disk(disk: Disk, domain: Domain, context: Context) -> Iterator[Option]:
    """Yield the options of one disk; a disk that shares its transient image is plugged in later."""
    if disk == domain.all(Disk)[0]:
        yield from _shared(domain, context)
    if disk.share_backing:
        return
    if disk.type == "vhostuser":
        yield from _vhost_user(disk, domain, context)
        return
    image = top_image(disk, context)
    if disk.target_bus == "sd":
        yield _sd_card(disk, image)
        return
    if image is not None:
        yield from chain_options(image, context)
        yield from filters(disk, image)
    drive = None if image is None else drive_node(disk, image)
    yield device_option(disk, domain, context, properties({"drive": drive}))


def drive_node(disk: Disk, image: Image) -> str:
    """The node that the guest's device is on: the uppermost filter, else the image."""
    names = [str(option.value["node-name"]) for option in filters(disk, image) if isinstance(option.value, Mapping)]
    return names[-1] if names else image.top_node()


def filters(disk: Disk, image: Image) -> Iterator[Option]:
    """What stands between image and device: copy-on-read, then the throttle groups in their order."""
    below = image.top_node()
    if disk.copy_on_read:
        name = f"libvirt-CoR-{disk.target}"
        yield _blockdev("copy-on-read", name, below, discard="unmap")
        below = name
    for number, one in enumerate(disk.throttle_filters):
        name = f"{image.node}-filter{number}"
        yield _blockdev("throttle", name, below, **{"throttle-group": f"throttle-{one.group}"})
        below = name


def _blockdev(driver: str, name: str, below: str, **more: Any) -> Option:
    return Option("-blockdev", {"driver": driver, "node-name": name, "file": below, **more})


def _vhost_user(disk: Disk, domain: Domain, context: Context) -> Iterator[Option]:
    """The other process gives the disk; it is reached through a socket."""
    source, name = disk.ensure_source(), f"chr-vu-{disk.id()}"
    wait = None
    if source.reconnect:
        wait = _reconnect(source.reconnect_timeout or 0, context)
    yield Option("-chardev", properties({"backend": "socket", "id": name, "path": source.path}, wait or {}), "backend")
    yield device_option(disk, domain, context, {"chardev": name})


def _reconnect(seconds: int, context: Context) -> Mapping[str, int]:
    if context.has("chardev-reconnect-ms"):
        return {"reconnect-ms": seconds * 1000}
    return {"reconnect": seconds}


def _sd_card(disk: Disk, image: Optional[Image]) -> Option:
    """SD cards are part of boards and have no -device of their own."""
    from .disk_names import index_of

    file = None if image is None else image.source.file or image.source.dev
    more = {
        "format": None if image is None else image.format,
        "if": "sd",
        "index": index_of(disk.target or ""),
        "readonly": True if disk.read_only else None,
        "cache": disk.cache,
    }
    return Option("-drive", properties({"file": file}, more))


def _shared(domain: Domain, context: Context) -> Iterator[Option]:
    disks = domain.all(Disk)
    if any(_uses_our_helper(disk) for disk in disks):
        yield managed_helper(context)
    yield from _floppy_controller(domain)


def _uses_our_helper(disk: Disk) -> bool:
    found = disk.source.reservations if disk.source is not None else None
    return found is not None and bool(found.managed)


def _floppy_controller(domain: Domain) -> Iterator[Option]:
    """The boot order of floppies is a property of their controller, which an i440FX has built in."""
    floppies = [disk for disk in domain.all(Disk) if disk.target_bus == "fdc"]
    if not floppies:
        return
    order = {}
    for disk in floppies:
        index = boot_index(disk, domain)
        if index is not None:
            order["bootindexB" if disk.ensure_address().unit else "bootindexA"] = index
    if domain.is_q35():
        yield Option("-device", {"driver": "isa-fdc", **order})
        return
    for name, index in order.items():
        yield Option("-global", f"isa-fdc.{name}={index}")

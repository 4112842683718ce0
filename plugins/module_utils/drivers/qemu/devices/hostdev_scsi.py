# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logical units of the host that are given to a guest: by the host's adapter, or from an iSCSI target.

Source of the rules: libvirt's formatdomain, "Host device assignment" (scsi).
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Set, Tuple

from ....errors import UnsupportedConfig
from ....model.domain.core import Domain
from ....model.domain.disk import Disk
from ....model.domain.hostdev import Hostdev
from ....model.domain.storage import Source
from ..command.blockdev import image_nodes
from ..command.blockdev_secrets import helper_objects
from ..context import Context
from ..images import Image
from ..options import Option, properties
from .disk_device import is_narrow

Place = Tuple[int, int, int, int]
UNITS = 7  # of a narrow SCSI bus, the controller itself left out


def scsi_place(device: Hostdev) -> Optional[Place]:
    """Controller, bus, target and unit of the guest."""
    place = device.address
    if place is None or place.type != "drive":
        return None
    return place.controller or 0, place.channel or 0, place.target or 0, place.unit or 0


def complete_scsi(device: Hostdev, domain: Domain) -> None:
    """Give a device without an address the first free unit, on a controller more when those there are full."""
    if device.address is not None and device.address.type is not None:
        return
    taken = {scsi_place(other) for other in domain.all(Hostdev)} | _disks(domain)
    numbers = sorted({controller.index or 0 for controller in domain.controllers if controller.type == "scsi"})
    used = sorted({place[0] for place in taken if place is not None})
    candidates = [*numbers, *(number for number in used if number not in numbers)]
    candidates.append(max(candidates, default=-1) + 1)
    free = ((number, 0, 0, unit) for number in candidates for unit in range(UNITS))
    controller, _bus, _target, unit = next(place for place in free if place not in taken)
    address = device.ensure_address()
    address.type, address.controller, address.channel, address.target, address.unit = "drive", controller, 0, 0, unit


def meets_disk(device: Hostdev, domain: Domain) -> bool:
    """Whether a disk has the same place in the guest."""
    return scsi_place(device) is not None and scsi_place(device) in _disks(domain)


def _disks(domain: Domain) -> Set[Optional[Place]]:
    found: Set[Optional[Place]] = set()
    for disk in domain.all(Disk):
        place = disk.address
        if disk.target_bus == "scsi" and place is not None and place.type == "drive":
            found.add((place.controller or 0, place.channel or 0, place.target or 0, place.unit or 0))
    return found


def scsi_image(device: Hostdev, context: Context) -> Image:
    """What stands behind a unit as an image."""
    stem = f"libvirt-{device.id()}"
    element = device.element.find("source")
    if element is None:
        raise AssertionError("a unit without <source> has passed its check")
    source = Source(element)
    if device.protocol == "iscsi":
        return Image(stem, "network", "raw", source, read_only=device.readonly, auth=device.auth)
    path = _generic(device, context)
    holder = element.makeelement("source", {"dev": path})
    return Image(stem, "block", "raw", Source(holder), read_only=device.readonly)


def scsi_images(domain: Domain, context: Context) -> List[Image]:
    """The images of all iSCSI units, which may need secrets."""
    units = [device for device in domain.all(Hostdev) if device.type == "scsi" and device.protocol == "iscsi"]
    return [scsi_image(device, context) for device in units]


def _generic(device: Hostdev, context: Context) -> str:
    place = device.place
    if place is None:
        raise AssertionError("place is not there")
    key = (device.adapter or "", place.bus or 0, place.target or 0, place.unit or 0)
    if key not in context.scsi_generic:
        raise UnsupportedConfig(
            f"the host has no unit {key[1]}:{key[2]}:{key[3]} on {key[0]}.",
            line=device.line,
            hint="Look at lsscsi -g for what there is.",
        )
    return context.scsi_generic[key]


def scsi_options(device: Hostdev, domain: Domain, context: Context) -> Iterator[Option]:
    """The block node and the scsi-generic device."""
    image = scsi_image(device, context)
    yield from helper_objects(image, context)
    for node in image_nodes(image):
        yield Option("-blockdev", node)
    own = {
        "driver": "scsi-generic",
        "drive": image.top_node(),
        "id": device.id(),
        "bootindex": device.boot_order,
        "share-rw": True if device.shareable and context.caps.has_property("scsi-generic", "share-rw") else None,
    }
    yield Option("-device", properties(own, _unit(device, domain)))


def _unit(device: Hostdev, domain: Domain) -> Dict[str, object]:
    """Bus and unit; old LSI controllers have targets where others have units."""
    place = scsi_place(device)
    if place is None:
        return {}
    controller = domain.controller("scsi", place[0])
    bus = f"{controller.id() if controller is not None else f'scsi{place[0]}'}.0"
    if controller is not None and is_narrow(controller):
        return {"bus": bus, "scsi-id": place[3]}
    return {"bus": bus, "channel": place[1], "scsi-id": place[2], "lun": place[3]}

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names that disks have in a guest, and where a name puts a disk on its bus.

Source of the rules: libvirt's formatdomain, "target", and its default mapping of names to drive addresses.
"""

from __future__ import annotations

import re
from typing import Dict, NamedTuple, Optional

PREFIXES = ("fd", "hd", "vd", "sd", "xvd", "ubd")

_NAME = re.compile(r"(fd|hd|vd|sd|xvd|ubd)([a-z]+)(\d*)")
_LARGEST = 1 << 31


class Shape(NamedTuple):
    """How many buses a controller has by custom, and how many disks a bus."""

    buses: int
    units: int


# Two channels of two disks; six ports; a narrow SCSI bus, whose eighth place is the controller's; two floppies.
SHAPES: Dict[str, Shape] = {
    "ide": Shape(2, 2),
    "sata": Shape(1, 6),
    "scsi": Shape(1, 7),
    "fdc": Shape(1, 2),
}

BUS_OF_PREFIX: Dict[str, str] = {"hd": "ide", "sd": "scsi", "vd": "virtio", "xvd": "xen", "ubd": "uml"}


class DriveAddress(NamedTuple):
    """The place of a disk among the controllers of its bus."""

    controller: int
    bus: int
    target: int
    unit: int


def prefix_of(name: str) -> Optional[str]:
    """The letters before the disk's own, or None for what is no disk name."""
    match = _NAME.fullmatch(name)
    return match.group(1) if match else None


def partition_of(name: str) -> str:
    """The digits at the end of a name; a disk has none."""
    match = _NAME.fullmatch(name)
    return match.group(3) if match else ""


def index_of(name: str) -> Optional[int]:
    """The number of a disk, from 0: sda is 0, sdz 25, sdaa 26; None for what is no disk name."""
    match = _NAME.fullmatch(name)
    if not match:
        return None
    index = 0
    for position, letter in enumerate(match.group(2)):
        index = (index + (position > 0)) * 26 + ord(letter) - ord("a")
        if index >= _LARGEST:
            return None
    return index


def address_of(bus: str, index: int) -> Optional[DriveAddress]:
    """The place that the index-th disk of a bus has by custom, or None for a bus without such places."""
    shape = SHAPES.get(bus)
    if shape is None:
        return None
    controller, rest = divmod(index, shape.buses * shape.units)
    return DriveAddress(controller, rest // shape.units, 0, rest % shape.units)

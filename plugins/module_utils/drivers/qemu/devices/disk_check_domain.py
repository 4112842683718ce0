# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of a disk because of the rest of the domain: other disks, iothreads, throttle groups."""

from __future__ import annotations

from typing import Dict, Iterable, Optional, Set, Tuple

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.disk import Disk
from ..command.throttle import throttle_groups

# The bus, and where a drive is on it: controller, bus, target, unit.
Place = Tuple[str, int, int, int, int]


def check_in_domain(disk: Disk, domain: Domain) -> None:
    """Raise XmlError for a disk that does not fit to what else the domain has."""
    if disk.element is domain.element.find("devices/disk"):
        _check_among(domain.all(Disk))
    _check_threads(disk, domain)
    _check_groups(disk, domain)


def _check_among(disks: Iterable[Disk]) -> None:
    """Against each other, all at once: a target and an address are there once, disks of one throttle group agree."""
    targets: Set[str] = set()
    places: Dict[Place, Disk] = {}
    groups: Dict[str, Disk] = {}
    for disk in disks:
        if disk.target is not None and disk.target in targets:
            raise XmlError(f"there are two disks with the target '{disk.target}'.", line=disk.line)
        targets.add(disk.target or "")
        tune, place = disk.iotune, _place(disk)
        if tune is not None and tune.group_name:
            _check_agrees(disk, groups.setdefault(tune.group_name, disk))
        if place is not None and places.setdefault(place, disk) is not disk:
            _refuse_place(disk, places[place], place)


def _check_agrees(disk: Disk, first: Disk) -> None:
    mine, theirs = disk.iotune, first.iotune
    if mine is not None and theirs is not None and mine.limits() != theirs.limits():
        raise XmlError(
            f"the disks '{first.target}' and '{disk.target}' are in the group '{mine.group_name}'"
            " and have different limits.",
            line=disk.line,
        )


def _refuse_place(disk: Disk, other: Disk, place: Place) -> None:
    raise XmlError(
        f"the disks '{other.target}' and '{disk.target}' have the same drive address: controller='{place[1]}'"
        f" bus='{place[2]}' target='{place[3]}' unit='{place[4]}'.",
        line=disk.line,
    )


def _check_groups(disk: Disk, domain: Domain) -> None:
    known = {group.group_name for group in throttle_groups(domain)}
    for one in disk.throttle_filters:
        if one.group not in known:
            raise XmlError(
                f"the disk '{disk.target}': there is no throttle group '{one.group}' in <throttlegroups>.",
                line=disk.line,
            )


def _place(disk: Disk) -> Optional[Place]:
    at = disk.address
    if at is None or at.type != "drive":
        return None
    return (disk.target_bus or "", at.controller or 0, at.channel or 0, at.target or 0, at.unit or 0)


def _check_threads(disk: Disk, domain: Domain) -> None:
    wanted = [disk.iothread] if disk.iothread is not None else []
    wanted += [use.id for use in disk.iothreads if use.id is not None]
    if not wanted:
        return
    if disk.target_bus != "virtio":
        raise XmlError(f"the disk '{disk.target}': iothreads are for bus='virtio' only.", line=disk.line)
    if disk.iothread is not None and disk.iothreads:
        raise XmlError(f"the disk '{disk.target}': iothread='...' and <iothreads> exclude each other.", line=disk.line)
    known = iothread_ids(domain)
    for number in wanted:
        if number not in known:
            raise XmlError(f"the disk '{disk.target}': there is no iothread {number} in the domain.", line=disk.line)
    if len(set(wanted)) != len(wanted):
        raise XmlError(f"the disk '{disk.target}': an iothread is named twice.", line=disk.line)


def iothread_ids(domain: Domain) -> Tuple[int, ...]:
    """The numbers of the domain's iothreads: those that are given, and the lowest free ones for the others."""
    given = [int(one.get("id", "0")) for one in domain.element.findall("iothreadids/iothread")]
    free = (number for number in range(1, 1 << 16) if number not in given)
    return (*given, *(next(free) for _thread in range((domain.iothreads or 0) - len(given))))

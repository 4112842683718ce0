# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools that are a whole disk; volumes are its partitions, named by the kernel: sdb1, nvme0n1p1.

Source of the rules: libvirt's storage_backend_disk.c and its parthelper; parted(8).
"""

from __future__ import annotations

import re
from typing import List, Optional, Tuple

from ....errors import HostError, InvalidArgument, NoSupport, UnsupportedConfig
from ....model.storage.pool import Pool
from ....model.storage.volume import Volume
from .base import DEVICE, FORMAT, LUKS_HEADER, Argv, Empty, Found, Looking, PoolType, Room, Run, Step, first_device
from .partitions import LABELS, MSDOS, Place, Table, place, read_table, room_after, table_argv

FORMATS: Tuple[str, ...] = ("unknown", "dos", "dvh", "gpt", "mac", "bsd", "pc98", "sun", "lvm2")
# What a volume's format means for the kind of its partition in an msdos table.
FILE_SYSTEMS = {
    "none": "ext2",
    "linux": "ext2",
    "fat16": "fat16",
    "fat32": "fat32",
    "linux-swap": "linux-swap",
    "linux-lvm": "ext2",
    "linux-raid": "ext2",
    "extended": "",
}


def partition_name(pool: Pool, number: int, node: Optional[str] = None) -> str:
    """Return what the kernel calls a partition; ``node`` is the disk's own path, where the document has a link to it.

    A number is set off by "p" where the disk's name ends with a digit, or as the document says.
    """
    disk = (node or first_device(pool)).rpartition("/")[2]
    said = next((device.part_separator for device in pool.given().devices), None)
    apart = disk[-1:].isdigit() if said is None else said
    return f"{disk}{'p' if apart else ''}{number}"


def partition_number(pool: Pool, name: str, node: Optional[str] = None) -> int:
    """Return the number of the partition that a volume's name means; raises InvalidArgument for another name."""
    head = partition_name(pool, 0, node)[:-1]
    match = re.fullmatch(r"[1-9][0-9]{0,2}", name[len(head) :]) if name.startswith(head) else None
    if match is None:
        raise InvalidArgument(
            f"A volume of pool {pool.name} cannot be named {name[:40]!r}: the kernel calls partitions of its disk"
            f" {head}1, {head}2, ...",
            name=name,
        )
    return int(match.group())


# the pool


def _build(pool: Pool, overwrite: bool) -> List[Step]:
    kind, device = pool.given().format or "unknown", first_device(pool)
    if kind == "lvm2":
        raise UnsupportedConfig(
            f"pool {pool.name}: parted makes no table of the format 'lvm2'.",
            line=pool.line_at("source/format"),
            hint="A volume group is a pool of the type logical.",
        )
    label = LABELS.get(kind, kind)
    wipe: List[Step] = [Run(("wipefs", "--all", "--force", device))] if overwrite else []
    expected = "dos" if label == MSDOS else label
    return [Empty(device, expected), *wipe, Run(("parted", "--script", device, "mklabel", label))]


def _delete(pool: Pool) -> List[Step]:
    return [Run(("wipefs", "--all", first_device(pool)))]


def has_its_label(pool: Pool, table: Table) -> bool:
    """Whether a disk's table is of the pool's format; libvirt takes "unknown" for dos, as it would build it."""
    kind = pool.given().format or "unknown"
    return table.label == LABELS.get(kind, kind)


# looking


def _table(pool: Pool) -> Argv:
    return table_argv(first_device(pool))


def volumes_of(table: Table, pool: Pool, node: Optional[str] = None) -> List[Found]:
    """Return the partitions as volumes; what lies within the extended one is not counted for it."""
    disk, directory = node or first_device(pool), (node or first_device(pool)).rpartition("/")[0]
    found = []
    for part in table.partitions:
        name = partition_name(pool, part.number, node)
        path, used = f"{directory}/{name}", 0 if part.kind == "extended" else part.size
        extents = ((disk, part.start, part.end),)
        kind = "extended" if part.kind == "extended" else "none"
        found.append(Found(name, path, path, "block", part.size, used, kind, extents=extents))
    return found


def _read_volumes(text: str, pool: Pool) -> List[Found]:
    return volumes_of(read_table(text), pool)


def _read_room(text: str, pool: Pool) -> Room:
    table = read_table(text)
    used = sum(part.size for part in table.partitions if part.kind != "extended")
    return Room(table.size, used, sum(part.size for part in table.free))


# volumes


def new_place(pool: Pool, volume: Volume, table: Table, node: Optional[str] = None) -> Place:
    """Return where a partition for a volume goes in the table as it is.

    The number is the kernel's choice, so a name with another one is refused; HostError where there is no room.
    """
    wanted = partition_number(pool, volume.name or "", node)
    target = volume.given()
    extended = target.format == "extended"
    if extended and (table.label != MSDOS or table.extended is not None):
        raise HostError(f"{table.device} can have no further extended partition.")
    spot = place(table, (volume.size() or 0) + (LUKS_HEADER if target.encryption is not None else 0), extended=extended)
    if wanted != spot.number:
        raise InvalidArgument(
            f"The next partition of pool {pool.name} is {partition_name(pool, spot.number, node)}, not {volume.name}.",
            hint="Give the volume that name.",
        )
    return spot


def create_steps(pool: Pool, volume: Volume, table: Table, node: Optional[str] = None) -> List[Step]:
    """Return what makes a partition for a volume in the table as it is; raises what ``new_place`` does."""
    spot, kind = new_place(pool, volume, table, node), volume.given().format or "none"
    extended = kind == "extended"
    said = (spot.kind,) if extended or table.label != MSDOS else (spot.kind, FILE_SYSTEMS[kind])
    argv = ("parted", "--script", first_device(pool), "mkpart", *said, f"{spot.start}B", f"{spot.last}B")
    return [Run(argv)]


def delete_steps(pool: Pool, name: str, node: Optional[str] = None) -> List[Step]:
    """Return what removes a partition."""
    return [Run(("parted", "--script", first_device(pool), "rm", str(partition_number(pool, name, node))))]


def resize_steps(
    pool: Pool, name: str, size: int, shrink: bool, table: Table, node: Optional[str] = None
) -> List[Step]:
    """Return what makes a partition larger, up to ``size`` bytes; raises NoSupport and HostError for what it cannot be.

    Only its end can move, so what follows it has to be free.
    """
    number = partition_number(pool, name, node)
    part = next((each for each in table.partitions if each.number == number), None)
    if part is None:
        raise HostError(f"{table.device} has no partition {number}.")
    if shrink or part.kind == "extended":
        what = "A partition is not made smaller" if shrink else "An extended partition is not resized"
        raise NoSupport(f"{what} here: {name} of pool {pool.name} keeps its size.", hint="Make another volume.")
    room = room_after(table, part)
    if size > part.size + room:
        beside = f"only {room} bytes are free" if room else "nothing is free"
        raise HostError(
            f"{name} of pool {pool.name} cannot grow to {size} bytes: directly behind its {part.size} bytes {beside}.",
            hint="Delete the partition behind it, or make another volume and copy this one to it.",
        )
    argv = ("parted", "--script", first_device(pool), "resizepart", str(number), f"{part.start + size - 1}B")
    return [Run(argv)]


def _check_volume(volume: Volume, pool: Pool) -> None:
    if volume.given().format == "extended" and pool.given().format not in ("dos", "unknown"):
        raise UnsupportedConfig(
            f"volume {volume.name}: there are extended partitions in tables of the format dos only.",
            line=volume.line_at("target/format"),
        )


DISK = PoolType(
    "disk",
    source=frozenset({DEVICE, FORMAT}),
    devices=(1, 1),
    formats=FORMATS,
    default_target="/dev",
    volume_formats=tuple(FILE_SYSTEMS),
    programs=("parted", "wipefs"),
    check_volume=_check_volume,
    build=_build,
    delete=_delete,
    looking=Looking(_table, _read_volumes, _table, _read_room),
)

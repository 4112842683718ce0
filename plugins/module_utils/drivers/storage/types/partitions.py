# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of partitions that parted shows, and where a new partition goes.

``parted --machine`` prints one line a disk, one a partition and one a free space, with fields between colons. Which
partition is the extended one of an msdos table it does not say: that is the one in which others lie.

Source of the rules: parted(8), "print"; libvirt's storage_backend_disk.c.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import List, Optional, Tuple

from ....errors import HostError
from .base import Argv

# Where partitions begin and end: a mebibyte suits every disk that is made.
ALIGNMENT = 1024 * 1024
MOST_PRIMARY = 4  # of an msdos table
MSDOS = "msdos"
# libvirt's words for tables of partitions, and parted's where it has another.
LABELS = {"dos": MSDOS, "unknown": MSDOS}
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Part:
    """A partition, or free space (number 0): bytes from ``start`` up to but not with ``end``.

    ``kind`` is primary, extended or logical; free space is logical within an extended partition, else primary.
    """

    number: int
    start: int
    end: int
    kind: str = "primary"
    content: str = ""
    name: str = ""

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.end - self.start


@dataclass(frozen=True)
class Table:
    """A disk with its partitions and free spaces in the order in which they lie; ``label`` is parted's word."""

    device: str
    size: int
    label: str
    parts: Tuple[Part, ...] = ()

    @property
    def partitions(self) -> List[Part]:
        """The partitions, by their numbers."""
        return sorted((part for part in self.parts if part.number), key=lambda part: part.number)

    @property
    def free(self) -> List[Part]:
        """The free spaces, as they lie."""
        return [part for part in self.parts if not part.number]

    @property
    def extended(self) -> Optional[Part]:
        """The partition in which logical ones lie."""
        return next((part for part in self.parts if part.kind == "extended"), None)


@dataclass(frozen=True)
class Place:
    """Where a new partition goes, and which number it will have; ``last`` is its last byte."""

    kind: str
    number: int
    start: int
    last: int


def table_argv(device: str) -> Argv:
    """Return the command that shows a disk's partitions and free spaces; it ends with 1 where there is no table."""
    return ("parted", "--machine", "--script", device, "unit", "B", "print", "free")


def read_table(text: str) -> Table:
    """Return the table that parted printed; without one the label is "unknown". Raises HostError."""
    rows = [_fields(line) for line in text.splitlines() if line.endswith(";")]
    if len(rows) < 2 or rows[0] != ["BYT"] or len(rows[1]) < 6:
        raise HostError("parted printed what cannot be read.", hint="Look at what it prints by hand.")
    device, size, label = rows[1][0], _bytes(rows[1][1]), rows[1][5]
    parts = [_part(row) for row in rows[2:]]
    return Table(device, size, label, tuple(_kinds(parts) if label == MSDOS else parts))


def _fields(line: str) -> List[str]:
    """Split at colons; one that belongs to a name has a backslash before it, as a backslash has."""
    found = re.findall(r"((?:\\.|[^:\\])*)(?::|$)", line[:-1])
    return [re.sub(r"\\(.)", r"\1", field) for field in found[: line[:-1].count(":") + 1]]


def _bytes(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,19})B", text)
    if match is None:
        raise HostError(f"parted printed {text[:40]!r} where a number of bytes was expected.")
    return int(match.group(1))


def _part(row: List[str]) -> Part:
    if len(row) < 5 or not row[0].isdigit():
        raise HostError("parted printed a partition that cannot be read.")
    number, content = int(row[0]), row[4]
    end = _bytes(row[2]) + 1
    if content == "free":
        return Part(0, _bytes(row[1]), end)
    return Part(number, _bytes(row[1]), end, "primary", content, row[5] if len(row) > 5 else "")


def _kinds(parts: List[Part]) -> List[Part]:
    outer = [part for part in parts if 0 < part.number <= MOST_PRIMARY and _holds_others(part, parts)]
    return [_of_kind(part, "extended" if part in outer else _kind_within(part, outer)) for part in parts]


def _holds_others(part: Part, parts: List[Part]) -> bool:
    return any(other is not part and part.start <= other.start and other.end <= part.end for other in parts)


def _kind_within(part: Part, outer: List[Part]) -> str:
    inside = any(one.start <= part.start and part.end <= one.end for one in outer)
    return "logical" if part.number > MOST_PRIMARY or inside else "primary"


def _of_kind(part: Part, kind: str) -> Part:
    return Part(part.number, part.start, part.end, kind, part.content, part.name)


# a new partition


def place(table: Table, size: int, *, extended: bool = False) -> Place:
    """Return where a partition of at least ``size`` bytes goes: the smallest space in which it fits.

    Raises HostError where there is no such space, or the table can have no more partitions.
    """
    kind = "extended" if extended else _next_kind(table)
    room = [spot for free in table.free if free.kind == _space_for(kind) for spot in _spots(free, size, kind)]
    if not room:
        raise HostError(
            f"{table.device} has no free space of {size} bytes for a {kind} partition.",
            hint="Delete a partition, or ask for less.",
        )
    _slack, start = min(room)
    return Place(kind, _number(table, kind), start, start + _aligned(size) - 1)


def with_part(table: Table, new: Place) -> Table:
    """Return the table as it is with a partition at a place that ``place`` has found in it."""
    part = Part(new.number, new.start, new.last + 1, new.kind)
    inside = [Part(0, part.start, part.end, "logical")] if new.kind == "extended" else []
    rows: List[Part] = []
    for each in table.parts:
        if each.number or each.kind != _space_for(new.kind) or not each.start <= part.start < each.end:
            rows.append(each)
            continue
        around = (replace(each, end=part.start), part, *inside, replace(each, start=part.end))
        rows += [row for row in around if row.size > 0]
    return replace(table, parts=tuple(rows))


def without_part(table: Table, number: int) -> Table:
    """Return the table as it is without a partition: its space is free, and logical ones behind it count on from it."""
    gone = next((part for part in table.partitions if part.number == number), None)
    if gone is None:
        return table
    rows: List[Part] = []
    for each in table.parts:
        if each is gone:
            each = Part(0, gone.start, gone.end, _space_for(gone.kind))
        elif gone.kind == "extended" and gone.start <= each.start and each.end <= gone.end:
            continue
        elif gone.kind == each.kind == "logical" and each.number > number:
            each = replace(each, number=each.number - 1)
        before = rows[-1] if rows else None
        joined = before is not None and not (before.number or each.number) and before.kind == each.kind
        if before is not None and joined and before.end == each.start:
            rows[-1] = replace(before, end=each.end)
        else:
            rows.append(each)
    return replace(table, parts=tuple(rows))


def room_after(table: Table, part: Part) -> int:
    """Return how many free bytes follow a partition directly, of those that its kind can have."""
    kind = _space_for(part.kind)
    return next((free.size for free in table.free if free.start == part.end and free.kind == kind), 0)


def _space_for(kind: str) -> str:
    return "logical" if kind == "logical" else "primary"


def _next_kind(table: Table) -> str:
    primary = [part for part in table.partitions if part.number <= MOST_PRIMARY]
    if table.label != MSDOS or len(primary) < MOST_PRIMARY:
        return "primary"
    if table.extended is None:
        raise HostError(
            f"{table.device} has {MOST_PRIMARY} primary partitions and no extended one, so it can have no more.",
            hint="Make the partition table of the format gpt.",
        )
    return "logical"


def _spots(free: Part, size: int, kind: str) -> List[Tuple[int, int]]:
    """Where in a free space it could begin: what is then left over of the space, and the first byte."""
    before = ALIGNMENT if kind == "logical" else 1  # a logical partition has its own record before it
    start = _aligned(free.start + before - 1)
    left = free.end - start - _aligned(size)
    return [(left, start)] if left >= 0 else []


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _number(table: Table, kind: str) -> int:
    """parted takes the lowest number that is free; logical partitions count on from 5 without a gap."""
    taken = {part.number for part in table.partitions}
    first = MOST_PRIMARY + 1 if kind == "logical" else 1
    return next(number for number in range(first, first + len(taken) + 1) if number not in taken)

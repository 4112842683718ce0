# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What elements of one list have to do with each other, so that those that depend on others come after them.

Only what the options say counts; a path may be that of any volume whose name is its last part. What is wrong with the
options is said when it is that element's turn.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Optional

from ..errors import CorralError

Options = Mapping[str, Any]
# What the kernel calls partitions, by numbers that it gives one after the other: they are made in the order of a list.
PARTITION = re.compile(r"(?:(?:s|h|v|xv)d[a-z]{1,3}|(?:loop|mmcblk|nbd|md|pmem|nvme\d{1,4}n)\d{1,4}p)\d{1,3}")


def guest_makes(options: Options) -> Iterator[Hashable]:
    """The name that a guest gives up, and the volumes and images of its disks."""
    if options.get("renamed_from"):
        yield options["renamed_from"]
    if any(disk.get("pool") for disk in options.get("disks") or ()):
        from .options.disks import named_volumes

        with suppress(CorralError):
            for place in named_volumes(options):
                yield from _volume(*place)
    for disk in options.get("disks") or ():
        if disk.get("path") and not disk.get("readonly"):
            yield disk["path"]


def guest_uses(options: Options) -> Iterator[Hashable]:
    """What the disks of a guest stand on or are made from."""
    for disk in options.get("disks") or ():
        yield from volume_uses(disk)


def volume_makes(options: Options) -> Iterator[Hashable]:
    """The volume itself, as others name it."""
    from .volume_spec import desired_volume

    yield from _volume(options["pool"], desired_volume(options, describe=False)[0])


def volume_uses(options: Options) -> Iterator[Hashable]:
    """What a volume stands on or is made from."""
    from .volume_options.content import backing, image

    for read in (backing, image):
        with suppress(CorralError):
            found = read(options.get(read.__name__), options.get("pool") or "")
            yield from _places(None if found is None else found.volume, None if found is None else found.path)


def filter_uses(options: Options) -> Iterator[Hashable]:
    """The filters that a filter takes in."""
    for entry in options.get("filters") or ():
        yield str(entry.get("name") if isinstance(entry, Mapping) else entry)


def _volume(pool: str, name: str) -> tuple[Hashable, ...]:
    disk = (("partitions", pool),) if PARTITION.fullmatch(name) else ()
    return (pool, name), ("called", name), *disk


def _places(volume: Optional[tuple[str, str]], path: Optional[str]) -> Iterator[Hashable]:
    if volume is not None:
        yield volume
    if path is not None:
        yield path
        yield "called", path.rpartition("/")[2]

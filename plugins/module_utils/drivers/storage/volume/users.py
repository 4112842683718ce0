# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who has an image open, from the kernel's list of locks.

QEMU locks a byte for each right that it uses on an image, and one for each that it lets nobody else have (its
block/file-posix.c): from 100 on the rights in use, of which 101 is to write, from 200 on those that are not shared.

A file is known by its number in its file system; new file systems all begin with the same numbers. Where a file system
lies on a device its rows name that device, as stat(2) does. Others have a number of their own (major 0), by which some
(btrfs, overlay) answer stat(2) otherwise: there the file's number alone decides.
"""

from __future__ import annotations

from typing import Iterator, Tuple

from ....errors import OperationInvalid
from ....host.api import FileStat, Host

ANY = range(100, 300)
WRITE = range(101, 102)
LOCKS = "/proc/locks"


def check_free(host: Host, found: FileStat, what: str, *, rights: range = ANY) -> None:
    """Raise OperationInvalid when a program has the image open with one of these rights; any of them by default."""
    if any(first in rights or last in rights for first, last in _locks(host, found)):
        raise OperationInvalid(f"{what} is open in a program.", hint="Stop the guest that uses it, or wait.")


def _locks(host: Host, found: FileStat) -> Iterator[Tuple[int, int]]:
    """The first and the last byte of each lock on a file; rows end with MAJOR:MINOR:INODE and these two."""
    rows = (host.read(LOCKS) or b"").decode("ascii", "replace").splitlines()
    for words in (row.split() for row in rows):
        if len(words) >= 8 and _is_of(words[-3], found) and words[-2].isdigit():
            first = int(words[-2])
            yield first, int(words[-1]) if words[-1].isdigit() else first


def _is_of(place: str, found: FileStat) -> bool:
    """Whether MAJOR:MINOR:INODE, the first two hexadecimal, can be the file."""
    major, _colon, rest = place.partition(":")
    minor, _colon, inode = rest.partition(":")
    if inode != str(found.inode):
        return False
    device = (found.device >> 8 & 0xFFF, found.device & 0xFF | found.device >> 12 & 0xFFF00)
    return int(major, 16) == 0 or device[0] == 0 or device == (int(major, 16), int(minor, 16))

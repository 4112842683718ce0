# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who has an image open, from the kernel's list of locks.

QEMU locks a byte for each right that it uses on an image, and one for each that it lets nobody else have (its
block/file-posix.c): from 100 on the rights in use, of which 101 is to write, from 200 on those that are not shared.
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
        if len(words) >= 8 and words[-3].rpartition(":")[2] == str(found.inode) and words[-2].isdigit():
            first = int(words[-2])
            yield first, int(words[-1]) if words[-1].isdigit() else first

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Large files in pieces: read by who gives them away, written by who takes them. Holes stay holes.

A file is written beside its place, and gets it when it is whole.
"""

from __future__ import annotations

import errno
import hashlib
import os
import posixpath
from contextlib import contextmanager
from typing import Iterator, Optional, Tuple

from ..errors import HostError

# Bytes that are read in one step; those of a block that are all zero are as good as a hole.
BLOCK = 1 << 20
ZERO = bytes(BLOCK)


@contextmanager
def _opened(path: str, flags: int) -> Iterator[int]:
    """A file as a descriptor; what goes wrong with it is a HostError."""
    try:
        number = os.open(path, flags | os.O_CLOEXEC, 0o600)
        try:
            yield number
        finally:
            os.close(number)
    except OSError as error:
        raise HostError(f"{path}: {error.strerror}.", path=path) from error


def _next_data(number: int, offset: int) -> Optional[Tuple[int, int]]:
    """Where the next data begin, and where they end at the latest; None behind the last."""
    size = os.fstat(number).st_size
    if offset >= size:
        return None
    try:
        begin = os.lseek(number, offset, os.SEEK_DATA)
        return begin, os.lseek(number, begin, os.SEEK_HOLE)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return None
        if error.errno in (errno.EINVAL, errno.EOPNOTSUPP):
            return offset, size
        raise


def piece(path: str, offset: int, size: int) -> Optional[Tuple[int, bytes]]:
    """The next data from ``offset`` on, ``size`` bytes at most, and where they are; None when there are no more."""
    with _opened(path, os.O_RDONLY) as number:
        found = _next_data(number, offset)
        if found is None:
            return None
        begin, _end = found
        return begin, _read(number, begin, size)


def part_of(path: str) -> str:
    """Where a file is written until it is whole."""
    return posixpath.join(posixpath.dirname(path), f".{posixpath.basename(path)}.corral-part")


def begin_file(path: str, size: int) -> None:
    """Begin to write a file of so many bytes, all of them a hole."""
    with _opened(part_of(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW) as number:
        os.ftruncate(number, size)


def write_piece(path: str, offset: int, data: bytes) -> None:
    """Put a piece in its place; blocks of zeros are left out."""
    with _opened(part_of(path), os.O_WRONLY | os.O_NOFOLLOW) as number:
        for at in range(0, len(data), BLOCK):
            block = data[at : at + BLOCK]
            done = 0 if block != ZERO[: len(block)] else len(block)
            while done < len(block):
                done += os.pwrite(number, block[done:], offset + at + done)


def finish_file(path: str, *, mode: int, owner: Optional[Tuple[int, int]]) -> None:
    """Give a whole file its place, on the disk as well."""
    part = part_of(path)
    with _opened(part, os.O_WRONLY | os.O_NOFOLLOW) as number:
        if owner is not None:
            os.fchown(number, *owner)
        os.fchmod(number, mode)
        os.fsync(number)
        os.replace(part, path)
    with _opened(posixpath.dirname(path), os.O_RDONLY | os.O_DIRECTORY) as number:
        os.fsync(number)


def file_digest(path: str) -> str:
    """The SHA-256 of a file's size and of each block that is not all zeros, so that holes make no difference."""
    with _opened(path, os.O_RDONLY) as number:
        taken = hashlib.sha256(f"{os.fstat(number).st_size}\n".encode())
        at = 0
        while True:
            found = _next_data(number, at)
            if found is None:
                return taken.hexdigest()
            begin, end = found[0] // BLOCK * BLOCK, found[1]
            for offset in range(max(begin, at), end, BLOCK):
                block = _read(number, offset, BLOCK)
                if block != ZERO[: len(block)]:
                    taken.update(b"%d\n" % offset)
                    taken.update(block)
                at = offset + BLOCK


def _read(number: int, offset: int, size: int) -> bytes:
    """So many bytes from a place on, fewer only at the end of the file."""
    parts, length = [], 0
    while length < size:
        more = os.pread(number, size - length, offset + length)
        if not more:
            break
        parts.append(more)
        length += len(more)
    return b"".join(parts)

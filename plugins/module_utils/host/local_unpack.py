# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packed files, unpacked with Python's own modules into a sparse file."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import IO, Callable, Dict

from ..errors import InvalidArgument, MissingLibrary, OperationFailed
from .local_files import attempt

# What holds only zeros, of this size, becomes a hole.
PIECE = 1 << 16


def unpack(path: str, target: str, kind: str) -> None:
    """Put what a file packed by gzip, xz or bzip2 holds into a new one (mode 0600), wholly or not at all.

    Raises OperationFailed for what is damaged or cut, HostError for what cannot be written.
    """
    opener = _OPENERS.get(kind)
    if opener is None:
        raise InvalidArgument(f"Nothing here unpacks {kind}.")
    with attempt("write", target):
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with attempt("unpack", path), open(descriptor, "wb") as out:
            _copy(opener, path, out)
            os.fsync(descriptor)
    except BaseException:
        with suppress(OSError):
            os.unlink(target)
        raise


def _copy(opener: Callable[[str], IO[bytes]], path: str, out: IO[bytes]) -> None:
    source = opener(path)
    with source:
        while True:
            piece = _read(source, path)
            if not piece:
                break
            if piece.count(0) == len(piece):
                out.seek(len(piece), os.SEEK_CUR)
            else:
                out.write(piece)
    out.truncate(out.tell())
    out.flush()


def _read(source: IO[bytes], path: str) -> bytes:
    """Read on; each module has errors of its own for what is damaged."""
    try:
        return source.read(PIECE)
    except EOFError:
        raise OperationFailed(f"{path} is cut: its packed content has no end.", path=path) from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise OperationFailed(f"{path} is damaged: {error}.", path=path) from None
    except Exception as error:
        raise OperationFailed(f"{path} is damaged: {error}.", path=path) from None


def _gzip(path: str) -> IO[bytes]:
    try:
        import gzip
    except ImportError:
        raise MissingLibrary("zlib") from None
    return gzip.open(path, "rb")  # type: ignore[return-value]


def _xz(path: str) -> IO[bytes]:
    try:
        import lzma
    except ImportError:
        raise MissingLibrary("lzma") from None
    return lzma.open(path, "rb")


def _bzip2(path: str) -> IO[bytes]:
    try:
        import bz2
    except ImportError:
        raise MissingLibrary("bz2") from None
    return bz2.open(path, "rb")


_OPENERS: Dict[str, Callable[[str], IO[bytes]]] = {"gzip": _gzip, "xz": _xz, "bzip2": _bzip2}

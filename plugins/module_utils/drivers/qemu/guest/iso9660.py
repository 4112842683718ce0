# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tiny ISO 9660 file system: a few small files in one directory, with their names in Rock Ridge and in Joliet.

Linux and the BSDs read the names in Rock Ridge, Windows those in Joliet. Nothing in it depends on when or where it was
made, so that the same files give the same bytes. Source of the form: ECMA-119, SUSP 1.10, RRIP 1.10, and Joliet's
specification.
"""

from __future__ import annotations

import struct
from typing import Dict, List, Mapping, Tuple

SECTOR = 2048
SYSTEM_AREA = 16 * SECTOR
# Sectors: the three descriptors from 16 on, then the path tables in both byte orders for each tree, the two root
# directories, the description of Rock Ridge, and the files.
PATHS, ROOT, JOLIET_PATHS, JOLIET_ROOT, EXTENSION, FILES = 19, 23, 21, 24, 25, 26
JOLIET_LEVEL_3 = b"%/E"
DATE = bytes((100, 1, 1, 0, 0, 0, 0))  # the first day of 2000
DIRECTORY_MODE, FILE_MODE = 0o040500, 0o100400  # for root alone, whoever mounts it
PATH_TABLE_SIZE = 10
# No file is larger than a directory record can say; the whole is made in memory, so it stays far below.
LARGEST = 16 << 20

Placed = Mapping[str, Tuple[int, int]]  # name -> first sector, size


def make_image(label: str, files: Mapping[str, bytes]) -> bytes:
    """Return the file system; a directory of one sector has room for a dozen files with names like user-data.

    Raises ValueError for more than fits.
    """
    placed, end = _places(files)
    if end * SECTOR > LARGEST:
        raise ValueError(f"the files take more than {LARGEST >> 20} MiB")
    sectors = [
        _descriptor(1, label, end, ROOT, PATHS),
        _descriptor(2, label, end, JOLIET_ROOT, JOLIET_PATHS),
        b"\xffCD001\x01",
        *(_path_table(root, order) for root in (ROOT, JOLIET_ROOT) for order in ("<", ">")),
        _plain_root(placed),
        _joliet_root(placed),
        _extension(),
    ]
    body = b"".join(_padded(sector) for sector in sectors)
    return b"\0" * SYSTEM_AREA + body + b"".join(_padded(data) for _name, data in sorted(files.items()))


def _places(files: Mapping[str, bytes]) -> Tuple[Dict[str, Tuple[int, int]], int]:
    """Where each file begins and its size, and the sector behind the last."""
    placed: Dict[str, Tuple[int, int]] = {}
    sector = FILES
    for name, data in sorted(files.items()):
        placed[name] = (sector, len(data))
        sector += -(-len(data) // SECTOR)
    return placed, sector


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % SECTOR)


def _both(number: int) -> bytes:
    """A number of 32 bits in both byte orders."""
    return struct.pack("<I", number) + struct.pack(">I", number)


def _both_short(number: int) -> bytes:
    return struct.pack("<H", number) + struct.pack(">H", number)


def _descriptor(kind: int, label: str, size: int, root: int, paths: int) -> bytes:
    """A volume descriptor (ECMA-119, 8.4 and 8.5): of the plain tree (1) or of Joliet's (2)."""
    joliet = kind == 2

    def words(text: str, length: int) -> bytes:
        if joliet:
            return text.encode("utf-16-be") + "\0".encode("utf-16-be") * ((length - 2 * len(text)) // 2)
        return text.encode("ascii").ljust(length)

    never = b"0" * 16 + b"\0"
    return b"".join(
        (
            struct.pack("B5sBB", kind, b"CD001", 1, 0),
            words("", 32),
            words(label, 32),
            bytes(8),
            _both(size),
            (JOLIET_LEVEL_3 if joliet else b"").ljust(32, b"\0"),
            _both_short(1),
            _both_short(1),
            _both_short(SECTOR),
            _both(PATH_TABLE_SIZE),
            struct.pack("<II", paths, 0),
            struct.pack(">II", paths + 1, 0),
            _record(b"\0", root, SECTOR, directory=True),
            *(words("", 128) for _field in ("set", "publisher", "preparer", "application")),
            *(words("", 37).ljust(37, b"\0") for _field in ("copyright", "abstract", "bibliography")),
            never * 4,
            b"\x01",
        )
    )


def _path_table(root: int, order: str) -> bytes:
    """The only directory is the root."""
    return struct.pack(f"{order}BBIH2s", 1, 0, root, 1, b"\0\0")


def _record(name: bytes, sector: int, size: int, *, directory: bool = False, extra: bytes = b"") -> bytes:
    """A directory record (ECMA-119, 9.1)."""
    head = _both(sector) + _both(size) + DATE + bytes((2 if directory else 0, 0, 0)) + _both_short(1)
    body = head + bytes((len(name),)) + name + (b"" if len(name) % 2 else b"\0") + extra
    body += b"\0" * (len(body) % 2)
    return bytes((len(body) + 2, 0)) + body


def _directory(rows: List[bytes]) -> bytes:
    whole = b"".join(rows)
    if len(whole) > SECTOR:
        raise ValueError("these are more files than one directory has room for")
    return whole


def _plain_root(placed: Placed) -> bytes:
    """The directory with short names, and the true ones in Rock Ridge."""
    begin = b"SP\x07\x01\xbe\xef\0" + b"CE\x1c\x01" + _both(EXTENSION) + _both(0) + _both(len(_extension()))
    rows = [
        _record(b"\0", ROOT, SECTOR, directory=True, extra=begin + _owner(DIRECTORY_MODE, 2)),
        _record(b"\1", ROOT, SECTOR, directory=True, extra=_owner(DIRECTORY_MODE, 2)),
    ]
    for number, (name, (sector, size)) in enumerate(placed.items(), 1):
        true = b"NM" + bytes((5 + len(name), 1, 0)) + name.encode("ascii")
        rows.append(_record(b"FILE%04d.;1" % number, sector, size, extra=_owner(FILE_MODE, 1) + true))
    return _directory(rows)


def _owner(mode: int, links: int) -> bytes:
    return b"PX\x24\x01" + _both(mode) + _both(links) + _both(0) + _both(0)


def _extension() -> bytes:
    """That the records speak Rock Ridge."""
    name = b"RRIP_1991A"
    return b"ER" + bytes((8 + len(name), 1, len(name), 0, 0, 1)) + name


def _joliet_root(placed: Placed) -> bytes:
    own = [_record(name, JOLIET_ROOT, SECTOR, directory=True) for name in (b"\0", b"\1")]
    return _directory([*own, *(_record(name.encode("utf-16-be"), *where) for name, where in placed.items())])

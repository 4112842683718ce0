# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an image is, read from its first bytes: no program is started, and no image below it is opened.

Whoever calls this decides whether the bytes may be believed: those of an image that a guest writes may not, because it
could put a header of its choice there. Source of the formats: QEMU's docs/interop/qcow2.rst; LUKS1 On-Disk Format.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Callable, Dict, Iterator, Optional, Tuple

# Reads ``size`` bytes from ``offset`` on; fewer at the end of the file.
Read = Callable[[int, int], bytes]

HEAD = 4096
SECTOR = 512
QCOW_MAGIC = b"QFI\xfb"
LUKS_MAGIC = b"LUKS\xba\xbe"
# Where each format writes its name.
MAGICS: Tuple[Tuple[str, int, bytes], ...] = (
    ("qcow2", 0, QCOW_MAGIC),
    ("luks", 0, LUKS_MAGIC),
    ("vmdk", 0, b"KDMV"),
    ("vmdk", 0, b"COWD"),
    ("vmdk", 0, b"# Disk DescriptorFile"),
    ("vdi", 64, b"\x7f\x10\xda\xbe"),
    ("vpc", 0, b"conectix"),
    ("vhdx", 0, b"vhdxfile"),
    ("qed", 0, b"QED\0"),
    ("bochs", 0, b"Bochs Virtual HD Image"),
    ("cloop", 0, b"#!/bin/sh\n#V2.0 Format"),
    ("ploop", 0, b"WithoutFreeSpace"),
    ("ploop", 0, b"WithouFreSpacExt"),
    ("iso", 32769, b"CD001"),
)
# Bits of a qcow2 header, and the numbers of what follows it.
# How files begin that are no disks: what people keep, and what is packed.
FOREIGN: Tuple[Tuple[int, bytes], ...] = (
    (257, b"ustar"),
    *((0, magic) for magic in (b"\x1f\x8b", b"\xfd7zXZ\0", b"BZh", b"\x28\xb5\x2f\xfd", b"PK\3\4", b"7z\xbc\xaf")),
    *((0, magic) for magic in (b"SQLite format 3\0", b"\x7fELF", b"#!", b"%PDF-", b"<?xml", b"-----BEGIN ")),
)
DATA_FILE, EXTENDED_L2, LAZY_REFCOUNTS = 1 << 2, 1 << 4, 1 << 0
BACKING_FORMAT = 0xE2792ACA
LONGEST_NAME = 1023


@dataclass(frozen=True)
class Image:
    """What an image says of itself. ``format`` is raw for what is nothing else; ``capacity`` is in bytes.

    ``encryption`` is luks for an encrypted one, whose format is then raw or qcow2, as in documents. ``backing`` stands
    as it is written there. ``outside`` says that its contents are in other files, which it names.
    """

    format: str = "raw"
    capacity: Optional[int] = None
    encryption: Optional[str] = None
    backing: Optional[str] = None
    backing_format: Optional[str] = None
    compat: Optional[str] = None
    cluster_size: Optional[int] = None
    features: Tuple[str, ...] = ()
    outside: bool = False


def probe(read: Read, size: int) -> Image:
    """Return what the bytes say the image is; ``size`` is that of the file."""
    head = read(0, HEAD)
    name = next((name for name, offset, magic in MAGICS if _has(read, head, offset, magic)), "raw")
    return _READERS.get(name, _other)(name, read, size)


def inspect(read: Read, size: int, format: str, encryption: Optional[str] = None) -> Image:
    """Return what an image of a known format says of itself; one of another format by now is raw."""
    name = "luks" if format == "raw" and encryption else "qcow2" if format == "qcow" else format
    wanted = [(offset, magic) for row, offset, magic in MAGICS if row == name]
    if not wanted:
        return Image(format, size)
    head = read(0, HEAD)
    if not any(_has(read, head, offset, magic) for offset, magic in wanted):
        return Image("raw", size)
    return _READERS.get(name, _other)(name, read, size)


def is_foreign(read: Read) -> bool:
    """Whether the bytes are those of an archive, a database, a program or a text, which nobody boots from."""
    head = read(0, HEAD)
    return any(head.startswith(magic, offset) for offset, magic in FOREIGN)


def _has(read: Read, head: bytes, offset: int, magic: bytes) -> bool:
    end = offset + len(magic)
    return (head[offset:end] if end <= HEAD else read(offset, len(magic))) == magic


def _other(name: str, read: Read, size: int) -> Image:
    """A format of which only QEMU knows more: its capacity stays open, but an ISO image has no other size."""
    return Image(name, size if name in ("raw", "iso") else None)


def _vmdk(name: str, read: Read, size: int) -> Image:
    """A sparse extent with a capacity holds its data itself; everything else names other files (QEMU's vmdk.c)."""
    head = read(0, 24)
    alone = head[:4] == b"KDMV" and struct.unpack("<Q", head[12:20].ljust(8, b"\0"))[0] > 0
    return Image(name, outside=not alone)


def _luks(name: str, read: Read, size: int) -> Image:
    """The payload begins at a sector that the header names; QEMU opens version 1 only."""
    head = read(0, 108).ljust(108, b"\0")
    version, payload = struct.unpack(">H", head[6:8])[0], struct.unpack(">I", head[104:108])[0] * SECTOR
    if version != 1 or payload > size:
        return Image("raw", size)
    return Image("raw", size - payload, encryption="luks")


def _qcow2(name: str, read: Read, size: int) -> Image:
    head = read(0, HEAD)
    if len(head) < 72:
        return Image("raw", size)
    version, offset, length, bits, capacity, crypt = struct.unpack(">IQIIQI", head[4:36])
    if version < 2:
        return Image("qcow", capacity, backing=_name(read, offset, length))
    wide = len(head) >= 104 and version > 2
    needs, may = struct.unpack(">QQ", head[72:88]) if wide else (0, 0)
    features = (("lazy_refcounts", may & LAZY_REFCOUNTS), ("extended_l2", needs & EXTENDED_L2))
    backing = _name(read, offset, length)
    return Image(
        format="qcow2",
        capacity=capacity,
        encryption={1: "qcow", 2: "luks"}.get(crypt),
        backing=backing,
        backing_format=_extensions(head, wide).get(BACKING_FORMAT) if backing else None,
        compat="1.1" if version > 2 else "0.10",
        cluster_size=1 << bits if 9 <= bits <= 21 else None,
        features=tuple(name for name, bit in features if bit),
        outside=bool(needs & DATA_FILE),
    )


def _name(read: Read, offset: int, length: int) -> Optional[str]:
    if not offset or not 0 < length <= LONGEST_NAME:
        return None
    return read(offset, length).decode("utf-8", "surrogateescape")


def _extensions(head: bytes, wide: bool) -> Dict[int, str]:
    return dict(_each_extension(head, struct.unpack(">I", head[100:104])[0] if wide else 72))


def _each_extension(head: bytes, at: int) -> Iterator[Tuple[int, str]]:
    while at + 8 <= len(head):
        number, length = struct.unpack(">II", head[at : at + 8])
        if not number:
            return
        yield number, head[at + 8 : at + 8 + length].decode("utf-8", "replace")
        at += 8 + (length + 7) // 8 * 8


_READERS: Dict[str, Callable[[str, Read, int], Image]] = {"qcow2": _qcow2, "luks": _luks, "vmdk": _vmdk}

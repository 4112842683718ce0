# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a block device is and holds, as lsblk and wipefs tell it: whether it may become a pool, and what it is named.

Source of the rules: lsblk(8), wipefs(8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from .base import Argv, natural, rows_of, said_by

_FIELDS = "NAME,KNAME,PATH,TYPE,SIZE,FSTYPE,MOUNTPOINT,HCTL,WWN,SERIAL"


@dataclass(frozen=True)
class Block:
    """A block device, with those that lie on it: partitions, mappings.

    ``type`` is disk, part, lvm, mpath, loop, ...; ``place`` are host, channel, target and unit of a SCSI device.
    """

    path: str
    kernel_name: str
    type: str
    size: int = 0
    filesystem: Optional[str] = None
    mountpoint: Optional[str] = None
    place: Optional[Tuple[int, int, int, int]] = None
    wwn: Optional[str] = None
    serial: Optional[str] = None
    above: Tuple[Block, ...] = ()

    def all(self) -> Iterator[Block]:
        """The device and everything that lies on it."""
        yield self
        for block in self.above:
            yield from block.all()


def blocks_argv(device: Optional[str] = None) -> Argv:
    """Return the command that shows one device, or all, with what lies on them."""
    return ("lsblk", "--json", "--bytes", "--output", _FIELDS, *(() if device is None else (device,)))


def read_blocks(text: str) -> List[Block]:
    """Return the devices that lsblk printed, what lies on each below it; raises HostError."""
    return [_block(row) for row in rows_of("lsblk", said_by("lsblk", text).get("blockdevices", []))]


def _block(row: Dict[str, Any]) -> Block:
    name = str(row.get("kname") or row.get("name") or "")
    return Block(
        path=str(row.get("path") or f"/dev/{name}"),
        kernel_name=name,
        type=str(row.get("type") or ""),
        size=natural("lsblk", row.get("size") or 0),
        filesystem=_text(row, "fstype"),
        mountpoint=_text(row, "mountpoint"),
        place=_place(_text(row, "hctl")),
        wwn=_text(row, "wwn"),
        serial=_text(row, "serial"),
        above=tuple(_block(inner) for inner in rows_of("lsblk", row.get("children", []))),
    )


def _text(row: Mapping[str, Any], name: str) -> Optional[str]:
    found = row.get(name)
    return str(found) if found else None


def _place(text: Optional[str]) -> Optional[Tuple[int, int, int, int]]:
    parts = (text or "").split(":")
    if len(parts) != 4 or not all(part.isdigit() for part in parts):
        return None
    host, channel, target, unit = (int(part) for part in parts)
    return host, channel, target, unit


def in_use(block: Block) -> Optional[str]:
    """Return the end of a sentence that says what a device is used for, None where nothing is known to use it."""
    for part in block.all():
        if part.mountpoint:
            what = "is swap space" if part.mountpoint == "[SWAP]" else f"is mounted on {part.mountpoint}"
            return what if part is block else f"holds {part.path}, which {what}"
    held = next((part for part in block.all() if part.type not in ("disk", "part", "loop", "rom")), None)
    return None if held is None or held is block else f"holds {part_name(held)}, which is active"


def part_name(block: Block) -> str:
    """What a device is called for people: what it is and where."""
    return f"the {block.type} device {block.path}"


def signatures_argv(device: str) -> Argv:
    """Return the command that says what a device is marked as holding; it changes nothing."""
    return ("wipefs", "--json", "--no-act", device)


def read_signatures(text: str) -> List[str]:
    """Return what wipefs found: ext4, gpt, LVM2_member, ...; each once."""
    found = rows_of("wipefs", said_by("wipefs", text).get("signatures", []))
    return list(dict.fromkeys(str(row.get("type")) for row in found))

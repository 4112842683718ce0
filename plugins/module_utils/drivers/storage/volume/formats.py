# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What format each volume of a pool has, written down when it is made or first seen.

A guest can write any bytes into a raw volume, those of a qcow2 header with another file's name in it, too. So the bytes
of a volume are looked at once, when it is new to us, and never again: what was raw stays raw. A volume is known by its
name and its inode: another file under the same name is a new one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Optional

from ....host.api import FileStat
from .header import Image
from .shelf import Shelf


@dataclass(frozen=True)
class Known:
    """The format of a volume's file, and luks for an encrypted one."""

    format: str
    encryption: Optional[str] = None


Rows = Dict[str, Dict[str, Any]]
# So many rows more than there are files are kept.
SPARE = 32


def recall_all(shelf: Shelf) -> Rows:
    """Return what is written down, by inode; a damaged file says nothing."""
    data = shelf.host.read(shelf.layout.volume_formats(shelf.pool))
    try:
        found = json.loads(data or b"{}")
    except ValueError:
        return {}
    rows = found.get("volumes") if isinstance(found, dict) else None
    return {str(key): row for key, row in rows.items() if isinstance(row, dict)} if isinstance(rows, dict) else {}


def recall(shelf: Shelf, rows: Rows, name: str, found: FileStat) -> Optional[Known]:
    """Return what is known of a file, None for one that was not seen before.

    Under another name it is the same file when the name that was written down still leads to it: a link.
    """
    inode = str(found.inode)
    row = rows.get(inode, {})
    format, encryption = row.get("format"), row.get("encryption")
    if not isinstance(format, str) or not (row.get("name") == name or _is_there(shelf, inode, row)):
        return None
    return Known(format, encryption if isinstance(encryption, str) else None)


@dataclass(frozen=True)
class News:
    """A file whose format is now known; ``emptying`` says that its bytes are about to go, and what it is to be then.

    ``made`` says that it is our own, and not one that was found in the pool.
    """

    name: str
    inode: int
    image: Image
    emptying: bool = False
    made: bool = False

    def row(self) -> Dict[str, Any]:
        """The row that is written down."""
        row: Dict[str, Any] = {"name": self.name, "format": self.image.format, "encryption": self.image.encryption}
        if self.made:
            row["made"] = True
        if self.emptying:
            row["emptying"] = {name: getattr(self.image, name) for name in SHAPE}
        return row


# What an image that was emptied has in common with what it was.
SHAPE = ("format", "capacity", "compat", "cluster_size")


def was_made(rows: Rows, name: str, found: FileStat) -> bool:
    """Whether a file is known as one that we have made."""
    row = rows.get(str(found.inode), {})
    return row.get("name") == name and row.get("made") is True


def half_emptied(rows: Rows, name: str, found: FileStat) -> Optional[Image]:
    """Return what a file was whose bytes a killed run has begun to overwrite, None for any other."""
    row = rows.get(str(found.inode), {})
    shape = row.get("emptying")
    if row.get("name") != name or not isinstance(shape, dict) or set(shape) != set(SHAPE):
        return None
    return Image(**shape)


def remember(shelf: Shelf, news: Iterable[News]) -> None:
    """Write down what is new, and forget files that are gone; a read-only connection writes nothing."""
    fresh = {str(each.inode): each.row() for each in news}
    if shelf.read_only or not fresh:
        return
    with shelf.host.lock(shelf.layout.volume_formats_lock(shelf.pool)):
        before = recall_all(shelf)
        fresh = {key: {**_staying(before.get(key, {}), row), **row} for key, row in fresh.items()}
        after = {**_pruned(shelf, before), **fresh}
        if after != before:
            _write(shelf, after)


def forget(shelf: Shelf, name: str, inode: int) -> None:
    """Forget a file that is gone: its inode may be that of another file of this name before long."""
    with shelf.host.lock(shelf.layout.volume_formats_lock(shelf.pool)):
        rows = recall_all(shelf)
        if rows.get(str(inode), {}).get("name") == name:
            del rows[str(inode)]
            _write(shelf, rows)


def _write(shelf: Shelf, rows: Rows) -> None:
    shelf.host.make_directory(shelf.layout.volumes_dir, mode=0o700)
    data = json.dumps({"volumes": rows}, sort_keys=True).encode()
    shelf.host.write(shelf.layout.volume_formats(shelf.pool), data, mode=0o600)


def _staying(before: Dict[str, Any], row: Dict[str, Any]) -> Dict[str, Any]:
    """What stays of an older row of the same file: that it is being emptied, and that it is ours."""
    same = before.get("name") == row["name"]
    return {key: before[key] for key in ("emptying", "made") if key in before} if same else {}


def _pruned(shelf: Shelf, rows: Rows) -> Rows:
    """The rows without those of files that are gone, when there are many: each file has to be looked at for that."""
    if len(rows) <= len(shelf.host.entries(shelf.root())) + SPARE:
        return rows
    return {key: row for key, row in rows.items() if _is_there(shelf, key, row)}


def _is_there(shelf: Shelf, inode: str, row: Dict[str, Any]) -> bool:
    """Whether the file is in its place, or still on its way there: that is asked first, as it leaves in one step."""
    name = str(row.get("name"))
    for path in (shelf.part(name), shelf.host.resolve(shelf.place(name))):
        found = shelf.host.stat(path)
        if found is not None and str(found.inode) == inode:
            return True
    return False

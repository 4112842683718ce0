# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the volumes of a pool of files are: sizes, formats, what is below them; most of them without a process."""

from __future__ import annotations

import json
import posixpath
from dataclasses import dataclass, replace
from typing import List, Optional, Sequence, Tuple

from ....errors import CorralError, HostError, NotFound, OperationDenied
from ....host.api import FileStat, Host
from .command import PROGRAM, Original, info_argv
from .formats import News, Rows, recall, recall_all, remember
from .header import Image, Read, inspect, probe
from .shelf import Shelf

INFO_TIMEOUT = 60.0


@dataclass(frozen=True)
class Facts:
    """One volume. ``path`` is below the pool's target, ``real`` without links; sizes are bytes.

    ``capacity`` is what a guest sees, ``allocation`` what it takes on its disk, ``physical`` the length of the file.
    ``backing`` is a path, or QEMU's words for what is no file of this host.
    """

    name: str
    path: str
    real: str
    found: FileStat
    image: Image

    @property
    def capacity(self) -> int:
        """What a guest sees."""
        return self.found.size if self.image.capacity is None else self.image.capacity

    @property
    def allocation(self) -> int:
        """What the volume takes on its disk."""
        return self.found.allocated

    @property
    def physical(self) -> int:
        """The length of the file."""
        return self.found.size

    @property
    def backing(self) -> Optional[str]:
        """The image below: one by a relative name is looked for beside this one."""
        name = self.image.backing
        if name is None or name.startswith("/") or ":" in name.partition("/")[0]:
            return name
        return posixpath.normpath(posixpath.join(posixpath.dirname(self.real), name))


def look(shelf: Shelf, name: str) -> Facts:
    """Return one volume as it is now; raises NotFound, and OperationDenied for a link out of the pool."""
    found, rows = shelf.find(name), recall_all(shelf)
    facts, news = _facts(shelf, name, found, rows)
    remember(shelf, news)
    return facts


def look_all(shelf: Shelf) -> List[Facts]:
    """Return all volumes, by name; what is no file, and links out of the pool, are left out."""
    rows = recall_all(shelf)
    done: List[Facts] = []
    news: List[News] = []
    for name in shelf.names():
        try:
            facts, new = _facts(shelf, name, shelf.find(name), rows)
        except (NotFound, OperationDenied):
            continue
        done.append(facts)
        news.extend(new)
    remember(shelf, news)
    return done


def _facts(shelf: Shelf, name: str, found: FileStat, rows: Rows) -> Tuple[Facts, Sequence[News]]:
    real = shelf.real(name)
    read, known = reader(shelf.host, real), recall(shelf, rows, name, found)
    if known is not None and known.format == "raw" and not known.encryption:
        image = Image("raw", found.size)
    elif known is not None:
        image = inspect(read, found.size, known.format, known.encryption)
    else:
        image = probe(read, found.size)
    is_new = known is None or (known.format, known.encryption) != (image.format, image.encryption)
    news = [News(name, found.inode, image)] if is_new else []
    return Facts(name, shelf.place(name), real, found, asked(shelf.host, real, image)), news


def reader(host: Host, path: str) -> Read:
    """A function that reads from a file; what has gone meanwhile is empty."""
    return lambda offset, size: host.read(path, offset=offset, limit=size) or b""


def asked(host: Host, path: str, image: Image) -> Image:
    """Return the image with the capacity that QEMU says, for formats of which only QEMU knows it."""
    if image.capacity is not None or image.outside or host.find_program(PROGRAM) is None:
        return image
    done = host.run(info_argv(Original(path, image.format)), timeout=INFO_TIMEOUT, check=False)
    try:
        said = json.loads(done.stdout or b"{}") if done.code == 0 else {}
        size, backing = said.get("virtual-size"), said.get("full-backing-filename")
    except (ValueError, AttributeError):
        return image
    return replace(
        image,
        capacity=size if isinstance(size, int) else None,
        backing=backing if isinstance(backing, str) else image.backing,
    )


# the images below


DEEPEST = 200


def check_chain(host: Host, path: str, format: str) -> None:
    """Raise OperationDenied unless every image from this one down is of the format that the one above it says.

    QEMU would open whatever a header names: each image has to say what it stands on, and that has to be so.
    """
    for _depth in range(DEEPEST):
        found = host.stat(host.resolve(path))
        if found is None or found.kind not in ("file", "block"):
            raise HostError(f"The image {path} does not exist.", hint="Correct the path, or make it first.", path=path)
        image = asked(host, path, inspect(reader(host, path), found.size, format))
        if format not in (image.format, "raw", "iso"):
            raise OperationDenied(f"{path} is no image of the format '{format}'.", path=path)
        if image.outside:
            raise OperationDenied(f"The image {path} has its contents in other files.", path=path)
        below = Facts("", path, host.resolve(path), found, image).backing
        if below is None:
            return
        if not below.startswith("/") or not image.backing_format:
            raise OperationDenied(
                f"The image {path} does not say of what format the file below it is.",
                hint=f"Write it into the image: qemu-img rebase -u -b BACKING -F FORMAT {path}",
                path=path,
            )
        path, format = below, image.backing_format
    raise OperationDenied(f"There are more than {DEEPEST} images below one another at {path}.", path=path)


def layers_above(host: Host, volumes: Sequence[Facts], path: str) -> List[str]:
    """The names of those of the volumes that stand on this image."""
    real = host.resolve(path)
    return [each.name for each in volumes if each.backing is not None and _leads_to(host, each.backing, real)]


def _leads_to(host: Host, backing: str, real: str) -> bool:
    try:
        return backing.startswith("/") and host.resolve(backing) == real
    except CorralError:
        return False

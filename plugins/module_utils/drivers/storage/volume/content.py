# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a new volume is filled with: an image of this host, looked at before a program is let near it.

An image from elsewhere can name other files of this host as its contents. One that does is refused: what it says was
written by whoever made it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional, Tuple

from ....errors import HostError, InvalidArgument, OperationDenied
from ....host.api import FileStat
from ....model.storage.volume import Volume
from .header import Image, inspect, probe
from .look import Facts, asked, check_chain, reader
from .shelf import Shelf
from .users import WRITE, check_free

# Formats of a content that are no more than bytes.
PLAIN = ("raw", "iso")


@dataclass(frozen=True)
class Filling:
    """An image that was looked at. ``secret`` opens an encrypted one; ``named`` is how it is known: uuid or usage."""

    path: str
    found: FileStat
    image: Image
    secret: Optional[bytes] = field(default=None, repr=False)
    named: Optional[Tuple[str, str]] = None


def from_path(shelf: Shelf, path: str, format: Optional[str]) -> Filling:
    """Return an image that lies somewhere on this host; without a format its own header says which it has."""
    if not path.startswith("/"):
        raise InvalidArgument(f"The image {path!r} is not named by an absolute path.", path=path)
    real = shelf.host.resolve(path)
    found = shelf.host.stat(real)
    if found is None or found.kind not in ("file", "block"):
        raise HostError(f"There is no image {path} on this host.", hint="Correct the path.", path=path)
    read = reader(shelf.host, real)
    image = inspect(read, found.size, format) if format else probe(read, found.size)
    if format and image.format != format and format not in PLAIN:
        raise InvalidArgument(f"{path} is no image of the format '{format}'.", hint="Leave its format out.", path=path)
    check_free(shelf.host, found, f"The image {path}", rights=WRITE)
    image = asked(shelf.host, real, image)
    if image.backing is not None or image.outside:
        raise OperationDenied(
            f"The image {path} has its contents in another file, which it names.",
            hint=f"Make it whole first: qemu-img convert -f {image.format} -O qcow2 {path} NEW",
            path=path,
        )
    return Filling(real, found, image)


def from_volume(
    shelf: Shelf, facts: Facts, secret: Optional[bytes] = None, named: Optional[Tuple[str, str]] = None
) -> Filling:
    """Return a volume to be copied, with all that is below it; its format is the one that is known."""
    check_free(shelf.host, facts.found, f"Volume {facts.name}", rights=WRITE)
    if facts.image.encryption and secret is None:
        raise InvalidArgument(f"Volume {facts.name} is encrypted, and no secret is there to open it.", name=facts.name)
    if not facts.image.encryption:
        check_chain(shelf.host, facts.real, facts.image.format)
    return Filling(facts.real, facts.found, facts.image, secret, named)


def check_size(volume: Volume, filling: Filling) -> int:
    """Return the size that a volume with this content has; raises InvalidArgument for one that is too small."""
    held = filling.found.size if filling.image.capacity is None else filling.image.capacity
    wanted = volume.size()
    if wanted is not None and wanted < held:
        raise InvalidArgument(
            f"Volume {volume.name} is to have {wanted} bytes, and what it is made from has {held}.",
            hint="Ask for more, or leave the capacity out.",
        )
    return held if wanted is None else wanted

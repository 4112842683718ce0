# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a disk gets when its guest is started: the images below its own that were found, and a number for each image.

The numbers name block nodes. They stay with the live document, so that a disk that is unplugged or a snapshot that is
taken does not rename the others.
"""

from __future__ import annotations

from typing import Iterator, List, Sequence

from ....model.domain.core import Domain
from ....model.domain.disk import Disk
from ....xml.parse import Element, add
from ..command.blockdev_secrets import SecretNeed, secret_needs
from ..command.firmware import flash_images
from ..context import Context, FoundImage
from ..images import top_image
from .hostdev_scsi import scsi_images

PATHS = {"file": "file", "block": "dev"}


def prepare_disks(domain: Domain, context: Context) -> None:
    """Write found backing chains and image numbers into a live document; what has them already keeps them."""
    for disk in domain.all(Disk):
        _write_chain(disk, context)
    _number(domain)


def disk_secrets(domain: Domain, context: Context) -> List[SecretNeed]:
    """The secrets that the disks of a live document need: whoever starts the guest puts them into the context."""
    images = [top_image(disk, context) for disk in domain.all(Disk) if disk.type != "vhostuser"]
    images += [*flash_images(domain), *scsi_images(domain, context)]
    layers = [layer for image in images if image is not None for layer in image.chain()]
    return [need for layer in layers for part in (layer, layer.data) if part is not None for need in secret_needs(part)]


def _write_chain(disk: Disk, context: Context) -> None:
    path = disk.source is not None and (disk.source.file or disk.source.dev)
    if disk.backing is None and path and disk.format not in (None, "raw"):
        found = context.backing.get(path)
        if found is not None:
            write_chain(disk.element, found)


def write_chain(parent: Element, images: Sequence[FoundImage]) -> None:
    """Append the images below ``parent`` as nested <backingStore> elements, the last one empty: nothing follows."""
    for image in images:
        parent = add(parent, "backingStore", type=image.type)
        add(parent, "format", type=image.format)
        add(parent, "source", **{PATHS[image.type]: image.path})
    add(parent, "backingStore")


def _number(domain: Domain) -> None:
    images = [element for disk in reversed(domain.all(Disk)) for element in numbered(disk)]
    taken = {int(element.get("index", "0")) for element in images}
    number = max(taken, default=0)
    for element in images:
        if element.get("index") is None:
            number += 1
            element.set("index", str(number))


def numbered(disk: Disk) -> Iterator[Element]:
    """The elements that carry the numbers of a disk's images: its <source>, <dataStore>s and <backingStore>s."""
    if disk.is_empty() or disk.type == "vhostuser" or disk.source is None:
        return
    yield disk.source.element
    yield from disk.source.element.findall("dataStore")
    store = disk.backing
    while store is not None and store.type is not None:
        yield store.element
        yield from store.element.findall("source/dataStore")
        store = store.backing

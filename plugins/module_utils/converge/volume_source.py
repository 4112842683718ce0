# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a volume is made from and stands on, as the driver has it: paths, formats and sizes of other volumes."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from ..drivers.api import Content, StorageDriver
from ..errors import InvalidArgument, NotFound
from ..model.storage.order import VOLUME_ORDER, order_children
from ..model.storage.parts import set_bytes
from ..model.storage.volume import Volume
from ..xml.parse import Element, clone
from .volume_options.content import Asked
from .volume_spec import VolumeWanted, write_backing

# Seconds that fetching an image may take.
FETCH_TIMEOUT = 6 * 3600.0
# A size for asking whether a volume can be made, as long as nobody knows that of its image: one sector.
LEAST = 512


def with_backing(driver: StorageDriver, wanted: VolumeWanted, *, new: bool) -> VolumeWanted:
    """Return what is wanted with the image that the volume stands on in its document.

    A new volume is as large as that, where nothing is said. Raises NotFound, and InvalidArgument for an image of which
    nobody has said the format: guessing it would let a guest choose which files of the host it reads.
    """
    asked, document = wanted.backing, wanted.document
    if asked is None or document is None:
        return wanted
    path, format, size = _image_below(driver, asked)
    document = clone(document)
    if new and size and document.find("capacity") is None:
        set_bytes(Volume(document), "capacity", size)
    write_backing(document, path, format)
    return replace(wanted, document=document)


def _image_below(driver: StorageDriver, asked: Asked) -> tuple[str, Optional[str], Optional[int]]:
    if asked.volume is not None:
        found = driver.lookup_volume(*asked.volume)
        return found.path, found.format, found.capacity
    path = asked.path or ""
    try:
        found = driver.volume_by_path(path)
    except NotFound:
        if asked.format is None:
            raise InvalidArgument(
                f"backing: {path} is no volume of an active pool, so its format has to be said.",
                hint="Write backing: {path: ..., format: qcow2}, or whichever it has.",
            ) from None
        return path, asked.format, None
    return path, asked.format or found.format, found.capacity


def content_of(driver: StorageDriver, wanted: VolumeWanted) -> Optional[Content]:
    """Return what the volume is filled with; an image from elsewhere is fetched. Raises what that raises."""
    asked = wanted.image
    if asked is None:
        return None
    url = asked.fetched
    if url is None:
        return Content(volume=asked.volume, path=asked.path, format=asked.format, origin=asked.origin)
    path = driver.fetch_image(url, checksum=asked.checksum, timeout=FETCH_TIMEOUT)
    return Content(path=path, format=asked.format, origin=asked.origin)


def foreseen(driver: StorageDriver, wanted: VolumeWanted, *, new: bool) -> Optional[Element]:
    """Return the completed document without fetching anything: of an image from elsewhere nothing is known yet."""
    if wanted.document is None:
        return None
    if new:
        _check_size(wanted, wanted.document)
    if not new or not _is_open(driver, wanted):
        content = content_of(driver, wanted) if new else None
        return driver.normalise_volume(wanted.pool, clone(wanted.document), content=content)
    return _of_unknown_size(driver, wanted, wanted.document)


def _check_size(wanted: VolumeWanted, document: Element) -> None:
    """Name the options that are missing; of a document in XML the driver says which element is."""
    if wanted.whole or wanted.image is not None or wanted.backing is not None or document.find("capacity") is not None:
        return
    raise InvalidArgument(
        f"The volume {wanted.name} of pool {wanted.pool} is not there yet, and nothing says how large it is to be.",
        hint="Write capacity, or what it is made from: image or backing.",
    )


def _is_open(driver: StorageDriver, wanted: VolumeWanted) -> bool:
    """Whether nobody knows yet how large the volume is to be, as what it is made from has still to be fetched."""
    if wanted.image is not None and wanted.image.fetched is not None:
        return True
    if wanted.document is None or wanted.document.find("capacity") is not None:
        return False
    below = [asked.volume for asked in (wanted.image, wanted.backing) if asked is not None and asked.volume is not None]
    return any(not driver.lookup_volume(*place).capacity for place in below)


def _of_unknown_size(driver: StorageDriver, wanted: VolumeWanted, document: Element) -> Element:
    """The document as it can be told before its image has come: what that will say is left out."""
    asked = clone(document)
    if asked.find("capacity") is None:
        set_bytes(Volume(asked), "capacity", LEAST)
        order_children(asked, VOLUME_ORDER)
    done = driver.normalise_volume(wanted.pool, asked)
    for path in ("capacity", "allocation", "target/format"):
        found = done.find(path)
        parent = None if found is None else found.getparent()
        if found is not None and parent is not None and document.find(path) is None:
            parent.remove(found)
    return done

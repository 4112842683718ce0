# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A volume's document as it is made: checked, in one form, with all that was left open.

Pure: what the host has comes in as values. Running it on its own output changes nothing.
"""

from __future__ import annotations

from typing import Callable, Optional, Tuple

from ....errors import XmlError
from ....model.storage.identity import wanted_volume
from ....model.storage.order import VOLUME_ORDER, order_children
from ....model.storage.parts import set_bytes
from ....model.storage.pool import Pool
from ....model.storage.volume import Volume, VolumeTarget
from ....xml.parse import Element, clone
from ..types.base import LUKS_HEADER, SECTOR, PoolType
from .check import need_type
from .check_volume import check_not_empty, check_volume, check_volume_once
from .settle import settle_volume


def complete_volume(
    document: Element,
    pool: Pool,
    *,
    kept: Optional[Element] = None,
    capacity: Optional[int] = None,
    image_format: Optional[str] = None,
    grain: int = SECTOR,
) -> Element:
    """Return the complete document; raises XmlError and UnsupportedConfig.

    ``kept`` is the volume of that name as it is on the host: what the document leaves open stays as it is there.
    For a new volume ``capacity`` and ``image_format`` are those of what it is made from (bytes; None: of nothing),
    and less than the content has is refused. ``grain`` is the unit of which the pool's volumes consist, in bytes.
    """
    row = need_type(pool)
    volume = Volume(wanted_volume(document))
    if volume.element.tag != "volume":
        raise XmlError(f"the document is a <{volume.element.tag}>; write a <volume>.", line=volume.line)
    check_volume_once(volume)
    before = None if kept is None else Volume(kept)
    _fill(volume, before, capacity, image_format, row)
    settle_volume(volume, row, grain=grain, header=_header(volume, before, row))
    check_volume(volume, pool, row, new=before is None)
    if before is None or before.size():
        check_not_empty(volume)
    _holds_its_content(volume, capacity if kept is None else None)
    order_children(volume.element, VOLUME_ORDER)
    return volume.element


def stored_volume(document: Element, pool: Pool) -> Volume:
    """Return a copy in the one form in which documents are shown, whether such a volume could be made or not.

    A missing capacity is 0 there, as libvirt writes it.
    """
    volume = Volume(clone(document))
    check_volume_once(volume)
    if volume.element.find("capacity") is None:
        set_bytes(volume, "capacity", 0)
    settle_volume(volume, need_type(pool))
    order_children(volume.element, VOLUME_ORDER)
    return volume


def _fill(
    volume: Volume, before: Optional[Volume], capacity: Optional[int], image_format: Optional[str], row: PoolType
) -> None:
    size = capacity if before is None else before.size()
    if volume.element.find("capacity") is None and size is not None:
        set_bytes(volume, "capacity", size)
    image = image_format if before is None else before.given().format
    if image is not None and image in row.volume_formats and volume.given().format is None:
        volume.need_target().format = image
    if before is not None:
        for keep in _KEPT:
            keep(volume.need_target(), before.given())


def _permissions(target: VolumeTarget, before: VolumeTarget) -> None:
    """Each of the four that is left open stays as it is."""
    theirs = before.permissions
    if theirs is None:
        return
    ours = target.permissions
    if ours is None:
        target.element.append(clone(theirs.element))
        return
    ours.mode = theirs.mode if ours.mode is None else ours.mode
    ours.owner = theirs.owner_id() if ours.owner_id() is None else ours.owner
    ours.group = theirs.group_id() if ours.group_id() is None else ours.group
    ours.label = theirs.label if ours.label is None else ours.label


def _format_details(target: VolumeTarget, before: VolumeTarget) -> None:
    """What a format is told when an image is made and cannot be changed later."""
    if (target.format or before.format) != before.format:
        return
    for tag in ("compat", "clusterSize", "features"):
        theirs = before.element.find(tag)
        if theirs is not None and target.element.find(tag) is None:
            target.element.append(clone(theirs))


def _secret(target: VolumeTarget, before: VolumeTarget) -> None:
    """An encryption that names no secret is the one that is there."""
    ours, theirs = target.encryption, before.encryption
    if ours is not None and theirs is not None and not ours.secrets:
        ours.element.extend(clone(use.element) for use in theirs.secrets)


_KEPT: Tuple[Callable[[VolumeTarget, VolumeTarget], None], ...] = (_permissions, _format_details, _secret)


def _header(volume: Volume, before: Optional[Volume], row: PoolType) -> int:
    """What a device needs beside what its guest sees; a file is made as long as it has to be."""
    sealed = volume.given().encryption is not None or (before is not None and before.given().encryption is not None)
    return LUKS_HEADER if sealed and not row.files else 0


def _holds_its_content(volume: Volume, content: Optional[int]) -> None:
    if content is not None and (volume.size() or 0) < content:
        raise XmlError(
            f"volume {volume.name} has {volume.size()} bytes, and what it is made from has {content}.",
            line=volume.line_at("capacity"),
            hint="Ask for more, or leave the capacity out.",
        )

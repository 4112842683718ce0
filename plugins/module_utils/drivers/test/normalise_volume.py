# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Completing a volume's document as making it would: pure, and without effect on its own output."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Optional

from ...errors import UnsupportedConfig, XmlError
from ...host.layout import check_name
from ...model.storage.identity import wanted_volume
from ...model.storage.order import VOLUME_ORDER, order_children
from ...model.storage.parts import set_bytes
from ...model.storage.pool import Pool
from ...model.storage.volume import Volume, VolumeTarget
from ...xml.parse import Element, add, clone
from .normalise_pool import OF_FILES

SECTOR = 512
CLUSTER = 65536
# The formats of images that can be a layer above another.
LAYERED = ("qcow", "qcow2", "qed", "vmdk")
# Pools whose volumes somebody else has made.
FOREIGN = ("iscsi", "iscsi-direct", "scsi", "mpath", "gluster")
# The ways of preallocation that take all of an image's room.
WHOLE = ("falloc", "full")
DEFAULT_MODE = "0600"


@dataclass(frozen=True)
class Held:
    """What a new volume is filled with: its size in bytes, and its format."""

    capacity: int
    format: Optional[str] = None


def normalise_volume(document: Element, pool: Pool, existing: Optional[Element], held: Optional[Held]) -> Element:
    """Return the complete document; raises XmlError, UnsupportedConfig and InvalidArgument.

    ``existing`` is the volume of that name, of which stays what the document leaves open.
    """
    volume = Volume(wanted_volume(document))
    if volume.element.tag != "volume":
        raise XmlError(f"the document is a <{volume.element.tag!s}>; write a <volume>.", line=volume.line)
    check_name("volume", volume.name or "")
    if existing is None and pool.type in FOREIGN:
        raise UnsupportedConfig(f"volumes of pool {pool.name}, which is of the type {pool.type}, are not made here.")
    before = None if existing is None else Volume(existing)
    _sizes(volume, before, held)
    if pool.type in OF_FILES:
        _format(volume, before, held)
    _backing(volume, pool)
    if before is not None:
        _kept(volume.need_target(), before.given())
    order_children(volume.element, VOLUME_ORDER)
    return volume.element


def stored_volume(document: Element, pool: Pool, target: str, preallocation: Optional[str]) -> Element:
    """Return the document of a new volume as the host would have it: with its path, its key and its permissions.

    An image of another format than raw grows as it is written to, unless all of its room is taken at once.
    """
    volume = Volume(clone(document))
    if preallocation in WHOLE:
        set_bytes(volume, "allocation", volume.size() or 0)
    elif volume.given().format not in (None, "raw"):
        set_bytes(volume, "allocation", 0)
    made = volume.need_target()
    made.path = volume.key = posixpath.join(target, volume.name or "")
    volume.type = "file" if pool.type in OF_FILES else "block"
    found = made.permissions
    permissions = add(made.element, "permissions") if found is None else found.element
    for tag, value in (("mode", DEFAULT_MODE), ("owner", "0"), ("group", "0")):
        if permissions.find(tag) is None:
            add(permissions, tag).text = value
    if made.format == "qcow2":
        made.compat = made.compat or "1.1"
        if made.cluster_bytes() is None:
            set_bytes(made, "clusterSize", CLUSTER, unit="B")
    order_children(volume.element, VOLUME_ORDER)
    return volume.element


def _sizes(volume: Volume, before: Optional[Volume], held: Optional[Held]) -> None:
    size = volume.size()
    if size is None:
        size = before.size() if before is not None else held.capacity if held is not None else None
    if size is None:
        raise XmlError(f"volume {volume.name} has no <capacity>; write one.", line=volume.line)
    if size == 0:
        raise XmlError(f"volume {volume.name} has a <capacity> of 0.", line=volume.line_at("capacity"))
    if held is not None and before is None and size < held.capacity:
        raise XmlError(
            f"volume {volume.name} has {size} bytes, and what it is made from has {held.capacity}.",
            hint="Ask for more, or leave the capacity out.",
        )
    size = -(-size // SECTOR) * SECTOR
    allocated = volume.allocated()
    set_bytes(volume, "capacity", size)
    set_bytes(volume, "allocation", size if allocated is None else min(allocated, size))


def _format(volume: Volume, before: Optional[Volume], held: Optional[Held]) -> None:
    target = volume.need_target()
    there = before.given().format if before is not None else held.format if held is not None else None
    target.format = target.format or there or "raw"
    if target.element.find("features") is not None and not target.feature_names():
        target.element.remove(target.element.findall("features")[0])
    if target.cluster_bytes() is not None:
        set_bytes(target, "clusterSize", target.cluster_bytes() or 0, unit="B")
    details = next((tag for tag in ("compat", "clusterSize", "features") if target.element.find(tag) is not None), None)
    if details is not None and target.format != "qcow2":
        raise UnsupportedConfig(f"<{details}> is for images of the format qcow2, and not for '{target.format}'.")


def _backing(volume: Volume, pool: Pool) -> None:
    below = volume.backing
    if below is None:
        return
    if not below.path:
        volume.element.remove(below.element)
        return
    below.format = below.format or "raw"
    if volume.given().format not in LAYERED:
        raise UnsupportedConfig(
            f"volume {volume.name}: images of the format '{volume.given().format}' cannot be a layer above another.",
            hint="Take the format qcow2.",
        )


def _kept(target: VolumeTarget, before: VolumeTarget) -> None:
    """Permissions that are left open stay, and what the image was told when it was made."""
    theirs, ours = before.permissions, target.permissions
    if theirs is not None:
        holder = add(target.element, "permissions") if ours is None else ours.element
        for part in theirs.element:
            if holder.find(str(part.tag)) is None:
                holder.append(clone(part))
    if target.format == before.format:
        for tag in ("compat", "clusterSize", "features"):
            found = before.element.find(tag)
            if found is not None and target.element.find(tag) is None:
                target.element.append(clone(found))

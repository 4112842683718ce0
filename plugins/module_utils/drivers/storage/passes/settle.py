# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One form: what can be written in several ways is written in one, and what says nothing is left out.

Running it on its own output changes nothing. Source of the rules: libvirt's storage_conf.c, which reads a document and
writes it anew.
"""

from __future__ import annotations

from typing import Callable, Optional, Tuple

from ....errors import XmlError
from ....model.storage.parts import Permissions, bytes_at, set_bytes
from ....model.storage.pool import Pool, PoolTarget
from ....model.storage.source import ParentAddress, Source
from ....model.storage.volume import Image, Volume
from ....xml.parse import Element, add
from ....xml.views import Child, Children, Field, View
from ..types.base import PoolType
from .texts import clean_path

# Elements in which nothing may be left, deepest first.
HOLLOW_POOL = ("target/permissions", "target", "features", "refresh/volume", "refresh", "source/initiator/iqn")
HOLLOW_POOL_REST = ("source/initiator", "source/protocol", "source/vendor", "source/product", "source/format")
HOLLOW_VOLUME = ("target/permissions", "backingStore/permissions", "target/timestamps", "target/format")


def rewrite(view: View) -> None:
    """Write each value that is declared as its kind writes it; raises XmlError for one that cannot be read."""
    for name, item in view.declared():
        found = getattr(view, name)
        if isinstance(item, Field) and found is not None:
            setattr(view, name, found)
        elif isinstance(item, Child) and found is not None:
            rewrite(found)
        elif isinstance(item, Children):
            for child in found:
                rewrite(child)


def remove(element: Element) -> None:
    """Take an element out of its document."""
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _remove_hollow(view: View, *paths: str) -> None:
    for path in paths:
        for element in view.element.findall(path):
            if not element.attrib and not len(element) and not (element.text or "").strip():
                remove(element)


def settle_permissions(permissions: Optional[Permissions]) -> None:
    """Write the mode in one form, and leave out an owner or group that is nobody's choice."""
    if permissions is not None:
        permissions.owner = permissions.owner_id()
        permissions.group = permissions.group_id()


# pools


def settle_pool(pool: Pool, row: PoolType) -> None:
    """Bring a pool's document into the form in which it is kept, with what follows from its type."""
    rewrite(pool)
    source = pool.need_source()
    _names(pool, source, row)
    _source(source, row)
    _target(pool, row)
    settle_permissions(pool.permissions())
    _remove_hollow(pool, *HOLLOW_POOL, *HOLLOW_POOL_REST)


def _names(pool: Pool, source: Source, row: PoolType) -> None:
    """The pool and what it lies on are called alike where one name is missing."""
    if "name" in row.source:
        pool.name = pool.name or source.name
        source.name = source.name or pool.name


def _source(source: Source, row: PoolType) -> None:
    if "dir" in row.source:
        source.dir = source.dir or ("/" if row.name == "gluster" else None)
        source.dir = None if source.dir is None else clean_path(source.dir)
    if row.formats:
        source.format = source.format or row.formats[0]
    for host in source.hosts:
        host.port = host.port or None
    for device in source.devices:
        if device.path is not None and device.path.startswith("/"):
            device.path = clean_path(device.path)
    _adapter(source)


def _adapter(source: Source) -> None:
    """An adapter that has only a name is a SCSI host, as all were once."""
    adapter = source.adapter
    if adapter is None:
        return
    if adapter.type is None and adapter.name is not None and set(adapter.element.attrib) == {"name"}:
        if adapter.has_place():
            raise XmlError("<adapter> with a <parentaddr> needs the type scsi_host.", line=adapter.line)
        adapter.type = "scsi_host"
    if adapter.address is not None:
        address: ParentAddress = adapter.address
        address.set_pci(address.pci())


def _target(pool: Pool, row: PoolType) -> None:
    if not row.has_target:
        return
    fixed = None if row.fixed_target is None else row.fixed_target(pool)
    path = fixed or pool.path() or row.default_target
    if path is not None:
        found = pool.target
        target = PoolTarget(add(pool.element, "target")) if found is None else found
        target.path = clean_path(path)


# volumes


def settle_volume(volume: Volume, row: PoolType, *, grain: int = 1, header: int = 0) -> None:
    """Bring a volume's document into the form in which it is kept, with what follows from its pool's type.

    Sizes are rounded up to a multiple of ``grain`` bytes, less the ``header`` that is beside what a guest sees. A
    missing capacity stays missing.
    """
    for step in _STEPS:
        step(volume)
    _sizes(volume, grain, header)
    target = volume.need_target()
    if row.volume_formats:
        target.format = target.format or row.volume_formats[0]
        backing = volume.backing
        if backing is not None:
            backing.format = backing.format or row.volume_formats[0]
    volume.type = volume.type or ("dir" if row.files and target.format == "dir" else row.volume_type)
    _remove_hollow(volume, *HOLLOW_VOLUME, "source")


def _values(volume: Volume) -> None:
    """Sizes are read with their units before anything is rewritten: a unit could be missing."""
    for tag, unit, holder in _SIZES:
        view = holder(volume)
        size = None if view is None else bytes_at(view, tag)
        if view is not None and size is not None:
            set_bytes(view, tag, size, unit=unit)
    rewrite(volume)


def _sizes(volume: Volume, grain: int, header: int) -> None:
    size, allocated = volume.size(), volume.allocated()
    if size is not None:
        rounded = -(-(size + header) // grain) * grain - header if size else 0
        set_bytes(volume, "capacity", rounded)
        set_bytes(volume, "allocation", rounded if allocated is None else allocated)


def _backing(volume: Volume) -> None:
    """Without a path there is nothing below."""
    if volume.backing is not None and volume.backing_path() is None:
        remove(volume.backing.element)


def _permissions(volume: Volume) -> None:
    holders: Tuple[Optional[Image], ...] = (volume.target, volume.backing)
    for holder in holders:
        if holder is not None:
            settle_permissions(holder.permissions)


def _features(volume: Volume) -> None:
    """Features came with version 1.1 of the format."""
    target = volume.given()
    if target.features:
        target.compat = target.compat or "1.1"


def _itself(volume: Volume) -> Optional[View]:
    return volume


def _own_target(volume: Volume) -> Optional[View]:
    return volume.target


_SIZES: Tuple[Tuple[str, str, Callable[[Volume], Optional[View]]], ...] = (
    ("capacity", "bytes", _itself),
    ("allocation", "bytes", _itself),
    ("physical", "bytes", _itself),
    ("clusterSize", "B", _own_target),
)
_STEPS: Tuple[Callable[[Volume], None], ...] = (_values, _backing, _permissions, _features)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a document says and nobody here reads: kept as it is, and told to the user, never passed over in silence."""

from __future__ import annotations

from typing import Iterator, List, Optional, Tuple

from ....model.storage.options import MOUNT_OPTIONS, RBD_OPTIONS
from ....model.storage.pool import Pool
from ....model.storage.volume import Volume
from ....xml.parse import Element
from ....xml.views import undeclared
from ..types.table import pool_type

Part = Tuple[str, Optional[int]]

# The parts of a <source> that count for some types, by the words of the rows.
PARTS = ("host", "device", "dir", "adapter", "name", "initiator", "auth", "protocol", "format")
# Labels of security modules are kept: nobody here sets them.
LABELS = ("target/permissions/label", "backingStore/permissions/label")


def ignored_pool_parts(document: Element) -> List[str]:
    """List the attributes and elements of a pool that are kept and not read, as paths with their lines."""
    pool = Pool(document)
    return _listed([*undeclared(pool), *_without_effect(pool)])


def ignored_volume_parts(document: Element) -> List[str]:
    """List the attributes and elements of a volume that are kept and not read, as paths with their lines."""
    volume = Volume(document)
    labels = ((f"volume/{path}", volume.line_at(path)) for path in LABELS if document.find(path) is not None)
    return _listed([*undeclared(volume), *labels])


def _listed(parts: List[Part]) -> List[str]:
    return [f"{path} (line {line})" if line else path for path, line in parts]


def _without_effect(pool: Pool) -> Iterator[Part]:
    """What counts for pools of another type only."""
    row = pool_type(pool.type)
    if row is None:
        return
    for part in PARTS:
        if part not in row.source and pool.element.find(f"source/{part}") is not None:
            yield f"pool/source/{part}", pool.line_at(f"source/{part}")
    if not row.has_target and pool.element.find("target") is not None:
        yield "pool/target", pool.line_at("target")
    if row.name != "rbd" and pool.element.find("refresh") is not None:
        yield "pool/refresh", pool.line_at("refresh")
    if row.name != "disk":
        separated = (device for device in pool.given().devices if device.part_separator is not None)
        yield from (("pool/source/device/@part_separator", device.line) for device in separated)
    yield from _other_options(pool, row.name)
    if pool.element.find(LABELS[0]) is not None:
        yield f"pool/{LABELS[0]}", pool.line_at(LABELS[0])


# Options in namespaces: the name and path of the element, and the types that read it.
OPTIONS = (("mount_opts", MOUNT_OPTIONS, ("fs", "netfs")), ("config_opts", RBD_OPTIONS, ("rbd",)))


def _other_options(pool: Pool, kind: str) -> Iterator[Part]:
    for name, path, types in OPTIONS:
        found = pool.element.find(path)
        if found is not None and kind not in types:
            yield f"pool/{name}", found.sourceline

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Completing a pool's document as defining it would: pure, and without effect on its own output.

No pool of a test host is real, so only what is missing, and what would clash among them, is looked at.
"""

from __future__ import annotations

from typing import Mapping, Optional, Sequence, Tuple

from ...errors import AlreadyExists, XmlError
from ...host.layout import check_name
from ...model.storage.identity import persistent_pool
from ...model.storage.order import POOL_ORDER, order_children
from ...model.storage.pool import Pool, PoolTarget
from ...values import derived_uuid, parse_uuid
from ...xml.parse import Element, add

# The types, and the parts that a document of each has to have.
NEEDS: Mapping[str, Tuple[str, ...]] = {
    "dir": ("target/path",),
    "fs": ("source/device", "target/path"),
    "netfs": ("source/host", "source/dir", "target/path"),
    "logical": (),
    "disk": ("source/device",),
    "iscsi": ("source/host", "source/device"),
    "iscsi-direct": ("source/host", "source/device", "source/initiator"),
    "scsi": ("source/adapter",),
    "mpath": (),
    "rbd": ("source/host", "source/name"),
    "gluster": ("source/host", "source/name"),
    "zfs": ("source/name",),
    "vstorage": ("source/name", "target/path"),
}
# Where devices are found when the document does not say it.
TARGETS = {
    "logical": "/dev/{name}",
    "disk": "/dev",
    "iscsi": "/dev/disk/by-path",
    "scsi": "/dev/disk/by-path",
    "mpath": "/dev/mapper",
    "zfs": "/dev/zvol/{name}",
}
# The pools that somebody has to build before they can be started.
BUILDABLE = ("dir", "fs", "logical", "disk")
# The pools whose volumes are files.
OF_FILES = ("dir", "fs", "netfs", "vstorage")


def normalise_pool(document: Element, existing: Optional[Element], others: Sequence[Element], *, seed: str) -> Element:
    """Return the complete document; raises XmlError, InvalidArgument and AlreadyExists.

    ``existing`` is the definition of the pool of that name, from which the uuid is kept; ``others`` are those of all
    other pools. The uuid of a new pool is derived from ``seed`` and its name.
    """
    if document.tag != "pool":
        raise XmlError(f"the document is a <{document.tag!s}>; write a <pool>.")
    pool, old = Pool(persistent_pool(document)), None if existing is None else Pool(existing).uuid
    if not pool.name:
        raise XmlError("the pool has no <name>; write one.", line=pool.line)
    check_name("pool", pool.name)
    pool.uuid = parse_uuid(pool.uuid) if pool.uuid else old or derived_uuid(seed, "pool", pool.name)
    _type(pool)
    _target(pool)
    _alone(pool, [Pool(other) for other in others])
    order_children(pool.element, POOL_ORDER)
    return pool.element


def _type(pool: Pool) -> None:
    needs = NEEDS.get(pool.type or "")
    if needs is None:
        raise XmlError(f"<pool type='{pool.type}'> is not one of {', '.join(NEEDS)}.", line=pool.line)
    missing = next((path for path in needs if pool.element.find(path) is None), None)
    if missing is not None:
        holder, _slash, tag = missing.partition("/")
        raise XmlError(f"the pool has no <{tag}> in <{holder}>; write one.", line=pool.line)


def _target(pool: Pool) -> None:
    path = TARGETS.get(pool.type or "")
    if path is not None and pool.path() is None:
        found = pool.target
        target = PoolTarget(add(pool.element, "target")) if found is None else found
        target.path = path.format(name=pool.given().name or pool.name)


def _alone(pool: Pool, others: Sequence[Pool]) -> None:
    """Two pools of files in one directory would write over each other."""
    if pool.type not in OF_FILES:
        return
    other = next((other for other in others if other.type in OF_FILES and other.path() == pool.path()), None)
    if other is not None:
        raise AlreadyExists(f"The pool {other.name} has the directory {pool.path()} already.", name=other.name)

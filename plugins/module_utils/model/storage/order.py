# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which the parts of pool and volume documents are written, as libvirt writes them."""

from __future__ import annotations

from typing import Dict, Mapping, Tuple

from ...xml.parse import Element
from .options import MOUNT_OPTIONS, RBD_OPTIONS

Order = Mapping[str, Tuple[str, ...]]
PERMISSIONS: Tuple[str, ...] = ("mode", "owner", "group", "label")

# Path of a parent ("" is the root) to the tags of its children, first to last.
POOL_ORDER: Dict[str, Tuple[str, ...]] = {
    "": (
        "name",
        "uuid",
        "metadata",
        "capacity",
        "allocation",
        "available",
        "features",
        "source",
        "target",
        "refresh",
        MOUNT_OPTIONS,
        RBD_OPTIONS,
    ),
    "source": (
        "host",
        "device",
        "dir",
        "adapter",
        "name",
        "initiator",
        "format",
        "auth",
        "protocol",
        "vendor",
        "product",
    ),
    "target": ("path", "permissions"),
    "target/permissions": PERMISSIONS,
}

_IMAGE: Tuple[str, ...] = (
    "path",
    "format",
    "permissions",
    "timestamps",
    "encryption",
    "compat",
    "nocow",
    "clusterSize",
    "features",
)
VOLUME_ORDER: Dict[str, Tuple[str, ...]] = {
    "": ("name", "key", "source", "capacity", "allocation", "physical", "target", "backingStore"),
    "target": _IMAGE,
    "target/permissions": PERMISSIONS,
    "target/timestamps": ("atime", "mtime", "ctime", "btime"),
    "target/encryption": ("secret", "cipher", "ivgen"),
    "target/features": ("lazy_refcounts", "extended_l2"),
    "backingStore": _IMAGE,
    "backingStore/permissions": PERMISSIONS,
}


def order_children(document: Element, order: Order) -> None:
    """Sort the children at every level; what is alike keeps its order, and what is not known comes last."""
    for path, tags in order.items():
        rank = {tag: number for number, tag in enumerate(tags)}
        for parent in document.findall(path) if path else [document]:
            parent[:] = sorted(parent, key=lambda child: rank.get(str(child.tag), len(rank)))

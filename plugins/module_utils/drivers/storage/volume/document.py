# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A volume of a pool of files as others see it: the contract's value, and the document."""

from __future__ import annotations

from typing import Tuple

from ....host.api import FileStat
from ....xml.parse import Element, add, new_element
from ...api import Volume
from .header import Image
from .look import Facts


def described(pool: str, facts: Facts) -> Volume:
    """Return the value of the contract."""
    return Volume(
        pool=pool,
        name=facts.name,
        key=facts.path,
        path=facts.path,
        type="file",
        format=facts.image.format,
        capacity=facts.capacity,
        allocation=facts.allocation,
        backing=facts.backing,
    )


def document(facts: Facts) -> Element:
    """Return the volume's document as it is on the host now, in libvirt's order."""
    root = new_element("volume", type="file")
    _text(root, "name", facts.name)
    _text(root, "key", facts.path)
    sizes: Tuple[Tuple[str, int], ...] = (
        ("capacity", facts.capacity),
        ("allocation", facts.allocation),
        ("physical", facts.physical),
    )
    for tag, size in sizes:
        add(root, tag, unit="bytes").text = str(size)
    _target(add(root, "target"), facts)
    if facts.backing is not None:
        below = add(root, "backingStore")
        _text(below, "path", facts.backing)
        add(below, "format", type=facts.image.backing_format or "raw")
    return root


def _target(target: Element, facts: Facts) -> None:
    image = facts.image
    _text(target, "path", facts.path)
    add(target, "format", type=image.format)
    _permissions(add(target, "permissions"), facts.found)
    _text(add(target, "timestamps"), "mtime", f"{facts.found.mtime_ns // 10**9}.{facts.found.mtime_ns % 10**9:09d}")
    if image.encryption is not None:
        add(target, "encryption", format=image.encryption)
    _details(target, image)


def _permissions(permissions: Element, found: FileStat) -> None:
    _text(permissions, "mode", f"0{found.mode & 0o777:o}")
    _text(permissions, "owner", str(found.uid))
    _text(permissions, "group", str(found.gid))


def _details(target: Element, image: Image) -> None:
    """What only images of the format qcow2 have."""
    if image.compat is not None:
        _text(target, "compat", image.compat)
    if image.cluster_size is not None:
        add(target, "clusterSize", unit="B").text = str(image.cluster_size)
    if image.features:
        features = add(target, "features")
        for name in image.features:
            add(features, name)


def _text(parent: Element, tag: str, text: str) -> None:
    add(parent, tag).text = text

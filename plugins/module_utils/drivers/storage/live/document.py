# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A volume that is no file as others see it: the contract's value, and the document."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from ....host.api import FileStat, Host
from ....xml.parse import Element, add, new_element
from ...api import Volume
from ..types.base import Found


def described(pool: str, found: Found) -> Volume:
    """Return the value of the contract."""
    return Volume(
        pool=pool,
        name=found.name,
        key=found.key,
        path=found.path,
        type=found.type,
        format=found.format,
        capacity=found.capacity,
        allocation=found.allocation,
        backing=found.backing,
    )


def document(host: Host, found: Found) -> Element:
    """Return the volume's document as it is on the host now, in libvirt's order."""
    root = new_element("volume", type=found.type)
    add(root, "name").text = found.name
    add(root, "key").text = found.key
    _extents(root, found)
    for tag, size in (("capacity", found.capacity), ("allocation", found.allocation)):
        add(root, tag, unit="bytes").text = str(size)
    target = add(root, "target")
    add(target, "path").text = found.path
    if found.format is not None:
        add(target, "format", type=found.format)
    _permissions(target, host.stat(host.resolve(found.path)) if found.path.startswith("/") else None)
    if found.encryption is not None:
        add(target, "encryption", format=found.encryption)
    if found.backing is not None:
        add(add(root, "backingStore"), "path").text = found.backing
    return root


def _extents(root: Element, found: Found) -> None:
    """The parts of devices that the volume lies on, by device."""
    devices: Dict[str, List[Tuple[int, int]]] = {}
    for device, start, end in found.extents:
        devices.setdefault(device, []).append((start, end))
    if devices:
        source = add(root, "source")
        for device, extents in devices.items():
            holder = add(source, "device", path=device)
            for start, end in extents:
                add(holder, "extent", start=str(start), end=str(end))


def _permissions(target: Element, node: Optional[FileStat]) -> None:
    if node is None:
        return
    permissions = add(target, "permissions")
    for tag, text in (("mode", f"0{node.mode & 0o777:o}"), ("owner", str(node.uid)), ("group", str(node.gid))):
        add(permissions, tag).text = text

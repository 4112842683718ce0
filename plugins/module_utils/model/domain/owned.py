# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The images that were made for a guest: a mark in its metadata says which, so that only those are ever deleted.

    <metadata>
      <corral:guest xmlns:corral="urn:corral.virt:guest:1">
        <corral:image path="/var/lib/corral/images/web1.qcow2"/>
        <corral:volume pool="default" name="web1-vda"/>

It stands beside the guest's tags, since libvirt allows one element of a namespace below <metadata>.
"""

from __future__ import annotations

from typing import FrozenSet, Tuple

from ...xml.parse import Element, add
from ..tags import holder_in, in_metadata

HOLDER, IMAGE = in_metadata("domain"), in_metadata("domain", "image")
VOLUME = in_metadata("domain", "volume")


def owned_paths(document: Element) -> frozenset[str]:
    """The paths of the images that were made for this guest."""
    rows = document.findall(f"metadata/{HOLDER}/{IMAGE}")
    return frozenset(path for path in (row.get("path") for row in rows) if path and path.startswith("/"))


def mark_owned(document: Element, path: str) -> None:
    """Write down that the image was made for this guest; a second time changes nothing."""
    if path in owned_paths(document):
        return
    add(holder_in(document), IMAGE, path=path)


def owned_volumes(document: Element) -> FrozenSet[Tuple[str, str]]:
    """The pools and names of the volumes that were made for this guest."""
    rows = document.findall(f"metadata/{HOLDER}/{VOLUME}")
    return frozenset((row.get("pool", ""), row.get("name", "")) for row in rows)


def mark_owned_volume(document: Element, pool: str, name: str) -> None:
    """Write down that the volume was made for this guest; a second time changes nothing."""
    if (pool, name) not in owned_volumes(document):
        add(holder_in(document), VOLUME, pool=pool, name=name)

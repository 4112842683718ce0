# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags: words by which inventories group guests, networks and pools, in an element of our own below <metadata>.

<metadata>
  <corral:guest xmlns:corral="urn:corral.virt:guest:1">
    <corral:tag>web</corral:tag>
"""

from __future__ import annotations

from collections.abc import Iterable

from ..xml.parse import Element, add

PREFIX = "corral"
# What the object is called where the tag of its document is another word.
_NOUNS = {"domain": "guest"}


def namespace_of(root: str) -> str:
    """Return our namespace in the metadata of documents that begin with this tag."""
    return f"urn:corral.virt:{_NOUNS.get(root, root)}:1"


def in_metadata(root: str, tag: str = "") -> str:
    """Return the name of an element of ours in these documents; without a tag that of the one that holds the others."""
    return f"{{{namespace_of(root)}}}{tag or _NOUNS.get(root, root)}"


def write_tags(document: Element, tags: Iterable[str]) -> None:
    """Write the tags, sorted and each once: their order means nothing."""
    words = sorted(set(tags))
    if not words:
        return
    holder, name = holder_in(document), in_metadata(str(document.tag), "tag")
    for word in words:
        add(holder, name).text = word


def holder_in(document: Element) -> Element:
    """Return our element below <metadata>, made where it is missing: libvirt allows one of a namespace there."""
    root, metadata = str(document.tag), document.find("metadata")
    metadata = add(document, "metadata") if metadata is None else metadata
    found = metadata.find(in_metadata(root))
    if found is None:
        found = document.makeelement(in_metadata(root), {}, {PREFIX: namespace_of(root)})
        metadata.append(found)
    return found


def read_tags(document: Element) -> list[str]:
    """Return the tags, sorted."""
    root = str(document.tag)
    found = document.findall(f"metadata/{in_metadata(root)}/{in_metadata(root, 'tag')}")
    return sorted({(tag.text or "").strip() for tag in found} - {""})

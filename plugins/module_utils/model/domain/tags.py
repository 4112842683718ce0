# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags of a guest: words by which inventories group guests, in an element of our own below <metadata>."""

from __future__ import annotations

from collections.abc import Iterable

from ...xml.parse import Element, add

NAMESPACE = "urn:corral.virt:guest:1"
PREFIX = "corral"
_HOLDER, _TAG = f"{{{NAMESPACE}}}guest", f"{{{NAMESPACE}}}tag"


def write_tags(domain: Element, tags: Iterable[str]) -> None:
    """Write the tags, sorted and each once: their order means nothing."""
    words = sorted(set(tags))
    if not words:
        return
    found = domain.find("metadata")
    holder = domain.makeelement(_HOLDER, {}, {PREFIX: NAMESPACE})
    (add(domain, "metadata") if found is None else found).append(holder)
    for word in words:
        add(holder, _TAG).text = word


def read_tags(domain: Element) -> list[str]:
    """Return the tags, sorted."""
    found = domain.findall(f"metadata/{_HOLDER}/{_TAG}")
    return sorted({(tag.text or "").strip() for tag in found} - {""})

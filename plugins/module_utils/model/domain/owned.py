# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The images that were made for a guest: a mark in its metadata says which, so that only those are ever deleted.

<metadata>
  <corral:owned xmlns:corral="urn:corral-virt:owned">
    <corral:image path="/var/lib/corral/images/web1.qcow2"/>
"""

from __future__ import annotations

from typing import FrozenSet

from ...xml.parse import Element, add, parse

NAMESPACE = "urn:corral-virt:owned"
OWNED = f"{{{NAMESPACE}}}owned"
IMAGE = f"{{{NAMESPACE}}}image"


def owned_paths(document: Element) -> FrozenSet[str]:
    """The paths of the images that were made for this guest."""
    rows = document.findall(f"metadata/{OWNED}/{IMAGE}")
    return frozenset(path for path in (row.get("path") for row in rows) if path and path.startswith("/"))


def mark_owned(document: Element, path: str) -> None:
    """Write down that the image was made for this guest; a second time changes nothing."""
    if path in owned_paths(document):
        return
    metadata = document.find("metadata")
    metadata = add(document, "metadata") if metadata is None else metadata
    owned = metadata.find(OWNED)
    if owned is None:
        owned = parse(f"<corral:owned xmlns:corral='{NAMESPACE}'/>")
        metadata.append(owned)
    image = parse(f"<corral:image xmlns:corral='{NAMESPACE}'/>")
    image.set("path", path)
    owned.append(image)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the seeds of guests lie, how long, and under what name: see seed_make.py for what they are."""

from __future__ import annotations

from typing import Dict, Iterator

from ....errors import OperationFailed
from ....model.domain.core import Domain
from ....model.domain.seed import ENDINGS, move_seed, seed_path
from ....xml.parse import Element
from .site import Site

LARGEST = 16 << 20  # bytes


def check_seed(site: Site, document: Element) -> None:
    """Raise OperationFailed for a seed that was never made, or is gone."""
    path = seed_path(document)
    if path is not None and site.host.stat(path) is None:
        raise OperationFailed(
            f"The file {path}, which guest {Domain(document).name} reads at its first boot, does not exist.",
            hint="Run the task with its cloud_init or ignition again, which makes it.",
            path=path,
        )


def seeds(site: Site, name: str) -> Iterator[str]:
    """The files of the guest's seeds that are there."""
    for ending in ENDINGS.values():
        path = site.layout.seed(name, ending)
        if site.host.stat(path) is not None:
            yield path


def forget_seeds(site: Site, name: str, *, but: str = "") -> None:
    """Remove them, except the one that is still needed."""
    for path in list(seeds(site, name)):
        if path != but:
            site.host.remove(path)


def name_seed(site: Site, document: Element, new_name: str) -> None:
    """Let a document say where its seed lies once the guest has another name."""
    target = _renamed(site, document, new_name)
    if target:
        move_seed(document, target)


def copy_seed(site: Site, document: Element, new_name: str) -> None:
    """Bring the seed along to a new name, in the document too; may be done twice."""
    old, new = seed_path(document), _renamed(site, document, new_name)
    data = site.host.read(old, limit=LARGEST + 1) if old and new else None
    if data is not None:
        site.host.write(new, data, mode=0o600)
    name_seed(site, document, new_name)


def _renamed(site: Site, document: Element, new_name: str) -> str:
    """The place under a new name of a seed of ours, an empty text for any other."""
    places: Dict[str, str] = {
        site.layout.seed(Domain(document).name or "", ending): site.layout.seed(new_name, ending)
        for ending in ENDINGS.values()
    }
    return places.get(seed_path(document) or "", "")

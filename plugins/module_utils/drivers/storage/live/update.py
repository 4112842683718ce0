# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changing an active pool: its live document gets what is wanted, and the host is mended to fit it.

So an update that is killed is completed by the next run.
"""

from __future__ import annotations

from typing import Sequence

from ....errors import OperationInvalid
from ....model.storage.identity import POOL
from ....model.storage.order import POOL_ORDER, order_children
from ....xml.compare import Change, take
from ....xml.parse import Element, clone
from ....xml.write import to_text
from .life import mend
from .scene import Scene, scene_of

# What changes without letting the pool go, and everything below it.
LIVE = ("metadata", "features", "target/permissions", "refresh", "source/vendor", "source/product")


def is_live(place: str) -> bool:
    """Whether a difference at this place can be made while the pool is active."""
    return any(place == each or place.startswith((f"{each}/", f"{each}@")) for each in LIVE)


def update(scene: Scene, wanted: Element, changes: Sequence[Change]) -> None:
    """Let an active pool have what is wanted at these places; raises OperationInvalid for one that it cannot have."""
    for change in changes:
        if not is_live(change.place):
            raise OperationInvalid(
                f"Pool {scene.name} cannot change while it is active: {change}.",
                hint="It has to be started again for that.",
            )
    changed = clone(scene.pool.element)
    for change in changes:
        take(changed, wanted, change, POOL)
    order_children(changed, POOL_ORDER)
    scene.site.store.write_live(scene.name, to_text(changed).encode())
    mend(scene_of(scene.site, changed, scene.neighbours))

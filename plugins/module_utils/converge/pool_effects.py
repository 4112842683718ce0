# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a difference in a pool's document does while it is active: the table of pools.

``live`` is what no volume notices. Where the storage comes from, and where it is mounted, is another thing only when
the pool is started again (``next_boot``).
"""

from __future__ import annotations

from ..model.storage.identity import POOL, persistent_pool
from ..xml.parse import Element
from .pool_steps import OWN_ACTIONS, own_steps
from .resource.differences import Nature
from .resource.effects import LIVE, NEXT_BOOT, REFUSE, Row, Table

# The first row that fits counts.
POOL_EFFECTS: Table = (
    Row("uuid", REFUSE, REFUSE),
    Row("metadata", LIVE),
    Row("metadata/*", LIVE),
    # what the target directory looks like
    Row("target/permissions", LIVE),
    Row("target/permissions/*", LIVE),
    # what counts when the pool is built, or its volumes are looked at
    Row("features", LIVE),
    Row("features/*", LIVE),
    Row("refresh", LIVE),
    Row("refresh/*", LIVE),
    # what is known of the hardware
    Row("source/vendor", LIVE),
    Row("source/vendor/*", LIVE),
    Row("source/product", LIVE),
    Row("source/product/*", LIVE),
    Row("*", NEXT_BOOT),
)


def _running(live: Element, kept: Element) -> Element:
    return persistent_pool(live)


POOL_NATURE = Nature("pool", POOL, POOL_EFFECTS, persistent_pool, _running, own_steps, OWN_ACTIONS)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The effect classes: when a difference in a document comes into force, said by a row of a table.

``live``       at once, nothing is disturbed
``hotplug``    at once, by plugging or unplugging a device of a running guest
``next_boot``  kept now, in force when the guest starts the next time
``recreate``   only by removing the object and making it anew
``refuse``     not at all; the user has to decide
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from ..xml.compare import Change

LIVE, HOTPLUG, NEXT_BOOT, RECREATE, REFUSE = "live", "hotplug", "next_boot", "recreate", "refuse"
# From the gentlest to the hardest: what a set of differences has is the hardest of its effects.
EFFECTS = (LIVE, HOTPLUG, NEXT_BOOT, RECREATE, REFUSE)

# (place of the difference, effect on an active guest, effect on one that is off); the first row that fits counts.
DOMAIN_EFFECTS: tuple[tuple[str, str, str], ...] = (
    ("uuid", REFUSE, REFUSE),
    ("*", NEXT_BOOT, LIVE),
)


def effect_of(change: Change, *, active: bool) -> str:
    """Return the effect class of one difference in a guest's document."""
    row = next(row for row in DOMAIN_EFFECTS if fnmatchcase(change.place, row[0]))
    return row[1] if active else row[2]


def hardest(effects: Iterable[str]) -> str:
    """Return the hardest of these effects, ``live`` when there are none."""
    return max(effects, key=EFFECTS.index, default=LIVE)

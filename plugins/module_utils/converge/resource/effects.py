# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The effect classes: when a difference in a document comes into force, said by a row of a table.

``live``       at once, nothing is disturbed
``hotplug``    at once, by plugging or unplugging a device of a running guest
``next_boot``  kept now, in force when the object starts the next time
``recreate``   only by removing the object and making it anew
``refuse``     not at all; the user has to decide

All kinds of objects have the same words, so that a result reads the same for each of them: what has to wait until a
network is started again is ``next_boot`` too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Callable, Optional

from ...xml.compare import Change
from ...xml.parse import Element

LIVE, HOTPLUG, NEXT_BOOT, RECREATE, REFUSE = "live", "hotplug", "next_boot", "recreate", "refuse"
# From the gentlest to the hardest: what a set of differences has is the hardest of its effects.
EFFECTS = (LIVE, HOTPLUG, NEXT_BOOT, RECREATE, REFUSE)
# Those that need no other start.
AT_ONCE = (LIVE, HOTPLUG)

# Whether a row holds for a difference between the document of what is active and the one that is wanted.
Condition = Callable[[Change, Element, Element], bool]


@dataclass(frozen=True)
class Row:
    """What a difference at a place (a shell pattern) does to an active object, and to one that is off."""

    place: str
    active: str
    off: str = LIVE
    when: Optional[Condition] = None


Table = tuple[Row, ...]


def effect_in(
    table: Table, change: Change, *, active: bool, live: Optional[Element] = None, wanted: Optional[Element] = None
) -> str:
    """Return the effect class that the first fitting row of a table gives a difference.

    ``live`` is the document of what is active and ``wanted`` the complete one that it is to have; without them a row
    with a condition does not fit. The last row of a table fits everything.
    """
    row = next(row for row in table if _fits(row, change, live, wanted))
    return row.active if active else row.off


def hardest(effects: Iterable[str]) -> str:
    """Return the hardest of these effects, ``live`` when there are none."""
    return max(effects, key=EFFECTS.index, default=LIVE)


def _fits(row: Row, change: Change, live: Optional[Element], wanted: Optional[Element]) -> bool:
    if not fnmatchcase(change.place, row.place):
        return False
    return row.when is None or (live is not None and wanted is not None and row.when(change, live, wanted))

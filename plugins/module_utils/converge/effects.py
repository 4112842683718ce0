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
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Callable, Optional

from ..model.domain.core import Domain
from ..model.domain.disk import Disk
from ..model.domain.identity import DOMAIN
from ..xml.compare import Change, at
from ..xml.parse import Element

LIVE, HOTPLUG, NEXT_BOOT, RECREATE, REFUSE = "live", "hotplug", "next_boot", "recreate", "refuse"
# From the gentlest to the hardest: what a set of differences has is the hardest of its effects.
EFFECTS = (LIVE, HOTPLUG, NEXT_BOOT, RECREATE, REFUSE)
# Those that need no other start of the guest.
AT_ONCE = (LIVE, HOTPLUG)

# Where a drive is one to QEMU too: a stick on USB has no tray, whatever it is called.
DRIVE_BUSES = ("ide", "sata", "scsi", "fdc")

# Whether a row holds for a difference between the document of a guest that runs and the one that is wanted.
Condition = Callable[[Change, Element, Element], bool]


def _fits_balloon(change: Change, live: Element, wanted: Element) -> bool:
    """The balloon takes memory from the guest and gives it back; more than it was started with there is not."""
    balloon = live.find("devices/memballoon")
    if balloon is not None and balloon.get("model") == "none":
        return False
    return 0 < (Domain(wanted).current_memory or 0) <= (Domain(live).memory or 0)


def _fits_sockets(change: Change, live: Element, wanted: Element) -> bool:
    """CPUs are plugged into places that were there at the start; a list of CPUs says more than a number."""
    if live.find("vcpus") is not None or wanted.find("vcpus") is not None:
        return False
    now, then = (domain.current_vcpus or domain.vcpus or 1 for domain in (Domain(live), Domain(wanted)))
    return now != then and then <= (Domain(live).vcpus or 1)


def _is_medium(change: Change, live: Element, wanted: Element) -> bool:
    """A medium of a drive that stays: an image or a device of this host, or none."""
    now, then = (_disk(change, document) for document in (live, wanted))
    return (
        now is not None
        and then is not None
        and now.is_removable()
        and now.device == then.device
        and now.target_bus in DRIVE_BUSES
        and (then.is_empty() or then.type in ("file", "block"))
    )


def _has_medium(change: Change, live: Element, wanted: Element) -> bool:
    """QEMU takes limits for a drive with something in it, once that is in it."""
    now, then = (_disk(change, document) for document in (live, wanted))
    return now is not None and then is not None and not now.is_empty() and not then.is_empty()


def _is_another(change: Change, live: Element, wanted: Element) -> bool:
    """A password can be changed; whether one is asked for is settled at the start."""
    return change.before is not None and change.after is not None


def _has_password(change: Change, live: Element, wanted: Element) -> bool:
    found = [at(document, change.steps, DOMAIN) for document in (live, wanted)]
    return all(graphics is not None and graphics.get("passwd") for graphics in found)


def _disk(change: Change, document: Element) -> Optional[Disk]:
    found = at(document, change.steps[:2], DOMAIN)
    return None if found is None else Disk(found)


@dataclass(frozen=True)
class Row:
    """What a difference at a place (a shell pattern) does to an active guest, and to one that is off."""

    place: str
    active: str
    off: str = LIVE
    when: Optional[Condition] = None


# The first row that fits counts.
DOMAIN_EFFECTS: tuple[Row, ...] = (
    Row("uuid", REFUSE, REFUSE),
    Row("title", LIVE),
    Row("description", LIVE),
    Row("metadata", LIVE),
    Row("metadata/*", LIVE),
    Row("currentMemory", LIVE, when=_fits_balloon),
    Row("vcpu/@current", HOTPLUG, when=_fits_sockets),
    Row("devices/disk/@type", LIVE, when=_is_medium),
    Row("devices/disk/driver/@type", LIVE, when=_is_medium),
    Row("devices/disk/source", LIVE, when=_is_medium),
    Row("devices/disk/source/*", LIVE, when=_is_medium),
    Row("devices/disk/target/@tray", LIVE, when=_is_medium),
    Row("devices/disk/iotune", LIVE, when=_has_medium),
    Row("devices/disk/iotune/*", LIVE, when=_has_medium),
    Row("devices/interface/link", LIVE),
    Row("devices/interface/link/@state", LIVE),
    Row("devices/graphics/@passwd", LIVE, when=_is_another),
    Row("devices/graphics/@passwdValidTo", LIVE, when=_has_password),
    Row("*", NEXT_BOOT),
)


def effect_of(change: Change, *, active: bool, live: Optional[Element] = None, wanted: Optional[Element] = None) -> str:
    """Return the effect class of one difference in a guest's document.

    ``live`` is the document of the guest that runs and ``wanted`` the complete one that it is to have; without them
    a row with a condition does not fit.
    """
    row = next(row for row in DOMAIN_EFFECTS if _fits(row, change, live, wanted))
    return row.active if active else row.off


def hardest(effects: Iterable[str]) -> str:
    """Return the hardest of these effects, ``live`` when there are none."""
    return max(effects, key=EFFECTS.index, default=LIVE)


def _fits(row: Row, change: Change, live: Optional[Element], wanted: Optional[Element]) -> bool:
    if not fnmatchcase(change.place, row.place):
        return False
    return row.when is None or (live is not None and wanted is not None and row.when(change, live, wanted))

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a difference in a guest's document does while it runs: the table of guests."""

from __future__ import annotations

from typing import Optional

from ..drivers.links.guarded import FILTERED
from ..model.domain.core import Domain
from ..model.domain.disk import Disk
from ..model.domain.identity import DOMAIN, persistent_form, running_form
from ..xml.compare import Change, at
from ..xml.parse import Element
from .resource.differences import Nature
from .resource.effects import HOTPLUG, LIVE, NEXT_BOOT, REFUSE, Row, Table, effect_in

# Where a drive is one to QEMU too: a stick on USB has no tray, whatever it is called.
DRIVE_BUSES = ("ide", "sata", "scsi", "fdc")


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
    """QEMU takes limits for a drive with something in it: it may get that in the same run, which is made first."""
    now, then = (_disk(change, document) for document in (live, wanted))
    if now is None or then is None or then.is_empty():
        return False
    return not now.is_empty() or _is_medium(change, live, wanted)


def _is_filtered(change: Change, live: Element, wanted: Element) -> bool:
    """A filter works on the link that the card has on the host, where it has one that passes a bridge."""
    found = at(live, change.steps[:2], DOMAIN)
    return found is not None and found.get("type") in FILTERED


def _is_another(change: Change, live: Element, wanted: Element) -> bool:
    """A password can be changed; whether one is asked for is settled at the start."""
    return change.before is not None and change.after is not None


def _has_password(change: Change, live: Element, wanted: Element) -> bool:
    found = [at(document, change.steps, DOMAIN) for document in (live, wanted)]
    return all(graphics is not None and graphics.get("passwd") for graphics in found)


def _disk(change: Change, document: Element) -> Optional[Disk]:
    found = at(document, change.steps[:2], DOMAIN)
    return None if found is None else Disk(found)


# What the guest's unit is held to. Where there are no units nothing reads these, and a warning says so.
SHARES = (
    *("cputune", "cputune/shares", "cputune/period", "cputune/quota", "cputune/global_period", "cputune/global_quota"),
    *("memtune", "memtune/*", "blkiotune", "blkiotune/*"),
)
# The first row that fits counts.
DOMAIN_EFFECTS: Table = (
    Row("uuid", REFUSE, REFUSE),
    Row("title", LIVE),
    Row("description", LIVE),
    Row("metadata/*}seed*", NEXT_BOOT),
    Row("metadata", LIVE),
    Row("metadata/*", LIVE),
    Row("currentMemory", LIVE, when=_fits_balloon),
    *(Row(place, LIVE) for place in SHARES),
    Row("vcpu/@current", HOTPLUG, when=_fits_sockets),
    Row("devices/disk/@type", LIVE, when=_is_medium),
    Row("devices/disk/driver/@type", LIVE, when=_is_medium),
    Row("devices/disk/source", LIVE, when=_is_medium),
    Row("devices/disk/source/*", LIVE, when=_is_medium),
    Row("devices/disk/target/@tray", LIVE, when=_is_medium),
    Row("devices/disk/iotune", LIVE, when=_has_medium),
    Row("devices/disk/iotune/*", LIVE, when=_has_medium),
    Row("devices/interface/filterref", LIVE, when=_is_filtered),
    Row("devices/interface/filterref/*", LIVE, when=_is_filtered),
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
    return effect_in(DOMAIN_EFFECTS, change, active=active, live=live, wanted=wanted)


GUEST = Nature("guest", DOMAIN, DOMAIN_EFFECTS, persistent_form, running_form)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest that runs has in truth, where it or somebody by hand can have moved away from its live document.

A monitor is opened only for what the wanted document speaks about. The balloon, which every guest has, is read from
the journal of events. QEMU cannot be asked for the state of a link, nor for a password.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Sequence, Tuple

from ....host.api import Monitor
from ....model.domain.core import Domain
from ....model.domain.disk import Disk, Iotune
from ....model.domain.small import Memballoon
from ....xml.parse import Element, add, clone
from ..command.throttle import LIMITS
from ..context import Context
from ..devices.disk_write import drive_node
from ..images import top_image
from .journal import Entry
from .site import Site
from .status import Status
from .talk import open_monitor
from .tell import has_balloon
from .vcpus import plugged

PAGE = 4  # KiB: what a balloon counts in
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Look:
    """Something to ask QEMU for: whether the wanted document or the live one speaks about it, and how it is seen."""

    speaks: Callable[[Domain], bool]
    see: Callable[[Domain, Monitor, Context], None]


def observe(site: Site, name: str, document: Element, wanted: Element, status: Status) -> Element:
    """Return a copy of the live document with what has drifted; raises MonitorError and TimedOut."""
    seen = Domain(clone(document))
    _see_balloon(seen, site.journal(name).entries, status.told)
    looks = [look for look in LOOKS if look.speaks(Domain(wanted)) or look.speaks(seen)]
    if looks:
        context = site.context(document)
        monitor = open_monitor(site, name, status)
        try:
            for look in looks:
                look.see(seen, monitor, context)
        finally:
            monitor.close()
    return seen.element


# the balloon


def _see_balloon(domain: Domain, entries: Sequence[Entry], told: int) -> None:
    target, full = domain.current_memory or 0, domain.memory or 0
    actual = drifted(entries, told, target, full)
    deflates = any(balloon.autodeflate for balloon in domain.all(Memballoon))
    if actual is not None and has_balloon(domain) and not (deflates and actual > target):
        domain.current_memory = actual


def drifted(entries: Sequence[Entry], told: int, target: int, full: int) -> Optional[int]:
    """The memory in KiB that a guest has by its balloon's events, where it is not on the way to the target.

    ``told`` is how long the journal was when QEMU was told the target. Whoever has been there and has left, or moves
    away from it, was told something else by hand; a guest without a driver does not move at all. QEMU holds back what
    it says of a balloon for up to a second, so the first word behind ``told`` may be about what was before.
    """
    now = _last((entry for entry in entries if entry.at < told), full)
    reached, away, late = _near(now, target), False, True
    for entry in entries:
        if entry.at < told:
            continue
        if entry.name == "RESET":
            now, reached, away, late = full, _near(full, target), False, False
        elif entry.name == "BALLOON_CHANGE":
            before, now = now, int(entry.data["actual"]) // 1024
            reached = reached or _near(now, target)
            away = away or (not late and abs(now - target) > abs(before - target))
            late = False
    return now if (reached or away) and not _near(now, target) else None


def _last(entries: Iterable[Entry], full: int) -> int:
    now = full
    for entry in entries:
        if entry.name == "BALLOON_CHANGE":
            now = int(entry.data["actual"]) // 1024
        elif entry.name == "RESET":
            now = full
    return now


def _near(actual: int, target: int) -> bool:
    return abs(actual - target) < PAGE


# CPUs


def _counts_vcpus(domain: Domain) -> bool:
    return domain.current_vcpus is not None and not domain.vcpu_list


def _see_vcpus(domain: Domain, monitor: Monitor, context: Context) -> None:
    number = plugged(monitor)
    domain.current_vcpus = None if number == domain.vcpus else number


# drives


def _has_drives(domain: Domain) -> bool:
    return any(disk.is_removable() or disk.iotune is not None for disk in domain.all(Disk))


def _see_drives(domain: Domain, monitor: Monitor, context: Context) -> None:
    rows = drives(monitor)
    for disk in domain.all(Disk):
        row = rows.get(disk.id())
        if row is None:
            continue
        if disk.is_removable():
            _see_medium(disk, row, context)
        if "inserted" in row:
            _see_limits(disk, row["inserted"])


def drives(monitor: Monitor) -> Dict[str, Row]:
    """The rows of query-block by the id of the guest's device, whose path QEMU gives in several forms."""
    found: Dict[str, Row] = {}
    for row in monitor.execute("query-block"):
        parts = str(row.get("qdev") or "").split("/")
        names = [part for part in parts if part and part not in ("machine", "peripheral", "virtio-backend")]
        if names:
            found[names[0]] = row
    return found


def _see_medium(disk: Disk, row: Row, context: Context) -> None:
    inserted: Optional[Row] = row.get("inserted")
    image = top_image(disk, context)
    ours = image is not None and inserted is not None and inserted.get("node-name") == drive_node(disk, image)
    if inserted is None:
        if disk.source is not None and not disk.is_empty():
            disk.element.remove(disk.source.element)
    elif not ours:
        _see_foreign(disk, inserted)
    disk.tray = "open" if row.get("tray_open") and inserted is not None else None


def _see_foreign(disk: Disk, inserted: Row) -> None:
    """What somebody has put in: by the path that QEMU says, without a number of ours."""
    disk.type = "file"
    if disk.source is not None:
        disk.element.remove(disk.source.element)
    disk.ensure_source().file = str(inserted.get("file") or "unknown")
    disk.format = str(inserted.get("drv") or disk.format or "raw")


def _see_limits(disk: Disk, inserted: Row) -> None:
    said = disk.iotune.limits() if disk.iotune is not None else {}
    real = {name: int(inserted.get(word) or 0) for name, _group, word in LIMITS}
    if all(said.get(name, 0) == value for name, value in real.items()):
        return
    if disk.iotune is None:
        add(disk.element, "iotune")
    tune = disk.iotune
    if tune is not None:
        _write_limits(tune, real)


def _write_limits(tune: Iotune, real: Mapping[str, int]) -> None:
    for name, value in real.items():
        setattr(tune, name, value or None)


LOOKS: Tuple[Look, ...] = (Look(_counts_vcpus, _see_vcpus), Look(_has_drives, _see_drives))

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changing a guest that runs: a table of what QEMU is told for a difference at a place, and the loop over it.

QEMU agrees first, then the live document says so: a run that is killed in between leaves a difference that the next
one finds and makes again. What makes a difference live at all is said by converge.effects.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from ....errors import CorralError, MissingLibrary, MonitorClosed, OperationFailed, OperationInvalid
from ....host.api import Monitor
from ....model.domain.core import Domain
from ....model.domain.disk import Disk
from ....model.domain.display import Graphics
from ....model.domain.identity import DOMAIN
from ....model.domain.interface import Interface
from ....xml.compare import Change, Steps, at, take
from ....xml.parse import Element, clone
from ....xml.write import to_text
from .site import Site
from .talk import open_monitor
from .tell import tell_balloon, tell_limits, tell_link, tell_password
from .vcpus import plugged, set_vcpus

Changes = Tuple[Change, ...]


class Work:
    """One transaction: ``document`` is the live one, kept on disk when it changes; a monitor is opened on demand."""

    def __init__(self, site: Site, name: str, document: Element, wanted: Element, *, force: bool = False) -> None:
        self.site, self.name, self.document, self.wanted, self.force = site, name, document, wanted, force
        self._monitor: Optional[Monitor] = None

    def monitor(self) -> Monitor:
        """The one session of this transaction."""
        if self._monitor is None:
            self._monitor = open_monitor(self.site, self.name, self.site.status(self.name))
        return self._monitor

    def draft(self, changes: Changes) -> Element:
        """A copy of the live document with what is wanted at the places of these changes."""
        copy = clone(self.document)
        for change in changes:
            take(copy, self.wanted, change, DOMAIN)
        return copy

    def keep(self, document: Element) -> None:
        """Write down what QEMU has agreed to."""
        self.document = document
        self.site.store.write_live(self.name, to_text(document).encode())

    def close(self) -> None:
        """End the session, if there was one."""
        if self._monitor is not None:
            self._monitor.close()


def update(work: Work, changes: Sequence[Change]) -> None:
    """Make these changes; the caller holds the guest's lock and has seen that it runs.

    Raises OperationFailed for the first that cannot be made, with those that were and those that were not in its
    details.
    """
    done: List[Change] = []
    groups = _grouped(work, changes)
    try:
        for act, group in groups:
            _make(work, act, group, done, changes)
    finally:
        work.close()


def _make(work: Work, act: Act, group: Changes, done: List[Change], changes: Sequence[Change]) -> None:
    try:
        act(work, group)
    except MissingLibrary:
        raise
    except CorralError as error:
        raise _failure(work, error, group, done, changes) from error
    done.extend(group)


def _grouped(work: Work, changes: Sequence[Change]) -> List[Tuple[Act, Changes]]:
    """What is done, in the order of the table: a medium is one change with many places."""
    groups: Dict[Tuple[Act, Steps], List[Change]] = {}
    for change in changes:
        row = next((row for row in ROWS if fnmatchcase(change.place, row.place)), None)
        if row is None:
            raise OperationInvalid(
                f"{change.path} of guest {work.name} cannot be changed while the guest runs.",
                hint="Set apply: next_boot, or apply: restart.",
            )
        groups.setdefault((row.act, change.steps[: row.depth]), []).append(change)
    acts = [row.act for row in ROWS]
    rows = sorted(groups.items(), key=lambda item: acts.index(item[0][0]))
    return [(act, tuple(group)) for (act, _steps), group in rows]


def _failure(
    work: Work, error: CorralError, group: Changes, done: Sequence[Change], changes: Sequence[Change]
) -> OperationFailed:
    applied = [str(change) for change in done]
    before = f" Before that were applied: {'; '.join(applied)}." if applied else ""
    what = ", ".join(change.path for change in group)
    usual = "Mend that, or set apply: next_boot to leave the guest alone until its next start."
    return OperationFailed(
        f"Guest {work.name} could not be changed at {what}: {error.message}{before}",
        hint=error.hint or usual,
        applied=applied,
        not_applied=[str(change) for change in changes if change not in done],
    )


# the rows


def _written(work: Work, changes: Changes) -> None:
    """What stands in the document only; QEMU does not know of it."""
    work.keep(work.draft(changes))


def _memory(work: Work, changes: Changes) -> None:
    draft, journal = work.draft(changes), work.site.journal(work.name)
    status = work.site.status(work.name)
    if status is not None:
        work.site.store.write_status(work.name, replace(status, told=journal.size).to_plain())
    tell_balloon(Domain(draft), work.monitor())
    work.keep(draft)


def _shares(work: Work, changes: Changes) -> None:
    """What the guest may take of the host: its unit is held to that from now on, where it has one."""
    draft, units = work.draft(changes), work.site.store.units
    if units.installed:
        from .limits import properties_now

        status = work.site.status(work.name)
        pid = status.pid if status is not None else 0
        units.set_properties(work.name, properties_now(draft, work.site.host, pid))
    work.keep(draft)


def _vcpus(work: Work, changes: Changes) -> None:
    """However it ends, the document has the number of CPUs that the guest has then."""
    wanted, draft = Domain(work.wanted), clone(work.document)
    monitor = work.monitor()
    try:
        set_vcpus(monitor, wanted.current_vcpus or wanted.vcpus or 1)
    except MonitorClosed:
        raise
    except CorralError:
        _count(work, draft, monitor)
        raise
    _count(work, draft, monitor)


def _count(work: Work, draft: Element, monitor: Monitor) -> None:
    domain, number = Domain(draft), plugged(monitor)
    domain.current_vcpus = None if number == domain.vcpus else number
    work.keep(draft)


def _link(work: Work, changes: Changes) -> None:
    draft = work.draft(changes)
    interface = Interface(_device(draft, changes))
    tell_link(interface, work.monitor())
    if interface.target and interface.managed is not False:
        from ...links.batch import apply
        from ...links.port import state_lines

        apply(work.site.host, state_lines(interface.target, interface.link != "down"))
    work.keep(draft)


def _filter(work: Work, changes: Changes) -> None:
    from .guards import change_filter  # most guests have none

    draft = work.draft(changes)
    change_filter(work.site, work.name, draft, _device(draft, changes))
    work.keep(draft)


def _limits(work: Work, changes: Changes) -> None:
    draft = work.draft(changes)
    tell_limits(Disk(_device(draft, changes)), work.monitor())
    work.keep(draft)


def _password(work: Work, changes: Changes) -> None:
    draft = work.draft(changes)
    tell_password(Graphics(_device(draft, changes)), work.monitor(), again=True)
    work.keep(draft)


def _medium(work: Work, changes: Changes) -> None:
    from .media import change_medium  # it brings the writers of images along

    change_medium(work, changes)


def _device(document: Element, changes: Changes) -> Element:
    found = at(document, changes[0].steps[:2], DOMAIN)
    if found is None:
        raise OperationInvalid(f"The guest that runs has no {changes[0].path}.")
    return found


Act = Callable[[Work, Changes], None]
# Where a document says what a guest may take of its host.
SHARES = (
    *("cputune", "cputune/shares", "cputune/period", "cputune/quota", "cputune/global_period", "cputune/global_quota"),
    *("memtune", "memtune/*", "blkiotune", "blkiotune/*"),
)


@dataclass(frozen=True)
class Row:
    """What is done for differences at a place (a shell pattern); those that share so many steps are done together.

    Rows that stand first are done first: limits are for a medium that is in its drive.
    """

    place: str
    depth: int
    act: Act


ROWS: Tuple[Row, ...] = (
    Row("title", 1, _written),
    Row("description", 1, _written),
    Row("metadata", 1, _written),
    Row("metadata/*", 1, _written),
    Row("currentMemory", 1, _memory),
    *(Row(place, 0, _shares) for place in SHARES),
    Row("vcpu/@current", 1, _vcpus),
    Row("devices/disk/@type", 2, _medium),
    Row("devices/disk/driver/@type", 2, _medium),
    Row("devices/disk/source", 2, _medium),
    Row("devices/disk/source/*", 2, _medium),
    Row("devices/disk/target/@tray", 2, _medium),
    Row("devices/disk/iotune", 2, _limits),
    Row("devices/disk/iotune/*", 2, _limits),
    Row("devices/interface/link", 2, _link),
    Row("devices/interface/link/@state", 2, _link),
    Row("devices/interface/filterref", 2, _filter),
    Row("devices/interface/filterref/*", 2, _filter),
    Row("devices/graphics/@passwd", 2, _password),
    Row("devices/graphics/@passwdValidTo", 2, _password),
)

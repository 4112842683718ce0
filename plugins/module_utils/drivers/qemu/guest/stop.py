# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ending a guest, and putting back what it borrowed: in steps of which each may be the last that a run comes to."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import FrozenSet, Iterator, Tuple

from ....errors import HostError, MissingLibrary, MonitorClosed, OperationFailed
from ....host.api import Host, Process
from .farewell import end_helpers
from .handed import handed, keep_handed
from .images import give_back
from .seed import forget_seeds
from .site import Site
from .status import Status, end_cause, final_reason

TERM_TIMEOUT = 10.0
KILL_TIMEOUT = 10.0
# A QEMU that has only just been started may take its time to greet.
GREETING_TIMEOUT = 30.0


def alive(site: Site, status: Status) -> bool:
    """Whether the very process that was started is still there."""
    if not status.pid or status.boot_id != site.host.boot_id():
        return False
    return site.host.process(status.pid) == Process(status.pid, status.start)


def runs(site: Site, status: Status) -> bool:
    """Whether the guest is active: a start that was never completed does not count."""
    return status.ready and status.ended is None and alive(site, status)


def kill(host: Host, process: Process) -> None:
    """End QEMU: SIGTERM lets it flush its images, SIGKILL follows when that takes too long."""
    host.signal(process, "SIGTERM")
    if host.wait_exit(process, timeout=TERM_TIMEOUT):
        return
    host.signal(process, "SIGKILL")
    if not host.wait_exit(process, timeout=KILL_TIMEOUT):
        raise OperationFailed(
            f"QEMU (process {process.pid}) does not end.", hint="It probably waits for storage; look at dmesg."
        )


def clean_up(site: Site, name: str, status: Status, *, reason: str = "") -> None:
    """Undo what the start did for a guest that has ended; may be done twice. A transient guest is forgotten."""
    entries = site.journal(name).entries
    ended = replace(
        status, ended=status.ended or reason or final_reason(entries), cause=status.cause or end_cause(entries)
    )
    noted = _noted(site, name, ended)
    end_helpers(site.host, status)
    if status.links:
        from .guards import release
        from .wires import disconnect  # it brings the writers of links along

        disconnect(site.host, status)
        release(site, name, status.links)
    with site.store.names_lock():  # another guest must not borrow an image between our look and our giving back
        _give_back(site, name)
    for path in status.trees:
        site.host.remove_tree(path)
    site.host.remove(site.store.live_path(name))
    if not noted and not _noted(site, name, ended):
        site.store.remove_live(name)  # its journal goes now: a guest that is off and cannot say why, and no other
    site.host.remove_tree(site.layout.domain_directory(name))
    if site.store.read_config(name) is None:
        forget_seeds(site, name)
        site.store.remove_live(name)
    else:
        _noted(site, name, replace(ended, pid=0, start=0, helpers=(), trees=(), links=(), clean=True))
    if status.links:
        from .floors import give_up

        give_up(site, status.links)


def _noted(site: Site, name: str, status: Status) -> bool:
    """Write the status down where there is room: a full disk keeps nobody from ending a guest, which makes room."""
    try:
        site.store.write_status(name, status.to_plain())
    except HostError:
        return False
    return True


def _give_back(site: Site, name: str) -> None:
    """Give back what the guest was handed; the caller holds the lock of all names."""
    rows = handed(site, name)
    if rows:
        give_back(rows, site.host, site.runner, in_use_elsewhere(site, name))
        keep_handed(site, name, ())


def _others(site: Site, name: str) -> Iterator[Tuple[str, Status]]:
    """The other guests that have been started and not cleaned up yet, as far as their status can be read."""
    for other in site.store.live_names():
        with suppress(HostError):
            status = site.status(other) if other != name else None
            if status is not None and not status.clean:
                yield other, status


def _unknown(site: Site, name: str) -> Iterator[str]:
    """The other guests whose status is damaged: they may well run."""
    for other in site.store.live_names():
        try:
            if other != name:
                site.status(other)
        except HostError:
            yield other


def in_use_elsewhere(site: Site, name: str) -> Tuple[str, ...]:
    """Images that other guests, which run or are being started, have been handed."""
    users = (
        other
        for other, status in _others(site, name)
        if status.ended is None and (not status.pid or alive(site, status))
    )
    every = (*users, *_unknown(site, name))
    return tuple(path for other in every for path, _uid, _gid in handed(site, other))


def links_elsewhere(site: Site, name: str) -> FrozenSet[str]:
    """The names of links that other guests have, or are about to make."""
    return frozenset(what for _other, status in _others(site, name) for _kind, what, _detail in status.links)


def reconcile(site: Site, name: str) -> None:
    """Clean up after a guest that has ended without us, or was never started wholly; the caller holds its lock."""
    status = site.status(name)
    if status is None or status.clean:
        _give_back_late(site, name)
        return
    if runs(site, status):
        return
    if not status.ready:
        _abandon(site, name, status)
    clean_up(site, name, status, reason="" if status.ready else "failed")


def _give_back_late(site: Site, name: str) -> None:
    """Give back what a guest had when the host went down, or what it was to be handed when its start was killed."""
    if handed(site, name):
        with site.store.names_lock():
            _give_back(site, name)


def _abandon(site: Site, name: str, status: Status) -> None:
    """End the QEMU of a start whose run was killed."""
    if not status.pid:
        _end_unknown(site, name)
    elif alive(site, status):
        kill(site.host, Process(status.pid, status.start))


def _end_unknown(site: Site, name: str) -> None:
    """End a QEMU whose process id was never written down: the run that started it was killed right then."""
    try:
        monitor = site.host.open_monitor(site.layout.monitor(name), timeout=GREETING_TIMEOUT)
    except MissingLibrary:
        raise
    except (HostError, MonitorClosed):
        return  # nobody listens there: nothing was started, or it is gone
    try:
        monitor.execute("quit")
        monitor.wait_event((), timeout=TERM_TIMEOUT)  # until it hangs up, which it does when its images are closed
    except MonitorClosed:
        pass  # it went before it could answer, as it was told to
    finally:
        monitor.close()

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ending a guest, and putting back what it borrowed."""

from __future__ import annotations

from dataclasses import replace
from typing import Tuple

from ....errors import CorralError, MonitorClosed, OperationFailed
from ....host.api import Host, Process
from .images import give_back
from .site import Site
from .status import Status, final_reason

TERM_TIMEOUT = 10.0
KILL_TIMEOUT = 10.0


def runs(site: Site, status: Status) -> bool:
    """Whether the very process that was started is still there."""
    if not status.pid or status.ended is not None or status.boot_id != site.host.boot_id():
        return False
    return site.host.process(status.pid) == Process(status.pid, status.start)


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


def clean_up(site: Site, name: str, status: Status, *, reason: str = "") -> Status:
    """Undo what the start did for a guest that has ended; may be done twice. Returns the new status."""
    why = reason or final_reason(site.journal(name))
    give_back(status.handed, site.host, site.runner, _in_use_elsewhere(site, name))
    ended = replace(status, pid=0, start=0, handed=(), ended=why)
    site.store.write_status(name, ended.to_plain())
    site.host.remove(site.store.live_path(name))
    site.host.remove_tree(site.layout.domain_directory(name))
    return ended


def _in_use_elsewhere(site: Site, name: str) -> Tuple[str, ...]:
    """Images that other guests which run have been handed."""
    paths = []
    for other in site.store.live_names():
        status = site.status(other) if other != name else None
        if status is not None and runs(site, status):
            paths += [path for path, _uid, _gid in status.handed]
    return tuple(paths)


def reconcile(site: Site, name: str) -> None:
    """Clean up after a guest that has ended without us; the caller holds its lock."""
    status = site.status(name)
    if status is None or status.ended is not None or runs(site, status):
        return
    if not status.pid:
        _end_unknown(site, name)
    clean_up(site, name, status)


def _end_unknown(site: Site, name: str) -> None:
    """End a QEMU whose process id was never written down: the run that started it was killed right then."""
    try:
        monitor = site.host.open_monitor(site.layout.monitor(name), timeout=5.0)
    except CorralError:
        return  # nobody listens there: nothing was started
    try:
        monitor.execute("quit")
    except MonitorClosed:
        pass  # it went before it could answer, as it was told to
    finally:
        monitor.close()

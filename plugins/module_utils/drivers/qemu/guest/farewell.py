# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ending the processes beside QEMU, whoever started them.

They end by themselves when QEMU hangs up. What is left, after a run that was killed or a start that failed, gets a
signal; one whose process id was never written down is told over the socket that it listens on.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Dict

from ....errors import HostError, OperationFailed, TimedOut
from ....host.api import Host, Process
from .status import Beside, Status

# Seconds: what hangs up and what gets a signal is gone in a few milliseconds.
GRACE = 0.5
END_TIMEOUT = 10.0

# What a helper is told so that it ends: PTM_SHUTDOWN of swtpm's control channel; virtiofsd ends with its connection.
FAREWELLS: Dict[str, bytes] = {"swtpm": b"\0\0\0\3", "virtiofsd": b""}


def end_helpers(host: Host, status: Status) -> None:
    """End those that have not ended with their QEMU; raises OperationFailed. They are of this boot, or gone."""
    if status.boot_id != host.boot_id():
        return
    for row in status.helpers:
        if row.pid:
            _end(host, row, Process(row.pid, row.start))
        else:
            _dismiss(host, row)


def _end(host: Host, row: Beside, process: Process) -> None:
    if host.wait_exit(process, timeout=GRACE):
        return
    for signal in ("SIGTERM", "SIGKILL"):
        host.signal(process, signal)
        if host.wait_exit(process, timeout=END_TIMEOUT):
            return
    raise OperationFailed(f"{row.program} (process {row.pid}) does not end.", hint="Look at dmesg.")


def _dismiss(host: Host, row: Beside) -> None:
    """End one whose run was killed before it could write its process down: by its socket, where it listens."""
    try:
        stream = host.open_stream(row.socket)
    except HostError:
        return  # nobody is there
    farewell = FAREWELLS.get(row.program, b"")
    with suppress(HostError, TimedOut):
        if farewell:
            stream.send(farewell, timeout=GRACE)
            stream.receive(timeout=END_TIMEOUT)
    stream.close()
    if not host.wait_for(lambda: not _listens(host, row.socket), timeout=END_TIMEOUT):
        raise OperationFailed(f"A {row.program} listens on {row.socket} and does not end.", hint="End it by hand.")


def _listens(host: Host, path: str) -> bool:
    try:
        host.open_stream(path).close()
    except HostError:
        return False
    return True

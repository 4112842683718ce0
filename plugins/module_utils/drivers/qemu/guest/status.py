# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest's state is, without a daemon: read from the journal of events that QEMU itself writes.

Every guest has a second QMP monitor whose output is a plain file (see launch.py). The events in it say what happened
last, also after QEMU has gone. Source of the events: QEMU's qapi/run-state.json.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

State = Tuple[str, str]  # libvirt's words for the state and its reason

# The reason of a SHUTDOWN event (ShutdownCause) as libvirt's reason for "shut off".
ENDS: Dict[str, str] = {
    "guest-shutdown": "shutdown",
    "guest-reset": "shutdown",
    "guest-panic": "crashed",
    "host-qmp-quit": "destroyed",
    "host-qmp-system-reset": "destroyed",
    "host-signal": "destroyed",
    "host-ui": "destroyed",
    "host-error": "failed",
    "subsystem-reset": "shutdown",
    "snapshot-load": "destroyed",
}

# What stops a guest, as the reason of the pause that follows it.
STOPS: Dict[str, str] = {
    "BLOCK_IO_ERROR": "ioerror",
    "WATCHDOG": "watchdog",
    "GUEST_PANICKED": "crashed",
}


@dataclass(frozen=True)
class Status:
    """The runtime facts of a guest, kept as JSON beside its live document.

    A life goes through it in order: announced, with a ``pid``, ``ready`` (QEMU was told to run, or to wait paused),
    ``ended`` with its reason, ``clean`` when all that was borrowed is given back. A run that is killed leaves the rest
    to the next run. ``handed`` are the images whose owner was changed for QEMU: (path, uid, gid) as before.
    """

    pid: int = 0
    start: int = 0
    boot_id: str = ""
    id: int = 0
    started: float = 0.0
    reason: str = "booted"
    handed: Tuple[Tuple[str, int, int], ...] = ()
    ready: bool = False
    ended: Optional[str] = None
    clean: bool = False

    def to_plain(self) -> Dict[str, Any]:
        """Plain values for the store."""
        return dict(self.__dict__)

    @classmethod
    def from_plain(cls, fields: Mapping[str, Any]) -> Status:
        """Read it back; what does not fit is left at its default."""
        known = {name: fields[name] for name in cls.__dataclass_fields__ if name in fields}
        rows = known.get("handed") or ()
        return cls(**{**known, "handed": tuple((str(path), int(uid), int(gid)) for path, uid, gid in rows)})


def events(journal: bytes) -> Iterator[Dict[str, Any]]:
    """Yield the events of a journal; a half-written last line is left out."""
    for line in journal.splitlines():
        if not line.startswith(b"{"):
            continue
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and "event" in row:
            yield row


def running_state(journal: bytes, status: Status) -> State:
    """The state of a guest whose QEMU runs: QEMU starts paused, so the last of RESUME, STOP and SUSPEND says it."""
    state: State = ("paused", "starting up")
    cause: Optional[str] = None
    for row in events(journal):
        name = row["event"]
        if name == "RESUME":
            state, cause = ("running", status.reason if state[1] == "starting up" else "unpaused"), None
        elif name == "STOP":
            state, cause = ("paused", cause or "user"), None
        elif name == "SUSPEND":
            state = ("pmsuspended", "unknown")
        elif name == "WAKEUP":
            state = ("running", "wakeup")
        elif name in STOPS and _stops(row.get("data", {})):
            cause = STOPS[name]
    return state


def _stops(data: Mapping[str, Any]) -> bool:
    return data.get("action") in ("stop", "pause")


def final_reason(journal: bytes) -> str:
    """Why a guest has ended; without a word from QEMU it was killed."""
    reason = "crashed"
    for row in events(journal):
        if row["event"] == "SHUTDOWN":
            reason = ENDS.get(str(row.get("data", {}).get("reason")), "shutdown")
    return reason


def reboots(journal: bytes) -> int:
    """How often the guest has reset itself since it was started."""
    rows: List[Dict[str, Any]] = [row for row in events(journal) if row["event"] == "RESET"]
    return sum(1 for row in rows if row.get("data", {}).get("guest"))

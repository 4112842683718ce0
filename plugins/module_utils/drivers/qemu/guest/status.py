# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest's state is, without a daemon: read from the journal of events that QEMU itself writes.

Every guest has a second QMP monitor whose output is kept in a plain file (see launch.py). The events in it say what
happened last, also after QEMU has gone. Source of the events: QEMU's qapi/run-state.json.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, FrozenSet, Iterable, Mapping, NamedTuple, Optional, Tuple

from .journal import Entry


class Beside(NamedTuple):
    """A process beside QEMU: its program, the socket that it listens on, and its process once that is known."""

    program: str
    socket: str
    pid: int = 0
    start: int = 0


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

STOPPED: State = ("paused", "user")  # by nobody else
SLEEP: Dict[str, State] = {"SUSPEND": ("pmsuspended", "unknown"), "WAKEUP": ("running", "wakeup")}

# What stops a guest: the actions that do, and the state and its reason once it has stopped.
STOPS: Dict[str, Tuple[FrozenSet[str], State]] = {
    "BLOCK_IO_ERROR": (frozenset({"stop"}), ("paused", "ioerror")),
    "WATCHDOG": (frozenset({"pause"}), ("paused", "watchdog")),
    "GUEST_PANICKED": (frozenset({"pause", "poweroff"}), ("crashed", "panicked")),
}


@dataclass(frozen=True)
class Status:
    """The runtime facts of a guest, kept as JSON beside its live document.

    A life goes through it in order: announced, with a ``pid``, ``ready`` (QEMU was told to run, or to wait paused),
    ``ended`` with its reason, ``clean`` when all that was borrowed is given back. A run that is killed leaves the rest
    to the next run.
    ``helpers`` are the processes beside QEMU, ``trees`` directories that go when it has ended. ``told`` is how long the
    journal was when QEMU was told how much memory the guest is to have. ``links`` is what to undo of the host's ends of
    network cards: rows of (kind, what, detail), see wires.py. ``leaving`` says that somebody wants the guest to end,
    ``cause`` is QEMU's own word for why it has.
    """

    pid: int = 0
    start: int = 0
    boot_id: str = ""
    id: int = 0
    started: float = 0.0
    reason: str = "booted"
    ready: bool = False
    ended: Optional[str] = None
    clean: bool = False
    told: int = 0
    helpers: Tuple[Beside, ...] = ()
    trees: Tuple[str, ...] = ()
    links: Tuple[Tuple[str, str, str], ...] = ()
    leaving: bool = False
    cause: str = ""

    def began(self, number: int, pid: int, start: int) -> Status:
        """The same, with the process of a helper."""
        rows = list(self.helpers)
        rows[number] = rows[number]._replace(pid=pid, start=start)
        return replace(self, helpers=tuple(rows))

    def to_plain(self) -> Dict[str, Any]:
        """Plain values for the store."""
        return dict(self.__dict__)

    @classmethod
    def from_plain(cls, fields: Mapping[str, Any]) -> Status:
        """Read it back; what does not fit is left at its default."""
        known = {name: fields[name] for name in cls.__dataclass_fields__ if name in fields}
        known["helpers"] = tuple(Beside(str(row[0]), str(row[1]), *row[2:4]) for row in known.get("helpers") or ())
        known["links"] = tuple((str(kind), str(what), str(detail)) for kind, what, detail in known.get("links") or ())
        known["trees"] = tuple(str(path) for path in known.get("trees") or ())
        return cls(**known)


def running_state(entries: Iterable[Entry], status: Status) -> State:
    """The state of a guest whose QEMU runs: QEMU starts paused, and its last events say what became of that."""
    first: State = ("paused", "starting up")
    state, cause = first, STOPPED
    for entry in entries:
        name = entry.name
        actions, stopped = STOPS.get(name, (frozenset(), STOPPED))
        if entry.data.get("action") in actions:
            cause = stopped
        elif name == "RESUME":
            state, cause = ("running", status.reason if state == first else "unpaused"), STOPPED
        elif name == "STOP":
            state = cause
        elif name == "SHUTDOWN":
            state, cause = ("in shutdown", "unknown"), ("paused", "shutting down")
        else:
            state = SLEEP.get(name, state)
    return state


def final_reason(entries: Iterable[Entry]) -> str:
    """Why a guest has ended; without a word from QEMU it was killed."""
    reason = "crashed"
    for entry in entries:
        if entry.name == "SHUTDOWN":
            reason = ENDS.get(str(entry.data.get("reason")), "shutdown")
    return reason


def end_cause(entries: Iterable[Entry]) -> str:
    """QEMU's word (ShutdownCause) for the last thing that ended the guest, "" when it said none."""
    return next((str(entry.data.get("reason")) for entry in reversed(list(entries)) if entry.name == "SHUTDOWN"), "")


def reboots(entries: Iterable[Entry]) -> int:
    """How often the guest has reset itself since it was started."""
    return sum(entry.times for entry in entries if entry.name == "RESET" and entry.data.get("guest"))

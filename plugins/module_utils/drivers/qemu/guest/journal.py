# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of a guest: the events that its QEMU wrote, and how it is kept small although QEMU only appends to it.

A guest can make QEMU write as much as it likes. So whoever may write turns what is read into the few events that
matter (the digest, a file beside the journal that says up to where it goes), and then lets the file system forget that
part: it becomes a hole. Nothing that QEMU appends meanwhile can be lost by this, positions in the journal stay what
they are, and a run that is killed in between has done nothing or half of it, which reads the same.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ....errors import CorralError
from ....host.api import Host

# More bytes than this are never read at once; a journal is made smaller when this much of it was not digested yet.
MOST = 1 << 20
ENOUGH = 1 << 18
# How many events of one kind stay; what a guest is, is decided by the last few of each.
KEPT = 64
TURNS = 5  # how often a journal is read that others make smaller all the time
BLOCK = 4096  # bytes: what a hole is made of

# What anybody asks for: the events, and what is kept of their data.
MATTERS = frozenset(
    "RESUME STOP SHUTDOWN SUSPEND WAKEUP RESET BALLOON_CHANGE VSERPORT_CHANGE "
    "BLOCK_IO_ERROR WATCHDOG GUEST_PANICKED".split()
)
FACTS = ("action", "guest", "id", "open", "actual")


class Entry(NamedTuple):
    """An event: where it begins in the journal, its name and data, and how often it came in a row of its like."""

    at: int
    name: str
    data: Mapping[str, Any]
    times: int = 1


class Journal(NamedTuple):
    """The events that are known, oldest first; ``size`` is how long the journal is, ``held`` how much was digested."""

    entries: Tuple[Entry, ...] = ()
    size: int = 0
    held: int = 0


def events(data: bytes, start: int = 0) -> Iterator[Entry]:
    """Yield the events of a piece of a journal that begins at ``start``; what is none, or not whole, is left out."""
    at = start
    for line in data.splitlines(keepends=True):
        row = _parsed(line)
        if row is not None:
            found = row.get("data")
            yield Entry(at, str(row["event"]), found if isinstance(found, dict) else {})
        at += len(line)


def _parsed(line: bytes) -> Optional[Dict[str, Any]]:
    if not line.startswith(b"{"):
        return None
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and "event" in row else None


def read_journal(host: Host, path: str) -> Journal:
    """Return what is known of a guest's events; nothing where there is no journal.

    Where a journal has grown by more than MOST bytes since it was digested, its end is read: the guest has long been
    running then.
    """
    found: Optional[Journal] = None
    for _turn in range(TURNS):
        found = _read(host, path)
        if found is not None:
            return found
    return Journal()


def _read(host: Host, path: str) -> Optional[Journal]:
    """The same; None when another run made the journal smaller meanwhile: what begins with a zero is a hole."""
    found = host.stat(path)
    if found is None or found.kind != "file":
        return Journal()
    entries, held = _digest(host, path)
    if held > found.size:
        entries, held = [], 0  # of another journal
    start = max(held, found.size - MOST)
    data = host.read(path, offset=start, limit=MOST) or b""
    if data.startswith(b"\0"):
        return None
    if start > held:
        skipped, newline, data = data.partition(b"\n")
        entries.append(Entry(start, "RESUME", {}))
        start += len(skipped + newline)
    return Journal((*entries, *events(data, start)), found.size, held)


def digest_path(path: str) -> str:
    """Where the events that matter are kept of the part of a journal that is gone."""
    return f"{path}.digest"


def _digest(host: Host, path: str) -> Tuple[List[Entry], int]:
    try:
        found = json.loads(host.read(digest_path(path)) or b"null")
        rows = [Entry(int(at), str(name), dict(data), int(times)) for at, name, data, times in found["entries"]]
        return rows, int(found["held"])
    except (ValueError, TypeError, KeyError):
        return [], 0


# making it smaller


def is_long(host: Host, path: str) -> bool:
    """Whether it is worth making a journal smaller."""
    found = host.stat(path)
    return found is not None and found.kind == "file" and found.allocated > ENOUGH


def shorten(host: Host, path: str) -> None:
    """Keep what matters of a journal and free the room of the rest; the caller holds the guest's lock.

    Raises CorralError where the digest cannot be written, or the file system cannot make holes.
    """
    journal = read_journal(host, path)
    if journal.size - journal.held > MOST:
        _make_hole(host, path, journal.size - MOST)  # nobody reads that; it may be the room that the digest needs
    last = max((entry.at for entry in journal.entries), default=0)
    held = max(last, journal.held)  # the last event stays: it may not be whole yet
    rows = [tuple(entry) for entry in condensed(entry for entry in journal.entries if entry.at < held)]
    host.write(digest_path(path), json.dumps({"held": held, "entries": rows}).encode())
    _make_hole(host, path, held)


def _make_hole(host: Host, path: str, size: int) -> None:
    whole = size // BLOCK * BLOCK
    if whole:
        host.run(["fallocate", "--punch-hole", "--offset", "0", "--length", str(whole), path], timeout=30.0)


def condensed(entries: Iterable[Entry]) -> List[Entry]:
    """The events that matter: the first start, and of each kind the last KEPT; resets are counted."""
    rows = [_slim(entry) for entry in entries if entry.name in MATTERS]
    seen: Counter[Tuple[Any, ...]] = Counter()
    kept: List[Entry] = []
    gone: List[Entry] = []
    for entry in reversed(rows):
        kind = (entry.name, *(str(entry.data.get(word)) for word in ("id", "action", "guest")))
        seen[kind] += 1
        (kept if seen[kind] <= KEPT else gone).append(entry)
    kept += _remains(gone[::-1])[::-1]
    return kept[::-1]


def _slim(entry: Entry) -> Entry:
    words = (*FACTS, "reason") if entry.name == "SHUTDOWN" else FACTS
    return entry._replace(data={word: entry.data[word] for word in words if word in entry.data})


def _remains(gone: Sequence[Entry]) -> List[Entry]:
    """What of the events that go still counts: that the guest was started, and how often it was reset."""
    rows = [entry for entry in gone if entry.name == "RESUME"][:1]
    for guest in (True, False):
        resets = [entry for entry in gone if entry.name == "RESET" and bool(entry.data.get("guest")) is guest]
        if resets:
            rows.append(resets[-1]._replace(times=sum(entry.times for entry in resets)))
    return sorted(rows)


def shorten_quietly(host: Host, path: str) -> None:
    """The same, for those who came for something else: a journal that stays long is no failure of theirs."""
    with suppress(CorralError):
        shorten(host, path)

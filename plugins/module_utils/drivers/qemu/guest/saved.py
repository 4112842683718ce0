# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Saving a guest to a file of the host, and letting it go on from there: what libvirt calls a managed save.

QEMU writes memory and devices to a file of ours that it is lent open, as for a migration. The facts beside it come
last, and only with them the guest counts as saved. They go before the guest runs again: whatever happens afterwards,
no memory is ever put together with disks that have changed since. A run that is killed anywhere leaves the guest as
it was, or saved. Source of the commands: QEMU's qapi/migration.json.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ....errors import CorralError, HostError, MonitorError, OperationFailed, OperationInvalid, TimedOut
from ....host.api import Host, Monitor, Process
from ....model.domain.core import Domain
from ....model.domain.identity import persistent_form
from ....xml.parse import Element, clone, parse
from ....xml.write import to_text
from ...api import Saved
from .figures import process_figures
from .site import Site
from .stop import clean_up, kill
from .talk import monitor_of, status_of

# The name, or the number, by which QEMU knows the file; the number is one above that of its journal.
LENT, LENT_SET = "saved", (1 << 20) + 1
# From this release on QEMU wants to be told that it is a file, in a set of descriptors, and warns of it otherwise.
WITH_SETS = (9, 1)
# No brake: bytes in a second. QEMU has one unless it is told otherwise.
FULL_SPEED = 1 << 40
# Seconds between two looks at how far QEMU is, and how long it may take to give up.
LOOK, GIVE_UP = 0.1, 30.0
# Seconds until a guest is back in its memory.
LOAD_TIMEOUT = 840.0
# What has to stay free of the file system beside what is written: others write, too.
SPARE = 64 << 20
OVER = ("completed", "failed", "cancelled")


@dataclass(frozen=True)
class Kept:
    """What stands beside a saved state: the document of the guest as it ran, and how it was saved."""

    document: str
    saved: Saved

    def to_plain(self) -> Dict[str, Any]:
        """Plain values for JSON."""
        return {"document": self.document, **vars(self.saved)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Kept:
        """Read it back; raises KeyError, TypeError or ValueError for what is none."""
        facts = Saved(float(plain["when"]), bool(plain["paused"]), bool(plain["resume"]))
        return cls(str(plain["document"]), facts)


def read_saved(site: Site, name: str) -> Optional[Kept]:
    """Return what a guest was saved as, or None; raises HostError where that is damaged."""
    path = site.layout.saved_facts(name)
    data = site.host.read(path)
    try:
        return None if data is None else Kept.from_plain(json.loads(data))
    except (ValueError, TypeError, KeyError):
        hint = "Remove it to start the guest from its disks, as after a power cut."
        raise HostError(f"{path} is damaged.", hint=hint, path=path) from None


def saved_files(site: Site, name: str) -> List[str]:
    """The files of a guest's saved state that are there, the one first that makes it count."""
    paths = (site.layout.saved_facts(name), site.layout.saved_state(name))
    return [path for path in paths if site.host.stat(path) is not None]


def forget_saved(site: Site, name: str) -> None:
    """Remove them."""
    for path in saved_files(site, name):
        site.host.remove(path)


# saving


def save(site: Site, name: str, *, timeout: float, resume: bool) -> None:
    """Save a guest and end it; the caller holds its lock. Raises what keeps it from that; it then goes on."""
    status, document = status_of(site, name), site.active(name)
    if document is None or site.store.read_config(name) is None:
        raise OperationInvalid(f"Guest {name} is transient, and only a defined guest can be saved.")
    forget_saved(site, name)
    _check_room(site, name, document, status.pid)
    with monitor_of(site, name) as monitor:
        failure = _kept(site, monitor, name, document, timeout=timeout, resume=resume)
    if failure is not None:
        raise _explained(name, failure) from failure
    kill(site.host, Process(status.pid, status.start))
    clean_up(site, name, replace(status, cause=""), reason="saved")


def _kept(
    site: Site, monitor: Monitor, name: str, document: Element, *, timeout: float, resume: bool
) -> Optional[CorralError]:
    """Stop a guest and write it down; returns what went wrong, and then it goes on."""
    running = bool(monitor.execute("query-status")["running"])
    if running:
        monitor.execute("stop")
    try:
        _write_out(site, monitor, name, timeout)
        kept = Kept(to_text(_as_started(document)), Saved(site.host.now(), paused=not running, resume=resume))
        site.host.write(site.layout.saved_facts(name), json.dumps(kept.to_plain()).encode())
    except CorralError as error:
        _go_on(site, monitor, name, running=running)
        return error
    return None


def _check_room(site: Site, name: str, document: Element, pid: int) -> None:
    """Raise OperationFailed where the disk has less room than the guest has touched of its memory."""
    place = site.host.file_system(site.layout.saves_dir)
    touched, most = process_figures(site.host, pid)["rss_mib"] or 0, (Domain(document).memory or 0) // 1024
    needed = min(touched, most) * 1024**2 + SPARE
    if place is not None and place.available < needed:
        raise OperationFailed(
            f"Guest {name} cannot be saved: it may need {needed // 1024**2} MiB of room in {site.layout.saves_dir}, and"
            f" there are {place.available // 1024**2} MiB.",
            hint="Make room there, or put a larger file system there.",
        )


def _write_out(site: Site, monitor: Monitor, name: str, timeout: float) -> None:
    """Let QEMU write all of the guest, and the disk have it."""
    path, deadline = site.layout.saved_state(name), site.host.monotonic() + timeout
    monitor.execute("migrate-set-parameters", {"max-bandwidth": FULL_SPEED})
    if site.capabilities(site.active(name)).version >= WITH_SETS:
        monitor.lend_file(path, "add-fd", {"fdset-id": LENT_SET})
        monitor.execute("migrate", {"uri": f"file:/dev/fdset/{LENT_SET}"})
    else:
        monitor.lend_file(path, "getfd", {"fdname": LENT})
        monitor.execute("migrate", {"uri": f"fd:{LENT}"})
    _await(site.host, monitor, lambda: deadline - site.host.monotonic())
    site.host.run(["sync", path], timeout=max(deadline - site.host.monotonic(), 1.0))


def _await(host: Host, monitor: Monitor, left: Callable[[], float]) -> None:
    """Wait until QEMU has written, or read, all of it."""
    while True:
        found = monitor.execute("query-migrate")
        status = found.get("status")
        if status == "completed":
            return
        if status in OVER:
            raise OperationFailed(str(found.get("error-desc") or f"QEMU says {status}, and no more."))
        if left() <= 0:
            raise TimedOut("it takes longer than it may.")
        host.sleep(LOOK)


def _go_on(site: Site, monitor: Monitor, name: str, *, running: bool) -> None:
    """Let a guest that could not be saved be as it was."""
    monitor.execute("migrate_cancel")
    deadline = site.host.monotonic() + GIVE_UP
    while monitor.execute("query-migrate").get("status", "failed") not in OVER and site.host.monotonic() < deadline:
        site.host.sleep(LOOK)
    forget_saved(site, name)
    if running:
        monitor.execute("cont")


def _explained(name: str, error: CorralError) -> CorralError:
    kind = TimedOut if isinstance(error, TimedOut) else OperationFailed
    said = error.description if isinstance(error, MonitorError) else error.message
    return kind(f"Guest {name} cannot be saved: {said}", hint=error.hint or "It goes on as before.", name=name)


def _as_started(document: Element) -> Element:
    """What a guest runs with as it was before its start, in the order and with the names that its devices have now."""
    copy = persistent_form(document)
    for device, original in zip(copy.findall("devices/*"), document.findall("devices/*")):
        alias = original.find("alias")
        if alias is not None and device.find("alias") is None:
            device.append(clone(alias))
    return copy


# going on


def saved_document(kept: Kept, path: str) -> Element:
    """The document that a saved guest goes on with."""
    return parse(kept.document, root="domain", what=f"saved state {path}")


def waiting(version: Tuple[int, ...], descriptor: int) -> Tuple[List[str], str]:
    """Return the arguments of a QEMU that waits for a saved state, which it inherits open, and where it finds that."""
    words = ["-incoming", "defer"]
    if version < WITH_SETS:
        return words, f"fd:{descriptor}"
    return [*words, "-add-fd", f"set={LENT_SET},fd={descriptor},opaque={LENT}"], f"file:/dev/fdset/{LENT_SET}"


def load(host: Host, monitor: Monitor, uri: str) -> None:
    """Let a QEMU that waits for it read a saved state.

    Where that fails QEMU says why and ends, or does not end; the error says so in any case.
    """
    monitor.execute("migrate-incoming", {"uri": uri})
    deadline = host.monotonic() + LOAD_TIMEOUT
    _await(host, monitor, lambda: deadline - host.monotonic())


def not_restored(name: str, error: CorralError) -> CorralError:
    """The error of a saved guest that could not be started, with what there is to do about it."""
    hint = "It stays saved. To start it from its disks, as after a power cut: state: stopped with force: true first."
    return OperationFailed(f"Guest {name} cannot go on from its saved state: {error.message}", hint=hint, name=name)


def let_go_on(site: Site, name: str, *, paused: bool) -> None:
    """Let a guest that is in its memory again run, or stay paused; from here on its saved state counts no more.

    The caller holds its lock.
    """
    facts = site.layout.saved_facts(name)
    used = f"{facts}.used"
    site.host.rename(facts, used, replace=True)
    try:
        if not paused:
            with monitor_of(site, name) as monitor:
                monitor.execute("cont")
    except CorralError:
        site.host.rename(used, facts, replace=True)
        raise
    forget_saved(site, name)
    site.host.remove(used)

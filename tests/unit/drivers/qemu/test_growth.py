# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest makes QEMU write is kept small, and what is known of the guest stays what it was."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, List, Tuple

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.journal import (
    ENOUGH,
    KEPT,
    MOST,
    Entry,
    condensed,
    events,
    read_journal,
    shorten,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.logs import LEFT, LONGEST, MARK
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.observe import drifted
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.status import (
    Status,
    final_reason,
    reboots,
    running_state,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import HostError
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost, Killed
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import document, driver_on

if TYPE_CHECKING:
    from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
    from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost

JOURNAL = "/run/corral/guests/a/journal"
CONSOLE = "/var/log/corral/consoles/a.log"
LINES = b"a line of a console\n"
NOISE = {"event": "DEVICE_TRAY_MOVED", "data": {"tray-open": True}}


def line(name: str, **data: Any) -> bytes:
    return json.dumps({"event": name, "data": data}).encode() + b"\n"


def noise(size: int) -> bytes:
    row = json.dumps(NOISE).encode() + b"\n"
    return row * (size // len(row) + 1)


def make_hole(host: FakeHost) -> Callable[[Tuple[str, ...], bytes], Completed]:
    """What fallocate does: zeros in place of what was there."""

    def run(argv: Tuple[str, ...], given: bytes) -> Completed:
        assert argv[1:4] == ("--punch-hole", "--offset", "0") and argv[4] == "--length"
        size, path = int(argv[5]), argv[6]
        node = host.files[path]
        host.files[path] = replace(node, data=b"\0" * size + node.data[size:])
        return Completed(argv, 0, b"", b"")

    return run


@pytest.fixture
def started(driver: QemuDriver, machine: GuestHost) -> QemuDriver:
    """A guest that runs, on a host with the program that makes holes."""
    machine.add_program("fallocate", make_hole(machine))
    driver.define_domain(document())
    driver.start_domain("a")
    return driver


def append(machine: FakeHost, data: bytes, path: str = JOURNAL) -> None:
    node = machine.files[path]
    machine.files[path] = replace(node, data=node.data + data)


# the journal

STORY = (
    line("RESUME")
    + line("VSERPORT_CHANGE", id="channel0", open=True)
    + line("BALLOON_CHANGE", actual=512 << 20)
    + line("RESET", guest=True, reason="guest-reset")
    + line("BLOCK_IO_ERROR", action="stop", device="x", reason="y")
    + line("STOP")
)


def known(machine: FakeHost) -> object:
    found = read_journal(machine, JOURNAL)
    opened = [entry.data["open"] for entry in found.entries if entry.name == "VSERPORT_CHANGE"]
    balloon = drifted(found.entries, 0, 1 << 20, 1 << 20)
    return found.size, running_state(found.entries, Status()), reboots(found.entries), opened[-1], balloon


def test_a_long_journal_is_made_small_and_says_the_same(started: QemuDriver, machine: GuestHost) -> None:
    append(machine, STORY + noise(ENOUGH))
    before = known(machine)
    driver_on(machine)
    after = machine.read(JOURNAL) or b""
    assert known(machine) == before
    assert after.strip(b"\0") and len(after.lstrip(b"\0")) < ENOUGH
    assert len(machine.read(f"{JOURNAL}.digest") or b"") < 2000
    assert started.lookup_domain("a").reason == "ioerror"
    append(machine, line("RESET", guest=True) + line("RESUME") + noise(ENOUGH))
    driver_on(machine)
    assert started.lookup_domain("a").runtime["reboots"] == 2
    assert started.lookup_domain("a").state == "running"


def test_a_short_journal_is_left_alone(started: QemuDriver, machine: GuestHost) -> None:
    append(machine, STORY)
    before = machine.mutations
    driver_on(machine)
    assert machine.mutations == before


def test_a_journal_that_grew_beyond_what_is_read(started: QemuDriver, machine: GuestHost) -> None:
    append(machine, STORY + noise(3 * MOST) + line("STOP"))
    driver_on(machine)
    assert len((machine.read(JOURNAL) or b"").lstrip(b"\0")) < ENOUGH
    found = started.lookup_domain("a")
    assert (found.state, found.runtime["reboots"]) == ("paused", 0)


@pytest.mark.parametrize("last", [b"", b'{"event": "RES', line("STOP")[:-1]])
def test_a_line_that_is_not_whole_is_not_lost(started: QemuDriver, machine: GuestHost, last: bytes) -> None:
    whole = line("RESUME") if last.startswith(b'{"event": "RES') else line("STOP")
    append(machine, STORY + noise(ENOUGH) + last)
    driver_on(machine)
    append(machine, whole[len(last) :])
    wanted = "RESUME" if b"RESUME" in whole else "STOP"
    assert read_journal(machine, JOURNAL).entries[-1].name == wanted


def test_killed_at_each_step_of_it(machine: GuestHost, driver: QemuDriver) -> None:
    machine.add_program("fallocate", make_hole(machine))
    driver.define_domain(document())
    driver.start_domain("a")
    append(machine, STORY + noise(2 * MOST))
    append(machine, STORY)
    before = known(machine)
    for step in range(1, 5):
        machine.kill_at(step)
        with pytest.raises(Killed):
            shorten(machine, JOURNAL)
            raise Killed
        machine.revive()
        assert known(machine) == before


def test_one_that_is_made_small_while_it_is_read(machine: GuestHost, started: QemuDriver) -> None:
    append(machine, STORY + noise(ENOUGH))
    before, real = known(machine), machine.read

    def read(path: str, **given: Any) -> Any:
        found = real(path, **given)
        if path.endswith(".digest") and found is None:  # right after it was looked for
            machine.read = real  # type: ignore[method-assign]
            shorten(machine, JOURNAL)
        return found

    machine.read = read  # type: ignore[method-assign]
    assert known(machine) == before


def test_a_file_system_without_holes_is_no_failure(started: QemuDriver, machine: GuestHost) -> None:
    machine.add_program("fallocate", HostError("Operation not supported"))
    append(machine, STORY + noise(ENOUGH))
    before = known(machine)
    driver_on(machine)
    assert known(machine) == before


def test_a_guest_that_another_run_works_on_is_left_to_it(started: QemuDriver, machine: GuestHost) -> None:
    append(machine, STORY + noise(ENOUGH))
    before = machine.read(JOURNAL)
    with started.store.lock("a"):
        driver_on(machine)
    assert machine.read(JOURNAL) == before


def test_what_stays_of_many_events() -> None:
    rows = [line("RESUME"), line("SUSPEND")]
    rows += [line("RESET", guest=True, reason="guest-reset"), line("STOP"), line("RESUME")] * 1000
    rows += [line("BLOCK_IO_ERROR", action="report", reason="x" * 200)] * 1000 + [line("SHUTDOWN", reason="host-error")]
    every = list(events(b"".join(rows)))
    few = condensed(every)
    assert len(few) < 6 * KEPT
    assert reboots(few) == reboots(every) == 1000
    assert running_state(few, Status()) == running_state(every, Status())
    assert final_reason(few) == "failed"
    assert (few[0].name, few[0].at) == ("RESUME", 0)
    assert condensed(few) == few
    assert max(len(json.dumps(entry.data)) for entry in few) < 100


def test_a_damaged_digest_is_no_failure(machine: GuestHost, started: QemuDriver) -> None:
    for content in (b"", b"[]", b'{"held": 3, "entries": [[1]]}', b'{"held": 99999999, "entries": []}'):
        machine.add_file(f"{JOURNAL}.digest", content)
        assert started.lookup_domain("a").state == "running"


def test_every_kind_of_event_that_is_asked_for_is_kept() -> None:
    found: List[Entry] = list(events(STORY))
    assert [entry.name for entry in condensed(found)] == [entry.name for entry in found]


# logs


def test_logs_are_cut(started: QemuDriver, machine: GuestHost) -> None:
    logs = (CONSOLE, "/var/log/corral/domains/a.log", "/var/log/corral/helpers/a.fs0.log")
    other = "/var/log/corral/helpers/a.b.fs0.log"
    for path in (*logs, other):
        machine.add_file(path, LINES * (LONGEST // len(LINES) + 1) + b"end\n")
    driver_on(machine)
    for path in logs:
        data = machine.read(path) or b""
        assert len(data) <= LEFT + len(MARK) and data.startswith(MARK + LINES) and data.endswith(LINES + b"end\n")
    assert len(machine.read(other) or b"") > LONGEST
    assert started.console_log("a", size=4) == b"end\n"


def test_a_log_within_bounds_is_left_alone(started: QemuDriver, machine: GuestHost) -> None:
    machine.add_file(CONSOLE, LINES * (LONGEST // len(LINES)))
    before = machine.mutations
    driver_on(machine)
    assert machine.mutations == before


def test_logs_are_cut_when_a_guest_ends(started: QemuDriver, machine: GuestHost) -> None:
    machine.add_file(CONSOLE, LINES * (LONGEST // len(LINES) + 1))
    machine.end("a")
    driver_on(machine)
    assert len(machine.read(CONSOLE) or b"") <= LEFT + len(MARK)


def test_reading_never_cuts(started: QemuDriver, machine: GuestHost) -> None:
    machine.add_file(CONSOLE, LINES * (LONGEST // len(LINES) + 1))
    before = machine.mutations
    driver_on(machine, read_only=True).list_domains()
    assert machine.mutations == before


def test_logs_go_with_the_guest_and_what_qemu_said_stays(started: QemuDriver, machine: GuestHost) -> None:
    machine.add_file("/var/log/corral/helpers/a.fs0.log", b"said")
    machine.add_file("/var/log/corral/domains/a.log", b"said")
    started.destroy_domain("a")
    assert machine.stat(CONSOLE) is not None
    started.undefine_domain("a")
    assert machine.below("/var/log/corral") == ["/var/log/corral/domains/a.log"]


def test_a_guest_that_runs_on_without_a_definition_keeps_them(started: QemuDriver, machine: GuestHost) -> None:
    started.undefine_domain("a")
    assert machine.stat(CONSOLE) is not None
    started.destroy_domain("a")
    assert machine.stat(CONSOLE) is None


def test_a_transient_guest_that_ends_by_itself_leaves_its_last_words(driver: QemuDriver, machine: GuestHost) -> None:
    driver.create_domain(document())
    machine.add_file(CONSOLE, b"panic\n")
    machine.end("a", "guest-panic")
    assert driver_on(machine).list_domains() == []
    assert machine.read(CONSOLE) == b"panic\n"


def test_a_renamed_guest_takes_its_log_along(started: QemuDriver, machine: GuestHost) -> None:
    append(machine, b"login:\n", CONSOLE)
    started.destroy_domain("a")
    started.rename_domain("a", "b")
    assert started.console_log("b") == b"login:\n"
    assert machine.stat(CONSOLE) is None

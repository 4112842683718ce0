# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a guest and its reason, read from the journal that QEMU wrote; what died or went down with the host."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, List, Tuple

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.journal import Entry, events
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.status import (
    Status,
    final_reason,
    reboots,
    running_state,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import OperationInvalid, TimedOut
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import IMAGE, RUNNER, document, driver_on

if TYPE_CHECKING:
    from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
    from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost

Row = Tuple[str, Any]
RESUME: Row = ("RESUME", {})
STOP: Row = ("STOP", {})
SUSPEND: Row = ("SUSPEND", {})
WAKEUP: Row = ("WAKEUP", {})
RESET: Row = ("RESET", {"guest": True, "reason": "guest-reset"})
IO_ERROR: Row = ("BLOCK_IO_ERROR", {"device": "", "action": "stop"})
IO_REPORT: Row = ("BLOCK_IO_ERROR", {"device": "", "action": "report"})
WATCHDOG: Row = ("WATCHDOG", {"action": "pause"})
PANIC_PAUSE: Row = ("GUEST_PANICKED", {"action": "pause"})
PANIC_OFF: Row = ("GUEST_PANICKED", {"action": "poweroff"})


def journal(*rows: Row) -> List[Entry]:
    return list(events(b"".join(json.dumps({"event": name, "data": data}).encode() + b"\n" for name, data in rows)))


def shutdown(reason: str) -> Row:
    return "SHUTDOWN", {"guest": reason.startswith("guest"), "reason": reason}


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        ([], ("paused", "starting up")),
        ([RESUME], ("running", "booted")),
        ([RESUME, RESET, RESET], ("running", "booted")),
        ([RESUME, STOP], ("paused", "user")),
        ([RESUME, STOP, RESUME], ("running", "unpaused")),
        ([RESUME, IO_ERROR, STOP], ("paused", "ioerror")),
        ([RESUME, IO_REPORT, STOP], ("paused", "user")),
        ([RESUME, IO_ERROR, STOP, RESUME, STOP], ("paused", "user")),
        ([RESUME, WATCHDOG, STOP], ("paused", "watchdog")),
        ([RESUME, PANIC_PAUSE, STOP], ("crashed", "panicked")),
        ([RESUME, PANIC_PAUSE, STOP, RESUME], ("running", "unpaused")),
        ([RESUME, ("GUEST_PANICKED", {"action": "run"})], ("running", "booted")),
        ([RESUME, SUSPEND], ("pmsuspended", "unknown")),
        ([RESUME, SUSPEND, WAKEUP], ("running", "wakeup")),
        ([RESUME, shutdown("guest-shutdown")], ("in shutdown", "unknown")),
        ([RESUME, shutdown("guest-shutdown"), STOP], ("paused", "shutting down")),
        ([RESUME, ("POWERDOWN", {})], ("running", "booted")),
        ([RESUME, ("NIC_RX_FILTER_CHANGED", {})], ("running", "booted")),
    ],
)
def test_state_of_a_guest_that_runs(rows: List[Row], state: Tuple[str, str]) -> None:
    assert running_state(journal(*rows), Status()) == state


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([RESUME, shutdown("guest-shutdown")], "shutdown"),
        ([RESUME, RESET, shutdown("guest-reset")], "shutdown"),
        ([RESUME, PANIC_OFF, STOP, shutdown("guest-panic")], "crashed"),
        ([RESUME, shutdown("host-signal")], "destroyed"),
        ([RESUME, shutdown("host-qmp-quit")], "destroyed"),
        ([RESUME, shutdown("host-error")], "failed"),
        ([RESUME, shutdown("something-new")], "shutdown"),
        ([RESUME, ("SHUTDOWN", {})], "shutdown"),
        ([RESUME], "crashed"),
        ([], "crashed"),
    ],
)
def test_reason_of_an_end(rows: List[Row], reason: str) -> None:
    assert final_reason(journal(*rows)) == reason


def test_reboots_are_counted() -> None:
    own = ("RESET", {"guest": False, "reason": "host-qmp-system-reset"})
    assert reboots(journal(RESUME, RESET, own, RESET)) == 2


def test_what_is_no_event_is_passed_over() -> None:
    text = b'{"QMP": {"version": {}}}\r\n{"return": {}}\r\nnonsense\n{"event": "STOP"}\n[1]\n{"event": "RES'
    assert [(entry.name, entry.at) for entry in events(text)] == [("STOP", 51)]


def test_status_survives_the_disk() -> None:
    status = Status(7, 8, "b", 9, 1.5, "booted", ready=True, ended="crashed", trees=("/a",))
    assert Status.from_plain(json.loads(json.dumps(status.to_plain()))) == status
    assert Status.from_plain({"pid": 3, "of a later version": 1}) == Status(3)


# the same, through the driver


@pytest.fixture
def running(driver: QemuDriver) -> QemuDriver:
    driver.define_domain(document())
    driver.start_domain("a")
    return driver


@pytest.mark.parametrize(
    ("qemu_says", "reason"),
    [("guest-shutdown", "shutdown"), ("guest-panic", "crashed"), ("host-signal", "destroyed"), ("", "crashed")],
)
def test_a_guest_that_ended_by_itself(running: QemuDriver, machine: GuestHost, qemu_says: str, reason: str) -> None:
    machine.end("a", qemu_says)
    for run in (driver_on(machine, read_only=True), driver_on(machine), driver_on(machine, read_only=True)):
        found = run.lookup_domain("a")
        assert (found.state, found.reason, found.active, found.id) == ("shut off", reason, False, None)
    assert machine.owner(IMAGE) == (0, 0)
    assert machine.stat("/run/corral/guests/a") is None


def test_a_read_only_run_cleans_nothing(running: QemuDriver, machine: GuestHost) -> None:
    machine.end("a")
    before = dict(machine.files)
    run = driver_on(machine, read_only=True)
    assert run.wait_domain("a", ["shut off"], timeout=1).reason == "crashed"
    assert run.list_domains()[0].state == "shut off"
    assert machine.files == before


def test_another_process_with_the_pid_is_not_the_guest(running: QemuDriver, machine: GuestHost) -> None:
    pid = machine.guests["a"].process.process.pid
    machine.end("a")
    other = machine.add_process(pid, 999999)
    assert not running.lookup_domain("a").active
    driver_on(machine).start_domain("a")
    assert machine.processes[pid].process == other and machine.processes[pid].signals == []


def test_waiting_for_a_state(running: QemuDriver, machine: GuestHost) -> None:
    machine.on_sleep = lambda: machine.journal("a", "STOP")
    assert running.wait_domain("a", ["paused"], timeout=5).reason == "user"
    machine.on_sleep = lambda: None
    with pytest.raises(TimedOut, match=r"Guest a is paused and did not become running or crashed in 2 seconds"):
        running.wait_domain("a", ["running", "crashed"], timeout=2)


def test_waiting_for_an_end_that_comes(running: QemuDriver, machine: GuestHost) -> None:
    machine.on_sleep = lambda: machine.end("a", "guest-shutdown") if "a" in machine.guests else None
    assert running.wait_domain("a", ["shut off"], timeout=30).reason == "shutdown"
    assert machine.owner(IMAGE) == (0, 0)


def test_waiting_for_one_that_is_gone_ends_at_once(running: QemuDriver, machine: GuestHost) -> None:
    machine.end("a")
    before = machine.monotonic()
    with pytest.raises(TimedOut, match="is shut off and did not become running"):
        running.wait_domain("a", ["running"], timeout=60)
    assert machine.monotonic() == before


# the host


def test_a_reboot_of_the_host(running: QemuDriver, machine: GuestHost) -> None:
    uuid = running.lookup_domain("a").uuid
    running.set_domain_autostart("a", True)
    machine.reboot()
    driver = driver_on(machine)
    found = driver.lookup_domain("a")
    assert (found.state, found.reason, found.uuid, found.autostart) == ("shut off", "unknown", uuid, True)
    with pytest.raises(OperationInvalid, match="not running"):
        driver.destroy_domain("a")
    assert driver.start_domain("a").id == 1


def test_a_reboot_of_a_host_that_keeps_its_runtime_directory(machine: GuestHost) -> None:
    """An embedded tree may lie on a disk: what another boot left there is not taken for what runs."""
    machine.add_directory("/srv/lab")
    uri = "qemu:///embed?root=/srv/lab"
    driver = driver_on(machine, uri)
    driver.define_domain(document())
    pid = driver.start_domain("a").runtime["pid"]
    assert machine.owner(IMAGE) == RUNNER
    machine.reboot()
    machine.add_process(pid, 1)
    driver = driver_on(machine, uri)
    assert driver.lookup_domain("a").state == "shut off"
    assert driver.start_domain("a").state == "running"
    driver.destroy_domain("a")
    assert machine.below("/srv/lab/run/corral/guests") == []

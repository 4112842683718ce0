# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest's life: defined, started, stopped, asked for, forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import HypervisorDriver, contract
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    AlreadyExists,
    HostError,
    InvalidArgument,
    LockBusy,
    MissingLibrary,
    NotFound,
    OperationDenied,
    OperationFailed,
    OperationInvalid,
    TimedOut,
    UnsupportedConfig,
)
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import IMAGE, RUNNER, document, driver_on

if TYPE_CHECKING:
    from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
    from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost

LOG = "/var/log/corral/domains/a.log"
PTY = "<serial type='pty'/>"


# defining


def test_define_keeps_a_complete_document(driver: QemuDriver, machine: GuestHost) -> None:
    found = driver.define_domain(document())
    assert (found.name, found.active, found.persistent, found.autostart) == ("a", False, True, False)
    assert (found.state, found.reason, found.id) == ("shut off", "unknown", None)
    assert driver.domain_xml("a").findtext("uuid") == found.uuid
    assert machine.below("/etc/corral") == ["/etc/corral/domains/a.xml"]


def test_define_again_changes_nothing(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    before = machine.read("/etc/corral/domains/a.xml")
    driver.define_domain(document())
    assert machine.read("/etc/corral/domains/a.xml") == before


def test_define_while_it_runs_is_for_the_next_start(driver: QemuDriver) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    driver.define_domain(document(more="<vcpu>2</vcpu>"))
    assert driver.domain_xml("a").findtext("vcpu") == "1"
    assert driver.domain_xml("a", inactive=True).findtext("vcpu") == "2"


def test_uuid_of_another_guest_is_refused(driver: QemuDriver) -> None:
    taken = driver.define_domain(document()).uuid
    with pytest.raises(AlreadyExists, match=f"The uuid {taken} belongs to guest a"):
        driver.define_domain(document("b", more=f"<uuid>{taken.upper()}</uuid>"))
    assert [domain.name for domain in driver.list_domains()] == ["a"]


def test_uuid_of_a_transient_guest_is_refused(driver: QemuDriver) -> None:
    taken = driver.define_domain(document()).uuid
    driver.start_domain("a")
    driver.undefine_domain("a")
    with pytest.raises(AlreadyExists, match="belongs to guest a"):
        driver.define_domain(document("b", more=f"<uuid>{taken}</uuid>"))


def test_another_uuid_for_a_guest_is_refused(driver: QemuDriver) -> None:
    driver.define_domain(document())
    with pytest.raises(AlreadyExists, match="Guest a exists with the uuid"):
        driver.define_domain(document(more="<uuid>11111111-2222-3333-4444-555555555555</uuid>"))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "must not be empty"),
        ("a/b", "must not contain a slash"),
        ("../b", "must not contain a slash"),
        (".hidden", "must not begin with a dot"),
        ("a\tb", "must not contain control characters"),
        ("x" * 201, "takes at most 200 bytes"),
    ],
)
def test_names_that_are_refused(driver: QemuDriver, machine: GuestHost, name: str, why: str) -> None:
    with pytest.raises(InvalidArgument, match=why):
        driver.define_domain(document(name))
    assert machine.below("/etc") == []


@pytest.mark.parametrize("name", ["x" * 200, "ä b,c=d%20", "1", "e9f25b23c36e5f4794488eaeb6d211f7", "-S"])
def test_odd_names_that_are_taken(driver: QemuDriver, name: str) -> None:
    driver.define_domain(document(name))
    assert driver.start_domain(name).state == "running"
    assert driver.lookup_domain(name).name == name
    driver.destroy_domain(name)
    driver.undefine_domain(name)
    assert driver.list_domains() == []


# undefining


def test_undefine_leaves_nothing(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    driver.set_domain_autostart("a", True)
    driver.start_domain("a")
    driver.destroy_domain("a")
    driver.undefine_domain("a")
    assert machine.below("/etc/corral") == []
    assert machine.below("/run/corral") == ["/run/corral/domains/.next-id"]
    with pytest.raises(NotFound):
        driver.undefine_domain("a")


def test_undefine_while_it_runs_makes_it_transient(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    driver.undefine_domain("a")
    (found,) = driver.list_domains()
    assert (found.active, found.persistent) == (True, False)
    with pytest.raises(OperationInvalid, match="transient"):
        driver.undefine_domain("a")
    with pytest.raises(OperationInvalid, match="only a defined guest can start by itself"):
        driver.set_domain_autostart("a", True)
    driver.destroy_domain("a")
    assert driver.list_domains() == []
    assert machine.below("/run/corral") == ["/run/corral/domains/.next-id"]


def test_a_transient_guest_that_ends_is_forgotten(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    driver.undefine_domain("a")
    driver.shutdown_domain("a")
    with pytest.raises(NotFound):
        driver.shutdown_domain("a")
    assert driver.list_domains() == []


# starting


def test_start(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    found = driver.start_domain("a")
    assert (found.state, found.reason, found.id, found.active) == ("running", "booted", 1, True)
    assert found.runtime["pid"] == machine.guests["a"].process.process.pid
    command = machine.guests["a"].process.command
    assert command is not None and command.user == RUNNER and command.argv.count("-sandbox") == 1
    assert driver.domain_xml("a").find("devices/disk/alias") is not None


def test_start_paused(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    found = driver.start_domain("a", paused=True)
    assert (found.state, found.reason) == ("paused", "starting up")
    driver.resume_domain("a")
    assert (driver.lookup_domain("a").state, driver.lookup_domain("a").reason) == ("running", "booted")


def test_start_of_one_that_runs(driver: QemuDriver) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    with pytest.raises(OperationInvalid, match="Guest a is already running"):
        driver.start_domain("a")


def test_start_of_one_that_is_not_there(driver: QemuDriver) -> None:
    with pytest.raises(NotFound, match="There is no guest named 'a'"):
        driver.start_domain("a")


def test_ids_are_not_given_twice(driver: QemuDriver) -> None:
    for name in "ab":
        driver.define_domain(document(name, disk=""))
    assert [driver.start_domain(name).id for name in "ab"] == [1, 2]
    driver.destroy_domain("a")
    assert driver.start_domain("a").id == 3


def test_qemu_that_dies_is_quoted(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    machine.add_file(LOG, b"2026-01-01T00:00:00.1Z qemu-system-x86_64: terminating on signal 15\n")
    machine.dies = (
        b"2026-01-01T00:00:00.5Z qemu-system-x86_64: -device {}: Device 'x' not found\n"
        b"Could not open 'a.raw': Permission denied\n\n"
    )
    with pytest.raises(OperationFailed) as caught:
        driver.start_domain("a")
    said = "-device {}: Device 'x' not found; Could not open 'a.raw': Permission denied"
    assert caught.value.message == f"Guest a did not start; QEMU said: {said}."
    assert LOG in str(caught.value)
    assert_off(driver, machine, "failed")


def test_which_terminal_a_guest_has_is_no_reason(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    machine.dies = (
        b"char device redirected to /dev/pts/7 (label charserial0)\n"
        b"2026-01-01T00:00:00.5Z qemu-system-x86_64: char device redirected to /dev/pts/8 (label charserial1)\n"
        b"2026-01-01T00:00:00.6Z qemu-system-x86_64: Could not open 'a.raw'\n"
    )
    with pytest.raises(OperationFailed, match=r"did not start; QEMU said: Could not open 'a\.raw'\."):
        driver.start_domain("a")
    assert b"Could not open" in driver.domain_log("a") and b"redirected" not in driver.domain_log("a")


def test_qemu_that_dies_without_a_word_is_not_given_the_words_of_another(
    driver: QemuDriver, machine: GuestHost
) -> None:
    driver.define_domain(document())
    machine.add_file(LOG, b"2026-01-01T00:00:00.1Z qemu-system-x86_64: terminating on signal 15\n")
    machine.dies = b"\n"
    with pytest.raises(OperationFailed, match="QEMU said: nothing"):
        driver.start_domain("a")


def test_qemu_that_does_not_answer_is_ended(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document(devices=PTY))
    plain = machine.on_spawn

    def start(started):  # type: ignore[no-untyped-def]
        plain(started)
        for guest in machine.guests.values():
            guest.monitor.answers["query-chardev"] = TimedOut("QEMU did not answer query-chardev within 30 seconds.")

    machine.on_spawn = start
    with pytest.raises(OperationFailed, match="did not start: QEMU did not answer query-chardev"):
        driver.start_domain("a")
    assert_off(driver, machine, "failed")


def test_a_missing_library_is_said_as_it_is(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document(devices=PTY))
    plain = machine.on_spawn

    def start(started):  # type: ignore[no-untyped-def]
        plain(started)
        for guest in machine.guests.values():
            guest.monitor.answers["query-chardev"] = MissingLibrary("qemu.qmp", hint="Install it.")

    machine.on_spawn = start
    with pytest.raises(MissingLibrary, match="Install it"):
        driver.start_domain("a")
    assert_off(driver, machine, "failed")


def test_a_missing_image_is_said_before_anything_is_done(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document(disk="/gone.raw"))
    with pytest.raises(UnsupportedConfig, match=r"The image /gone\.raw of guest a does not exist\. Create it"):
        driver.start_domain("a")
    machine.add_directory("/gone.raw")
    with pytest.raises(UnsupportedConfig, match=r"/gone\.raw is a directory"):
        driver.start_domain("a")
    assert machine.below("/run/corral/domains") == []


def test_what_qemu_chose_is_in_the_live_document(driver: QemuDriver) -> None:
    driver.define_domain(document(devices=PTY + "<graphics type='vnc'/>"))
    driver.start_domain("a")
    live = driver.domain_xml("a")
    assert [found.get("path") for found in live.findall("devices/serial/source")] == ["/dev/pts/7"]
    assert [found.get("port") for found in live.findall("devices/graphics")] == ["5901"]
    assert driver.domain_xml("a", inactive=True).find("devices/serial/source") is None


# ending


def test_shutdown(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    driver.shutdown_domain("a")
    found = driver.wait_domain("a", ["shut off"], timeout=5)
    assert (found.state, found.reason) == ("shut off", "shutdown")
    assert_off(driver, machine, "shutdown")


def test_shutdown_that_is_not_obeyed(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    machine.guests["a"].obeys = False
    driver.shutdown_domain("a")
    with pytest.raises(TimedOut, match=r"Guest a is running and did not become shut off in 5 seconds\."):
        driver.wait_domain("a", ["shut off"], timeout=5)


def test_destroy(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    process = machine.guests["a"].process
    driver.destroy_domain("a")
    assert process.signals == ["SIGTERM"]
    assert_off(driver, machine, "destroyed")


def test_destroy_of_a_qemu_that_hangs(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    process = machine.guests["a"].process
    process.ignores = {"SIGTERM"}
    driver.destroy_domain("a")
    assert process.signals == ["SIGTERM", "SIGKILL"]
    assert_off(driver, machine, "destroyed")


def test_destroy_of_a_qemu_that_cannot_end(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    machine.guests["a"].process.ignores = {"SIGTERM", "SIGKILL"}
    with pytest.raises(OperationFailed, match=r"QEMU \(process \d+\) does not end"):
        driver.destroy_domain("a")
    assert driver.lookup_domain("a").active and machine.owner(IMAGE) == RUNNER


@pytest.mark.parametrize("call", ["shutdown_domain", "destroy_domain", "suspend_domain", "resume_domain"])
def test_what_a_guest_that_is_off_cannot_do(driver: QemuDriver, call: str) -> None:
    driver.define_domain(document())
    with pytest.raises(OperationInvalid, match="Guest a is not running"):
        getattr(driver, call)("a")
    with pytest.raises(NotFound):
        getattr(driver, call)("b")


# looking


def test_suspend_and_resume(driver: QemuDriver) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    driver.suspend_domain("a")
    assert (driver.lookup_domain("a").state, driver.lookup_domain("a").reason) == ("paused", "user")
    driver.suspend_domain("a")
    driver.resume_domain("a")
    assert (driver.lookup_domain("a").state, driver.lookup_domain("a").reason) == ("running", "unpaused")


def test_autostart(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    driver.set_domain_autostart("a", True)
    assert driver.lookup_domain("a").autostart
    driver.define_domain(document(more="<vcpu>2</vcpu>"))
    assert driver.lookup_domain("a").autostart
    driver.set_domain_autostart("a", False)
    assert not driver.lookup_domain("a").autostart
    driver.set_domain_autostart("a", True)
    driver.undefine_domain("a")
    assert not driver.define_domain(document()).autostart


def test_lookup_by_name_uuid_and_id(driver: QemuDriver) -> None:
    uuid = driver.define_domain(document()).uuid
    driver.start_domain("a")
    for reference in ("a", uuid, uuid.upper(), uuid.replace("-", ""), "1"):
        assert driver.lookup_domain(reference).name == "a"


def test_a_name_goes_before_an_id(driver: QemuDriver) -> None:
    for name in ("a", "1"):
        driver.define_domain(document(name, disk=""))
    driver.start_domain("a")
    assert driver.lookup_domain("1").name == "1"


@pytest.mark.parametrize("reference", ["b", "7", "", ".", "..", "a/b", "\0", "x" * 300, "0" * 32, "+" + "1" * 31])
def test_lookup_of_what_is_not_there(driver: QemuDriver, reference: str) -> None:
    driver.define_domain(document())
    with pytest.raises(NotFound, match="There is no guest with the name, uuid or id"):
        driver.lookup_domain(reference)


@pytest.mark.parametrize("call", ["domain_xml", "domain_argv", "console_log"])
def test_asking_for_what_is_not_there(driver: QemuDriver, call: str) -> None:
    with pytest.raises(NotFound, match="There is no guest named 'b'"):
        getattr(driver, call)("b")
    with pytest.raises(NotFound):
        driver.wait_domain("b", ["shut off"], timeout=1)


def test_list_is_sorted_and_has_every_guest(driver: QemuDriver) -> None:
    for name in "cab":
        driver.define_domain(document(name, disk=""))
    driver.start_domain("b")
    assert [(found.name, found.active) for found in driver.list_domains()] == [("a", False), ("b", True), ("c", False)]


def test_console(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document(devices=PTY))
    driver.start_domain("a")
    path = driver.lookup_domain("a").runtime["console_log"]
    machine.add_file(path, b"hello\nlogin: ", mode=0o600)
    assert driver.console_log("a", size=7) == b"login: "
    assert driver.wait_console("a", "login:", timeout=1)
    before = machine.monotonic()
    assert not driver.wait_console("a", "panic", timeout=3)
    assert machine.monotonic() - before == pytest.approx(3)
    driver.destroy_domain("a")
    assert not driver.wait_console("a", "panic", timeout=30)
    assert machine.monotonic() - before < 10


def test_a_file_that_the_user_chose_is_the_console(driver: QemuDriver, machine: GuestHost) -> None:
    machine.add_directory("/srv")
    driver.define_domain(document(devices="<serial type='file'><source path='/srv/out'/></serial>"))
    driver.start_domain("a")
    machine.add_file("/srv/out", b"hi")
    assert driver.console_log("a") == b"hi"


# others


def test_another_run_that_works_on_the_guest_is_waited_for(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    machine.locks.add("/run/corral/locks/domain-a.lock")
    with pytest.raises(LockBusy):
        driver.start_domain("a")
    assert driver.lookup_domain("a").state == "shut off"


def test_a_read_only_connection_refuses_every_change(machine: GuestHost) -> None:
    driver_on(machine).define_domain(document())
    connection = open_connection("qemu:///system", host=machine, read_only=True)
    before = dict(machine.files)
    for call, changes in contract(HypervisorDriver).items():
        if changes:
            with pytest.raises(OperationDenied):
                getattr(connection.hypervisor, call)("a")
    assert connection.hypervisor.lookup_domain("a").name == "a"
    assert connection.hypervisor.domain_argv("a")
    assert connection.hypervisor.normalise_domain(document()).tag == "domain"
    assert machine.files == before


def test_a_document_that_somebody_broke_is_said(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    machine.add_file("/etc/corral/domains/a.xml", b"<domain>")
    with pytest.raises(InvalidArgument, match="is not well-formed"):
        driver.domain_xml("a")


def test_a_status_that_somebody_broke_is_said(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    machine.add_file("/run/corral/domains/a.json", b"{")
    with pytest.raises(HostError, match=r"/run/corral/domains/a\.json is damaged"):
        driver.lookup_domain("a")


def assert_off(driver: QemuDriver, machine: GuestHost, reason: str) -> None:
    """Nothing is left of a start but its logs and the reason of its end."""
    found = driver.lookup_domain("a")
    assert (found.state, found.reason, found.active, found.id) == ("shut off", reason, False, None)
    assert machine.processes == {} and machine.locks == set()
    assert machine.below("/run/corral") == ["/run/corral/domains/.next-id", "/run/corral/domains/a.json"]
    assert machine.stat("/run/corral/guests/a") is None
    assert machine.owner(IMAGE) == (0, 0)


def test_a_definition_that_was_written_by_hand(driver: QemuDriver) -> None:
    """It starts only once it was completed, and says how that is done."""
    store = driver.store
    store.write_config("a", to_text(document()).encode())
    with pytest.raises(UnsupportedConfig, match="never completed: it has no <cpu> and no <emulator>") as caught:
        driver.start_domain("a")
    assert store.config_path("a") in (caught.value.hint or "")
    assert driver.lookup_domain("a").state == "shut off"
    driver.define_domain(document())
    assert driver.start_domain("a").state == "running"

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests in their units: whoever starts and ends them, and what systemd does by itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    AlreadyExists,
    NotFound,
    OperationFailed,
    OperationInvalid,
)
from ansible_collections.corral.virt.plugins.module_utils.model.domain.identity import DOMAIN
from ansible_collections.corral.virt.plugins.module_utils.service.launcher import main
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost, document
from ansible_collections.corral.virt.tests.unit.service.small_systemd import HOME, SmallSystemd

if TYPE_CHECKING:
    from ansible_collections.corral.virt.plugins.module_utils.drivers.api import HypervisorDriver

UNIT = "corral-vm@a.service"
LINK = f"{HOME}/corral.target.wants/{UNIT}"
LIMITS = "<cputune><shares>512</shares></cputune><memtune><hard_limit unit='GiB'>2</hard_limit></memtune>"


@pytest.fixture
def host() -> GuestHost:
    return GuestHost()


@pytest.fixture
def systemd(host: GuestHost) -> SmallSystemd:
    return SmallSystemd(host)


@pytest.fixture
def guests(host: GuestHost, systemd: SmallSystemd) -> HypervisorDriver:
    return open_connection("qemu:///system", host=host).hypervisor


def inner(guests: HypervisorDriver) -> QemuDriver:
    return cast(QemuDriver, guests._driver)  # type: ignore[attr-defined]


# starting


def test_a_guest_is_started_by_its_unit(guests: HypervisorDriver, systemd: SmallSystemd, host: GuestHost) -> None:
    guests.define_domain(document())
    found = guests.start_domain("a")
    assert (found.state, systemd.states) == ("running", {UNIT: "active"})
    assert systemd.main_pid(UNIT) == found.runtime["pid"]
    assert host.entries("/run/corral/units") == ["vm@a.pid"]


def test_a_guest_is_started_paused(guests: HypervisorDriver, systemd: SmallSystemd) -> None:
    guests.define_domain(document())
    assert guests.start_domain("a", paused=True).state == "paused"
    assert systemd.states == {UNIT: "active"}


def test_the_journal_follows_the_log(guests: HypervisorDriver, host: GuestHost) -> None:
    guests.define_domain(document())
    found = guests.start_domain("a")
    tail = next(each.command for each in host.processes.values() if each.command and "tail" in each.command.argv)
    assert tail.argv[0] == "systemd-cat"
    assert tail.argv[-2:] == (f"--pid={found.runtime['pid']}", found.runtime["log"])


def test_a_guest_is_started_without_a_journal(guests: HypervisorDriver, host: GuestHost) -> None:
    del host.programs["systemd-cat"]
    guests.define_domain(document())
    assert guests.start_domain("a").state == "running"


def test_a_transient_guest_has_a_unit(guests: HypervisorDriver, systemd: SmallSystemd) -> None:
    found = guests.create_domain(document("b c"))
    assert (found.persistent, found.state) == (False, "running")
    assert systemd.states == {"corral-vm@b\\x20c.service": "active"}
    with pytest.raises(AlreadyExists, match="There is a guest named b c already"):
        guests.create_domain(document("b c"))
    guests.destroy_domain("b c")
    assert systemd.states == {}
    with pytest.raises(NotFound):
        guests.lookup_domain("b c")


def test_a_guest_that_runs_is_not_started_again(guests: HypervisorDriver, systemd: SmallSystemd) -> None:
    guests.define_domain(document())
    guests.start_domain("a")
    with pytest.raises(OperationInvalid, match="Guest a is already running"):
        guests.start_domain("a")
    assert systemd.states == {UNIT: "active"}


def test_what_keeps_a_guest_from_starting_is_the_very_error(
    guests: HypervisorDriver, systemd: SmallSystemd, host: GuestHost
) -> None:
    guests.define_domain(document())
    host.dies = b"2026-01-01T00:00:00.5Z qemu-system-x86_64: no such luck\n"
    with pytest.raises(OperationFailed, match="Guest a did not start; QEMU said: no such luck") as caught:
        guests.start_domain("a")
    assert caught.value.hint == "See /var/log/corral/domains/a.log."
    assert caught.value.details["log"] == "/var/log/corral/domains/a.log"
    assert systemd.states == {}, "whoever asked has been told; the unit has not failed"
    assert host.entries("/run/corral/units") == []


def test_a_launcher_that_cannot_be_run(guests: HypervisorDriver, systemd: SmallSystemd) -> None:
    guests.define_domain(document())
    systemd.deaf = True
    with pytest.raises(OperationFailed, match=f"systemd could not start {UNIT}: Job for it failed.") as caught:
        guests.start_domain("a")
    assert caught.value.hint == f"See: journalctl -u '{UNIT}'"


def test_a_unit_that_has_not_noticed_yet(guests: HypervisorDriver, systemd: SmallSystemd, host: GuestHost) -> None:
    """It counts as active, so systemd does nothing: it is told to end first."""
    guests.define_domain(document())
    systemd.states[UNIT] = "active"
    assert guests.start_domain("a").state == "running"
    assert systemd.states == {UNIT: "active"}
    assert [words[0] for words in systemd.asked] == ["start", "stop", "reset-failed", "start"]


@pytest.mark.parametrize("paused", [False, True])
def test_a_guest_that_comes_back_by_itself_meanwhile(
    guests: HypervisorDriver, systemd: SmallSystemd, host: GuestHost, paused: bool
) -> None:
    """It runs as was asked for, unless more was asked for than that it runs."""
    guests.define_domain(document())

    def start(unit: str, words: list[str]) -> int:
        order = systemd.host.read("/run/corral/units/vm@a.order") or b""
        systemd.host.remove("/run/corral/units/vm@a.order")
        assert systemd._launch("start", unit) == 0
        systemd.states[unit] = "active"
        systemd.host.write("/run/corral/units/vm@a.order", order)
        return 0

    systemd._start = start  # type: ignore[method-assign]
    if paused:
        with pytest.raises(OperationInvalid, match="was started by somebody else"):
            guests.start_domain("a", paused=True)
    else:
        guests.start_domain("a")
    assert guests.lookup_domain("a").state == "running"
    assert "stop" not in [words[0] for words in systemd.asked]


def test_a_start_is_done_however_often_systemd_has_seen_one(
    guests: HypervisorDriver, systemd: SmallSystemd, host: GuestHost
) -> None:
    """Its clean-up after the last end may come between the order and the start, and is no start."""
    guests.define_domain(document())
    systemd.tired = True
    start = systemd._start

    def late(unit: str, words: list[str]) -> int:
        systemd._launch("ended", unit)
        return start(unit, words)

    systemd._start = late  # type: ignore[method-assign]
    assert guests.start_domain("a").state == "running"
    assert systemd.states == {UNIT: "active"}


def test_a_guest_that_is_about_to_start_again_is_waited_for(
    guests: HypervisorDriver, systemd: SmallSystemd, host: GuestHost
) -> None:
    guests.define_domain(document(more="<on_crash>restart</on_crash>"))
    guests.start_domain("a")
    host.end("a")
    host.on_sleep = systemd.go_on
    with guests.exclusive("a", timeout=1):
        assert guests.lookup_domain("a").state == "running"


def test_a_guest_that_stays_off_is_not_waited_for(
    guests: HypervisorDriver, systemd: SmallSystemd, host: GuestHost
) -> None:
    guests.define_domain(document(more="<on_crash>restart</on_crash>"))
    guests.start_domain("a")
    guests.destroy_domain("a")
    before = host.monotonic()
    with guests.exclusive("a", timeout=1):
        assert guests.lookup_domain("a").state == "shut off"
    assert host.monotonic() == before


# limits


def test_limits_are_properties_of_the_unit(guests: HypervisorDriver, systemd: SmallSystemd) -> None:
    guests.define_domain(document(more=LIMITS))
    guests.start_domain("a")
    assert systemd.properties[UNIT][-2:] == ["CPUWeight=512", "MemoryMax=2097152K"]


def test_limits_of_an_earlier_start_are_taken_back(guests: HypervisorDriver, systemd: SmallSystemd) -> None:
    guests.define_domain(document(more=LIMITS))
    guests.start_domain("a")
    guests.destroy_domain("a")
    guests.define_domain(document())
    guests.start_domain("a")
    assert {"CPUWeight=", "MemoryMax="} <= set(systemd.properties[UNIT])
    assert not any(word.partition("=")[2] for word in systemd.properties[UNIT])


def changed(guests: HypervisorDriver, wanted: str) -> None:
    """Let a guest that runs have other limits, as the module does."""
    complete = guests.normalise_domain(document(more=wanted))
    live = guests.domain_xml("a")
    found = [each for each in compare(live, complete, DOMAIN) if "tune" in each.path]
    guests.update_domain("a", complete, found)


def test_limits_of_a_guest_that_runs_are_changed(guests: HypervisorDriver, systemd: SmallSystemd) -> None:
    guests.define_domain(document(more=LIMITS))
    guests.start_domain("a")
    changed(guests, LIMITS.replace("512", "600"))
    assert systemd.properties[UNIT][-2:] == ["CPUWeight=600", "MemoryMax=2097152K"]
    assert guests.domain_xml("a").findtext("cputune/shares") == "600"
    changed(guests, "")
    assert not any(word.partition("=")[2] for word in systemd.properties[UNIT])
    assert guests.domain_xml("a").find("memtune") is None


def test_a_limit_that_would_end_the_guest_is_refused(
    guests: HypervisorDriver, systemd: SmallSystemd, host: GuestHost
) -> None:
    guests.define_domain(document(more=LIMITS))
    pid = guests.start_domain("a").runtime["pid"]
    host.add_file(f"/proc/{pid}/status", b"VmRSS:\t  307200 kB\n")
    with pytest.raises(OperationFailed, match="its QEMU has 300 MiB of memory, and the kernel would end it"):
        changed(guests, LIMITS.replace("<hard_limit unit='GiB'>2", "<hard_limit unit='MiB'>200"))
    assert systemd.properties[UNIT][-1] == "MemoryMax=2097152K"
    assert guests.domain_xml("a").findtext("memtune/hard_limit") == "2"


def test_limits_without_units_are_written_down_only(host: GuestHost) -> None:
    guests = open_connection("qemu:///system", host=host).hypervisor
    guests.define_domain(document())
    guests.start_domain("a")
    changed(guests, LIMITS)
    assert guests.domain_xml("a").findtext("cputune/shares") == "512"


def test_limits_are_ignored_where_there_are_no_units(guests: HypervisorDriver) -> None:
    assert guests.ignored_parts(document(more=LIMITS)) == []
    told = open_connection("qemu:///system", host=GuestHost()).hypervisor.ignored_parts(document(more=LIMITS))
    assert [part.partition(" ")[0] for part in told] == ["domain/cputune", "domain/memtune"]


# ending


def test_a_guest_that_is_destroyed_leaves_no_unit(guests: HypervisorDriver, systemd: SmallSystemd) -> None:
    guests.define_domain(document(more="<on_crash>restart</on_crash>"))
    guests.start_domain("a")
    guests.destroy_domain("a")
    systemd.go_on()
    assert (guests.lookup_domain("a").state, systemd.states) == ("shut off", {})


def test_a_guest_that_is_shut_down_stays_off(guests: HypervisorDriver, systemd: SmallSystemd) -> None:
    guests.define_domain(document(more="<on_poweroff>restart</on_poweroff>"))
    guests.start_domain("a")
    guests.shutdown_domain("a")
    assert guests.wait_domain("a", ("shut off",), timeout=5).state == "shut off"
    systemd.go_on()
    assert (guests.lookup_domain("a").state, systemd.states) == ("shut off", {})


def test_systemctl_stop_shuts_a_guest_down(guests: HypervisorDriver, systemd: SmallSystemd) -> None:
    guests.define_domain(document(more="<on_poweroff>restart</on_poweroff>"))
    guests.start_domain("a")
    assert systemd._stop(UNIT, []) == 0
    systemd.go_on()
    found = guests.lookup_domain("a")
    assert (found.state, found.reason, systemd.states) == ("shut off", "shutdown", {})


def test_a_paused_guest_is_shut_down_too(guests: HypervisorDriver, systemd: SmallSystemd, host: GuestHost) -> None:
    guests.define_domain(document())
    guests.start_domain("a", paused=True)
    assert systemd._stop(UNIT, []) == 0
    assert guests.lookup_domain("a").reason == "shutdown"


def test_a_guest_that_does_not_hear_is_ended_in_time(
    guests: HypervisorDriver, systemd: SmallSystemd, host: GuestHost, capsys: pytest.CaptureFixture[str]
) -> None:
    guests.define_domain(document())
    guests.start_domain("a")
    host.guests["a"].obeys = False
    before = host.monotonic()
    assert systemd._stop(UNIT, []) == 0
    assert 20 <= host.monotonic() - before <= 25
    assert guests.lookup_domain("a").reason == "destroyed"
    assert "Guest a is ended by force, since it did not shut down within 20 s" in capsys.readouterr().err


# what a guest does by itself


@pytest.mark.parametrize(
    ("more", "reason", "again"),
    [
        ("", "", False),
        ("", "guest-shutdown", False),
        ("<on_crash>restart</on_crash>", "", True),
        ("<on_crash>coredump-restart</on_crash>", "guest-panic", True),
        ("<on_crash>restart</on_crash>", "guest-shutdown", False),
        ("<on_poweroff>restart</on_poweroff>", "guest-shutdown", True),
        ("<on_poweroff>restart</on_poweroff>", "", False),
        ("<on_poweroff>restart</on_poweroff>", "host-signal", False),
        ("<on_poweroff>restart</on_poweroff><on_reboot>destroy</on_reboot>", "guest-reset", False),
    ],
)
def test_what_its_definition_says_is_done(
    guests: HypervisorDriver, systemd: SmallSystemd, host: GuestHost, more: str, reason: str, again: bool
) -> None:
    guests.define_domain(document(more=more))
    first = guests.start_domain("a")
    host.end("a", reason)
    systemd.go_on()
    found = guests.lookup_domain("a")
    assert found.active is again
    assert not again or found.runtime["pid"] != first.runtime["pid"]


def test_an_end_is_answered_once(guests: HypervisorDriver, systemd: SmallSystemd, host: GuestHost) -> None:
    """A start that fails afterwards is not tried again because of the end before it."""
    guests.define_domain(document(more="<on_crash>restart</on_crash>"))
    guests.start_domain("a")
    host.end("a")
    host.remove("/var/lib/corral/images/a.raw")
    systemd.go_on()
    assert (guests.lookup_domain("a").active, systemd.later) == (False, [])
    assert systemd.states == {UNIT: "failed"}


# with the host


def test_autostart_is_the_unit_and_the_mark(guests: HypervisorDriver, host: GuestHost) -> None:
    guests.define_domain(document())
    guests.set_domain_autostart("a", True)
    assert host.resolve(LINK) == f"{HOME}/corral-vm@.service"
    assert guests.lookup_domain("a").autostart
    guests.set_domain_autostart("a", False)
    assert host.stat(LINK) is None
    assert not guests.lookup_domain("a").autostart


def test_autostart_without_its_unit_is_none(guests: HypervisorDriver, host: GuestHost) -> None:
    guests.define_domain(document())
    guests.set_domain_autostart("a", True)
    host.remove(LINK)
    assert not guests.lookup_domain("a").autostart


def test_the_unit_goes_with_the_definition(guests: HypervisorDriver, host: GuestHost) -> None:
    guests.define_domain(document())
    guests.set_domain_autostart("a", True)
    guests.rename_domain("a", "b")
    assert host.entries(f"{HOME}/corral.target.wants") == ["corral-vm@b.service"]
    guests.undefine_domain("b")
    assert host.entries(f"{HOME}/corral.target.wants") == []


def test_guests_are_back_after_a_reboot(guests: HypervisorDriver, systemd: SmallSystemd, host: GuestHost) -> None:
    guests.define_domain(document())
    guests.set_domain_autostart("a", True)
    guests.start_domain("a")
    host.reboot()
    systemd.states.clear()
    for unit in host.entries(f"{HOME}/corral.target.wants"):
        assert systemd._start(unit, []) == 0
    assert guests.lookup_domain("a").state == "running"


# a host that gets its units late


def test_what_is_there_gets_its_units(host: GuestHost, capsys: pytest.CaptureFixture[str]) -> None:
    before = open_connection("qemu:///system", host=host).hypervisor
    before.define_domain(document())
    before.set_domain_autostart("a", True)
    pid = before.start_domain("a").runtime["pid"]
    systemd = SmallSystemd(host)
    host.add_file("/proc/self/cgroup", b"1:name=systemd:/u\n0::/u\n")
    for top in ("systemd", "unified"):
        host.add_file(f"/sys/fs/cgroup/{top}/u/cgroup.procs", b"")
    assert main(["sync"], host) == 0
    assert capsys.readouterr().out.splitlines() == [
        "enabled vm a",
        "took vm a into its unit",
    ]
    assert systemd.main_pid(UNIT) == pid, "the very process that ran"
    for top in ("systemd", "unified"):
        assert host.read(f"/sys/fs/cgroup/{top}/u/cgroup.procs") == f"{pid}\n".encode()
    assert main(["sync"], host) == 0
    assert capsys.readouterr().out == ""


def test_what_systemctl_was_told_last_counts(
    guests: HypervisorDriver, systemd: SmallSystemd, host: GuestHost, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b", "c"):
        guests.define_domain(document(name, disk=""))
    assert main(["sync"], host) == 0
    for name in ("a", "b"):
        guests.set_domain_autostart(name, True)
    host.remove(LINK)  # systemctl disable
    host.symlink(f"{HOME}/corral-vm@.service", LINK.replace("@a", "@c"))  # systemctl enable
    host.symlink(f"{HOME}/corral-vm@.service", LINK.replace("@a", "@gone"))
    assert main(["sync"], host) == 0
    assert capsys.readouterr().out.splitlines() == ["unmarked vm a", "marked vm c", "disabled vm gone"]
    assert [guests.lookup_domain(name).autostart for name in ("a", "b", "c")] == [False, True, True]
    host.remove_tree(f"{HOME}/corral.target.wants")  # as systemctl disable does it with the last link
    assert main(["sync"], host) == 0
    assert [guests.lookup_domain(name).autostart for name in ("a", "b", "c")] == [False, False, False]


def test_marks_outlive_units_that_are_taken_away(
    guests: HypervisorDriver, systemd: SmallSystemd, host: GuestHost, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where something of somebody else's keeps the place of the links, and where it was ended on the way."""
    other = f"{HOME}/corral.target.wants/backup.service"
    for name in ("a", "b"):
        guests.define_domain(document(name, disk=""))
        guests.set_domain_autostart(name, True)
    assert main(["sync"], host) == 0
    host.symlink("/usr/lib/systemd/system/backup.service", other)
    for path in (f"{HOME}/corral.target.told", LINK):  # as the role host takes them away with host_units=false
        host.remove(path)
    capsys.readouterr()
    assert main(["sync"], host) == 0
    assert capsys.readouterr().out.splitlines() == ["enabled vm a"]
    assert [guests.lookup_domain(name).autostart for name in ("a", "b")] == [True, True]
    assert host.entries(f"{HOME}/corral.target.wants") == [
        "backup.service",
        "corral-vm@a.service",
        "corral-vm@b.service",
    ]


def test_a_guest_that_has_crashed_and_is_kept_is_ended_at_once(
    guests: HypervisorDriver, systemd: SmallSystemd, host: GuestHost
) -> None:
    guests.define_domain(document(more="<on_crash>preserve</on_crash>"))
    guests.start_domain("a")
    host.journal("a", "GUEST_PANICKED", action="pause")
    host.journal("a", "STOP")
    assert guests.lookup_domain("a").state == "crashed"
    before = host.monotonic()
    assert systemd._stop(UNIT, []) == 0
    assert (guests.lookup_domain("a").state, host.monotonic() - before < 5) == ("shut off", True)


# without


def test_other_trees_have_no_units(host: GuestHost, systemd: SmallSystemd) -> None:
    host.add_directory("/srv/x", mode=0o755)
    guests = open_connection("qemu:///embed?root=/srv/x", host=host).hypervisor
    guests.define_domain(document())
    guests.set_domain_autostart("a", True)
    guests.start_domain("a")
    guests.destroy_domain("a")
    assert (systemd.asked, host.stat(f"{HOME}/corral.target.wants")) == ([], None)


def test_a_host_without_systemd_has_none(host: GuestHost, systemd: SmallSystemd) -> None:
    host.remove_tree("/run/systemd")
    guests = open_connection("qemu:///system", host=host).hypervisor
    guests.define_domain(document())
    guests.start_domain("a")
    guests.destroy_domain("a")
    assert systemd.asked == []


# the launcher's words


@pytest.mark.parametrize("words", [[], ["start"], ["start", "vm"], ["start", "cow", "a"], ["ended", "pool", "a"]])
def test_words_that_mean_nothing(host: GuestHost, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words, host) == 2
    assert capsys.readouterr().err.startswith("usage: ")


@pytest.mark.parametrize("instance", ["nobody", "\\xzz", "long-deadbeef"])
def test_an_instance_of_nobody(host: GuestHost, systemd: SmallSystemd, instance: str) -> None:
    assert main(["start", "vm", instance], host) == 1
    answer = json.loads(host.read(f"/run/corral/units/vm@{instance}.answer") or b"")
    assert answer["error"][0] == "NotFound"
    assert main(["stop", "vm", instance], host) == (0 if instance == "nobody" else 1)

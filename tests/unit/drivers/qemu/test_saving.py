# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests that are saved and go on: at every step a run may be killed at, no memory meets a disk that has changed."""

from __future__ import annotations

from copy import deepcopy
from typing import Callable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Saved
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CorralError,
    HostError,
    OperationFailed,
    OperationInvalid,
    TimedOut,
)
from ansible_collections.corral.virt.plugins.module_utils.host.api import FileSystem
from ansible_collections.corral.virt.plugins.module_utils.host.fake import Killed
from ansible_collections.corral.virt.tests.unit.drivers.qemu.saving_host import SavingHost
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import document, driver_on

PLACE = "/var/lib/corral/save"
CARD = "<serial type='pty'/><interface type='user'/><graphics type='vnc'/>"
MOST = 200


@pytest.fixture
def host() -> SavingHost:
    found = SavingHost()
    driver_on(found).define_domain(document(devices=CARD))
    driver_on(found).start_domain("a")
    return found


def test_a_guest_goes_on_from_where_it_was(host: SavingHost) -> None:
    driver = driver_on(host)
    found = driver.save_domain("a", timeout=60)
    assert (found.state, found.reason, host.guests) == ("shut off", "saved", {})
    assert host.entries(PLACE) == ["a.json", "a.save"]
    assert {host.stat(f"{PLACE}/{name}").mode & 0o777 for name in host.entries(PLACE)} == {0o600}  # type: ignore[union-attr]
    assert driver.saved_domain("a") == Saved(host.now(), paused=False, resume=False)
    found = driver.start_domain("a")
    assert (found.state, found.reason, host.memory["a"]) == ("running", "restored", 2)
    assert host.entries(PLACE) == []
    assert driver.saved_domain("a") is None


def test_newer_ones_are_told_that_it_is_a_file() -> None:
    host = SavingHost()
    host.release = {"major": 9, "minor": 1, "micro": 0}
    driver = driver_on(host)
    driver.define_domain(document(devices=CARD))
    monitor = host.guests[driver.start_domain("a").name].monitor
    driver.save_domain("a", timeout=60)
    assert ("migrate", {"uri": "file:/dev/fdset/1048577"}) in monitor.commands
    assert driver.start_domain("a").reason == "restored"
    argv = host.guests["a"].process.command.argv  # type: ignore[union-attr]
    assert argv[-4:-1] == ("-incoming", "defer", "-add-fd")


def test_it_goes_on_after_a_reboot_of_the_host(host: SavingHost) -> None:
    driver_on(host).save_domain("a", timeout=60, resume=True)
    host.reboot()
    driver = driver_on(host)
    assert (driver.lookup_domain("a").reason, driver.saved_domain("a")) == ("saved", Saved(host.now(), resume=True))
    assert driver.start_domain("a").reason == "restored"


def test_it_is_the_machine_that_it_was(host: SavingHost) -> None:
    """What was defined meanwhile is for the start after that."""
    driver = driver_on(host)
    aliases = [found.get("name") for found in driver.domain_xml("a").findall("devices/*/alias")]
    driver.save_domain("a", timeout=60)
    driver.define_domain(document(devices=CARD, more="<vcpu>2</vcpu>"))
    driver.start_domain("a")
    assert [found.get("name") for found in driver.domain_xml("a").findall("devices/*/alias")] == aliases
    assert driver.domain_xml("a").findtext("vcpu") == "1"
    assert driver.domain_xml("a", inactive=True).findtext("vcpu") == "2"


def test_a_paused_guest_is_known_to_be_one(host: SavingHost) -> None:
    driver = driver_on(host)
    driver.suspend_domain("a")
    driver.save_domain("a", timeout=60)
    saved = driver.saved_domain("a")
    assert saved is not None and saved.paused
    assert driver.start_domain("a", paused=True).state == "paused"
    assert host.entries(PLACE) == []
    driver.resume_domain("a")
    assert driver.lookup_domain("a").state == "running"


def test_what_it_has_said_stays(host: SavingHost) -> None:
    path = "/var/log/corral/consoles/a.log"
    host.add_file(path, b"hello\n")
    driver_on(host).save_domain("a", timeout=60)
    driver_on(host).start_domain("a")
    assert host.read(path) == b"hello\n"


# guests that cannot be saved go on


def full(host: SavingHost) -> None:
    host.disk = FileSystem(size=1 << 30, available=1 << 20)


@pytest.mark.parametrize(
    ("spoil", "kind", "said"),
    [
        (
            lambda host: setattr(host, "blocked", "VFIO device does not migrate"),
            OperationFailed,
            "VFIO device does not",
        ),
        (lambda host: setattr(host, "fault", "No space left on device"), OperationFailed, "No space left on device"),
        (lambda host: setattr(host, "slow", True), TimedOut, "it takes longer than it may"),
        (full, OperationFailed, f"MiB of room in {PLACE}, and there are 1 MiB"),
    ],
    ids=["refused", "failed", "slow", "full"],
)
def test_a_guest_that_cannot_be_saved_goes_on(
    host: SavingHost, spoil: Callable[[SavingHost], None], kind: type[CorralError], said: str
) -> None:
    driver, before = driver_on(host), host.monotonic()
    spoil(host)
    with pytest.raises(kind, match=said):
        driver.save_domain("a", timeout=20)
    assert host.monotonic() - before < 25
    assert (driver.lookup_domain("a").state, host.entries(PLACE)) == ("running", [])


def test_a_transient_guest_is_not_saved() -> None:
    host = SavingHost()
    driver = driver_on(host)
    driver.create_domain(document())
    with pytest.raises(OperationInvalid, match="only a defined guest can be saved"):
        driver.save_domain("a", timeout=20)
    assert driver.lookup_domain("a").state == "running"


def test_a_guest_that_is_off_is_not_saved(host: SavingHost) -> None:
    driver = driver_on(host)
    driver.destroy_domain("a")
    with pytest.raises(OperationInvalid, match="Guest a is shut off, and cannot be saved"):
        driver.save_domain("a", timeout=20)


# guests that cannot go on stay saved


def test_a_saved_guest_that_does_not_start_stays_saved(host: SavingHost) -> None:
    driver = driver_on(host)
    driver.save_domain("a", timeout=60)
    host.dies = b"Unknown savevm section\n"
    with pytest.raises(OperationFailed, match=r"cannot go on from its saved state: .*Unknown savevm section") as caught:
        driver.start_domain("a")
    assert "force: true" in (caught.value.hint or "")
    assert (driver.lookup_domain("a").reason, host.entries(PLACE)) == ("saved", ["a.json", "a.save"])
    host.dies = None
    assert driver.start_domain("a").reason == "restored"


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"document": 1, "when": "x", "paused": 1, "resume": 2}'])
def test_damaged_facts_are_named(host: SavingHost, data: bytes) -> None:
    driver = driver_on(host)
    driver.save_domain("a", timeout=60)
    host.add_file(f"{PLACE}/a.json", data)
    with pytest.raises(HostError, match=f"{PLACE}/a.json is damaged"):
        driver.start_domain("a")
    driver.forget_saved("a")
    host.turns.clear()
    assert driver.start_domain("a").reason == "booted"


def test_a_saved_guest_is_removed_with_what_it_was_saved_as(host: SavingHost) -> None:
    driver = driver_on(host)
    driver.save_domain("a", timeout=60)
    assert driver.check_removal("a") == [f"{PLACE}/a.json", f"{PLACE}/a.save"]
    driver.undefine_domain("a")
    assert host.entries(PLACE) == []


def test_a_saved_guest_is_not_renamed(host: SavingHost) -> None:
    driver = driver_on(host)
    driver.save_domain("a", timeout=60)
    with pytest.raises(OperationInvalid, match="Guest a is saved"):
        driver.rename_domain("a", "b")


# runs that are killed


def outcome(host: SavingHost, act: Callable[[QemuDriver], object], n: int) -> bool:
    """Kill the run at its n-th change; returns whether it was."""
    host.kill_at(n)
    try:
        act(driver_on(host))
    except Killed:
        return True
    finally:
        host.revive()
    return False


def save(driver: QemuDriver) -> None:
    driver.save_domain("a", timeout=60)


def start(driver: QemuDriver) -> None:
    driver.start_domain("a")


@pytest.mark.parametrize("act", [save, start])
def test_a_run_that_is_killed_mixes_nothing(host: SavingHost, act: Callable[[QemuDriver], object]) -> None:
    """The host asserts that memory and disk belong together, whenever a guest runs."""
    if act is start:
        save(driver_on(host))
    for n in range(1, MOST):
        other = deepcopy(host)
        killed = outcome(other, act, n)
        later(other)
        if not killed:
            return
    raise AssertionError("it never comes to an end")


def later(host: SavingHost) -> None:
    """What somebody does who finds the guest after that: let it run, and take it through a second life."""
    driver = driver_on(host)
    found = driver.lookup_domain("a")
    if found.state == "paused":
        driver.resume_domain("a")
    elif not found.active:
        assert found.reason == "saved", "nothing is lost but by a start that was already told to run"
        driver.start_domain("a")
    assert driver.lookup_domain("a").state == "running"
    for _turn in range(2):
        host.end("a")
        host.memory["a"] = host.turns["a"]
        assert driver_on(host).start_domain("a").reason == "booted"
    assert [name for name in host.entries(PLACE) if name.endswith(".json")] == []


def test_a_host_that_loses_its_power_loses_no_more_than_that(host: SavingHost) -> None:
    save(driver_on(host))
    for n in range(1, MOST):
        other = deepcopy(host)
        killed = outcome(other, start, n)
        other.reboot()
        driver = driver_on(other)
        driver.start_domain("a")
        assert driver.lookup_domain("a").state == "running"
        if not killed:
            return
    raise AssertionError("it never comes to an end")

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests whose host goes down: shut down, or saved where that is wanted, and as they were when it is back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.service.guests import ON_SHUTDOWN
from ansible_collections.corral.virt.plugins.module_utils.service.launcher import main
from ansible_collections.corral.virt.tests.unit.drivers.qemu.saving_host import SavingHost
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import document
from ansible_collections.corral.virt.tests.unit.service.small_systemd import SmallSystemd

if TYPE_CHECKING:
    from ansible_collections.corral.virt.plugins.module_utils.drivers.api import HypervisorDriver

UNIT = "corral-vm@a.service"


@pytest.fixture
def host() -> SavingHost:
    found = SavingHost()
    found.environment[ON_SHUTDOWN] = "suspend"
    return found


@pytest.fixture
def systemd(host: SavingHost) -> SmallSystemd:
    return SmallSystemd(host)


@pytest.fixture
def guests(host: SavingHost, systemd: SmallSystemd) -> HypervisorDriver:
    found = open_connection("qemu:///system", host=host).hypervisor
    found.define_domain(document())
    found.start_domain("a")
    return found


def go_down(host: SavingHost, systemd: SmallSystemd) -> None:
    systemd.stopping = True
    for unit in list(systemd.states):
        assert systemd._stop(unit, []) == 0


def come_back(host: SavingHost, systemd: SmallSystemd) -> None:
    host.reboot()
    host.add_directory("/run/systemd/system")
    systemd.stopping = False
    systemd.states.clear()
    assert main(["sync"], host) == 0
    systemd.go_on()


def test_a_guest_goes_on_when_the_host_is_back(
    guests: HypervisorDriver, host: SavingHost, systemd: SmallSystemd, capsys: pytest.CaptureFixture[str]
) -> None:
    go_down(host, systemd)
    found = guests.lookup_domain("a")
    assert (found.state, found.reason) == ("shut off", "saved")
    assert "Guest a is saved, and goes on when the host is back." in capsys.readouterr().err
    come_back(host, systemd)
    found = guests.lookup_domain("a")
    assert (found.state, found.reason, systemd.states) == ("running", "restored", {UNIT: "active"})
    assert capsys.readouterr().out == "let vm a go on\n"


def test_a_paused_guest_stays_paused(guests: HypervisorDriver, host: SavingHost, systemd: SmallSystemd) -> None:
    guests.suspend_domain("a")
    go_down(host, systemd)
    come_back(host, systemd)
    assert guests.lookup_domain("a").state == "paused"
    guests.resume_domain("a")
    assert guests.lookup_domain("a").state == "running"


def test_who_starts_a_paused_one_wants_it_to_run(
    guests: HypervisorDriver, host: SavingHost, systemd: SmallSystemd
) -> None:
    guests.suspend_domain("a")
    go_down(host, systemd)
    assert guests.start_domain("a").state == "running"


def test_one_that_cannot_be_saved_is_shut_down(
    guests: HypervisorDriver, host: SavingHost, systemd: SmallSystemd, capsys: pytest.CaptureFixture[str]
) -> None:
    host.fault = "No space left on device"
    go_down(host, systemd)
    found = guests.lookup_domain("a")
    assert (found.state, found.reason) == ("shut off", "shutdown")
    assert "shut down, since it could not be saved: Guest a cannot be saved: No space" in capsys.readouterr().err
    come_back(host, systemd)
    assert guests.lookup_domain("a").state == "shut off"


@pytest.mark.parametrize(("choice", "stopping"), [("suspend", False), ("shutdown", True), ("", True)])
def test_others_are_shut_down(
    guests: HypervisorDriver, host: SavingHost, systemd: SmallSystemd, choice: str, stopping: bool
) -> None:
    host.environment[ON_SHUTDOWN] = choice
    systemd.stopping = stopping
    assert systemd._stop(UNIT, []) == 0
    assert guests.lookup_domain("a").reason == "shutdown"


def test_one_that_cannot_go_on_hides_no_other(
    guests: HypervisorDriver, host: SavingHost, systemd: SmallSystemd, capsys: pytest.CaptureFixture[str]
) -> None:
    guests.define_domain(document("b", disk=""))
    guests.start_domain("b")
    go_down(host, systemd)
    host.add_file("/var/lib/corral/save/a.json", b"{")
    come_back(host, systemd)
    said = capsys.readouterr().out
    assert "left vm a as it is: /var/lib/corral/save/a.json is damaged" in said
    assert "let vm b go on" in said

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an operator does by hand on a host with units, and what systemd has to be kept from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .operated import BARE, NETWORK, bare, escaped, fact, gone, shown, until, up

if TYPE_CHECKING:
    from .installed import Installed

SHARES = "<cputune><shares>{shares}</shares></cputune><memtune><hard_limit unit='MiB'>{limit}</hard_limit></memtune>"
# Names that mean something to systemd, to a shell, to a path or to a printf.
NAMES = ("my guest", "100%n", "a\\x2db-c", "grün☃", "$HOME `id`;'\"", "@x@.service", "-rf", "n" * 180)


@pytest.fixture(scope="module")
def host(tree: Callable[[str], Path], suite: str) -> Iterator[Installed]:
    """One machine for all of these tests."""
    from .installed import ARGUMENTS, install
    from .machine import machine

    with machine(tree(f"full{suite}"), "operated", arguments=ARGUMENTS) as one:
        yield install(one)


# a restart that systemd has seen too often


def test_a_restart_is_done_whatever_systemd_has_seen_before(host: Installed) -> None:
    """The clean-up after a crash is still at work, and systemd refuses the next start, when a module orders one."""
    host.machine.write("/run/systemd/system/corral-vm@tired.service.d/x.conf", "[Unit]\nStartLimitBurst=1\n")
    host.machine.run("systemctl", "daemon-reload")
    bare(host, "tired", "<on_crash>restart</on_crash>")
    for turn in range(6):
        host.machine.run("kill", "-9", shown(host, "corral-vm@tired", "MainPID")["MainPID"])
        time.sleep(turn * 0.3)
        host.module("vm", name="tired", state="restarted" if turn % 2 else "running", force=True, timeout=0)
        assert shown(host, "corral-vm@tired", "ActiveState")["ActiveState"] == "active"
        assert fact(host, "tired")["state"] == "running"


def test_a_guest_that_is_about_to_start_again_can_be_stopped(host: Installed) -> None:
    host.machine.run("rm", "-r", "/run/systemd/system/corral-vm@tired.service.d")
    host.machine.run("systemctl", "daemon-reload")
    host.machine.run("systemctl", "reset-failed", "corral-vm@tired")
    for delay in (0.0, 0.5, 1.0):
        host.module("vm", name="tired", state="running")
        host.machine.run("kill", "-9", shown(host, "corral-vm@tired", "MainPID")["MainPID"])
        time.sleep(delay)
        host.module("vm", name="tired", state="stopped", force=True, timeout=0)
        assert not until(lambda: fact(host, "tired")["state"] != "shut off", 2)
        host.machine.run("systemctl", "reset-failed", "corral-vm@tired", check=False)
    gone(host, "tired")


# limits


def test_limits_of_a_guest_that_runs_are_changed(host: Installed) -> None:
    properties = ("CPUWeight", "MemoryMax", "MainPID")
    bare(host, "limited", SHARES.format(shares=300, limit=900))
    before = shown(host, "corral-vm@limited", *properties)
    wanted = {
        "name": "limited",
        "xml": BARE.format(name="limited", more=SHARES.format(shares=600, limit=800), devices=""),
    }
    result = host.module("vm", _ansible_check_mode=True, **wanted)
    assert [(row["action"], row["effect"]) for row in result["actions"]] == [("define", "live"), ("update", "live")]
    assert shown(host, "corral-vm@limited", *properties) == before
    assert host.module("vm", **wanted)["pending"] == []
    now = shown(host, "corral-vm@limited", *properties)
    assert now == {"CPUWeight": "600", "MemoryMax": str(800 << 20), "MainPID": before["MainPID"]}
    assert not host.module("vm", **wanted)["changed"]
    low = BARE.format(name="limited", more=SHARES.format(shares=600, limit=5), devices="")
    result = host.module("vm", fails=True, name="limited", xml=low)
    assert "the kernel would end it" in result["msg"]
    assert fact(host, "limited")["state"] == "running"
    gone(host, "limited")


# names


def test_every_name_has_its_unit(host: Installed) -> None:
    for name in NAMES:
        bare(host, name, SHARES.format(shares=300, limit=900), autostart=True)
        unit = f"corral-vm@{escaped(host, name)}.service"
        state = shown(host, unit, "ActiveState", "UnitFileState", "CPUWeight", "Description")
        assert state == {
            "ActiveState": "active",
            "UnitFileState": "enabled",
            "CPUWeight": "300",
            "Description": f"Guest {name}",
        }, name
        host.machine.run("kill", "-9", shown(host, unit, "MainPID")["MainPID"])
        assert until(lambda unit=unit: shown(host, unit, "ActiveState")["ActiveState"] == "failed")  # type: ignore[misc]
        assert "is off: crashed." in host.machine.said("journalctl", "--no-pager", "-o", "cat", "-u", unit)
        host.machine.run("systemctl", "start", unit)
        assert fact(host, name)["state"] == "running"
    gone(host, *NAMES)
    assert list(host.machine.path("/etc/systemd/system/corral.target.wants").iterdir()) == []


# by hand


def test_by_hand(host: Installed) -> None:
    host.module("network", **NETWORK)
    for name, start in (("one", True), ("two", False)):
        host.guest(
            name, autostart=start, interfaces=[{"network": "net1"}], wait_for={"console": "guest: up"}, timeout=90
        )
    first = host.pid("one")
    for words in (("daemon-reload",), ("daemon-reexec",)):
        host.machine.run("systemctl", *words)
        assert (host.pid("one"), host.unit("one")) == (first, "active")
    host.machine.run("systemctl", "restart", "corral-vm@one")
    assert (host.unit("one"), host.pid("one") == first) == ("active", False)
    assert "Guest one is off: shutdown." in host.journal("one")
    assert "Guest two" in host.machine.said("systemctl", "status", "corral-vm@two")


def test_a_new_release_of_the_code_while_guests_run(host: Installed) -> None:
    second = host.pid("two")
    host.machine.run("cp", "-r", "/usr/lib/corral/runtime/test", "/usr/lib/corral/runtime/next")
    host.machine.run("ln", "-sfn", "next", "/usr/lib/corral/runtime/current")
    host.machine.run("rm", "-r", "/usr/lib/corral/runtime/test")
    host.machine.run("systemctl", "daemon-reload")
    assert (host.pid("two"), host.unit("two")) == (second, "active")
    host.machine.run("systemctl", "stop", "corral-vm@two")
    assert "Guest two is off: shutdown." in host.journal("two")
    host.machine.run("systemctl", "start", "corral-vm@two")
    assert fact(host, "two")["state"] == "running"
    up(host, "two")


def test_the_target_is_all_of_them(host: Installed) -> None:
    up(host, "one")
    host.machine.run("systemctl", "stop", "corral.target")
    assert until(lambda: host.unit("net1", "network") == "inactive", 120)
    assert [host.unit(name) for name in ("one", "two")] == ["inactive", "inactive"]
    assert [fact(host, name)["reason"] for name in ("one", "two")] == ["shutdown", "shutdown"]
    host.machine.run("systemctl", "start", "corral.target")
    assert until(lambda: host.unit("one") == "active")
    assert (host.unit("net1", "network"), host.unit("two")) == ("active", "inactive")


def test_what_systemctl_enables_and_disables_starts_with_the_host_or_not(host: Installed) -> None:
    host.machine.run("systemctl", "disable", "corral-vm@one")
    host.machine.run("systemctl", "enable", "corral-vm@two")
    assert not fact(host, "one")["autostart"]
    host.machine.run("systemctl", "restart", "corral-guests")
    assert [fact(host, name)["autostart"] for name in ("one", "two")] == [False, True]
    assert not host.module("vm", name="two", autostart=True)["changed"]
    host.module("vm", name="two", autostart=False)
    assert host.machine.said("systemctl", "is-enabled", "corral-vm@two", check=False) == "disabled"

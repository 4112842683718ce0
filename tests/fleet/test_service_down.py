# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of guests when their host goes down, and when it is back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .operated import BARE, CARD, NETWORK, bare, fact, gone, on_shutdown, until, up

if TYPE_CHECKING:
    from .installed import Installed

# Where guests are saved, with room for none.
SMALL = "var-lib-corral-save.mount"
MOUNT = "[Mount]\nWhat=tmpfs\nWhere=/var/lib/corral/save\nType=tmpfs\nOptions=size=8m,mode=700\n"


@pytest.fixture(scope="module")
def host(tree: Callable[[str], Path], suite: str) -> Iterator[Installed]:
    """One machine for all of these tests."""
    from .installed import ARGUMENTS, install
    from .machine import machine

    with machine(tree(f"full{suite}"), "down", arguments=ARGUMENTS) as one:
        yield install(one)


def test_guests_go_on_after_a_reboot_of_the_host(host: Installed) -> None:
    on_shutdown(host, "suspend", host_shutdown_timeout=5)
    host.module("network", **NETWORK)
    for name, start in (("one", True), ("two", False)):
        host.guest(name, autostart=start, interfaces=[{"network": "net1"}])
        up(host, name)
    bare(host, "still", devices=CARD, state="paused")
    bare(host, "passing", transient=True)
    host.machine.reboot()
    assert until(lambda: fact(host, "two")["state"] == "running"), host.journal("two")
    assert until(lambda: fact(host, "one")["state"] == "running"), host.journal("one")
    for name in ("one", "two"):
        assert (fact(host, name)["reason"], host.unit(name)) == ("restored", "active")
        assert sum("guest: up" in line for line in host.lines(f"/var/log/corral/consoles/{name}.log")) == 1
        assert "is saved, and goes on when the host is back" in host.journal(name)
    assert until(lambda: fact(host, "still")["state"] == "paused")
    assert "could not be saved: Guest passing is transient" in host.journal("passing")
    assert list(host.machine.path("/var/lib/corral/save").iterdir()) == []
    host.module("vm", name="two", state="stopped", timeout=60)
    assert "corral-guest: power off" in host.lines("/var/log/corral/consoles/two.log"), "it is alive"
    gone(host, "still")
    host.module("vm", name="one", autostart=False)


@pytest.mark.parametrize("room", [True, False], ids=["slow", "full"])
def test_guests_that_cannot_be_saved_are_shut_down(host: Installed, room: bool) -> None:
    on_shutdown(host, "suspend", host_save_timeout=0 if room else 60)
    if not room:
        host.machine.write(f"/etc/systemd/system/{SMALL}", MOUNT)
        host.machine.run("systemctl", "daemon-reload")
        host.machine.run("systemctl", "start", SMALL)
    up(host, "one")
    host.machine.reboot()
    assert "Guest one is shut down, since it could not be saved: " in host.journal("one")
    assert ("MiB of room in" if not room else "longer than it may") in host.journal("one")
    assert "corral-guest: power off" in host.lines("/var/log/corral/consoles/one.log")
    assert fact(host, "one")["state"] == "shut off"


def test_what_a_guest_was_saved_as_can_be_let_go(host: Installed) -> None:
    on_shutdown(host, "suspend")
    up(host, "one")
    host.machine.run("systemctl", "disable", "corral-guests")
    host.machine.reboot()
    assert (fact(host, "one")["state"], fact(host, "one")["reason"]) == ("shut off", "saved")
    result = host.module("vm", name="one", state="stopped", force=True)
    assert [row["action"] for row in result["actions"]] == ["forget_saved"]
    assert not host.module("vm", name="one", state="stopped", force=True)["changed"]
    host.module("vm", name="one", state="running")
    assert fact(host, "one")["reason"] == "booted"
    host.machine.run("systemctl", "enable", "corral-guests")
    gone(host, "one", "two")


def test_many_start_with_the_host(host: Installed) -> None:
    on_shutdown(host, "shutdown", host_shutdown_timeout=0)
    names = [f"many{number}" for number in range(20)]
    documents = [{"name": name, "xml": BARE.format(name=name, more="", devices=CARD)} for name in names]
    host.module("vm", guests=documents, state="present", autostart=True)
    host.machine.reboot()
    assert until(lambda: all(host.unit(name) == "active" for name in names), 120)
    assert host.machine.state() == "running"
    gone(host, *names)

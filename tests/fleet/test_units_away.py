# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that had units, and is to have none, and has them again: what runs does not notice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .controller import Controller
from .installed import ARGUMENTS, Installed
from .machine import Wire, machine
from .operated import CARD, bare, fact

INSIDE, OUTSIDE = "10.213.9.2", "10.213.9.1"
UNITS = "/etc/systemd/system"
ROLE = "corral.virt.host : "
HOST: dict[str, Any] = {
    "host_install_packages": False,
    "host_wheels": "/opt/wheels",
    "host_wheels_on_host": True,
    "host_kernel_modules": [],
}
# Somebody's own: settings of a unit, what is to start beside guests, and a unit that is kept from being started.
OWN = f"{UNITS}/corral-vm@one.service.d/60-own.conf"
BESIDE = f"{UNITS}/corral.target.wants/cron.service"
MASK = f"{UNITS}/corral-vm@never.service"
SLOW = "/run/systemd/system/corral-vm@slow.service.d/slow.conf"


PART = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: The part of the role that is about units
      ansible.builtin.include_role:
        name: corral.virt.host
        tasks_from: units_absent
"""


def processes(host: Installed) -> dict[str, str]:
    """Guests and the network's server, which live in units."""
    found = {name: str(host.pid(name)) for name in ("one", "my guest")}
    return {**found, "default": host.machine.path("/run/corral/networks/default.pid").read_text().strip()}


def ours(host: Installed) -> list[str]:
    """Every path of units that bears our name."""
    return host.machine.said("find", UNITS, "-name", "corral*", "-printf", "%P\n").splitlines()


@pytest.mark.large
def test_units_go_and_come_back_below_guests_that_run(tree: Callable[[str], Path], suite: str, tmp_path: Path) -> None:
    wire = Wire(f"{INSIDE}/24", outside=f"{OUTSIDE}/24")
    with (
        machine(tree(f"full{suite}"), "unitless", wire=wire, arguments=ARGUMENTS) as one,
        Controller(tmp_path) as controller,
    ):
        controller.meet(one, INSIDE)
        controller.play("bootstrap", **HOST)
        host = Installed(one)
        bare(host, "one", devices=CARD.replace("net1", "default"), autostart=True)
        bare(host, "my guest")
        one.write(OWN, "[Service]\nEnvironment=CORRAL_STOP_SECONDS=5\n")
        one.run("ln", "-s", "/lib/systemd/system/cron.service", BESIDE)  # systemctl add-wants
        one.run("systemctl", "mask", "corral-vm@never")
        before, there = processes(host), ours(host)
        less = {**HOST, "host_units": False}

        # what is on its way is not cut off, and a check says so as well
        one.write(SLOW, "[Service]\nExecStartPre=/bin/sleep 300\n")
        one.run("systemctl", "daemon-reload")
        one.run("systemctl", "start", "--no-block", "corral-vm@slow")
        part = tmp_path / "part.yml"
        part.write_text(PART)
        for words in (("--check",), ()):
            refused = controller.play(str(part), *words, fails=True, **less)
            assert "about to start or to stop: corral-vm@slow.service" in " ".join(refused.text.split())
        assert ours(host) == there
        one.run("systemctl", "stop", "corral-vm@slow")
        one.path(SLOW).unlink()

        # a check says what goes, then it goes, once
        check = controller.play(str(part), "--check", **less)
        assert ours(host) == there
        assert ROLE + "The units go, and what runs goes on" in check.changing()
        done = controller.play("bootstrap", **less)
        assert done.changing() == check.changing()
        assert processes(host) == before
        assert sorted(ours(host)) == ["corral-vm@never.service", "corral-vm@one.service.d", "corral.target.wants"]
        assert one.said("ls", f"{UNITS}/corral.target.wants").split() == ["cron.service"]
        assert one.path(OWN).exists() and not one.path("/usr/lib/corral").exists()
        assert (fact(host, "one")["state"], fact(host, "one")["autostart"]) == ("running", True)
        assert controller.play("bootstrap", **less).changing() == []

        # guests are ended and started as on any host without units
        host.module("vm", name="my guest", state="restarted", force=True, timeout=0)
        assert "corral-vm@" not in one.path(f"/proc/{host.pid('my guest')}/cgroup").read_text()
        now = processes(host)
        assert {name for name in now if now[name] != before[name]} == {"my guest"}

        # and units find them when they are back
        controller.play("bootstrap", **HOST)
        assert processes(host) == now
        assert sorted(ours(host)) == sorted(there)
        shown = one.said("systemctl", "show", "-p", "MainPID", "--value", "corral-vm@one", "corral-vm@my\\x20guest")
        assert shown.split() == [now["one"], now["my guest"]]
        assert one.said("systemctl", "is-enabled", "corral-vm@one") == "enabled"
        assert fact(host, "one")["autostart"]
        one.run("systemctl", "stop", "corral-vm@one")
        assert fact(host, "one")["state"] == "shut off"

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Units on a real systemd: guests live in them, end as they should, and are back after a reboot without Ansible."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .operated import until

if TYPE_CHECKING:
    from .installed import Installed

NETWORK = {
    "name": "net1",
    "state": "active",
    "xml": "<network><name>net1</name><forward mode='nat'/><bridge name='virbr7'/>"
    "<ip address='192.168.77.1' netmask='255.255.255.0'><dhcp><range start='192.168.77.10' end='192.168.77.50'/></dhcp>"
    "</ip></network>",
}
POOL = {
    "name": "my pool",
    "state": "active",
    "xml": "<pool type='dir'><name>my pool</name><target><path>/srv/images</path></target></pool>",
}
LIMITED = (
    "<domain type='qemu'><name>short-lived</name><memory unit='MiB'>64</memory><vcpu>2</vcpu>"
    "<cputune><shares>512</shares><quota>50000</quota></cputune>"
    "<memtune><hard_limit unit='MiB'>800</hard_limit></memtune><blkiotune><weight>300</weight></blkiotune>"
    "<os><type arch='x86_64' machine='pc'>hvm</type></os></domain>"
)
# A QEMU that tells what it can, and cannot run a guest.
BROKEN = """#!/bin/sh
case "$*" in *guest=*) echo "no such luck" >&2; exit 1;; esac
exec /usr/bin/qemu-system-x86_64 "$@"
"""


@pytest.fixture(scope="module")
def host(tree: Callable[[str], Path], suite: str) -> Iterator[Installed]:
    """One machine for all of these tests: they are steps of one story, in their order."""
    from .installed import ARGUMENTS, install
    from .machine import machine

    with machine(tree(f"full{suite}"), "service", arguments=ARGUMENTS) as one:
        yield install(one)


def up(host: Installed, name: str, **options: Any) -> int:
    """Let a guest run that listens to its power button, return its process."""
    host.guest(name, wait_for={"console": "corral-guest: up"}, timeout=90, **options)
    return host.pid(name)


def group(host: Installed, pid: int) -> str:
    """The unit in which a process is."""
    lines = host.machine.said("cat", f"/proc/{pid}/cgroup").splitlines()
    return next(line for line in lines if line.startswith("0::") or ":name=systemd:" in line).rpartition("/")[2]


def test_a_guest_that_a_module_starts_lives_in_its_unit(host: Installed) -> None:
    pid = up(host, "alpha", autostart=True)
    assert group(host, pid) == "corral-vm@alpha.service"
    shown = host.machine.said("systemctl", "show", "-p", "MainPID,ActiveState,Slice", "corral-vm@alpha")
    assert set(shown.splitlines()) == {f"MainPID={pid}", "ActiveState=active", "Slice=machine.slice"}
    assert "char device redirected to /dev/pts/" in host.journal("alpha"), "what QEMU says"
    assert host.machine.said("systemctl", "is-enabled", "corral-vm@alpha") == "enabled"
    assert not host.guest("alpha", autostart=True)["changed"]


def test_a_guest_that_is_killed_is_off(host: Installed) -> None:
    host.machine.run("kill", "-9", str(host.pid("alpha")))
    assert until(lambda: host.unit("alpha") == "failed")
    assert "Guest alpha is off: crashed." in host.journal("alpha")


def test_and_started_again_where_its_definition_says_so(host: Installed) -> None:
    pid = up(host, "alpha", on_crash="restart")
    host.machine.run("kill", "-9", str(pid))
    assert until(lambda: "started again, as its definition says" in host.journal("alpha"))
    assert until(lambda: host.unit("alpha") == "active")
    assert host.pid("alpha") != pid


@pytest.mark.large
def test_a_guest_that_a_module_stops_leaves_its_unit_in_order(host: Installed) -> None:
    up(host, "alpha")
    host.module("vm", name="alpha", state="stopped")
    assert host.unit("alpha") == "inactive"
    up(host, "alpha")
    host.module("vm", name="alpha", state="stopped", force=True, timeout=0)
    assert host.unit("alpha") == "inactive"


def test_systemctl_stop_shuts_a_guest_down(host: Installed) -> None:
    host.machine.run("systemctl", "start", "corral-vm@alpha")
    assert host.module("vm", name="alpha", state="running")["changed"] is False
    up(host, "alpha")
    host.machine.run("systemctl", "stop", "corral-vm@alpha")
    assert host.unit("alpha") == "inactive"
    assert "corral-guest: power off" in host.lines("/var/log/corral/consoles/alpha.log")


def test_limits_are_properties(host: Installed) -> None:
    result = host.module("vm", xml=LIMITED, name="short-lived", state="running", transient=True)
    assert not result.get("warnings"), result
    shown = host.machine.said(
        "systemctl", "show", "-p", "CPUWeight,CPUQuotaPerSecUSec,MemoryMax,IOWeight", "corral-vm@short\\x2dlived"
    )
    assert set(shown.splitlines()) == {"CPUWeight=512", "CPUQuotaPerSecUSec=1s", "MemoryMax=838860800", "IOWeight=300"}
    host.module("vm", name="short-lived", state="absent", force=True, timeout=0)
    assert "short" not in host.machine.said("systemctl", "list-units", "--all", "corral-vm*")


def test_the_error_is_that_of_the_launcher(host: Installed) -> None:
    host.machine.write("/opt/qemu", BROKEN, mode=0o755)
    broken = LIMITED.replace("</os>", "</os><devices><emulator>/opt/qemu</emulator></devices>")
    result = host.module("vm", xml=broken, name="short-lived", state="running", transient=True, fails=True)
    assert "Guest short-lived did not start; QEMU said: no such luck." in result["msg"], result
    assert (result["error"], result["hint"][:4]) == ("OperationFailed", "See ")
    assert host.unit("short\\x2dlived") == "inactive"
    assert "no such luck" in host.journal("short\\x2dlived")


@pytest.mark.large
def test_networks_and_pools_are_units(host: Installed) -> None:
    host.module("network", autostart=True, **NETWORK)
    host.module("pool", autostart=True, **POOL)
    assert (host.unit("net1", "network"), host.unit("my\\x20pool", "pool")) == ("active", "active")
    server = host.machine.said("pgrep", "-o", "dnsmasq")
    assert group(host, int(server)) == "corral-network@net1.service"
    host.machine.run("kill", "-9", server)
    assert [row["action"] for row in host.module("network", **NETWORK)["actions"]] == ["mend"]
    assert group(host, int(host.machine.said("pgrep", "-o", "dnsmasq"))) == "corral-network@net1.service"
    host.module("volume", pool="my pool", name="d.qcow2", capacity="64MiB", format="qcow2")
    host.guest(
        "beta",
        interfaces=[{"network": "net1"}],
        disks=[{"pool": "my pool", "volume": "d.qcow2"}],
        autostart=True,
        wait_for={"console": "corral-guest: net eth0 192.168.77"},
        timeout=90,
    )


@pytest.mark.large
def test_all_is_back_after_a_reboot(host: Installed) -> None:
    up(host, "alpha")
    host.machine.reboot()
    assert host.machine.state() == "running", host.machine.said("systemctl", "--failed")
    for name in ("alpha", "beta"):
        assert host.unit(name) == "active"
    assert "Guest beta is off: shutdown." in host.journal("beta"), "the host's end was not a power cut"
    leased = "corral-guest: net eth0 192.168.77"
    assert until(lambda: any(leased in line for line in host.lines("/var/log/corral/consoles/beta.log")))
    rows = host.machine.said("journalctl", "-b", "-o", "json", "-u", "corral-*", "_PID=1").splitlines()
    said = [json.loads(row)["MESSAGE"] for row in rows]
    order = [next(at for at, text in enumerate(said) if text.startswith(words)) for words in STARTS]
    assert order == sorted(order), said


STARTS = (
    "Starting corral-network@net1",
    "Finished corral-network@net1",
    "Starting corral-vm@beta",
    "Started corral-vm@beta",
)


@pytest.mark.large
def test_guests_from_before_the_units_are_taken_into_them(host: Installed) -> None:
    host.module("vm", name="alpha", state="stopped", force=True)
    unit = "/etc/systemd/system/corral-vm@.service"
    host.machine.run("mv", unit, "/root/unit")
    host.machine.run("systemctl", "daemon-reload")
    pid = up(host, "alpha")
    assert host.unit("alpha") == "inactive"
    host.machine.run("mv", "/root/unit", unit)
    host.machine.run("systemctl", "daemon-reload")
    assert "took vm alpha into its unit" in host.machine.said("/usr/lib/corral/launch", "sync")
    assert (host.pid("alpha"), group(host, pid)) == (pid, "corral-vm@alpha.service")
    assert host.machine.said("/usr/lib/corral/launch", "sync") == ""
    host.machine.run("systemctl", "stop", "corral-vm@alpha")
    assert host.unit("alpha") == "inactive"


def test_nothing_is_left_of_what_is_removed(host: Installed) -> None:
    for name in ("alpha", "beta"):
        host.module("vm", name=name, state="absent", force=True, timeout=0)
    host.module("pool", name="my pool", state="absent")
    host.module("network", name="net1", state="absent")
    assert list(host.machine.path("/etc/systemd/system/corral.target.wants").iterdir()) == []
    assert list(host.machine.path("/run/corral/units").iterdir()) == []
    left = host.machine.said("systemctl", "list-units", "--plain", "--no-legend", "corral-*@*")
    assert left == ""


@pytest.mark.parametrize(("word", "most"), [("vm", 6.3), ("network", 4.9), ("pool", 7.0)])
def test_hardening(host: Installed, word: str, most: float) -> None:
    said = host.machine.said("systemd-analyze", "security", f"corral-{word}@x.service")
    assert float(said.rpartition(": ")[2].split()[0]) <= most

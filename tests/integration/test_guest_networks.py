# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real guests on bridges and devices of a host: what they are connected to, whom they reach, what is left of them.

The host is a network namespace of the test's own; its bridges, and who gives out addresses there, are the test's.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.corral.virt.tests.integration.inside import inside
from ansible_collections.corral.virt.tests.integration.namespaces import Namespace

Run = Callable[..., "dict[str, Any]"]

pytestmark = [pytest.mark.guest, pytest.mark.root]

MAC = "52:54:00:00:00:0a"
UP_AND_CONNECTED = "corral-guest: net eth0 "


@contextmanager
def dhcp(where: Namespace, device: str, first: str, last: str, place: Path) -> Iterator[None]:
    """A DHCP server on a device of a namespace."""
    words = ["--keep-in-foreground", "--port=0", f"--interface={device}", "--bind-interfaces", "--no-ping"]
    files = [f"--dhcp-leasefile={place}/leases", "--conf-file=/dev/null", "--user=root", "--pid-file="]
    server = where.start("dnsmasq", *words, *files, f"--dhcp-range={first},{last},1h")
    try:
        yield
    finally:
        server.terminate()
        server.wait(60)


@pytest.fixture
def bridge(netns: Namespace, root_dir: Path) -> Iterator[str]:
    """A bridge of the host, on which guests get addresses."""
    netns.run("ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0")
    netns.run("ip", "addr", "add", "192.0.2.1/24", "dev", "br0")
    netns.run("ip", "link", "set", "br0", "up")
    with dhcp(netns, "br0", "192.0.2.50", "192.0.2.60", root_dir):
        yield "br0"


def links(where: Namespace) -> dict[str, dict[str, Any]]:
    return {row["ifname"]: row for row in where.json("ip", "-j", "-d", "link")}


def made(where: Namespace) -> set[str]:
    """The links that guests have brought."""
    return {
        name for name, row in links(where).items() if row.get("linkinfo", {}).get("info_kind") in ("tun", "macvtap")
    }


def meets(where: Namespace, address: str, seconds: float = 60) -> bool:
    """Whether somebody at the address answers a namespace: with a refusal, since nothing listens there."""

    def knock() -> bool:
        with socket.socket() as knocking:
            knocking.settimeout(seconds)
            try:
                knocking.connect((address, 9))
            except ConnectionRefusedError:
                return True
            except OSError:
                return False
            return True

    return inside(where, knock)


def good(result: dict[str, Any]) -> dict[str, Any]:
    assert "msg" not in result, result["msg"]
    return result


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_guest_on_a_bridge(netns: Namespace, bridge: str, cli: Run, quick: Run, linux: dict[str, Any]) -> None:
    """It takes an address there, the host meets it, its cable can be pulled, and it leaves nothing behind."""
    before = netns.state()["links"]
    options = {**linux, "name": "a", "interfaces": [{"bridge": bridge, "mac": MAC}]}
    started = good(cli(**options, state="running", wait_for={"console": UP_AND_CONNECTED, "timeout": 180}))
    assert started["guest"]["interfaces"][0]["source"] == bridge
    assert made(netns) == {"vnet0"} and links(netns)["vnet0"]["master"] == bridge
    assert not good(quick(**options, state="running"))["changed"]
    address = _address(quick)
    assert meets(netns, address)
    known = good(quick(**options, state="running", wait_for={"address": True, "timeout": 60}))
    assert not known["changed"]
    assert known["address"] == {"address": address, "mac": MAC, "source": "arp"}
    (shown,) = quick("vm_info", name="a")["guests"]
    assert shown["interfaces"][0]["addresses"] == [address] and shown["interfaces"][0]["address_source"] == "arp"

    options["interfaces"] = [{"bridge": bridge, "mac": MAC, "link": "down"}]
    assert good(quick(**options, state="running"))["changed"]
    assert not meets(netns, address, seconds=1)
    options["interfaces"] = [{"bridge": bridge, "mac": MAC, "link": "up"}]
    assert good(quick(**options, state="running"))["changed"]
    # an emulated guest takes its time to see its cable
    wait_until(lambda: meets(netns, address))
    good(quick(name="a", state="absent", force=True, timeout=0))
    assert netns.state()["links"] == before


def _address(quick: Run) -> str:
    """The address that the guest says on its console."""
    (found,) = quick("vm_info", name="a")["guests"]
    text = Path(found["console_log"]).read_text(errors="replace")
    return text.partition(UP_AND_CONNECTED)[2].split("/")[0]


def test_a_tap_that_the_user_named_goes_with_a_guest_that_is_killed(netns: Namespace, bridge: str, quick: Run) -> None:
    options = {"name": "a", "memory": "32MiB", "interfaces": [{"bridge": bridge, "target": "web1", "mtu": 1400}]}
    started = good(quick(**options, state="running"))
    assert made(netns) == {"web1"}
    assert (links(netns)["web1"]["mtu"], links(netns)["web1"]["master"]) == (1400, bridge)
    other = quick(**{**options, "name": "b"}, state="running")
    assert "The host has a link web1 already" in other["msg"]
    os.kill(started["guest"]["pid"], signal.SIGKILL)
    wait_until(lambda: gone(started["guest"]["pid"]))
    assert made(netns) == set()
    assert good(quick(**options, state="running"))["changed"]
    assert made(netns) == {"web1"}


def test_a_guest_on_a_device_of_the_host(
    netns: Namespace, outside: Namespace, root_dir: Path, quick: Run, linux: dict[str, Any]
) -> None:
    """It is in the network behind that device; its macvtap is removed when it ends, or by the run after that."""
    options = {**linux, "name": "a", "interfaces": [{"direct": {"dev": "uplink"}, "mac": MAC, "queues": 2}]}
    with dhcp(outside, "eth0", "198.51.100.50", "198.51.100.60", root_dir):
        good(quick(**options, state="running", wait_for={"console": UP_AND_CONNECTED, "timeout": 180}))
    assert made(netns) == {"macvtap0"} and links(netns)["macvtap0"]["link"] == "uplink"
    assert meets(outside, _address(quick))
    (found,) = quick("vm_info", name="a")["guests"]
    os.kill(found["pid"], signal.SIGKILL)
    wait_until(lambda: gone(found["pid"]))
    assert made(netns) == {"macvtap0"}
    assert good(quick(**options, state="running"))["changed"]
    assert made(netns) == {"macvtap0"}
    good(quick(name="a", state="stopped", force=True, timeout=0))
    assert made(netns) == set()


def test_starts_at_the_same_time(netns: Namespace, bridge: str, outside: Namespace, quick: Run) -> None:
    """Names of links never collide, and every tap is on its bridge."""

    def start(number: int) -> dict[str, Any]:
        interfaces = [{"bridge": bridge}, {"direct": {"dev": "uplink"}}]
        return quick(name=f"g{number}", memory="32MiB", interfaces=interfaces, state="running")

    with ThreadPoolExecutor(5) as pool:
        results = list(pool.map(start, range(5)))
    assert [result["msg"] for result in results if "msg" in result] == []
    assert made(netns) == {f"{kind}{number}" for kind in ("vnet", "macvtap") for number in range(5)}
    assert {links(netns)[f"vnet{number}"]["master"] for number in range(5)} == {bridge}
    macs = {row["mac"] for result in results for row in result["guest"]["interfaces"]}
    assert len(macs) == 10
    for number in range(5):
        good(quick(name=f"g{number}", state="stopped", force=True, timeout=0))
    assert made(netns) == set()


def test_a_guest_that_says_nothing_is_explained(netns: Namespace, bridge: str, quick: Run) -> None:
    options = {"name": "a", "memory": "32MiB", "interfaces": [{"bridge": bridge, "mac": MAC, "link": "down"}]}
    failed = quick(**options, state="running", wait_for={"address": True, "timeout": 1})
    assert f"The interface {MAC} on the bridge {bridge}: its cable is pulled out" in failed["msg"]
    missing = quick(**{**options, "name": "b", "interfaces": [{"bridge": "br7"}]}, state="running")
    assert "no bridge br7" in missing["msg"]
    assert made(netns) == {"vnet0"}


def test_a_tap_that_is_there_is_used_and_left(netns: Namespace, quick: Run) -> None:
    netns.run("ip", "tuntap", "add", "mine", "mode", "tap")
    options = {"name": "a", "memory": "32MiB", "interfaces": [{"type": "ethernet", "target": "mine", "managed": False}]}
    good(quick(**options, state="running"))
    assert "LOWER_UP" not in links(netns)["mine"]["flags"]  # nobody has brought it up but its owner may
    netns.run("ip", "link", "set", "mine", "up")
    wait_until(lambda: "LOWER_UP" in links(netns)["mine"]["flags"])
    good(quick(name="a", state="absent", force=True, timeout=0))
    assert "mine" in links(netns)


NETWORK = f"""
<network>
  <name>lab</name>
  <forward mode='nat'/>
  <domain name='lab.test'/>
  <dns><host ip='192.0.2.200'><hostname>db</hostname></host></dns>
  <ip address='192.0.2.1' prefix='24'><dhcp><host mac='{MAC}' name='web' ip='192.0.2.77'/></dhcp></ip>
  <ip family='ipv6' address='2001:db8:7::1' prefix='64'>
    <dhcp><host id='00:03:00:01:{MAC}' name='web' ip='2001:db8:7::77'/></dhcp>
  </ip>
</network>
"""


def test_a_guest_on_a_network(
    netns: Namespace, outside: Namespace, root_dir: Path, cli: Run, quick: Run, linux: dict[str, Any]
) -> None:
    """It gets its reserved addresses, resolves a record, reaches a server outside, and is found by its lease."""
    guest = {"name": "a", "interfaces": [{"network": "lab", "mac": MAC}], "state": "running"}
    words = " corral.net=dhcp corral.resolve=db.lab.test corral.fetch=198.51.100.2:8000"
    options = {**linux, **guest, "cmdline": linux["cmdline"] + words}
    good(cli("network", xml=NETWORK, state="present"))
    asleep = quick(**options)
    assert "lab is not active" in asleep["msg"] and "corral.virt.network: name: lab" in asleep["msg"]
    bridge = good(quick("network", name="lab", state="active"))["network"]["bridge"]
    (root_dir / "index.html").write_text("hello from outside\n")
    server = outside.start(sys.executable, "-m", "http.server", "8000", "--directory", str(root_dir))
    try:
        started = good(quick(**options, wait_for={"address": True, "timeout": 180}))
        assert started["address"] == {"address": "192.0.2.77", "mac": MAC, "source": "lease"}
        assert links(netns)["vnet0"]["master"] == bridge
        for text in (
            "net6 eth0 2001:db8:7::77",
            "resolve db.lab.test 192.0.2.200",
            "fetch 198.51.100.2:8000 hello from",
        ):
            assert not good(quick(**options, wait_for={"console": f"corral-guest: {text}", "timeout": 60}))["changed"]
    finally:
        server.terminate()
        server.wait(60)
    (shown,) = quick("vm_info", name="a")["guests"]
    assert shown["interfaces"][0]["addresses"] == ["192.0.2.77", "2001:db8:7::77"] and shown["pending"] == []
    twin = quick(name="b", memory="32MiB", interfaces=guest["interfaces"], state="running")
    assert "and so has the active guest a" in twin["msg"]

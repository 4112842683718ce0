# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks on a real kernel, each test in a network namespace and a tree of files of its own.

The driver runs in a process inside the namespace, as a module would; a guest is another namespace on a cable.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.status import Status
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost
from ansible_collections.corral.virt.tests.integration.namespaces import Namespace, join, namespace

ROOT = Path(__file__).resolve().parents[2]
CLIENT = Path(__file__).with_name("ask_network.py")
MAC = "52:54:00:00:00:0b"

pytestmark = pytest.mark.root

NETWORK = """
<network>
  <name>a</name>
  {forward}
  <bridge name='virbr7' stp='off'/>
  <mtu size='1400'/>
  <domain name='example.test' localOnly='yes'/>
  <dns>{names}</dns>
  <ip address='192.0.2.1' prefix='24'>
    <dhcp><range start='192.0.2.100' end='192.0.2.120'/>{hosts}</dhcp>
  </ip>
  <ip family='ipv6' address='2001:db8:7::1' prefix='64'/>
  <route address='203.0.113.0' prefix='24' gateway='192.0.2.2'/>
</network>
"""
NAT = "<forward mode='nat'/>"
HOST = f"<host mac='{MAC}' name='one' ip='192.0.2.11'/>"
RECORD = "<host ip='192.0.2.77'><hostname>record</hostname></host>"

# Calls of the driver, one a line as JSON: the name and the arguments, documents as texts. Each is a connection of its
# own, as a module's is.
CALLS = """
import dataclasses, json, sys
from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError
from ansible_collections.corral.virt.plugins.module_utils.model.network.identity import NETWORK
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

def plain(value):
    if isinstance(value, list):
        return [plain(each) for each in value]
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value

def update(network, text):
    wanted = network.normalise_network(parse(text))
    network.update_network("a", wanted, compare(network.network_xml("a"), wanted, NETWORK))

def answer(network, name, *arguments):
    if name == "update":
        return update(network, *arguments)
    given = [parse(each) if each.lstrip().startswith("<") else each for each in arguments]
    return plain(getattr(network, name)(*given))

for line in sys.stdin:
    try:
        with open_connection(sys.argv[1]) as connection:
            said = {"result": answer(connection.network, *json.loads(line))}
    except CorralError as error:
        said = {"error": str(error)}
    print(json.dumps(said), flush=True)
"""

Call = Callable[..., Any]


def text(*, forward: str = NAT, hosts: str = HOST, names: str = RECORD) -> str:
    """The network's document."""
    return NETWORK.format(forward=forward, hosts=hosts, names=names)


@contextmanager
def caller(netns: Namespace, uri: str) -> Iterator[Call]:
    """A process inside the namespace that calls the network driver; the network is taken down at its end."""
    argv = (sys.executable, "-c", CALLS, uri)
    pipe = subprocess.PIPE
    with netns.start(*argv, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=pipe, stdout=pipe) as process:
        lines, answers = process.stdin, process.stdout
        assert lines is not None
        assert answers is not None

        def run(*words: str) -> Any:
            print(json.dumps(words), file=lines, flush=True)
            said = json.loads(answers.readline())
            return said.get("error", said.get("result"))

        try:
            yield run
            run("destroy_network", "a")
        finally:
            lines.close()


@pytest.fixture
def call(netns: Namespace, uri: str) -> Iterator[Call]:
    """Call the network driver inside the namespace."""
    with caller(netns, uri) as run:
        yield run


@pytest.fixture(scope="module")
def standing() -> Iterator[tuple[Namespace, Call]]:
    """A host with an active network that several tests spoil and mend."""
    with tempfile.TemporaryDirectory(prefix="corral-") as root, namespace() as netns:
        Path(root).chmod(0o755)
        with caller(netns, f"qemu:///embed?root={root}") as call:
            assert call("define_network", text())["name"] == "a"
            assert call("start_network", "a")["active"]
            yield netns, call


@pytest.fixture
def active(call: Call) -> Call:
    """The same, with an active network."""
    assert call("define_network", text())["name"] == "a"
    assert call("start_network", "a")["active"], call("network_faults", "a")
    return call


@pytest.fixture
def guest(netns: Namespace, active: Call) -> Iterator[Namespace]:
    """A machine on the network, which has no address yet."""
    with namespace() as made:
        join(netns, "port0", made, "eth0")
        made.run("ip", "link", "set", "eth0", "address", MAC)
        netns.run("ip", "link", "set", "port0", "master", "virbr7")
        yield made


def ask(guest: Namespace, *words: str) -> str:
    """What a machine in the namespace gets from the network."""
    return guest.run(sys.executable, str(CLIENT), *words, check=False).strip()


def server(call: Call) -> int:
    """The process id of the network's dnsmasq."""
    return int(call("lookup_network", "a")["runtime"]["dnsmasq"])


def table(netns: Namespace) -> str:
    """Our table's name."""
    tables = netns.json("nft", "-j", "list", "tables")["nftables"]
    return str(next(row["table"]["name"] for row in tables if "table" in row))


def edit_table(netns: Namespace) -> None:
    netns.run("nft", "insert", "rule", "inet", table(netns), "forward", "accept")


def kill_server(netns: Namespace) -> None:
    (pid,) = [pid for pid in netns.pids() if b"dnsmasq" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(pid, 9)
    while Path(f"/proc/{pid}").exists():
        time.sleep(0.01)


def ip(*words: str) -> Callable[[Namespace], object]:
    """A change by hand."""
    return lambda netns: netns.run("ip", *words)


def sysctl(setting: str) -> Callable[[Namespace], object]:
    """A setting that somebody changes."""
    return lambda netns: netns.run("sysctl", "-w", setting)


# What is done to it by hand, and what it is found by.
DRIFT = {
    "bridge deleted": (ip("link", "del", "virbr7"), "bridge"),
    "bridge down": (ip("link", "set", "virbr7", "down"), "bridge"),
    "another mtu": (ip("link", "set", "virbr7", "mtu", "1500"), "bridge"),
    "stp on": (ip("link", "set", "virbr7", "type", "bridge", "stp_state", "1"), "bridge"),
    "address removed": (ip("address", "del", "192.0.2.1/24", "dev", "virbr7"), "address"),
    "address of ipv6 removed": (ip("address", "del", "2001:db8:7::1/64", "dev", "virbr7"), "address"),
    "route removed": (ip("route", "del", "203.0.113.0/24"), "route"),
    "ipv6 off": (sysctl("net.ipv6.conf.virbr7.disable_ipv6=1"), "ipv6"),
    "forwarding off": (sysctl("net.ipv4.ip_forward=0"), "forwarding"),
    "forwarding of ipv6 off": (sysctl("net.ipv6.conf.all.forwarding=0"), "forwarding"),
    "dnsmasq killed": (kill_server, "dnsmasq"),
    "table flushed": (lambda netns: netns.run("nft", "flush", "table", "inet", table(netns)), "ruleset"),
    "table deleted": (lambda netns: netns.run("nft", "delete", "table", "inet", table(netns)), "ruleset"),
    "table edited": (edit_table, "ruleset"),
}


@pytest.mark.parametrize("name", DRIFT)
def test_drift_is_found_and_mended(standing: tuple[Namespace, Call], name: str) -> None:
    (netns, call), (spoil, word) = standing, DRIFT[name]
    assert call("network_faults", "a") == []
    before = netns.state()
    spoil(netns)
    assert word in [fault["what"] for fault in call("network_faults", "a")]
    assert call("mend_network", "a") is None
    assert call("network_faults", "a") == []
    after = netns.state()
    assert {**after, "processes": len(after["processes"])} == {**before, "processes": len(before["processes"])}


def test_a_network_comes_and_goes_without_a_trace(call: Call, netns: Namespace) -> None:
    netns.run("sysctl", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    netns.run("nft", "add", "table", "inet", "somebody")
    before = netns.state()
    call("define_network", text())
    assert call("start_network", "a")["active"]
    assert netns.state() != before
    assert call("destroy_network", "a") is None
    assert netns.state() == before


def test_a_guest_gets_its_reserved_address_and_finds_names(active: Call, guest: Namespace) -> None:
    assert ask(guest, "lease", "eth0") == "192.0.2.11"
    guest.run("ip", "address", "add", "192.0.2.11/24", "dev", "eth0")
    assert ask(guest, "name", "192.0.2.1", "record.example.test") == "192.0.2.77"
    assert ask(guest, "name", "192.0.2.1", "one.example.test") == "192.0.2.11"
    (lease,) = active("network_leases", "a")
    assert (lease["mac"], lease["address"], lease["hostname"]) == (MAC, "192.0.2.11", "one")
    assert lease["expires"] > time.time()


def test_a_guest_learns_its_ipv6_network(guest: Namespace) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        rows = guest.json("ip", "-j", "-6", "addr", "show", "dev", "eth0")
        if any(each["local"].startswith("2001:db8:7:") for row in rows for each in row.get("addr_info", ())):
            break
        time.sleep(0.2)
    else:
        raise AssertionError(rows)
    routes = guest.json("ip", "-j", "-6", "route", "show", "default")
    assert [row["protocol"] for row in routes] == ["ra"]


def test_a_live_change_keeps_dnsmasq_and_its_leases(active: Call, guest: Namespace) -> None:
    assert active("update", text(hosts="")) is None
    pid = server(active)
    first = ask(guest, "lease", "eth0")
    assert first.startswith("192.0.2.1")
    guest.run("ip", "link", "set", "eth0", "address", "52:54:00:00:00:0c")
    more = "<host mac='52:54:00:00:00:0c' ip='192.0.2.12'/>"
    names = "<host ip='192.0.2.78'><hostname>other</hostname></host>"
    assert active("update", text(hosts=more, names=names)) is None
    assert server(active) == pid
    assert ask(guest, "lease", "eth0") == "192.0.2.12"
    guest.run("ip", "address", "add", "192.0.2.12/24", "dev", "eth0")
    assert ask(guest, "name", "192.0.2.1", "other.example.test") == "192.0.2.78"
    forwarder = f"<forwarder domain='corp.test' addr='192.0.2.99'/>{names}"
    assert active("update", text(hosts=more, names=forwarder)) is None
    assert server(active) != pid
    assert {lease["address"] for lease in active("network_leases", "a")} == {first, "192.0.2.12"}
    assert ask(guest, "lease", "eth0") == "192.0.2.12"
    assert active("network_faults", "a") == []


def test_dhcp_works_on_a_bridge_that_was_made_anew(active: Call, netns: Namespace, guest: Namespace) -> None:
    assert ask(guest, "lease", "eth0") == "192.0.2.11"
    netns.run("ip", "link", "del", "virbr7")
    assert active("mend_network", "a") is None
    netns.run("ip", "link", "set", "port0", "master", "virbr7")
    assert ask(guest, "lease", "eth0") == "192.0.2.11"


def test_a_tap_that_lost_its_bridge_is_connected_again(active: Call, netns: Namespace, root_dir: Path) -> None:
    netns.run("ip", "tuntap", "add", "vnet0", "mode", "tap")
    netns.run("ip", "link", "set", "vnet0", "mtu", "1400", "master", "virbr7", "up")
    with stand_in() as pid:
        pretend_guest(root_dir, pid)
        assert active("network_faults", "a") == []
        assert active("network_guests", "a") == ["g"]
        netns.run("ip", "link", "set", "vnet0", "nomaster")
        assert [fault["what"] for fault in active("network_faults", "a")] == ["ports"]
        assert active("mend_network", "a") is None
        assert active("network_faults", "a") == []
        active("destroy_network", "a")
        assert netns.json("ip", "-j", "link", "show", "vnet0")[0].get("master") is None
        netns.run("nft", "flush", "ruleset")
        active("start_network", "a")
        assert MAC in netns.run("nft", "list", "ruleset", "bridge")  # nobody reaches a guest without its filter
        assert netns.json("ip", "-j", "link", "show", "vnet0")[0]["master"] == "virbr7"


@contextmanager
def stand_in() -> Iterator[int]:
    """A process that does nothing for a while."""
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def pretend_guest(root_dir: Path, pid: int) -> None:
    """Let a process be a guest that runs and has the tap, as far as its files say."""
    host = LocalHost()
    process = host.process(pid)
    assert process is not None
    status = Status(pid=pid, start=process.start, id=1, ready=True).to_plain()
    parts = f"<mac address='{MAC}'/><source network='a' bridge='virbr7'/><target dev='vnet0'/>"
    parts += "<filterref filter='no-mac-spoofing'/>"
    directory = root_dir / "run/corral/domains"
    document = f"<domain><name>g</name><devices><interface type='network'>{parts}</interface></devices></domain>"
    (directory / "g.xml").write_text(document)
    (directory / "g.json").write_text(json.dumps({**status, "boot_id": host.boot_id()}))


def test_limits_are_set_changed_and_mended(active: Call, netns: Namespace) -> None:
    def limited(average: int) -> str:
        limit = f"<bandwidth><inbound average='{average}' peak='4000'/></bandwidth>"
        return text().replace("<mtu", f"{limit}<mtu")

    assert active("update", limited(1000)) is None
    assert active("network_faults", "a") == []
    assert "rate 8Mbit ceil 32Mbit" in netns.run("tc", "class", "show", "dev", "virbr7")
    netns.run("tc", "qdisc", "del", "dev", "virbr7", "root")
    assert [fault["what"] for fault in active("network_faults", "a")] == ["bandwidth"]
    assert active("mend_network", "a") is None
    assert active("network_faults", "a") == []
    netns.run("tc", "class", "change", "dev", "virbr7", "classid", "1:1", "htb", "rate", "1mbit")
    assert [fault["what"] for fault in active("network_faults", "a")] == ["bandwidth"]
    assert active("update", limited(2000)) is None
    assert "rate 16Mbit" in netns.run("tc", "class", "show", "dev", "virbr7")
    assert active("update", text()) is None
    assert netns.run("tc", "class", "show", "dev", "virbr7") == ""
    assert active("network_faults", "a") == []


def test_an_address_of_the_host_is_refused_with_who_has_it(call: Call, netns: Namespace) -> None:
    netns.run("ip", "link", "add", "eth7", "type", "veth", "peer", "name", "eth8")
    netns.run("ip", "address", "add", "192.0.2.200/25", "dev", "eth7")
    netns.run("ip", "link", "set", "eth7", "up")
    call("define_network", text())
    before = netns.state()
    assert "192.0.2.200/25, which this host has on eth7" in call("start_network", "a")
    assert not call("lookup_network", "a")["active"]
    assert netns.state() == before


def test_a_port_that_is_taken_is_said_with_who_has_it(call: Call, netns: Namespace, root_dir: Path) -> None:
    call("define_network", text())
    before = netns.state()
    argv = ("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", f"--pid-file={root_dir}/other.pid")
    with netns.start(*argv, "--port=53", "--no-resolv") as other:
        while not (root_dir / "other.pid").exists():
            time.sleep(0.01)
        said = call("start_network", "a")
        other.kill()
    assert "Address already in use" in said
    assert f"dnsmasq (process {other.pid}) listens on port 53 already" in said
    assert not call("lookup_network", "a")["active"]
    left = {key: value for key, value in netns.state().items() if key != "settings"}
    assert left == {key: value for key, value in before.items() if key != "settings"}


def test_networks_that_start_at_once_choose_different_bridges(netns: Namespace, call: Call, uri: str) -> None:
    documents = [f"<network><name>{name}</name><bridge stp='off'/></network>" for name in "wxyz"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    running = [
        netns.start(sys.executable, "-c", CALLS, uri, env=environment, stdin=pipe, stdout=pipe) for _each in documents
    ]
    requests = [json.dumps(["create_network", each]) for each in documents]
    for each, request in zip(running, requests):
        print(request, file=each.stdin, flush=True)
    made = [json.loads(each.communicate(timeout=120)[0]) for each in running]
    assert sorted(each["result"]["bridge"] for each in made) == ["virbr0", "virbr1", "virbr2", "virbr3"]
    for name in "wxyz":
        assert call("network_faults", name) == []
        assert call("destroy_network", name) is None
    assert netns.state()["links"] == [("lo", None, 65536)]

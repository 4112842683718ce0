# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The packet filter of networks with real packets: host, guests and servers are namespaces joined by cables."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Callable, Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.links.batch import apply
from ansible_collections.corral.virt.plugins.module_utils.drivers.links.bridge import Bridge, bridge_of, bring_up
from ansible_collections.corral.virt.plugins.module_utils.drivers.links.nft import table_name
from ansible_collections.corral.virt.plugins.module_utils.drivers.links.port import Port, attach_lines
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.firewall.advice import advise
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.firewall.state import (
    apply_ruleset,
    drift,
    remove_ruleset,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.surroundings import look
from ansible_collections.corral.virt.plugins.module_utils.errors import CommandFailed
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost
from ansible_collections.corral.virt.plugins.module_utils.model.network.core import Network
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

from .inside import connect, inside, listen, source_of, untouched
from .namespaces import Namespace, join, namespace

pytestmark = pytest.mark.root

ADDRESSES = "<ip address='10.77.{0}.1' prefix='24'/><ip family='ipv6' address='fd77:{0}::1' prefix='64'/>"
NAT = "<forward mode='nat'><nat ipv6='yes'>{0}</nat></forward>"
DOCUMENTS = {
    "nat": NAT.format(""),
    "ports": NAT.format("<port start='40000' end='40009'/>"),
    "pool": NAT.format("<address start='203.0.113.66' end='203.0.113.67'/>"),
    "fenced": "<forward mode='nat' dev='eth1'/>",
    "route": "<forward mode='route'/>",
    "isolated": "",
    "open": "<forward mode='open'/>",
}
NUMBERS = {name: number for number, name in enumerate(DOCUMENTS, 1)}
DROP = """
table inet strict {
    set allowed {
        type ifname
    }
    chain forward {
        type filter hook forward priority 10; policy drop;
        ct state established,related counter accept
        iifname "nothing" oifname "at-all" counter accept
    }
}
table ip filter {
    chain DOCKER-USER {
        counter return
    }
    chain FORWARD {
        type filter hook forward priority filter; policy drop;
        counter jump DOCKER-USER
        oifname "docker0" ct state established,related counter accept
    }
}
"""


class World:
    """A host with networks, guests in namespaces of their own, and servers on two networks outside."""

    def __init__(self, stack: ExitStack, root: Path) -> None:
        self.stack = stack
        self.local = LocalHost()
        self.layout = Layout.embed(str(root))
        self.layout.prepare(self.local)
        self.host = stack.enter_context(namespace())
        self.networks: list[Network] = []
        self.outside = self.uplink("eth0", "203.0.113", "2001:db8")
        for setting in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            self.host.run("sysctl", "-qw", f"{setting}=1")

    def uplink(self, device: str, net: str, net6: str) -> Namespace:
        """A network of the host's own, with a server on it that knows the way to guests."""
        server = self.stack.enter_context(namespace())
        join(self.host, device, server, "eth0")
        self.host.run("ip", "address", "add", f"{net}.1/24", "dev", device)
        self.host.run("ip", "address", "add", f"{net6}::1/64", "dev", device, "nodad")
        server.run("ip", "address", "add", f"{net}.2/24", "dev", "eth0")
        server.run("ip", "address", "add", f"{net6}::2/64", "dev", "eth0", "nodad")
        server.run("ip", "route", "add", "10.77.0.0/16", "via", f"{net}.1")
        server.run("ip", "route", "add", "fd77::/16", "via", f"{net6}::1")
        return server

    def add(self, *names: str) -> None:
        """Let the host have networks, by the names of their documents."""
        self.networks += [document(name) for name in names]
        for bridge in map(bridge_of, self.networks):
            self.call(partial(self.make, bridge))
        self.call(lambda: apply_ruleset(self.local, self.layout, self.networks))

    def make(self, bridge: Bridge) -> None:
        """Make a bridge that is missing."""
        bring_up(self.local, bridge, look(self.local))

    def guest(self, name: str, last: int = 5) -> Namespace:
        """A guest on a network, by the same lines that attach a tap."""
        number, made = NUMBERS[name], self.stack.enter_context(namespace())
        port = f"vnet{number}.{last}"
        join(self.host, port, made, "eth0")
        lines = Port(port, f"virbr{number}", f"52:54:00:00:{number:02x}:{last:02x}")
        self.call(lambda: apply(self.local, attach_lines([lines], look(self.local))))
        made.run("ip", "address", "add", f"10.77.{number}.{last}/24", "dev", "eth0")
        made.run("ip", "address", "add", f"fd77:{number}::{last}/64", "dev", "eth0", "nodad")
        made.run("ip", "route", "add", "default", "via", f"10.77.{number}.1")
        made.run("ip", "route", "add", "default", "via", f"fd77:{number}::1")
        return made

    def call(self, call: Callable[[], Any]) -> Any:
        """Call a function on the host."""
        return inside(self.host, call)

    def drift(self, networks: Optional[Sequence[Network]] = None) -> str:
        """What is wrong with the table."""
        wanted = self.networks if networks is None else networks
        return self.call(lambda: drift(self.local, self.layout, wanted)) or ""

    def filter_bridges(self, wanted: bool) -> None:
        """Let packets within bridges be filtered or not, where the kernel has br_netfilter."""
        files = "/proc/sys/net/bridge/bridge-nf-call-ip*tables"
        self.host.run("sh", "-c", f"for each in {files}; do [ ! -e $each ] || echo {int(wanted)} > $each; done")

    def apply(self) -> None:
        """Put it right."""
        self.call(lambda: apply_ruleset(self.local, self.layout, self.networks))

    def advice(self, network: Network) -> list[str]:
        """What others do to a network."""
        return list(self.call(lambda: advise(self.local, self.layout, network)))

    @property
    def table(self) -> str:
        """The name of our table."""
        return table_name(self.layout)


def document(name: str) -> Network:
    """A network by the name of its document."""
    number = NUMBERS[name]
    bridge = f"<bridge name='virbr{number}' stp='off'/><mac address='52:54:00:00:00:{number:02x}'/>"
    inner = DOCUMENTS[name] + bridge + ADDRESSES.format(number)
    return Network(parse(f"<network><name>{name}</name>{inner}</network>"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A host with an uplink and nothing else; everything ends with the test."""
    with untouched(), ExitStack() as stack:
        yield World(stack, tmp_path)


def refused(where: Namespace, server: socket.socket, address: str) -> bool:
    """Whether a server cannot be reached from there, and says so at once: rejected, not dropped."""
    try:
        connect(where, address, server.getsockname()[1], timeout=30).close()
    except ConnectionRefusedError:
        return True
    return False


def test_nat_gives_guests_the_hosts_address_and_lets_answers_back(world: World) -> None:
    world.add("nat")
    guest, server = world.guest("nat"), listen(world.outside)
    address, port = source_of(guest, server, "203.0.113.2")
    assert address == "203.0.113.1"
    assert 1024 <= port <= 65535


def test_nat_of_ipv6(world: World) -> None:
    world.add("nat")
    guest, server = world.guest("nat"), listen(world.outside, family=socket.AF_INET6)
    assert source_of(guest, server, "2001:db8::2")[0] == "2001:db8::1"


def test_nat_uses_the_range_of_ports(world: World) -> None:
    world.add("ports")
    guest, server = world.guest("ports"), listen(world.outside)
    ports = {source_of(guest, server, "203.0.113.2")[1] for _time in range(5)}
    assert ports <= set(range(40000, 40010))


def test_nat_uses_the_range_of_addresses(world: World) -> None:
    world.add("pool")
    guest, server = world.guest("pool"), listen(world.outside)
    for address in ("203.0.113.66", "203.0.113.67"):
        world.outside.run("ip", "route", "add", f"{address}/32", "via", "203.0.113.1")
    assert source_of(guest, server, "203.0.113.2")[0] in ("203.0.113.66", "203.0.113.67")


def test_nobody_comes_into_a_nat_network_unasked(world: World) -> None:
    world.add("nat", "route")
    guest, routed = world.guest("nat"), world.guest("route")
    for family, address in ((socket.AF_INET, "10.77.1.5"), (socket.AF_INET6, "fd77:1::5")):
        server = listen(guest, family=family)
        assert source_of(world.host, server, address)[0].startswith(address[:-1])
        assert refused(world.outside, server, address)
        assert refused(routed, server, address)


def test_only_the_networks_own_addresses_leave(world: World) -> None:
    world.add("nat")
    guest, server = world.guest("nat"), listen(world.outside)
    guest.run("ip", "address", "add", "192.0.2.99/32", "dev", "eth0")
    guest.run("ip", "route", "replace", "default", "via", "10.77.1.1", "src", "192.0.2.99")
    world.host.run("ip", "route", "add", "192.0.2.99/32", "dev", "virbr1")
    assert refused(guest, server, "203.0.113.2")


def test_a_device_keeps_guests_from_all_others(world: World) -> None:
    other = world.uplink("eth1", "198.51.100", "2001:db8:1")
    world.add("fenced")
    guest, server, reached = world.guest("fenced"), listen(world.outside), listen(other)
    assert source_of(guest, reached, "198.51.100.2")[0] == "198.51.100.1"
    assert refused(guest, server, "203.0.113.2")


def test_route_works_both_ways_with_the_guests_own_address(world: World) -> None:
    world.add("route")
    guest = world.guest("route")
    for family, inner, outer in (
        (socket.AF_INET, "10.77.5.5", "203.0.113.2"),
        (socket.AF_INET6, "fd77:5::5", "2001:db8::2"),
    ):
        assert source_of(guest, listen(world.outside, family=family), outer)[0] == inner
        assert source_of(world.outside, listen(guest, family=family), inner)[0] == outer


def test_isolated_guests_reach_each_other_and_the_host_and_nobody_else(world: World) -> None:
    world.add("isolated", "route", "nat")
    one, two, routed = world.guest("isolated", 5), world.guest("isolated", 6), world.guest("route")
    assert source_of(one, listen(two), "10.77.6.6")[0] == "10.77.6.5"
    assert source_of(one, listen(world.host), "10.77.6.1")[0] == "10.77.6.5"
    for family, outer, inner, other in (
        (socket.AF_INET, "203.0.113.2", "10.77.6.5", "10.77.5.5"),
        (socket.AF_INET6, "2001:db8::2", "fd77:6::5", "fd77:5::5"),
    ):
        assert refused(one, listen(world.outside, family=family), outer)
        assert refused(one, listen(routed, family=family), other)
        assert refused(world.outside, listen(one, family=family), inner)
        assert refused(routed, listen(one, family=family), inner)


def test_a_packet_between_networks_has_to_be_allowed_by_both(world: World) -> None:
    world.add("nat", "ports", "route")
    one, two, routed = world.guest("nat"), world.guest("ports"), world.guest("route")
    assert refused(one, listen(two), "10.77.2.5")
    assert refused(two, listen(one), "10.77.1.5")
    assert source_of(one, listen(routed), "10.77.5.5")[0] == "10.77.5.1"


def test_an_open_network_has_no_rule(world: World) -> None:
    world.add("open")
    guest = world.guest("open")
    assert source_of(world.outside, listen(guest), "10.77.7.5")[0] == "203.0.113.2"
    assert world.host.run("nft", "list", "ruleset") == ""
    assert world.drift() == ""


def test_others_tables_are_the_same_before_and_after(world: World) -> None:
    world.host.run("nft", "-f", "-", stdin=DROP)
    before = [world.host.run("nft", "-s", "list", "table", *each) for each in (("inet", "strict"), ("ip", "filter"))]
    world.add("nat", "isolated")
    guest, server = world.guest("nat"), listen(world.outside)
    with pytest.raises(TimeoutError):
        connect(guest, "203.0.113.2", server.getsockname()[1], timeout=1)
    world.host.run("nft", "delete", "table", "inet", world.table)
    world.apply()
    world.call(lambda: remove_ruleset(world.local, world.layout))
    after = [world.host.run("nft", "-s", "list", "table", *each) for each in (("inet", "strict"), ("ip", "filter"))]
    assert before == after
    assert world.table not in world.host.run("nft", "list", "tables")


def test_what_is_advised_lets_guests_through(world: World) -> None:
    world.filter_bridges(False)
    world.host.run("nft", "-f", "-", stdin=DROP)
    world.add("nat", "isolated")
    guest, server = world.guest("nat"), listen(world.outside)
    strict, docker = world.advice(world.networks[0])
    assert world.advice(world.networks[1]) == []
    assert "table inet strict drops what guests send to other networks. To let it pass: nft '" in strict
    assert docker.endswith("iptables -I DOCKER-USER -i virbr1 -j ACCEPT; iptables -I DOCKER-USER -o virbr1 -j ACCEPT")
    world.host.run("sh", "-c", strict.partition("pass: ")[2])
    allow_in_docker(world, "virbr1")
    assert world.advice(world.networks[0]) == []
    assert source_of(guest, server, "203.0.113.2")[0] == "203.0.113.1"


def test_what_stays_within_a_nat_network_is_not_translated(world: World) -> None:
    world.filter_bridges(True)
    world.add("nat")
    one, two = world.guest("nat", 5), world.guest("nat", 6)
    assert source_of(one, listen(two), "10.77.1.6")[0] == "10.77.1.5"
    assert source_of(one, listen(world.host), "10.77.1.1")[0] == "10.77.1.5"


def allow_in_docker(world: World, bridge: str) -> None:
    """Do what the two commands for iptables do."""
    for way in ("iifname", "oifname"):
        world.host.run("nft", "insert", "rule", "ip", "filter", "DOCKER-USER", way, bridge, "counter", "accept")


def test_guests_of_one_bridge_where_packets_within_bridges_are_filtered(world: World) -> None:
    """With br_netfilter Docker's policy is about them as well; ours lets them pass."""
    world.filter_bridges(True)
    world.add("isolated")
    one, two = world.guest("isolated", 5), world.guest("isolated", 6)
    server = listen(two)
    assert source_of(one, server, "10.77.6.6")[0] == "10.77.6.5"
    world.host.run("nft", "-f", "-", stdin=DROP)
    advice = world.advice(world.networks[0])
    if not advice:  # a kernel without br_netfilter
        assert source_of(one, server, "10.77.6.6")[0] == "10.77.6.5"
        return
    with pytest.raises(TimeoutError):
        connect(one, "10.77.6.6", server.getsockname()[1], timeout=1)
    world.host.run("sh", "-c", advice[0].partition("pass: ")[2])
    allow_in_docker(world, "virbr6")
    assert world.advice(world.networks[0]) == []
    assert source_of(one, server, "10.77.6.6")[0] == "10.77.6.5"


DRIFTS: Mapping[str, tuple[str, str]] = {
    "the table is deleted": ("delete table inet {0}", "is missing"),
    "everything is flushed": ("flush ruleset", "is missing"),
    "its rules are flushed": ("flush table inet {0}", "was flushed"),
    "one chain is flushed": ("flush chain inet {0} entering", "was edited"),
    "a rule is added": ("insert rule inet {0} forward accept", "was edited"),
    "an element is taken away": ('delete element inet {0} guarded {{ "virbr1" }}', "was edited"),
    "an element is added": ('add element inet {0} within {{ "eth0" . "virbr1" }}', "was edited"),
    "a policy is changed": ("chain inet {0} forward {{ policy drop; }}", "was edited"),
    "a chain is added": ("add chain inet {0} more", "was edited"),
}


@pytest.mark.parametrize("what", DRIFTS)
def test_each_kind_of_drift_is_found_and_mended(world: World, what: str) -> None:
    command, said = DRIFTS[what]
    world.add("nat", "isolated")
    assert world.drift() == ""
    world.host.run("nft", "-f", "-", stdin=command.format(world.table) + "\n")
    assert said in world.drift()
    world.apply()
    assert world.drift() == ""


def test_other_networks_are_drift_and_a_second_apply_is_none(world: World) -> None:
    world.add("nat", "isolated")
    guest, server = world.guest("nat"), listen(world.outside)
    source_of(guest, server, "203.0.113.2")
    world.apply()
    assert world.drift() == ""
    assert "other networks" in world.drift(world.networks[:1])
    assert "no network needs it" in world.drift([])


def test_a_connection_lives_through_a_change(world: World) -> None:
    world.add("nat")
    guest, server = world.guest("nat"), listen(world.outside)
    with connect(guest, "203.0.113.2", server.getsockname()[1]) as client:
        accepted = server.accept()[0]
        world.add("isolated", "route")
        with accepted:
            accepted.sendall(b"still there")
            assert client.recv(11) == b"still there"


class Clumsy(LocalHost):
    """A host on which the end of a ruleset is damaged on its way to nft."""

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", **more: Any) -> Completed:
        broken = stdin.rstrip(b"}\n") + b"\n\t\tno such rule\n\t}\n}\n" if stdin else stdin
        return super().run(argv, stdin=broken, **more)


def test_a_broken_ruleset_changes_nothing(world: World) -> None:
    world.add("nat")
    before = world.host.run("nft", "-a", "list", "ruleset")
    with pytest.raises(CommandFailed, match="no such rule"):
        world.call(lambda: apply_ruleset(Clumsy(), world.layout, [*world.networks, document("route")]))
    assert world.host.run("nft", "-a", "list", "ruleset") == before
    assert world.drift() == ""


def test_fifty_networks(world: World) -> None:
    networks = [
        Network(
            parse(
                f"<network><name>n{each}</name><forward mode='nat'/><bridge name='many{each}'/>"
                f"<ip address='10.78.{each}.1' prefix='24'/></network>"
            )
        )
        for each in range(50)
    ]
    world.call(lambda: apply_ruleset(world.local, world.layout, networks))
    assert world.drift(networks) == ""

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links of the host by the kernel itself: bridges, ports, macvtap, limits, in a network namespace of the test's own.

What a kernel may be built without is either done or refused with what is missing; both are looked at.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Callable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.links import macvtap, port
from ansible_collections.corral.virt.plugins.module_utils.drivers.links.bandwidth import (
    Bandwidth,
    Floor,
    Rate,
    class_rates,
    clear_lines,
    floor_lines,
    is_limited,
    limit_lines,
    network_lines,
    unfloor_lines,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.links.batch import Batch, apply, attempt, line
from ansible_collections.corral.virt.plugins.module_utils.drivers.links.bridge import (
    Address,
    Bridge,
    Route,
    bridge_faults,
    bring_up,
    kernel_settings,
    remove_lines,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.links.macvtap import Macvtap
from ansible_collections.corral.virt.plugins.module_utils.drivers.links.port import Port, Vlan, attach_lines
from ansible_collections.corral.virt.plugins.module_utils.drivers.surroundings import HostAddress, Surroundings, look
from ansible_collections.corral.virt.plugins.module_utils.errors import HostError, UnsupportedConfig
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost

from .inside import connect, inside, listen, source_of, untouched
from .namespaces import Namespace, join, namespace

pytestmark = pytest.mark.root

LOCAL = LocalHost()
BRIDGE = Bridge(
    "virbr0",
    "52:54:00:00:00:01",
    1400,
    addresses=(Address("10.77.1.1", 24), Address("fd77:1::1", 64)),
    routes=(Route("10.9.0.0/16", "10.77.1.7"), Route("fd77:9::/64", "fd77:1::7", 5)),
)


class World:
    """A host of the test's own."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.host = stack.enter_context(namespace())

    def call(self, call: Callable[[], Any]) -> Any:
        """Call a function on the host."""
        return inside(self.host, call)

    def look(self) -> Surroundings:
        """What is there."""
        found: Surroundings = self.call(lambda: look(LOCAL))
        return found

    def apply(self, batch: Batch) -> None:
        """Do it."""
        self.call(lambda: apply(LOCAL, batch))

    def bring_up(self, bridge: Bridge = BRIDGE) -> None:
        """Make or mend a bridge."""
        self.call(lambda: bring_up(LOCAL, bridge, look(LOCAL)))

    def faults(self, bridge: Bridge = BRIDGE) -> list[str]:
        """What a bridge lacks."""
        return [fault.what for fault in bridge_faults(bridge, self.look())]

    def guest(self, number: int, **options: Any) -> Namespace:
        """A guest behind a port of the bridge."""
        made = self.stack.enter_context(namespace())
        join(self.host, f"vnet{number}", made, "eth0")
        mac = f"52:54:00:00:01:{number:02x}"
        made.run("ip", "link", "set", "eth0", "address", mac)
        self.apply(attach_lines([Port(f"vnet{number}", "virbr0", mac, **options)], self.look()))
        made.run("ip", "address", "add", f"10.77.1.{number}/24", "dev", "eth0")
        return made

    def slave(self, name: str) -> dict[str, Any]:
        """What the kernel says of a port."""
        [row] = self.host.json("ip", "-j", "-d", "link", "show", "dev", name)
        return {**row, **row["linkinfo"]["info_slave_data"]}


@pytest.fixture
def world() -> Iterator[World]:
    with untouched(), ExitStack() as stack:
        yield World(stack)


def reaches(where: Namespace, server: socket.socket, address: str, seconds: float = 1) -> bool:
    """Whether a server can be reached from there, in time."""
    try:
        connect(where, address, server.getsockname()[1], timeout=seconds).close()
    except OSError:
        return False
    return True


def test_a_bridge_from_nothing_and_a_second_time(world: World) -> None:
    world.bring_up()
    assert world.faults() == []
    before = world.host.run("ip", "address", "show", "dev", "virbr0")
    world.bring_up()
    link = world.look().link("virbr0")
    assert link and (link.mac, link.mtu, link.up, link.stp) == ("52:54:00:00:00:01", 1400, True, True)
    assert world.host.run("ip", "address", "show", "dev", "virbr0") == before
    assert HostAddress("virbr0", "10.77.1.1", 24) in world.look().addresses
    assert "brd 10.77.1.255" in before
    for path, value in kernel_settings(BRIDGE):
        assert (world.call(lambda at=path: LOCAL.read(at)) or b"").strip() == value.encode()
    world.apply(remove_lines("virbr0"))
    assert world.look().link("virbr0") is None


def test_without_ipv6_the_bridge_has_none(world: World) -> None:
    world.bring_up(replace(BRIDGE, addresses=BRIDGE.addresses[:1], routes=()))
    assert "inet6" not in world.host.run("ip", "address", "show", "dev", "virbr0")


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        ("link set dev virbr0 down", ["bridge", "address", "route"]),
        ("link set dev virbr0 mtu 1500", ["bridge"]),
        ("link set dev virbr0 address 52:54:00:00:00:99", ["bridge"]),
        ("link set dev virbr0 type bridge stp_state 0 forward_delay 400", ["bridge"]),
        ("address flush dev virbr0 scope global", ["address", "route"]),
        ("route flush proto static", ["route"]),
        ("link delete dev virbr0", ["bridge"]),
    ],
)
def test_each_kind_of_damage_is_found_and_mended(world: World, damage: str, what: list[str]) -> None:
    world.bring_up()
    world.host.run("ip", *damage.split())
    found = world.faults()
    assert set(found) == set(what), found
    world.bring_up()
    assert world.faults() == []


def test_ports_keep_their_hands_off_the_bridges_own_address_and_mtu(world: World) -> None:
    world.bring_up(replace(BRIDGE, mac=None))
    before = world.look().link("virbr0")
    world.host.run("ip", "tuntap", "add", "dev", "vnet0", "mode", "tap")
    world.apply(attach_lines([Port("vnet0", "virbr0", "52:54:00:00:01:05")], world.look()))
    after, tap = world.look().link("virbr0"), world.look().link("vnet0")
    assert before and after and tap
    assert (tap.mac, tap.master, tap.mtu, tap.up) == ("fe:54:00:00:01:05", "virbr0", 1400, True)
    assert after.mtu == before.mtu
    world.apply(port.state_lines("vnet0", False))
    assert not world.look().ports("virbr0")[0].up
    world.apply(port.detach_lines(["vnet0"]))
    assert world.look().ports("virbr0") == ()
    world.apply(port.remove_lines(["vnet0"]))
    assert world.look().link("vnet0") is None


def test_isolated_ports_reach_the_host_and_not_each_other(world: World) -> None:
    world.bring_up(replace(BRIDGE, stp=False))
    one, two, free = world.guest(5, isolated=True), world.guest(6, isolated=True), world.guest(7)
    assert source_of(one, listen(world.host), "10.77.1.1")[0] == "10.77.1.5"
    assert source_of(one, listen(free), "10.77.1.7")[0] == "10.77.1.5"
    assert not reaches(one, listen(two), "10.77.1.6")


def test_a_managed_port_gets_what_is_for_its_guest_and_nothing_else(world: World) -> None:
    world.bring_up(replace(BRIDGE, stp=False))
    one, two = world.guest(5, managed=True), world.guest(6, managed=True)
    slave = world.slave("vnet5")
    assert (slave["learning"], slave["flood"]) == (False, False)
    assert source_of(one, listen(two), "10.77.1.6")[0] == "10.77.1.5"
    two.run("ip", "link", "set", "eth0", "address", "52:54:00:00:01:99")
    assert not reaches(one, listen(two), "10.77.1.6")


def test_fifty_taps_are_attached_by_one_process(world: World) -> None:
    world.bring_up()
    taps = [f"vnet{number}" for number in range(50)]
    world.apply(Batch(tuple(line("tuntap", "add", "dev", tap, "mode", "tap") for tap in taps)))
    ports = [Port(tap, "virbr0", f"52:54:00:00:02:{number:02x}") for number, tap in enumerate(taps)]
    world.apply(attach_lines(ports, world.look()))
    assert {each.name for each in world.look().ports("virbr0")} == set(taps)


def test_vlans_are_told_apart_or_the_kernel_cannot(world: World) -> None:
    try:
        world.bring_up(replace(BRIDGE, stp=False, vlan_filtering=True))
    except UnsupportedConfig as error:
        assert "CONFIG_BRIDGE_VLAN_FILTERING" in error.message
        return
    one, two, other = (world.guest(number, vlan=Vlan((tag,))) for number, tag in ((5, 42), (6, 42), (7, 43)))
    assert reaches(one, listen(two), "10.77.1.6", seconds=30)
    assert not reaches(one, listen(other), "10.77.1.7")


def test_an_error_names_its_line_and_what_came_before_is_done(world: World) -> None:
    world.bring_up()
    lines = (line("link", "set", "dev", "virbr0", "mtu", 1300), line("link", "set", "dev", "vnet9", "up"))
    with pytest.raises(HostError, match=r"'link set dev vnet9 up'.*vnet9"):
        world.apply(Batch(lines))
    link = world.look().link("virbr0")
    assert link and link.mtu == 1300


@pytest.mark.parametrize("mode", ["private", "vepa", "bridge", "passthrough"])
def test_macvtap(world: World, mode: str) -> None:
    other = world.stack.enter_context(namespace())
    join(world.host, "uplink", other, "eth0")
    before = world.look().link("uplink")
    device = Macvtap("macvtap0", "uplink", "52:54:00:00:01:05", mode, mtu=1400)
    world.apply(macvtap.make_lines(device))
    made, lower = world.look().link("macvtap0"), world.look().link("uplink")
    assert before and made and lower
    assert (made.kind, made.mac, made.mtu, made.up, made.lower) == ("macvtap", device.mac, 1400, True, "uplink")
    [row] = world.host.json("ip", "-j", "-d", "link", "show", "dev", "macvtap0")
    assert row["linkinfo"]["info_data"]["mode"] == macvtap.MODES[mode]
    passthrough = mode == "passthrough"
    assert lower.mac == (device.mac if passthrough else before.mac)
    world.apply(macvtap.remove_lines("macvtap0", lower="uplink", restore_mac=before.mac if passthrough else None))
    assert world.look().link("macvtap0") is None
    assert world.look().link("uplink") == before


def classes(world: World, device: str) -> dict[str, tuple[int, int]]:
    """The rate and the ceiling of each class, in kilobytes a second."""
    found: dict[str, tuple[int, int]] = world.call(lambda: class_rates(LOCAL, device))
    return found


def test_limits_of_a_port_and_of_a_network_with_floors(world: World) -> None:
    world.bring_up()
    whole = Bandwidth(Rate(1000, 5000, 5120))
    world.apply(network_lines("virbr0", whole, [Floor(3, "52:54:00:00:01:05", 100)]))
    wanted = {"1:1": (1000, 5000), "1:2": (900, 5000), "1:3": (100, 5000)}
    assert classes(world, "virbr0") == wanted
    floors = [Floor(3, "52:54:00:00:01:05", 100), Floor(4, "52:54:00:00:01:06", 200)]
    world.apply(floor_lines("virbr0", whole, floors[1:], floors[:1]))
    assert classes(world, "virbr0") == {**wanted, "1:2": (700, 5000), "1:4": (200, 5000)}
    world.apply(unfloor_lines("virbr0", whole, floors[1:], floors[:1]))
    assert classes(world, "virbr0") == wanted
    world.call(lambda: attempt(LOCAL, clear_lines("virbr0")))
    assert classes(world, "virbr0") == {}
    world.apply(limit_lines("virbr0", Bandwidth(Rate(12345))))
    assert world.call(lambda: is_limited(LOCAL, "virbr0", Rate(12345)))
    assert not world.call(lambda: is_limited(LOCAL, "virbr0", Rate(12345, 12400)))
    assert not world.call(lambda: is_limited(LOCAL, "nothing", Rate(1)))
    assert classes(world, "virbr0") == {"1:1": (12345, 12345)}


def test_a_floor_finds_its_guest(world: World) -> None:
    world.bring_up(replace(BRIDGE, stp=False))
    guest, other = world.guest(5), world.guest(6)
    world.apply(network_lines("virbr0", Bandwidth(Rate(10_000)), [Floor(3, "52:54:00:00:01:05", 100)]))
    guests, others = packets(world, "1:3"), packets(world, "1:2")
    source_of(world.host, listen(guest), "10.77.1.5")
    after = packets(world, "1:3")
    assert after > guests
    source_of(world.host, listen(other), "10.77.1.6")
    assert packets(world, "1:3") == after
    assert packets(world, "1:2") > others


def packets(world: World, number: str) -> int:
    """How many packets have gone through a class."""
    said = world.host.run("tc", "-s", "class", "show", "dev", "virbr0")
    found = re.search(rf"class htb {number} .*\n Sent \d+ bytes (\d+) pkt", said)
    assert found, said
    return int(found[1])


def test_a_limit_of_what_guests_send_is_set_or_the_kernel_cannot(world: World) -> None:
    world.bring_up()
    try:
        world.apply(limit_lines("virbr0", Bandwidth(None, Rate(100))))
    except UnsupportedConfig as error:
        assert "act_police" in error.message or "sch_ingress" in error.message
        return
    assert "police" in world.host.run("tc", "filter", "show", "dev", "virbr0", "ingress")

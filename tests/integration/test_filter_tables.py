# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of network filters in a real kernel: changed again and again, and learning addresses from real frames."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.expand import Known
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.ruleset import port_rules
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.transaction import (
    PortRules,
    expected,
    found,
    removal,
    traces,
    transaction,
)
from ansible_collections.corral.virt.tests.filters.build import build, mark_of
from ansible_collections.corral.virt.tests.filters.judge import bridge
from ansible_collections.corral.virt.tests.filters.softened import softened
from ansible_collections.corral.virt.tests.filters.wire import Wire
from ansible_collections.corral.virt.tests.integration.namespaces import Namespace, namespace
from ansible_collections.corral.virt.tests.unit.drivers.nwfilter.small_filters import compiled, filters, port
from ansible_collections.corral.virt.tests.unit.drivers.nwfilter.test_filter_ruleset import CASES

pytestmark = pytest.mark.root

MAC, OTHER = "52:54:00:aa:00:01", "52:54:00:bb:00:02"
IP = "192.0.2.7"
MANY = 50


class Table:
    """Our table in a namespace."""

    def __init__(self, space: Namespace) -> None:
        self.space = space

    def apply(self, wanted: Sequence[PortRules], gone: Sequence[PortRules] = (), standing: Sequence[str] = ()) -> None:
        text = transaction("t", wanted, [traces(each) for each in gone], standing=standing)
        self.space.run("nft", "-f", "-", stdin=softened(text))

    def holds(self, wanted: Sequence[PortRules]) -> bool:
        """Whether it holds what these interfaces are to have, and nothing else but base chains."""
        here, meant = found(self.space.json("nft", "-j", "list", "table", "bridge", "t")), expected(wanted)
        bases = set(here.maps)
        chains = {name: rules for name, rules in here.chains.items() if name not in bases or name in meant.maps}
        maps = {name: row for name, row in here.maps.items() if row}
        return (chains, maps, set(here.sets)) == (meant.chains, meant.maps, set(meant.sets))

    def learnt(self, name: str) -> list[object]:
        [row] = [
            row for row in self.space.json("nft", "-j", "list", "set", "bridge", "t", name)["nftables"] if "set" in row
        ]
        return list(row["set"].get("elem", []))


@pytest.fixture
def table() -> Iterator[Table]:
    with namespace() as space:
        yield Table(space)


@pytest.mark.parametrize("case", CASES)
def test_every_golden_text_can_be_applied_again_and_taken_back(case: str, table: Table) -> None:
    rules = CASES[case]()
    for _time in range(2):
        table.apply(rules)
        assert table.holds(rules)
    for _time in range(2):
        table.apply([], rules)
        assert table.holds([])


def test_one_filter_takes_the_place_of_any_other(table: Table) -> None:
    """All cases have an interface vnet0, so each of them replaces the one before it."""
    before: list[PortRules] = []
    for case in CASES.values():
        rules = [each for each in case() if each.device == "vnet0"]
        table.apply(rules, before)
        assert table.holds(rules)
        before = rules


def test_interfaces_come_and_go_without_touching_each_other(table: Table) -> None:
    one, two, three = CASES["three-interfaces"]()
    table.apply([one, two])
    table.apply([three], [one], ["out", "out3", "in", "in3"])
    assert table.holds([two, three])
    table.apply([], [two])
    assert table.holds([three])
    for _time in range(2):
        table.space.run("nft", "-f", "-", stdin=removal("t"))
    assert "table" not in table.space.run("nft", "list", "ruleset")


def test_a_mac_address_that_two_interfaces_have_is_no_obstacle(table: Table) -> None:
    text = "<filter name='f'><rule action='reject' direction='in'><ip/></rule></filter>"
    one, two = (port_rules(port(device=device), filters(text)) for device in ("vnet0", "vnet1"))
    table.apply([one, two])
    table.apply([two], [one])
    assert table.holds([two])


def test_many_interfaces_are_one_transaction_that_fails_as_a_whole(table: Table) -> None:
    rules = [
        port_rules(port("clean-traffic", f"vnet{number}", f"52:54:00:00:01:{number:02x}", IP=IP), filters())
        for number in range(MANY)
    ]
    table.apply(rules)
    assert table.holds(rules)
    broken = transaction("t", [compiled("<filter name='f'/>")]) + "add rule bridge t out nonsense\n"
    assert "Error" in table.space.run("nft", "-f", "-", stdin=broken, check=False)
    assert table.holds(rules)


def test_what_was_touched_is_found_and_put_right(table: Table) -> None:
    rules = CASES["three-interfaces"]()
    for change in ("flush table", "delete table", "flush chain out", "flush map in", "add rule out/vnet1 accept"):
        table.apply(rules)
        verb, what, *rest = change.split()
        table.space.run("nft", verb, what, "bridge", "t", *rest)
        listed = table.space.run("nft", "-j", "list", "ruleset")
        assert '"t"' not in listed or not table.holds(rules)
    table.apply(rules)
    assert table.holds(rules)


# learning


@pytest.fixture(scope="module")
def wired() -> Iterator[tuple[Table, Wire]]:
    with bridge() as (space, wire):
        yield Table(space), wire


@pytest.fixture
def wire(wired: tuple[Table, Wire]) -> Iterator[Wire]:
    wired[0].space.run("nft", "-f", "-", stdin=removal("t"))
    yield wired[1]


def clean(known: Known | None = None, **lists: str) -> PortRules:
    return port_rules(port("clean-traffic", mac=MAC, **lists), filters(), known)


def through(wire: Wire, way: str, *frames: bytes) -> list[bool]:
    """Which of these frames arrive."""
    came = {mark_of(frame) for frame in wire.send(way, frames, quiet=0.1).beyond}
    return [mark_of(frame) in came for frame in frames]


def sent(address: str, **more: object) -> bytes:
    return build(ip_source=address, **more)


def asked(address: str, **more: object) -> bytes:
    return build(layer="arp", arp_source=address, **more)


def test_the_first_address_is_learnt_and_no_other(wired: tuple[Table, Wire], wire: Wire) -> None:
    table, _wire = wired
    table.apply([clean()])
    foreign = sent("192.0.2.66", source=OTHER)
    tagged = sent("192.0.2.67", tags=((0x8100, 7),))
    nothing = [sent("0.0.0.0"), sent("224.0.0.1"), sent("255.255.255.255"), asked("0.0.0.0")]
    assert through(wire, "out", foreign, tagged, *nothing) == [False, False, True, False, False, False]
    assert table.learnt("any/vnet0") == []
    assert through(wire, "out", sent(IP), sent("192.0.2.8"), asked(IP), asked("192.0.2.8")) == [
        True,
        False,
        True,
        False,
    ]
    table.apply([clean()], [clean()])
    assert table.learnt("any/vnet0") == [IP]
    assert through(wire, "out", sent("192.0.2.8"), sent(IP)) == [False, True]


def test_the_first_address_is_learnt_from_arp(wired: tuple[Table, Wire], wire: Wire) -> None:
    table, _wire = wired
    table.apply([clean()])
    pretended = asked("192.0.2.66", arp_source_mac=OTHER)
    assert through(wire, "out", pretended, asked(IP), asked("192.0.2.8"), sent(IP)) == [False, True, False, True]
    assert table.learnt("any/vnet0") == [IP]


def test_what_is_received_is_measured_by_what_was_learnt(wired: tuple[Table, Wire], wire: Wire) -> None:
    rules = "<rule action='accept' direction='in'><ip dstipaddr='$IP'/></rule><rule action='drop' direction='in'/>"
    wired[0].apply([port_rules(port(mac=MAC), filters(f"<filter name='f'>{rules}</filter>"))])
    to = {"source": OTHER, "target": MAC, "ip_source": "192.0.2.1"}
    assert through(wire, "in", build(ip_target=IP, **to)) == [False]
    assert through(wire, "out", sent(IP)) == [True]
    assert through(wire, "in", build(ip_target=IP, **to), build(ip_target="192.0.2.8", **to)) == [True, False]


def answer(address: str, server: str = "192.0.2.1", kind: int = 5, client: str = MAC) -> bytes:
    """What a DHCP server tells a client (RFC 2131)."""
    numbers = struct.pack("!BBBBIHH4x", 2, 1, 6, 0, 7, 0, 0)
    addresses = bytes(map(int, address.split("."))) + b"\0" * 8
    hardware = bytes.fromhex(client.replace(":", "")).ljust(16, b"\0")
    options = bytes.fromhex("63825363") + bytes((53, 1, kind, 255))
    body = numbers + addresses + hardware + b"\0" * 192 + options
    ends = {"ip_source": server, "ip_target": "255.255.255.255", "source": OTHER, "target": "ff:ff:ff:ff:ff:ff"}
    return build(source_port=67, target_port=68, payload=body, **ends)


def test_leases_are_learnt_from_the_answers_of_servers(wired: tuple[Table, Wire], wire: Wire) -> None:
    table, _wire = wired
    rules = clean(Known(("192.0.2.5",)), CTRL_IP_LEARNING="dhcp", DHCPSERVER="192.0.2.1")
    table.apply([rules])
    assert through(wire, "out", sent("192.0.2.5"), sent(IP), sent("0.0.0.0", source_port=68)) == [True, False, True]
    wrong = [answer(IP, server="192.0.2.2"), answer(IP, kind=2), answer(IP, client=OTHER), answer("0.0.0.0")]
    assert through(wire, "in", *wrong) == [True] * 4
    assert through(wire, "out", sent(IP)) == [False]
    through(wire, "in", answer(IP), answer("192.0.2.9"))
    assert through(wire, "out", sent(IP), sent("192.0.2.9"), asked(IP), sent("192.0.2.10")) == [True, True, True, False]
    table.apply([rules], [rules])
    assert through(wire, "out", sent(IP), sent("192.0.2.10")) == [True, False]


def test_a_guest_cannot_give_itself_a_lease(wired: tuple[Table, Wire], wire: Wire) -> None:
    wired[0].apply([clean(CTRL_IP_LEARNING="dhcp")])
    through(wire, "out", answer(IP), sent(IP))
    assert wired[0].learnt("dhcp/vnet0") == []


def test_an_answer_that_a_filter_drops_is_not_listened_to(wired: tuple[Table, Wire], wire: Wire) -> None:
    lease = {"CTRL_IP_LEARNING": "dhcp"}
    rules = (
        "<rule action='drop' direction='in'><ip protocol='udp' dstportstart='68'/></rule>"
        "<rule action='drop' direction='out'><ip match='no' srcipaddr='$IP'/></rule>"
    )
    wired[0].apply([port_rules(port(mac=MAC, **lease), filters(f"<filter name='f'>{rules}</filter>"))])
    assert through(wire, "in", answer(IP)) == [False]
    assert wired[0].learnt("dhcp/vnet0") == []
    assert through(wire, "out", sent(IP)) == [False]

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of ipset(8) as sets of nftables, and rules that look into them."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.inner import inner_rules
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.ipsets import Copy, copied
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.values import (
    IN,
    OUT,
    ConcreteRule,
    Ipset,
    Value,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import UnsupportedConfig, XmlError

HEAD = "family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x5b0a8b0d"
# What ipset says of a set, what ours is declared as, and its elements.
SAVED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("hash:ip family inet\n10.0.0.1\n10.0.0.2", "type ipv4_addr; flags interval;", ("10.0.0.1", "10.0.0.2")),
    ("hash:ip family inet6\nfe80::1", "type ipv6_addr; flags interval;", ("fe80::1",)),
    ("hash:ip family inet netmask 24\n10.0.0.0", "type ipv4_addr; flags interval;", ("10.0.0.0/24",)),
    ("bitmap:ip range 10.0.0.0-10.0.0.255\n10.0.0.7", "type ipv4_addr; flags interval;", ("10.0.0.7",)),
    (f"hash:net {HEAD}\n10.0.0.0/8\n192.0.2.1", "type ipv4_addr; flags interval;", ("10.0.0.0/8", "192.0.2.1")),
    (
        f"hash:net {HEAD}\n10.1.0.0/16\n10.0.0.0/8\n10.1.2.3\n11.0.0.0/8",
        "type ipv4_addr; flags interval;",
        ("10.0.0.0/8", "11.0.0.0/8"),
    ),
    (
        f"hash:ip {HEAD} timeout 60\n10.0.0.1 timeout 42\n10.0.0.2 timeout 0",
        "type ipv4_addr; flags interval, timeout;",
        ("10.0.0.1 timeout 42s", "10.0.0.2"),
    ),
    (
        f'hash:ip,port {HEAD} comment\n10.0.0.1,tcp:80 comment "the web"\n10.0.0.1,udp:53',
        "type ipv4_addr . inet_proto . inet_service; flags interval;",
        ("10.0.0.1 . tcp . 80", "10.0.0.1 . udp . 53"),
    ),
    (
        f"hash:net,port {HEAD}\n10.0.0.0/8,tcp:80\n10.1.0.0/16,tcp:80\n10.1.0.0/16,tcp:81",
        "type ipv4_addr . inet_proto . inet_service; flags interval;",
        ("10.0.0.0/8 . tcp . 80", "10.1.0.0/16 . tcp . 81"),
    ),
    (
        f"hash:ip,port,net {HEAD}\n10.0.0.1,sctp:5,192.0.2.0/24",
        "type ipv4_addr . inet_proto . inet_service . ipv4_addr; flags interval;",
        ("10.0.0.1 . sctp . 5 . 192.0.2.0/24",),
    ),
    ("hash:mac hashsize 8\n52:54:00:AA:00:01", "type ether_addr; flags interval;", ("52:54:00:AA:00:01",)),
    (
        f"hash:ip,mark {HEAD}\n10.0.0.1,0x00000063",
        "type ipv4_addr . mark; flags interval;",
        ("10.0.0.1 . 0x00000063",),
    ),
    (f"hash:ip {HEAD}", "type ipv4_addr; flags interval;", ()),
)


def copy_of(saved: str) -> Copy:
    made, *elements = saved.split("\n")
    return copied("\n".join([f"create blocked {made}", *(f"add blocked {each}" for each in elements)]), "ours", line=3)


@pytest.mark.parametrize(("saved", "declaration", "elements"), SAVED)
def test_a_set_is_copied(saved: str, declaration: str, elements: tuple[str, ...]) -> None:
    found = copy_of(saved)
    assert found.known.name == "ours"
    assert (found.declaration, found.elements) == (declaration, elements)


REFUSED = (
    "list:set size 8\nother",
    "hash:net,iface family inet\n10.0.0.0/8,eth0",
    "hash:net,net family inet",
    "bitmap:port range 0-1024\n80",
    f"hash:net {HEAD}\n10.0.0.0/8 nomatch",
    f"hash:ip,port {HEAD}\n10.0.0.1,icmp:ping",
    f"hash:ip {HEAD} bitmask 255.0.255.0\n10.0.0.1",
    f"hash:ip {HEAD}\n10.0.0.1;flush",
    f"hash:ip {HEAD}\n10.0.0.1,10.0.0.2",
)


@pytest.mark.parametrize("saved", REFUSED)
def test_a_set_that_nftables_cannot_have(saved: str) -> None:
    with pytest.raises(UnsupportedConfig, match=r"^line 3: The ipset 'blocked' cannot be copied"):
        copy_of(saved)


def test_there_is_no_such_set() -> None:
    with pytest.raises(UnsupportedConfig, match="it is not there"):
        copied("", "ours")


def rule(
    known: Ipset | str, flags: tuple[str, ...] = ("src", "dst", "src"), negate: bool = False, protocol: str = "all"
) -> ConcreteRule:
    values = (Value("ipset", known, negate), *([Value("ipsetflags", flags)] if flags else []))
    return ConcreteRule("f", 1, "drop", "in", protocol=protocol, values=values, line=4)


LOOKED_UP = (
    (("ip",), 4, "ip daddr @s", "ip saddr @s"),
    (("ip", "port"), 4, "ip daddr . meta l4proto . th sport @s", "ip saddr . meta l4proto . th dport @s"),
    (("mac",), None, "ether daddr @s", "ether saddr @s"),
    (("ip", "mark"), 4, "ip daddr . meta mark @s", "ip saddr . meta mark @s"),
    (
        ("ip", "port", "ip"),
        4,
        "ip daddr . meta l4proto . th sport . ip daddr @s",
        "ip saddr . meta l4proto . th dport . ip saddr @s",
    ),
)


@pytest.mark.parametrize(("parts", "family", "sent", "received"), LOOKED_UP)
def test_a_rule_looks_up_what_its_flags_say(
    parts: tuple[str, ...], family: int | None, sent: str, received: str
) -> None:
    asked = rule(Ipset("s", family, parts))
    assert inner_rules(asked, OUT) == [f"meta protocol ip {sent} drop"]
    assert inner_rules(asked, IN) == [f"meta protocol ip {received} drop"]


def test_what_can_be_in_no_set() -> None:
    pairs, sixes = Ipset("s", 4, ("ip", "port")), Ipset("s", 6, ("ip",))
    for known, flags in ((pairs, ("src",)), (sixes, ("src",))):
        assert inner_rules(rule(known, flags), IN) == []
        assert inner_rules(rule(known, flags, negate=True), IN) == ["meta protocol ip drop"]
    assert inner_rules(rule(sixes, ("dst",), protocol="all-ipv6"), IN) == ["meta protocol ip6 ip6 daddr @s drop"]
    assert inner_rules(rule(sixes, ("dst",), True, "all-ipv6"), IN) == ["meta protocol ip6 ip6 daddr != @s drop"]


def test_a_packet_without_ports_is_in_no_set_of_ports() -> None:
    assert inner_rules(rule(Ipset("s", 4, ("ip", "port")), ("dst", "dst"), negate=True), IN) == [
        "meta protocol ip ip daddr . meta l4proto . th dport != @s drop",
        "meta protocol ip meta l4proto != { tcp, udp, sctp, udplite } drop",
    ]


def test_a_set_that_was_not_copied_is_refused_with_the_rule() -> None:
    with pytest.raises(UnsupportedConfig, match="line 4: Rule 1 of filter 'f' asks for the ipset 'blocked'"):
        inner_rules(rule("blocked"), IN)
    with pytest.raises(XmlError, match="without ipsetflags"):
        inner_rules(rule(Ipset("s", 4, ("ip",)), ()), IN)

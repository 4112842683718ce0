# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One rule as nft has it: what it says of frames and packets that the guest sends, and that it receives."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.expand import Known, expand
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.inner import inner_rules
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.link import link_rules
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.resolve import flatten
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.sets import own_elements, own_set
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.values import (
    IN,
    OUT,
    ConcreteRule,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError
from ansible_collections.corral.virt.plugins.module_utils.model.nwfilter.protocols import INNER, PROTOCOLS

from .small_filters import filters, port


def concrete(inside: str, rule: str = "out accept", learning: str = "any") -> ConcreteRule:
    """The rule that this says, with its direction, its action and more attributes of <rule>."""
    direction, action, *more = rule.split(" ", 2)
    start = f"<rule action='{action}' direction='{direction}' {' '.join(more)}>"
    text = f"<filter name='f'>{start}\n{inside}\n</rule></filter>"
    asked = port(CTRL_IP_LEARNING=learning)
    [bound] = flatten(asked, filters(text))
    [found] = expand(asked, bound, Known())
    return found


def statements(rule: ConcreteRule, way: str) -> list[str]:
    """What nft is told of the rule in the chain of its layer; the set of its own is called own."""
    inner = rule.protocol is not None and PROTOCOLS[rule.protocol].layer == INNER
    found = inner_rules(rule, way) if inner else link_rules(rule, way)
    return [each.replace(rule.own_set, "own") if rule.own_set else each for each in found]


def conditions(inside: str, direction: str = "out") -> str:
    """What a rule asks for that accepts frames of one direction, whose states do not matter."""
    [found] = statements(concrete(inside, f"{direction} accept statematch='false'"), direction)
    assert found.endswith(" accept") or found == "accept"
    return found.removesuffix("accept").rstrip()


FRAMES: dict[str, str] = {
    "": "",
    "<mac/>": "",
    "<mac protocolid='arp'/>": "ether type 0x0806",
    "<mac protocolid='0x600'/>": "ether type 0x0600",
    "<mac protocolid='vlan'/>": "ether type { 8021q, 8021ad }",
    "<mac match='no' protocolid='33024'/>": "ether type != { 8021q, 8021ad }",
    "<mac srcmacaddr='1:2:3:4:5:6'/>": "ether saddr 01:02:03:04:05:06",
    "<mac srcmacaddr='1:2:3:4:5:6' srcmacmask='ff:ff:ff:ff:ff:ff'/>": "ether saddr 01:02:03:04:05:06",
    "<mac dstmacaddr='1:2:3:4:5:6' dstmacmask='ff:ff:ff:80:0:0'/>": (
        "ether daddr & ff:ff:ff:80:00:00 == 01:02:03:00:00:00"
    ),
    "<mac match='no' dstmacaddr='1:2:3:4:5:6' dstmacmask='ff:ff:ff:80:0:0'/>": (
        "ether daddr & ff:ff:ff:80:00:00 != 01:02:03:00:00:00"
    ),
    # Two that must not be: nft would make one of them that must not be both.
    "<mac match='no' srcmacaddr='1:2:3:4:5:6' dstmacaddr='a:b:c:d:e:f'/>": (
        "ether saddr != 01:02:03:04:05:06 ether daddr & ff:ff:ff:ff:ff:ff != 0a:0b:0c:0d:0e:0f"
    ),
    "<mac match='no' srcmacaddr='1:2:3:4:5:6'/><mac protocolid='ipv6'/>": (
        "ether type 0x86dd ether saddr != 01:02:03:04:05:06"
    ),
    "<vlan vlanid='0x42'/>": "ether type { 8021q, 8021ad } @ll,116,12 66",
    "<vlan match='no' vlanid='42'/><vlan encap-protocol='ipv4'/>": (
        "ether type { 8021q, 8021ad } @ll,116,12 != 42 @ll,128,16 0x800"
    ),
    "<stp/>": "ether daddr 01:80:c2:00:00:00 @ll,112,40 0x4242030000",
    "<stp type='0x80'/>": "ether daddr 01:80:c2:00:00:00 @ll,112,40 0x4242030000 @ll,160,8 128",
    "<arp/>": "ether type arp",
    "<arp opcode='Reply' hwtype='1' protocoltype='0x800'/>": (
        "ether type arp arp htype 1 arp ptype 0x800 arp operation 2"
    ),
    "<arp match='no' opcode='Request' hwtype='1' protocoltype='2'/>": (
        "ether type arp arp htype != 1 arp ptype & 0xffff != 0x2 arp operation & 65535 != 1"
    ),
    "<arp arpsrcmacaddr='1:2:3:4:5:6' arpdstmacaddr='0:0:0:0:0:1'/>": (
        "ether type arp arp saddr ether 01:02:03:04:05:06 arp daddr ether 00:00:00:00:00:01"
    ),
    "<arp arpsrcipaddr='10.1.2.3' arpsrcipmask='255.255.0.0' arpdstipaddr='10.1.2.3'/>": (
        "ether type arp arp saddr ip 10.1.0.0/16 arp daddr ip 10.1.2.3"
    ),
    "<arp gratuitous='false'/>": "ether type arp",
    "<rarp opcode='Request_Reverse' hwtype='1' protocoltype='0x800'/>": (
        "ether type 0x8035 @nh,0,16 0x1 @nh,16,16 0x800 @nh,48,16 0x3"
    ),
    "<rarp arpsrcmacaddr='1:2:3:4:5:6' arpdstmacaddr='0:0:0:0:0:1'/>": (
        "ether type 0x8035 @nh,64,48 0x10203040506 @nh,144,48 0x1"
    ),
    "<rarp match='no' arpsrcipaddr='10.1.2.3' arpsrcipmask='16' arpdstipaddr='0.0.0.0'/>": (
        "ether type 0x8035 @nh,112,32 & 0xffff0000 != 0xa010000 @nh,192,32 != 0x0"
    ),
    "<ip/>": "ether type ip",
    "<ip srcipaddr='10.1.2.3' srcipmask='0' dstipaddr='10.1.2.3' dstipmask='31'/>": (
        "ether type ip ip saddr 0.0.0.0/0 ip daddr 10.1.2.2/31"
    ),
    "<ip match='no' srcipaddr='10.1.2.3' dstipaddr='10.1.2.4'/>": (
        "ether type ip ip saddr != 10.1.2.3 ip daddr & 255.255.255.255 != 10.1.2.4"
    ),
    "<ip protocol='udp' srcportstart='68' dstportstart='0x43' dscp='63'/>": (
        "ether type ip ip dscp 63 ip protocol 17 th sport 68 th dport 67"
    ),
    "<ip protocol='255' srcmacaddr='1:2:3:4:5:6'/>": "ether type ip ether saddr 01:02:03:04:05:06 ip protocol 255",
    "<ip srcportstart='20' srcportend='22'/>": "ether type ip ip protocol { 6, 17, 33, 132, 136 } th sport 20-22",
    "<ip match='no' protocol='tcp' srcportstart='20' srcportend='22'/>": (
        "ether type ip ip protocol { 17, 33, 132, 136 } th sport != 20-22"
    ),
    "<ip match='no' protocol='tcp'/>": "ether type ip ip protocol != 6",
    "<ipv6 srcipaddr='fe80::' srcipmask='ffc0::' dstipaddr='1::2' protocol='tcp' dstportstart='5' dstportend='5'/>": (
        "ether type ip6 ip6 saddr fe80::/10 ip6 daddr 1::2 meta l4proto 6 th dport 5"
    ),
    # as long as a MAC address, and with as many colons
    "<ipv6 srcipaddr='2001:db8:1:2::abc'/>": "ether type ip6 ip6 saddr 2001:db8:1:2::abc",
    "<ipv6 match='no' protocol='icmpv6'/>": "ether type ip6 meta l4proto != 58",
    "<ipv6 protocol='icmpv6' type='1' typeend='11' code='10' codeend='11'/>": (
        "ether type ip6 meta l4proto 58 icmpv6 type 1-11 icmpv6 code 10-11"
    ),
    "<ipv6 match='no' type='1' code='10'/>": (
        "ether type ip6 meta l4proto 58 icmpv6 type != 1 icmpv6 code & 255 != 10"
    ),
    "<ipv6 code='10'/>": "ether type ip6 meta l4proto 58 icmpv6 code 10",
}
BPDU: dict[str, str] = {
    "flags='0x44'": "@ll,168,8 0x44",
    "root-priority='0x1234' root-priority-hi='0x2345'": "@ll,176,16 0x1234-0x2345",
    "root-address='6:5:4:3:2:1' root-address-mask='ff:ff:ff:0:0:0'": "@ll,192,48 & 0xffffff000000 == 0x60504000000",
    "root-cost='0x11223344' root-cost-hi='0x22334455'": "@ll,240,32 0x11223344-0x22334455",
    "sender-priority='0x1234'": "@ll,272,16 0x1234",
    "sender-address='6:5:4:3:2:1'": "@ll,288,48 0x60504030201",
    "port='123' port-hi='234'": "@ll,336,16 0x7b-0xea",
    "age='5544' age-hi='5555'": "@ll,352,16 0x15a8-0x15b3",
    "max-age='7777' max-age-hi='8888'": "@ll,368,16 0x1e61-0x22b8",
    "hello-time='12345' hello-time-hi='12346'": "@ll,384,16 0x3039-0x303a",
    "forward-delay='54321' forward-delay-hi='65432'": "@ll,400,16 0xd431-0xff98",
}
PACKETS: dict[str, str] = {
    "<all/>": "meta protocol ip",
    "<all-ipv6/>": "meta protocol ip6",
    "<tcp/>": "meta protocol ip ip protocol 6",
    "<tcp-ipv6/>": "meta protocol ip6 meta l4proto 6",
    "<udplite/>": "meta protocol ip ip protocol 136",
    "<esp-ipv6/>": "meta protocol ip6 meta l4proto 50",
    "<ah/>": "meta protocol ip ip protocol 51",
    "<ah-ipv6/>": "meta protocol ip6 ip6 nexthdr 51",
    "<igmp/>": "meta protocol ip ip protocol 2",
    "<all match='no' srcmacaddr='1:2:3:4:5:6'/>": "meta protocol ip ether saddr != 01:02:03:04:05:06",
    "<all srcipaddr='10.1.2.3' srcipmask='22' dstipaddr='10.1.2.3' dscp='33'/>": (
        "meta protocol ip ip saddr 10.1.0.0/22 ip daddr 10.1.2.3 ip dscp 33"
    ),
    "<all match='no' srcipfrom='10.1.2.3' srcipto='10.1.2.9' dscp='33'/>": (
        "meta protocol ip ip saddr != 10.1.2.3-10.1.2.9 ip dscp != 33"
    ),
    "<all-ipv6 dstipfrom='1::' dstipto='1::9' srcipaddr='1::'/>": "meta protocol ip6 ip6 saddr 1:: ip6 daddr 1::-1::9",
    "<udp srcportstart='20' srcportend='21' dstportstart='100'/>": (
        "meta protocol ip ip protocol 17 th sport 20-21 th dport 100"
    ),
    "<sctp-ipv6 match='no' srcportstart='20' dstportstart='100'/>": (
        "meta protocol ip6 meta l4proto 132 th sport != 20 th dport & 65535 != 100"
    ),
    "<tcp flags='SYN/ALL'/>": "meta protocol ip ip protocol 6 tcp flags & 0x2 == 0x3f",
    "<tcp match='no' flags='SYN,ACK/SYN'/>": "meta protocol ip ip protocol 6 tcp flags & 0x12 != 0x2",
    "<tcp option='2'/>": "meta protocol ip ip protocol 6 tcp option 2 exists",
    "<tcp match='no' option='2'/>": "meta protocol ip ip protocol 6 tcp option 2 missing",
    "<icmp type='3' code='1'/>": "meta protocol ip ip protocol 1 icmp type 3 icmp code 1",
    "<icmp match='no' type='3' code='1'/>": "meta protocol ip ip protocol 1 icmp type != 3 icmp code & 255 != 1",
    "<icmpv6 type='255'/>": "meta protocol ip6 meta l4proto 58 icmpv6 type 255",
    "<tcp connlimit-above='2'/>": "meta protocol ip ip protocol 6 add @own { ip saddr ct count over 2 }",
    "<all-ipv6 match='no' connlimit-above='2'/>": "meta protocol ip6 add @own { ip6 saddr ct count 2 }",
}


@pytest.mark.parametrize("inside", FRAMES)
def test_what_is_asked_of_a_frame(inside: str) -> None:
    assert conditions(inside) == FRAMES[inside]


@pytest.mark.parametrize("inside", BPDU)
def test_what_is_asked_of_a_bpdu_is_not_asked_of_padding(inside: str) -> None:
    bpdu = "ether daddr 01:80:c2:00:00:00 @ll,112,40 0x4242030000 @ll,160,8 != 128"
    assert conditions(f"<stp {inside}/>") == f"{bpdu} {BPDU[inside]}"


@pytest.mark.parametrize("inside", PACKETS)
def test_what_is_asked_of_a_packet(inside: str) -> None:
    assert conditions(inside) == PACKETS[inside]


IP = "meta protocol ip ip protocol"
NEW, ANSWER = "ct state new,established ct direction original", "ct state established ct direction reply"
# A rule, the statements for what is sent and for what is received.
BOTH_WAYS: dict[tuple[str, str], tuple[str | None, str | None]] = {
    # frames: a rule is for its own direction, and one for both is written as what is received
    ("out drop", "<mac srcmacaddr='1:2:3:4:5:6'/>"): ("ether saddr 01:02:03:04:05:06 drop", None),
    ("in return", "<mac srcmacaddr='1:2:3:4:5:6'/>"): (None, "ether saddr 01:02:03:04:05:06 return"),
    ("inout continue", "<mac srcmacaddr='1:2:3:4:5:6'/>"): (
        "ether daddr 01:02:03:04:05:06 continue",
        "ether saddr 01:02:03:04:05:06 continue",
    ),
    ("inout reject", "<ip srcipaddr='1.2.3.4' protocol='udp' dstportstart='5'/>"): (
        "ether type ip ip daddr 1.2.3.4 ip protocol 17 th sport 5 reject",
        "ether type ip ip saddr 1.2.3.4 ip protocol 17 th dport 5 reject",
    ),
    ("inout drop", "<arp arpsrcmacaddr='1:2:3:4:5:6' arpdstipaddr='1.2.3.4'/>"): (
        "ether type arp arp daddr ether 01:02:03:04:05:06 arp saddr ip 1.2.3.4 drop",
        "ether type arp arp saddr ether 01:02:03:04:05:06 arp daddr ip 1.2.3.4 drop",
    ),
    ("inout drop", ""): ("drop", "drop"),
    # packets: what is accepted one way lets its answers pass the other way
    ("out accept", "<udp dstportstart='53'/>"): (
        f"{IP} 17 th dport 53 {NEW} accept",
        f"{IP} 17 th sport 53 {ANSWER} accept",
    ),
    ("in accept", "<tcp dstportstart='22'/>"): (
        f"{IP} 6 th sport 22 {ANSWER} accept",
        f"{IP} 6 th dport 22 {NEW} accept",
    ),
    ("inout accept", "<tcp dstportstart='22'/>"): (f"{IP} 6 th sport 22 accept", f"{IP} 6 th dport 22 accept"),
    ("in accept statematch='0'", "<tcp dstportstart='22'/>"): (
        f"{IP} 6 th sport 22 accept",
        f"{IP} 6 th dport 22 accept",
    ),
    ("in drop", "<tcp dstportstart='22'/>"): (f"{IP} 6 th sport 22 drop", f"{IP} 6 th dport 22 drop"),
    ("out return", "<tcp dstportstart='22'/>"): (f"{IP} 6 th dport 22 return", f"{IP} 6 th sport 22 return"),
    # states that are named are those of one direction
    ("out accept", "<tcp state='NEW,ESTABLISHED'/>"): (f"{IP} 6 ct state new,established accept", None),
    ("in drop", "<tcp state='INVALID'/>"): (None, f"{IP} 6 ct state invalid drop"),
    ("inout accept", "<tcp state='RELATED' dstportstart='1'/>"): (
        f"{IP} 6 th sport 1 ct state related accept",
        f"{IP} 6 th dport 1 ct state related accept",
    ),
    ("in accept", "<tcp match='no' state='NEW,INVALID'/>"): (
        None,
        f"{IP} 6 ct state & (new | invalid) == 0 accept",
    ),
    ("in accept", "<tcp state='NONE'/>"): (None, f"{IP} 6 accept"),
    ("in accept statematch='false'", "<tcp state='NEW'/>"): (f"{IP} 6 accept", f"{IP} 6 accept"),
    # the answer to an ICMP packet is of another type
    ("out accept", "<icmp type='8'/>"): (f"{IP} 1 icmp type 8 ct state new,established accept", None),
    ("in drop", "<icmp type='8'/>"): (None, f"{IP} 1 icmp type 8 drop"),
    ("inout drop", "<icmp type='8'/>"): (f"{IP} 1 icmp type 8 drop", f"{IP} 1 icmp type 8 drop"),
    ("out accept", "<icmp/>"): (f"{IP} 1 {NEW} accept", f"{IP} 1 {ANSWER} accept"),
    # who sends the answers is not known
    ("out accept", "<tcp srcmacaddr='1:2:3:4:5:6' dstipaddr='1.2.3.4'/>"): (
        f"{IP} 6 ether saddr 01:02:03:04:05:06 ip daddr 1.2.3.4 {NEW} accept",
        f"{IP} 6 ip saddr 1.2.3.4 {ANSWER} accept",
    ),
    ("out accept", "<tcp srcmacaddr='1:2:3:4:5:6'/>"): (f"{IP} 6 ether saddr 01:02:03:04:05:06 {NEW} accept", None),
    ("inout drop", "<all match='no' srcmacaddr='1:2:3:4:5:6'/>"): (
        None,
        "meta protocol ip ether saddr != 01:02:03:04:05:06 drop",
    ),
    # connections are counted where they begin
    ("out drop", "<icmp connlimit-above='1'/>"): (f"{IP} 1 add @own {{ ip saddr ct count over 1 }} drop", None),
    ("inout accept", "<tcp connlimit-above='1'/>"): (None, f"{IP} 6 add @own {{ ip saddr ct count over 1 }} accept"),
    ("in accept", "<tcp state='NEW' connlimit-above='1'/>"): (
        None,
        f"{IP} 6 ct state new add @own {{ ip saddr ct count over 1 }} accept",
    ),
}


@pytest.mark.parametrize(("rule", "inside"), BOTH_WAYS)
def test_what_a_rule_says_in_each_direction(rule: str, inside: str) -> None:
    found = concrete(inside, rule)
    told = tuple(next(iter(statements(found, way)), None) for way in (OUT, IN))
    assert told == BOTH_WAYS[rule, inside]


BYTES = [f"@nh,{112 + bit},8 . @nh,{192 + bit},8" for bit in (0, 8, 16, 24)]


def test_the_addresses_of_a_gratuitous_arp_are_compared_byte_by_byte() -> None:
    rule = concrete("<arp gratuitous='true' opcode='1'/>", "in drop")
    same = " ".join(f"{both} @own" for both in BYTES)
    assert statements(rule, IN) == [f"ether type arp arp operation 1 {same} drop"]
    assert own_set(rule) == "typeof @nh,112,8 . @nh,192,8;"
    assert own_elements(rule) == tuple(f"{byte} . {byte}" for byte in range(256))


def test_one_byte_that_differs_is_enough_for_one_that_must_not_be_gratuitous() -> None:
    found = statements(concrete("<arp match='no' gratuitous='true'/>"), OUT)
    assert found == [f"ether type arp {both} != @own accept" for both in BYTES]


SETS = {
    "<tcp connlimit-above='1'/>": "type ipv4_addr; size 65535; flags dynamic;",
    "<tcp-ipv6 connlimit-above='1'/>": "type ipv6_addr; size 65535; flags dynamic;",
    "<arp gratuitous='false'/>": None,
    "<tcp/>": None,
    "": None,
}


@pytest.mark.parametrize("inside", SETS)
def test_the_set_that_a_rule_keeps_for_itself(inside: str) -> None:
    assert own_set(concrete(inside)) == SETS[inside]
    assert own_elements(concrete(inside)) == ()


LEARNT = {
    ("any", "<ip srcipaddr='$IP'/>"): "ether type ip ip saddr @any/vnet0",
    ("any", "<ip match='no' dstipaddr='$IP'/>"): "ether type ip ip daddr != @any/vnet0",
    ("any", "<arp match='no' arpsrcipaddr='$IP'/>"): "ether type arp arp saddr ip != @any/vnet0",
    ("any", "<all dstipaddr='$IP' dstipmask='32'/>"): "meta protocol ip ip daddr @any/vnet0",
    ("dhcp", "<ip match='no' srcipaddr='$IP'/>"): "ether type ip @nh,96,32 != @dhcp/vnet0",
    ("dhcp", "<tcp dstipaddr='$IP'/>"): f"{IP} 6 @nh,128,32 @dhcp/vnet0",
    ("dhcp", "<arp arpsrcipaddr='$IP' arpdstipaddr='$IP'/>"): (
        "ether type arp @nh,112,32 @dhcp/vnet0 @nh,192,32 @dhcp/vnet0"
    ),
    ("dhcp", "<rarp arpsrcipaddr='$IP'/>"): "ether type 0x8035 @nh,112,32 @dhcp/vnet0",
}


@pytest.mark.parametrize(("how", "inside"), LEARNT)
def test_an_address_that_is_learnt_is_looked_up(how: str, inside: str) -> None:
    [found] = statements(concrete(inside, "out accept statematch='false'", learning=how), OUT)
    assert found == f"{LEARNT[how, inside]} accept"


REFUSED = {
    "<tcp srcportstart='20' srcportend='10'/>": ("a range from 20 to 10", "Give the lower end first."),
    "<all-ipv6 srcipfrom='1::2' srcipto='1::1'/>": ("a range from 1::2 to 1::1", "Give the lower end first."),
    "<stp root-cost='2' root-cost-hi='1'/>": ("a range from 0x2 to 0x1", "Give the lower end first."),
    "<ipv6 type='2' typeend='1'/>": ("a range from 2 to 1", "Give the lower end first."),
    "<ip protocol='icmp' srcportstart='1'/>": ("ports of a protocol that has none", "6, 17, 33, 132, 136"),
    "<ipv6 protocol='tcp' type='1'/>": ("types of ICMPv6 of a protocol that has none", "58"),
    "<ipv6 match='no' protocol='icmpv6'/><ipv6 code='1'/>": ("types of ICMPv6 of a protocol that has none", "58"),
    "<ipv6 srcportstart='1' type='1'/>": ("ports and for types of ICMPv6", "two rules"),
    "<ip srcipaddr='$IP' srcipmask='24'/>": ("an address that is not known yet (srcipaddr)", "parameter IP"),
    "<rarp arpsrcipaddr='$IP'/>": ("an address that is not known yet (arpsrcipaddr)", "parameter IP"),
    "<all ipset='blocked'/>": ("an ipset without ipsetflags", "ipsetflags='src'"),
}


@pytest.mark.parametrize("inside", REFUSED)
def test_what_nftables_cannot_do_is_refused_with_the_rule(inside: str) -> None:
    message, hint = REFUSED[inside]
    with pytest.raises(CorralError) as caught:
        statements(concrete(inside), OUT)
    assert "ule 1 of filter 'f'" in caught.value.message
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_bpdu_with_a_source_address_goes_one_way() -> None:
    rule = concrete("<stp srcmacaddr='1:2:3:4:5:6'/>", "inout drop")
    with pytest.raises(CorralError, match="both directions") as caught:
        statements(rule, OUT)
    assert "two rules" in (caught.value.hint or "")

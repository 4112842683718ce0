# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements of one rule of the link layer: mac, vlan, stp, arp, rarp, ip, ipv6, and rules without a protocol.

The type of a frame is taken from its header (``ether type``), where a tagged frame has the type of its tag. So arp,
rarp, ip and ipv6 match no tagged frame, as in ebtables; ``meta protocol`` would be that of the packet behind the tag.

Source of the rules: libvirt's formatnwfilter, "Supported protocols"; ebtables(8); IEEE 802.1D for BPDUs.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from ....errors import UnsupportedConfig
from .carried import ports_of_ipv4, ports_of_ipv6, types_of_icmpv6
from .conditions import (
    Field,
    Row,
    Test,
    Tests,
    always,
    exchanged,
    hexadecimal,
    ipv4,
    ipv6,
    mac,
    masked,
    named,
    number,
    one,
    plain,
    spanned,
    words,
)
from .values import IN, INOUT, OUT, ConcreteRule

_TAGS = "{ 8021q, 8021ad }"
_VLAN = 0x8100
_ETHER_TYPE = Field("ether type", 16, lambda number: f"{number:#06x}")


def _protocolid(rule: ConcreteRule) -> Tests:
    """The type of a frame; that of VLAN is any tag, as for ebtables, which does not see which one it was."""
    value = rule.get("protocolid")
    if value is not None and number(value) == _VLAN:
        yield Test("ether type", _TAGS, value.negate)
    elif value is not None:
        yield plain(_ETHER_TYPE, number(value), value.negate)


_ETHERNET: Tuple[Row, ...] = (
    masked("srcmacaddr", "srcmacmask", Field("ether saddr", 48, mac)),
    masked("dstmacaddr", "dstmacmask", Field("ether daddr", 48, mac)),
)


# The attributes of a BPDU of configuration: name, name of the other end or of the mask, where it begins (in bits of the
# frame) and its width. Times are in 1/256 s, as they are in the packet.
_BPDU: Tuple[Tuple[str, str, int, int], ...] = (
    ("flags", "", 168, 8),
    ("root-priority", "root-priority-hi", 176, 16),
    ("root-address", "root-address-mask", 192, 48),
    ("root-cost", "root-cost-hi", 240, 32),
    ("sender-priority", "sender-priority-hi", 272, 16),
    ("sender-address", "sender-address-mask", 288, 48),
    ("port", "port-hi", 336, 16),
    ("age", "age-hi", 352, 16),
    ("max-age", "max-age-hi", 368, 16),
    ("hello-time", "hello-time-hi", 384, 16),
    ("forward-delay", "forward-delay-hi", 400, 16),
)
_CONFIGURED = tuple(name for name, _other, _start, _bits in _BPDU)
_BPDU_TYPE = Field("@ll,160,8", 8)
_TOPOLOGY_CHANGE = 128


def _bpdu(name: str, other: str, start: int, bits: int) -> Row:
    field = Field(f"@ll,{start},{bits}", bits, hexadecimal)
    return masked(name, other, field) if bits == 48 else spanned(name, other, field)


def _configuration(rule: ConcreteRule) -> Tests:
    """A notice that the topology has changed has no fields; padding is not to be taken for them."""
    if rule.says(*_CONFIGURED):
        yield plain(_BPDU_TYPE, _TOPOLOGY_CHANGE, True)


# The bytes of the sender's address in an ARP packet, each with the one of the target's.
_BOTH_ADDRESSES = tuple(f"@nh,{112 + bit},8 . @nh,{192 + bit},8" for bit in (0, 8, 16, 24))


def _gratuitous(rule: ConcreteRule) -> Tests:
    """Sender and target have the same address.

    nft before 1.1.2 cannot compare two fields. It can look up a pair of bytes, and the set of the rule has all pairs of
    the same. (To put the sender into a set for a moment and to look the target up there fails under load: the kernel
    clears such a set away later.)
    """
    if _compares(rule) and not _differs(rule):
        for both in _BOTH_ADDRESSES:
            yield Test(both, f"@{rule.own_set}")


def _arp(ether_type: str, fields: Dict[str, Field]) -> Tuple[Row, ...]:
    return (
        always(f"ether type {ether_type}"),
        *_ETHERNET,
        *(one(name, fields[name]) for name in ("hwtype", "protocoltype", "opcode", "arpsrcmacaddr", "arpdstmacaddr")),
        *(masked(f"arp{side}ipaddr", f"arp{side}ipmask", fields[f"arp{side}ipaddr"]) for side in ("src", "dst")),
        _gratuitous,
    )


_ARP: Dict[str, Field] = {
    "hwtype": Field("arp htype", 16),
    "protocoltype": Field("arp ptype", 16, hexadecimal),
    "opcode": Field("arp operation", 16),
    "arpsrcmacaddr": Field("arp saddr ether", 48, mac),
    "arpdstmacaddr": Field("arp daddr ether", 48, mac),
    "arpsrcipaddr": Field("arp saddr ip", 32, ipv4, raw="@nh,112,32"),
    "arpdstipaddr": Field("arp daddr ip", 32, ipv4, raw="@nh,192,32"),
}
# nft knows no RARP, whose packets are made like those of ARP.
_RARP: Dict[str, Field] = {
    "hwtype": Field("@nh,0,16", 16, hexadecimal),
    "protocoltype": Field("@nh,16,16", 16, hexadecimal),
    "opcode": Field("@nh,48,16", 16, hexadecimal),
    "arpsrcmacaddr": Field("@nh,64,48", 48, hexadecimal),
    "arpdstmacaddr": Field("@nh,144,48", 48, hexadecimal),
    "arpsrcipaddr": Field("@nh,112,32", 32, hexadecimal, raw="@nh,112,32"),
    "arpdstipaddr": Field("@nh,192,32", 32, hexadecimal, raw="@nh,192,32"),
}

_PROTOCOLS: Dict[Optional[str], Tuple[Row, ...]] = {
    None: (),
    "mac": (_protocolid, *_ETHERNET),
    "vlan": (
        always(f"ether type {_TAGS}"),
        *_ETHERNET,
        one("vlanid", Field("@ll,116,12", 12, whole=False)),
        one("encap-protocol", Field("@ll,128,16", 16, hexadecimal)),
    ),
    "stp": (
        always("ether daddr 01:80:c2:00:00:00"),
        masked("srcmacaddr", "srcmacmask", Field("ether saddr", 48, mac)),
        always("@ll,112,40 0x4242030000"),  # the SAPs of LLC, unnumbered information, protocol 0
        one("type", _BPDU_TYPE),
        _configuration,
        *(_bpdu(*row) for row in _BPDU),
    ),
    "arp": _arp("arp", _ARP),
    "rarp": _arp("0x8035", _RARP),
    "ip": (
        always("ether type ip"),
        *_ETHERNET,
        masked("srcipaddr", "srcipmask", Field("ip saddr", 32, ipv4, raw="@nh,96,32")),
        masked("dstipaddr", "dstipmask", Field("ip daddr", 32, ipv4, raw="@nh,128,32")),
        one("dscp", Field("ip dscp", 6, whole=False)),
        ports_of_ipv4,
    ),
    "ipv6": (
        always("ether type ip6"),
        *_ETHERNET,
        masked("srcipaddr", "srcipmask", Field("ip6 saddr", 128, ipv6, raw="@nh,64,128")),
        masked("dstipaddr", "dstipmask", Field("ip6 daddr", 128, ipv6, raw="@nh,192,128")),
        ports_of_ipv6,
        types_of_icmpv6,
    ),
}


def link_rules(rule: ConcreteRule, way: str) -> List[str]:
    """Return the statements of a rule for what the guest sends (``out``) or receives (``in``), none for the other.

    A rule for both is written from the point of view of what the guest receives: what it sends is matched with source
    and destination exchanged. The verdict comes last, in the word that nft and documents share.
    Raises XmlError and UnsupportedConfig, naming the rule.
    """
    if rule.direction not in (way, INOUT):
        return []
    seen = _sent(rule) if (way, rule.direction) == (OUT, INOUT) else rule
    tests = words(test for row in _PROTOCOLS[rule.protocol] for test in row(seen))
    if not _differs(seen):
        return [" ".join([*tests, rule.action])]
    return [" ".join([*tests, f"{both} != @{rule.own_set}", rule.action]) for both in _BOTH_ADDRESSES]


def _sent(rule: ConcreteRule) -> ConcreteRule:
    if rule.protocol == "stp" and rule.says("srcmacaddr"):
        raise UnsupportedConfig(
            f"{named(rule)} is for both directions, but BPDUs with a source address go in one only.",
            line=rule.line,
            hint=f"Make it two rules, one with direction='{IN}' and one with direction='{OUT}'.",
        )
    return exchanged(rule)


def _compares(rule: ConcreteRule) -> bool:
    value = rule.get("gratuitous")
    return value is not None and bool(value.value)


def _differs(rule: ConcreteRule) -> bool:
    """Whether addresses must not be the same: one byte that is not is enough, and each has a statement of its own."""
    value = rule.get("gratuitous")
    return _compares(rule) and value is not None and value.negate

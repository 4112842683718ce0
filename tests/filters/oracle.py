# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says of a frame whether a filtered interface lets it pass, from what libvirt's documentation says of filters.

Two layers: a frame passes the rules for frames (mac, vlan, stp, arp, rarp, ip, ipv6 and those without a protocol), then
the packet in it those for IP (all others). Where the documentation is silent (what an IP rule means for the other
direction, and for the states of connections), libvirt's published test cases say it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Optional, Union

from .connections import Connections, Tracked
from .document import Documents, Rule, Term, Variables, rules
from .packet import ARP, IPV4, IPV6, RARP, VLAN, Packet, decode

IN, OUT, INOUT = "in", "out", "inout"
DROP, ACCEPT, RETURN = "drop", "accept", "return"
PORTS = ("srcport", "dstport")

ETHER_TYPES = {"arp": ARP, "rarp": RARP, "ipv4": IPV4, "ipv6": IPV6, "vlan": VLAN}
OPCODES = "request reply request_reverse reply_reverse drarp_request drarp_reply drarp_error inarp_request arp_nak"
PROTOCOLS = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "esp": 50, "ah": 51, "icmpv6": 58, "sctp": 132, "udplite": 136}
WORDS = {
    "protocolid": ETHER_TYPES,
    "encap-protocol": ETHER_TYPES,
    "opcode": {word: number for number, word in enumerate(OPCODES.split(), 1)},
    "protocol": PROTOCOLS,
}
FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "none": 0, "all": 63}
STATES = ("NEW", "ESTABLISHED", "RELATED", "INVALID")
# What a chain's name says of the frames that come into it
CHAIN_TYPES = {"ipv4": IPV4, "ipv6": IPV6, "arp": ARP, "rarp": RARP, "vlan": VLAN}


@cache
def number(text: str) -> int:
    """A number, decimal unless it cannot be."""
    return int(text) if text.isdigit() else int(text, 16)


@cache
def mac(text: str) -> int:
    """A MAC address whose parts may have one digit."""
    return int("".join(part.zfill(2) for part in text.split(":")), 16)


@cache
def address_of(text: str) -> int:
    """An IP address as a number."""
    return int(ipaddress.ip_address(text))


@cache
def mask(text: str, family: int) -> int:
    """A mask of an IP address, as an address or as a number of bits."""
    width = 32 if family == 4 else 128
    if not text.isdigit():
        return address_of(text)
    return ((1 << width) - 1) & ~((1 << (width - int(text))) - 1)


def word(name: str, text: str) -> int:
    """A number that may be written as a word."""
    known = WORDS[name].get(text.lower())
    return number(text) if known is None else known


@cache
def flags(text: str) -> tuple[int, int]:
    """The mask and the flags of TCP."""
    one, other = text.lower().split("/")
    return tuple(sum({FLAGS[part.strip()] for part in side.split(",")}) for side in (one, other))


@dataclass
class Interface:
    """A guest's interface with its filter: what passes it, packet by packet."""

    documents: Documents
    filter: str
    mac: str
    variables: Variables = field(default_factory=dict)
    connections: Connections = field(default_factory=Connections)

    def __post_init__(self) -> None:
        known = {"MAC": [self.mac], **self.variables}
        found = rules(self.documents, self.filter, known)
        ordered = sorted(enumerate(found), key=lambda pair: (pair[1].priority, pair[0]))
        self.link_rules = [rule for _place, rule in ordered if rule.link]
        self.inner_rules = [rule for _place, rule in ordered if not rule.link]

    def delivers(self, way: str, frame: bytes) -> bool:
        """Whether a frame that comes now passes, ``out`` of the guest or ``in`` to it; what passes is remembered."""
        packet = decode(frame)
        if packet.source >> 40 & 1 or not packet.source:
            return False  # no sender has such an address, and no bridge forwards it
        # a packet that comes to the guest has been tracked where it entered the bridge
        tracked = self.connections.see(packet) if way == IN else None
        if self._link(packet, way) == DROP:
            return False
        tracked = tracked or self.connections.see(packet)
        if self._inner(packet, way, tracked) == DROP:
            return False
        self.connections.keep(packet, tracked)
        return True

    def _link(self, packet: Packet, way: str) -> str:
        """The rules of the root chain, with the other chains before those of the same priority."""
        here = [rule for rule in self.link_rules if rule.direction in (way, INOUT)]
        chains = {rule.chain: rule.chain_priority for rule in here if rule.chain != "root"}
        steps = [
            (priority, 0, place, [r for r in here if r.chain == name], name)
            for place, (name, priority) in enumerate(sorted(chains.items(), key=lambda pair: pair[1]))
        ]
        steps += [(rule.priority, 1, place, [rule], "root") for place, rule in enumerate(here) if rule.chain == "root"]
        for _priority, _kind, _place, listed, chain in sorted(steps, key=lambda step: step[:3]):
            verdict = self._chain(packet, way, listed) if _enters(packet, chain) else None
            if verdict == RETURN and chain == "root":
                return ACCEPT
            if verdict in (ACCEPT, DROP):
                return str(verdict)
        return ACCEPT

    def _chain(self, packet: Packet, way: str, listed: Sequence[Rule]) -> Optional[str]:
        for rule in listed:
            seen = packet.exchanged if way == OUT and rule.direction == INOUT else packet
            if rule.action != "continue" and link_matches(rule, seen):
                return DROP if rule.action == "reject" else rule.action
        return None

    def _inner(self, packet: Packet, way: str, tracked: Tracked) -> str:
        if packet.ip is None or len(packet.tags) > 1:
            return ACCEPT
        for rule in self.inner_rules:
            if rule.action != "continue" and self._inner_matches(rule, packet, way, tracked):
                return DROP if rule.action in (DROP, "reject") else ACCEPT
        return ACCEPT

    def _inner_matches(self, rule: Rule, packet: Packet, way: str, tracked: Tracked) -> bool:
        turned = way != (IN if rule.direction == INOUT else rule.direction)
        asked = dict(rule.terms)
        if turned:
            # the other direction of the same traffic: no MAC of the sender, no type of ICMP, no limit
            alone = asked.pop("srcmacaddr", None) and not set(asked) - {"comment", "state", "ipset", "ipsetflags"}
            typed = "type" in asked and packet_is_icmp(rule) and rule.direction != INOUT
            if alone or "connlimit-above" in asked or typed:
                return False
        if not inner_matches(rule, asked, packet.exchanged if turned else packet):
            return False
        return self._state_matches(rule, way, turned, tracked) and self._limit_matches(rule, packet)

    def _state_matches(self, rule: Rule, way: str, turned: bool, tracked: Tracked) -> bool:
        asked = rule.terms.get("state")
        if not rule.statematch:
            return True
        if asked:
            if turned and rule.direction != INOUT:
                return False
            named = [state.strip().upper() for state in asked.text.split(",")]
            return "NONE" in named or tracked.state in named
        if rule.action != ACCEPT or rule.direction == INOUT or rule.has("connlimit-above"):
            return True
        if tracked.state not in (("ESTABLISHED",) if turned else ("NEW", "ESTABLISHED")):
            return False
        return (packet_is_icmp(rule) and rule.has("type")) or tracked.reply == turned

    def _limit_matches(self, rule: Rule, packet: Packet) -> bool:
        asked = rule.terms.get("connlimit-above")
        if asked is None:
            return True
        assert packet.ip is not None
        above = self.connections.count(packet) > number(asked.text)
        return above != asked.negate


def packet_is_icmp(rule: Rule) -> bool:
    """Whether a rule speaks of ICMP."""
    return rule.protocol in ("icmp", "icmpv6")


def _enters(packet: Packet, chain: str) -> bool:
    for prefix, kind in CHAIN_TYPES.items():
        if chain.startswith(prefix):
            return packet.kind == kind
    return packet.group if chain.startswith("stp") else True


# --- what the attributes ask for -------------------------------------------------------------------------------------

Value = Union[int, None]
Check = Callable[[Rule, Packet], Optional[bool]]


def _masked(
    terms: Mapping[str, Term],
    name: str,
    masked: str,
    value: Value,
    read: Callable[[str], int],
    width: Callable[[str], int],
) -> Optional[bool]:
    """Whether an address is the one asked for, as far as its mask goes; None when nothing is asked."""
    asked = terms.get(name)
    if asked is None:
        return None
    if value is None:
        return False
    bits = width(terms[masked].text) if masked in terms else -1
    return (value & bits == read(asked.text) & bits) != asked.negate


def _range(terms: Mapping[str, Term], start: str, end: str, value: Value, read: Callable[[str], int]) -> Optional[bool]:
    """Whether a number is between two; without the second it is the first."""
    asked = terms.get(start)
    if asked is None:
        return None
    if value is None:
        return False
    last = read(terms[end].text) if end in terms else read(asked.text)
    return (read(asked.text) <= value <= last) != asked.negate


def _all(checks: Iterable[Optional[bool]]) -> bool:
    return all(check is not False for check in checks)


def link_matches(rule: Rule, packet: Packet) -> bool:
    """Whether a rule for frames is about this one."""
    terms = rule.terms
    if rule.protocol is None:
        return True
    ends = (("src", packet.source), ("dst", packet.target))
    checks = [_masked(terms, f"{end}macaddr", f"{end}macmask", value, mac, mac) for end, value in ends]
    return _all([*checks, *LINK_CHECKS[rule.protocol](terms, packet)])


def _mac(terms: Mapping[str, Term], packet: Packet) -> list[Optional[bool]]:
    kind = VLAN if packet.tags else packet.kind  # bridges do not tell the two kinds of tags apart
    return [_range(terms, "protocolid", "", kind, lambda text: word("protocolid", text))]


def _vlan(terms: Mapping[str, Term], packet: Packet) -> list[Optional[bool]]:
    if not packet.tags:
        return [False]
    behind = packet.tags[1][0] if len(packet.tags) > 1 else packet.inner
    encapsulated = _range(terms, "encap-protocol", "", behind, lambda text: word("encap-protocol", text))
    return [_range(terms, "vlanid", "", packet.tags[0][1], number), encapsulated]


STP_RANGES = "root-priority root-cost sender-priority port age max-age hello-time forward-delay".split()


def _stp(terms: Mapping[str, Term], packet: Packet) -> list[Optional[bool]]:
    if not packet.group or packet.tags or packet.bpdu is None:
        return [False]
    fields = packet.bpdu.fields or {}
    checks = [
        _range(terms, "type", "", packet.bpdu.type, number),
        _range(terms, "flags", "", fields.get("flags"), number),
    ]
    checks += [_range(terms, name, f"{name}-hi", fields.get(name), number) for name in STP_RANGES]
    for name in ("root-address", "sender-address"):
        checks.append(_masked(terms, name, f"{name}-mask", fields.get(name), mac, mac))
    return checks


def _arp(kind: int) -> Callable[[Mapping[str, Term], Packet], list[Optional[bool]]]:
    def checks(terms: Mapping[str, Term], packet: Packet) -> list[Optional[bool]]:
        arp = packet.arp
        if packet.kind != kind or arp is None:
            return [False]
        found = [
            _range(terms, "hwtype", "", arp.hardware, number),
            _range(terms, "protocoltype", "", arp.protocol, number),
            _range(terms, "opcode", "", arp.opcode, lambda text: word("opcode", text)),
        ]
        for end, hardware, address in (("src", arp.source_mac, arp.source_ip), ("dst", arp.target_mac, arp.target_ip)):
            found.append(_masked(terms, f"arp{end}macaddr", "", hardware, mac, mac))
            found.append(_address(terms, f"arp{end}ip", address, 4))
        asked = terms.get("gratuitous")
        if asked and asked.text.lower() in ("true", "yes", "1"):
            found.append((arp.source_ip == arp.target_ip) != asked.negate)
        return found

    return checks


def _address(terms: Mapping[str, Term], name: str, value: Value, family: int) -> Optional[bool]:
    return _masked(terms, f"{name}addr", f"{name}mask", value, address_of, lambda text: mask(text, family))


def _ip(kind: int, family: int) -> Callable[[Mapping[str, Term], Packet], list[Optional[bool]]]:
    def checks(terms: Mapping[str, Term], packet: Packet) -> list[Optional[bool]]:
        ip = packet.ip
        if packet.kind != kind or ip is None:
            return [False]
        found = [_range(terms, "protocol", "", ip.protocol, lambda text: word("protocol", text))]
        found += _packet(terms, packet, family)
        asked = {"type", "typeend", "code", "codeend"} & set(terms)
        if asked:
            types = _bounds(terms, "type", "typeend", ip.type)
            codes = _bounds(terms, "code", "codeend", ip.code)
            negate = "type" in terms and terms["type"].negate
            found.append(ip.type is not None and (types and codes) != negate)
        return found

    return checks


def _bounds(terms: Mapping[str, Term], start: str, end: str, value: Value) -> bool:
    """Whether a number is in a range of which either end may be left out: from 0, to the start or to 255."""
    first = number(terms[start].text) if start in terms else 0
    last = number(terms[end].text) if end in terms else first if start in terms else 255
    return value is not None and first <= value <= last


def _packet(terms: Mapping[str, Term], packet: Packet, family: int) -> Iterator[Optional[bool]]:
    """What rules of both layers ask of an IP packet."""
    ip = packet.ip
    assert ip is not None
    yield _range(terms, "dscp", "", ip.dscp, number)
    for end, address, port in (("src", ip.source, ip.source_port), ("dst", ip.target, ip.target_port)):
        yield _address(terms, f"{end}ip", address, family)
        yield _range(terms, f"{end}ipfrom", f"{end}ipto", address, address_of)
        yield _range(terms, f"{end}portstart", f"{end}portend", port, number)


LINK_CHECKS: dict[str, Callable[[Mapping[str, Term], Packet], list[Optional[bool]]]] = {
    "mac": _mac,
    "vlan": _vlan,
    "stp": _stp,
    "arp": _arp(ARP),
    "rarp": _arp(RARP),
    "ip": _ip(IPV4, 4),
    "ipv6": _ip(IPV6, 6),
}


def inner_matches(rule: Rule, terms: Mapping[str, Term], packet: Packet) -> bool:
    """Whether a rule for IP packets is about the one in this frame, its connection left aside."""
    ip = packet.ip
    name = rule.protocol or ""
    family = 6 if name.endswith("v6") else 4
    protocol = name.removesuffix("-ipv6")
    if ip is None or ip.family != family or (protocol != "all" and ip.protocol != PROTOCOLS[protocol]):
        return False
    if protocol == "ah" and family == 6 and ip.first != PROTOCOLS["ah"]:
        return False  # for the kernel it is one of the extensions, and only the first of them is looked at
    return _all(_inside(terms, packet, family))


def _inside(terms: Mapping[str, Term], packet: Packet, family: int) -> Iterator[Optional[bool]]:
    ip = packet.ip
    assert ip is not None
    yield from _packet(terms, packet, family)
    yield _masked(terms, "srcmacaddr", "", packet.source, mac, mac)
    yield _range(terms, "type", "", ip.type, number)
    yield _range(terms, "code", "", ip.code, number)
    if "option" in terms:
        there = number(terms["option"].text) in ip.options
        yield ip.flags is not None and there != terms["option"].negate
    if "flags" in terms and ip.protocol == PROTOCOLS["tcp"]:
        bits, wanted = flags(terms["flags"].text)
        yield ip.flags is not None and (ip.flags & bits == wanted) != terms["flags"].negate

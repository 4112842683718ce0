# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Frames that a rule matches and frames that it just misses, one attribute at a time.

Each attribute gives values on either side of every edge that it has: the first and the last address below a mask and
their neighbours outside, both ends of a range, the next number. What a frame then meets is for the oracle to say.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from .build import BRIDGE_GROUP, TYPES, Fields, build, complete
from .document import Rule, Term
from .oracle import ETHER_TYPES, PROTOCOLS, flags, mac, mask, number, word
from .packet import PROVIDER_VLAN, VLAN

EXCHANGED = {
    "source": "target",
    "ip_source": "ip_target",
    "source_port": "target_port",
    "arp_source": "arp_target",
    "arp_source_mac": "arp_target_mac",
}
EXCHANGED.update({other: one for one, other in EXCHANGED.items()})


class Sides(NamedTuple):
    """What to write into a frame for an attribute to be as asked, and for it not to be so."""

    inside: list[Fields]
    outside: list[Fields]


def exchange(fields: Fields) -> Fields:
    """The same from the other side."""
    whole = complete(fields)
    return {**whole, **{key: whole[other] for key, other in EXCHANGED.items()}}


def fields_for(rule: Rule) -> list[Fields]:
    """What stands in frames about a rule: one that it matches, and one for each value of each attribute."""
    hit = hit_for(rule)
    sides = [_turned(found, negate) for found, negate in _sides(rule)]
    return [hit, *({**hit, **values} for side in sides for values in (*side.inside[1:], *side.outside))]


def hit_for(rule: Rule) -> Fields:
    """What stands in a frame that a rule matches."""
    hit = _base(rule)
    for found, negate in _sides(rule):
        hit.update(_turned(found, negate).inside[0])
    return hit


def misses_for(rule: Rule) -> list[Fields]:
    """What stands in frames that a rule just misses, one for each of its attributes."""
    hit = hit_for(rule)
    return [{**hit, **_turned(found, negate).outside[0]} for found, negate in _sides(rule)]


def frames_for(rules: Sequence[Rule]) -> list[bytes]:
    """Frames about some rules, as written and from the other side, each but once."""
    seen: dict[str, Fields] = {}
    for place, rule in enumerate(rules):
        # of the many that a rule with lists comes to, one is enough to be tried as other protocols
        first = place == 0 or (rule.filter, rule.number) != (rules[place - 1].filter, rules[place - 1].number)
        hit = hit_for(rule)
        for fields in [*fields_for(rule), *({**hit, **values} for values in _others(rule) if first)]:
            for each in (complete(fields), exchange(fields)):
                if sendable(each):
                    seen.setdefault(repr(sorted(each.items())), each)
    return [build(**fields) for fields in seen.values()]


def sendable(fields: Fields) -> bool:
    """Whether a bridge forwards such a frame: nobody sends from a group's address."""
    return int(complete(fields)["source"].split(":")[0], 16) & 1 == 0


def _turned(sides: Sides, negate: bool) -> Sides:
    return Sides(sides.outside, sides.inside) if negate else sides


# --- what a frame for a protocol begins with -------------------------------------------------------------------------


def _base(rule: Rule) -> Fields:
    protocol = rule.protocol
    if protocol in ("arp", "rarp"):
        return {"layer": protocol, "opcode": 3 if protocol == "rarp" else 1}
    if protocol == "stp":
        return {"layer": "stp", "target": BRIDGE_GROUP}
    if protocol == "vlan":
        return {"tags": ((VLAN, 100),)}
    if protocol in ("ip", "ipv6"):
        return {"layer": "ipv4" if protocol == "ip" else "ipv6"}
    if protocol in (None, "mac"):
        return {}
    layer = "ipv6" if protocol.endswith("v6") else "ipv4"
    return {"layer": layer, "protocol": PROTOCOLS.get(protocol.removesuffix("-ipv6"), 17)}


def _others(rule: Rule) -> Iterator[Fields]:
    """What else a frame can be while the rest of it stays the same: another protocol, a tag before it."""
    if rule.protocol != "vlan":
        yield {"tags": ((VLAN, 5),)}
        yield {"tags": ((PROVIDER_VLAN, 5),)}
        yield {"tags": ((VLAN, 5), (VLAN, 6))}
    else:
        yield {"tags": ()}
        yield {"tags": ((PROVIDER_VLAN, _base(rule)["tags"][0][1]),)}
    layer = _base(rule).get("layer", "ipv4")
    yield from ({"layer": other} for other in ("arp", "rarp", "other") if other != layer)
    if rule.protocol in ("arp", "rarp", "stp", "vlan", "mac", None):
        return
    v6 = layer == "ipv6"
    yield {"layer": "ipv4", **_v4()} if v6 else {"layer": "ipv6", **_v6()}
    others = (6, 17, 132, 136, 50, 51, 58 if v6 else 1, 2)
    yield from ({"protocol": other} for other in others[rule.number % 4 :: 4])
    yield from ({"fragment": which} for which in ("first", "later"))
    if v6:
        yield {"extension": True}


def _v4() -> Fields:
    return {"ip_source": "192.0.2.1", "ip_target": "192.0.2.2", "icmp_type": 8}


def _v6() -> Fields:
    return {"ip_source": "2001:db8::1", "ip_target": "2001:db8::2", "icmp_type": 128}


# --- values on either side of edges ----------------------------------------------------------------------------------


def _sides(rule: Rule) -> Iterator[tuple[Sides, bool]]:
    """Each attribute that a rule asks for, and whether it asks for the contrary."""
    for name, term in rule.terms.items():
        make = STP.get(name) if rule.protocol == "stp" and name in STP else MAKERS.get(name)
        if make is not None:
            yield make(rule, name, term), term.negate


def _macs(field: str, masked: str) -> Callable[[Rule, str, Term], Sides]:
    def make(rule: Rule, _name: str, term: Term) -> Sides:
        wanted = mac(term.text)
        bits = mac(rule.terms[masked].text) if masked in rule.terms else (1 << 48) - 1
        free = ~bits & ((1 << 48) - 1)
        inside = [wanted, wanted & bits, wanted | free]
        outside = [wanted ^ 1 << place for place in (0, 8, 47) if bits >> place & 1]
        outside += [wanted ^ (bits & -bits)] if bits else []
        return Sides(_macs_written(field, inside), _macs_written(field, outside) or _macs_written(field, [wanted]))

    return make


def _macs_written(field: str, values: Sequence[int]) -> list[Fields]:
    texts = [":".join(f"{value >> shift & 255:02x}" for shift in range(40, -1, -8)) for value in values]
    return [{field: text} for text in dict.fromkeys(texts)]


def _family(rule: Rule) -> int:
    return 6 if rule.protocol and rule.protocol.endswith("v6") else 4


def _networks(field: str, masked: str) -> Callable[[Rule, str, Term], Sides]:
    def make(rule: Rule, _name: str, term: Term) -> Sides:
        family = _family(rule)
        full = (1 << (32 if family == 4 else 128)) - 1
        wanted = int(ipaddress.ip_address(term.text))
        bits = mask(rule.terms[masked].text, family) if masked in rule.terms else full
        first, last = wanted & bits, wanted | (~bits & full)
        return _addresses(field, family, [wanted, first, last], [first - 1, last + 1, wanted ^ (bits & -bits)])

    return make


def _ranges(field: str, end: str) -> Callable[[Rule, str, Term], Sides]:
    def make(rule: Rule, _name: str, term: Term) -> Sides:
        first = int(ipaddress.ip_address(term.text))
        last = int(ipaddress.ip_address(rule.terms[end].text)) if end in rule.terms else first
        return _addresses(field, _family(rule), [first, last, (first + last) // 2], [first - 1, last + 1])

    return make


def _addresses(field: str, family: int, inside: Sequence[int], outside: Sequence[int]) -> Sides:
    kind = ipaddress.IPv4Address if family == 4 else ipaddress.IPv6Address
    top = 1 << (32 if family == 4 else 128)

    def written(values: Sequence[int]) -> list[Fields]:
        return [{field: str(kind(value))} for value in dict.fromkeys(values) if 0 <= value < top]

    return Sides(written(inside), written(outside) or written([inside[0] ^ 1]))


def _numbers(field: str, end: str = "", top: int = 0xFFFF) -> Callable[[Rule, str, Term], Sides]:
    def make(rule: Rule, name: str, term: Term) -> Sides:
        read = (lambda text: word(name, text)) if name in ("opcode", "protocol") else number
        first = read(term.text)
        last = read(rule.terms[end].text) if end in rule.terms else first
        inside = [{field: value} for value in dict.fromkeys((first, last, (first + last) // 2))]
        outside = [{field: value} for value in (first - 1, last + 1) if 0 <= value <= top]
        return Sides(inside, outside)

    return make


def _kinds(_rule: Rule, name: str, term: Term) -> Sides:
    """The type of a frame: that of a protocol that we can write, or any other with something behind it."""
    wanted = word(name, term.text)
    layers = {kind: layer for layer, kind in TYPES.items()}
    inside = [{"layer": layers[wanted]} if wanted in layers else _typed(wanted)]
    outside = [{"layer": layer} for kind, layer in layers.items() if kind != wanted]
    outside += [_typed(kind) for kind in (wanted - 1, wanted + 1) if 0x600 <= kind <= 0xFFFF and kind not in layers]
    return Sides(inside, outside)


def _typed(kind: int) -> Fields:
    if kind == ETHER_TYPES["vlan"]:
        return {"tags": ((VLAN, 9),)}
    return {"layer": "other", "type": kind}


def _vlans(_rule: Rule, _name: str, term: Term) -> Sides:
    wanted = number(term.text)
    others = [value for value in (wanted - 1, wanted + 1, wanted ^ 0x800) if 0 <= value <= 0xFFF]
    return Sides([{"tags": ((VLAN, wanted),)}], [{"tags": ((VLAN, value),)} for value in others])


def _tcp_flags(_rule: Rule, _name: str, term: Term) -> Sides:
    bits, wanted = flags(term.text)
    inside = [wanted, wanted | (~bits & 0x3F)] if wanted & ~bits == 0 else [wanted]
    outside = [wanted ^ 1 << place for place in range(6) if bits >> place & 1]
    return Sides([{"flags": value} for value in inside], [{"flags": value} for value in outside] or [{"flags": 0}])


def _option(_rule: Rule, _name: str, term: Term) -> Sides:
    return Sides([{"option": number(term.text)}], [{"option": None}, {"option": number(term.text) + 1}])


def _gratuitous(_rule: Rule, _name: str, _term: Term) -> Sides:
    return Sides([{"arp_source": "192.0.2.7", "arp_target": "192.0.2.7"}], [{"arp_target": "192.0.2.6"}])


Maker = Callable[[Rule, str, Term], Sides]
MAKERS: dict[str, Maker] = {
    "srcmacaddr": _macs("source", "srcmacmask"),
    "dstmacaddr": _macs("target", "dstmacmask"),
    "protocolid": _kinds,
    "vlanid": _vlans,
    "encap-protocol": _kinds,
    "hwtype": _numbers("hardware"),
    "protocoltype": _numbers("about"),
    "opcode": _numbers("opcode"),
    "arpsrcmacaddr": _macs("arp_source_mac", ""),
    "arpdstmacaddr": _macs("arp_target_mac", ""),
    "arpsrcipaddr": _networks("arp_source", "arpsrcipmask"),
    "arpdstipaddr": _networks("arp_target", "arpdstipmask"),
    "gratuitous": _gratuitous,
    "srcipaddr": _networks("ip_source", "srcipmask"),
    "dstipaddr": _networks("ip_target", "dstipmask"),
    "srcipfrom": _ranges("ip_source", "srcipto"),
    "dstipfrom": _ranges("ip_target", "dstipto"),
    "protocol": _numbers("protocol", top=0xFF),
    "srcportstart": _numbers("source_port", "srcportend"),
    "dstportstart": _numbers("target_port", "dstportend"),
    "dscp": _numbers("dscp", top=63),
    "flags": _tcp_flags,
    "option": _option,
    "type": _numbers("icmp_type", "typeend", 0xFF),
    "code": _numbers("icmp_code", "codeend", 0xFF),
    "root-priority": _numbers("root_priority", "root-priority-hi"),
    "root-address": _macs("root_address", "root-address-mask"),
    "root-cost": _numbers("root_cost", "root-cost-hi", 0xFFFFFFFF),
    "sender-priority": _numbers("sender_priority", "sender-priority-hi"),
    "sender-address": _macs("sender_address", "sender-address-mask"),
    "port": _numbers("port", "port-hi"),
    "age": _numbers("age", "age-hi"),
    "max-age": _numbers("max_age", "max-age-hi"),
    "hello-time": _numbers("hello_time", "hello-time-hi"),
    "forward-delay": _numbers("forward_delay", "forward-delay-hi"),
}
STP = {"type": _numbers("bpdu", top=0xFF), "flags": _numbers("stp_flags", top=0xFF)}

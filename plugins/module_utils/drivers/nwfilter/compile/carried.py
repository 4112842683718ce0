# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an IP packet carries: its protocol, and the ports or types that only some protocols have.

In IPv4 the protocol is read from the header, so that a packet with a broken one does not escape a rule. In IPv6 it is
what follows the extension headers.
"""

from __future__ import annotations

from typing import Optional, Tuple

from ....errors import XmlError
from .conditions import Field, Tests, between, named, number, ordered, plain, spanned
from .values import ConcreteRule, Value

ICMPV6 = 58
_ICMPV6_ENDS = ("type", "typeend", "code", "codeend")
# TCP, UDP, DCCP, SCTP, UDP-Lite: their headers begin with two ports.
WITH_PORTS = (6, 17, 33, 132, 136)
_IPV4_PROTOCOL = Field("ip protocol", 8)
# Not a part of the packet for nft, which never joins it with another field.
_IPV6_PROTOCOL = Field("meta l4proto", 8, whole=False)
PORTS = (
    spanned("srcportstart", "srcportend", Field("th sport", 16)),
    spanned("dstportstart", "dstportend", Field("th dport", 16)),
)


def ports_of_ipv4(rule: ConcreteRule) -> Tests:
    """The protocol of an IPv4 packet, and its ports."""
    return _ports(rule, _IPV4_PROTOCOL)


def ports_of_ipv6(rule: ConcreteRule) -> Tests:
    """The protocol of an IPv6 packet, and its ports."""
    return _ports(rule, _IPV6_PROTOCOL)


def _ports(rule: ConcreteRule, field: Field) -> Tests:
    value = rule.get("protocol")
    if not rule.says("srcportstart", "dstportstart"):
        if value is not None:
            yield plain(field, number(value), value.negate)
        return
    yield from _protocol(rule, field, value, WITH_PORTS, "ports")
    for row in PORTS:
        yield from row(rule)


def _protocol(rule: ConcreteRule, field: Field, value: Optional[Value], able: Tuple[int, ...], what: str) -> Tests:
    """The protocols that a rule leaves of those that have what it asks for."""
    left = tuple(each for each in able if value is None or (each == number(value)) != value.negate)
    if not left:
        raise XmlError(
            f"{named(rule)} asks for {what} of a protocol that has none.",
            line=rule.line,
            hint=f"The protocols with {what} are {', '.join(str(each) for each in able)}.",
        )
    yield plain(field, left[0], False) if len(left) == 1 else f"{field.name} {{ {', '.join(map(str, left))} }}"


def types_of_icmpv6(rule: ConcreteRule) -> Tests:
    """The type and the code of an ICMPv6 packet, each a range that may lack its beginning or its end."""
    if not rule.says(*_ICMPV6_ENDS):
        return
    if rule.says("srcportstart", "dstportstart"):
        raise XmlError(
            f"{named(rule)} asks for ports and for types of ICMPv6, and no packet has both.",
            line=rule.line,
            hint="Make it two rules.",
        )
    value = rule.get("protocol")
    if value is None or value.negate or number(value) != ICMPV6:
        yield from _protocol(rule, _IPV6_PROTOCOL, value, (ICMPV6,), "types of ICMPv6")
    yield from _span(rule, "type", "typeend")
    yield from _span(rule, "code", "codeend")


def _span(rule: ConcreteRule, start: str, end: str) -> Tests:
    first, last = rule.get(start), rule.get(end)
    low = 0 if first is None else number(first)
    high = low if last is None else number(last)
    field = Field(f"icmpv6 {start}", 8)
    if first is not None:
        yield between(field, *ordered(rule, field, low, high), first.negate)
    elif last is not None:
        yield between(field, low, high, last.negate)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an IP packet carries: its protocol, and the ports or types that only some protocols have.

In IPv4 the protocol is read from the header, so that a packet with a broken one does not escape a rule. In IPv6 it is
what follows the extension headers.
"""

from __future__ import annotations

from typing import Iterator, Optional, Tuple, Union

from ....errors import XmlError
from .conditions import Field, Test, Tests, named, number, ordered, plain, spanned
from .values import ConcreteRule, Value

ICMPV6 = 58
# TCP, UDP, DCCP, SCTP, UDP-Lite: their headers begin with two ports.
WITH_PORTS = (6, 17, 33, 132, 136)
_IPV4_PROTOCOL = Field("ip protocol", 8)
# Not a part of the packet for nft, which never joins it with another field.
_IPV6_PROTOCOL = Field("meta l4proto", 8, whole=False)
_BYTE = Field("", 8)
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


def _protocol(
    rule: ConcreteRule, field: Field, value: Optional[Value], able: Tuple[int, ...], what: str
) -> Iterator[Union[Test, str]]:
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
    kind, code = _span(rule, "type", "typeend"), _span(rule, "code", "codeend")
    if kind is None and code is None:
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
    yield from typed("icmpv6", kind, code)


Span = Tuple[int, int, bool]


def _span(rule: ConcreteRule, start: str, end: str) -> Optional[Span]:
    first, last = rule.get(start), rule.get(end)
    if first is None and last is None:
        return None
    low = 0 if first is None else number(first)
    high = low if last is None else number(last)
    negate = (first or last or Value("", 0)).negate
    return (*ordered(rule, _BYTE, low, high), negate)


def single(value: Optional[Value]) -> Optional[Span]:
    """Return an attribute that holds one number as a range."""
    return None if value is None else (number(value), number(value), value.negate)


def typed(protocol: str, kind: Optional[Span], code: Optional[Span]) -> Iterator[Test]:
    """Type and code of ICMP; where neither must be so, the pair of them must not."""
    if kind is not None and code is not None and kind[2] and code[2]:
        pair = f"{_shown(kind)} . {_shown(code)}"
        yield Test(f"{protocol} type . {protocol} code", f"{{ {pair} }}", True)
        return
    for name, span in (("type", kind), ("code", code)):
        if span is not None:
            yield Test(f"{protocol} {name}", _shown(span), span[2], "0xff" if span[0] == span[1] else "")


def _shown(span: Span) -> str:
    low, high, _negate = span
    return str(low) if low == high else f"{low}-{high}"

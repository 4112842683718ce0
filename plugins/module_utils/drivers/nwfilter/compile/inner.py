# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements of one rule of the inner layer: what looks into IP packets, and knows connections.

The type of the packet is ``meta protocol``: that of the packet behind a VLAN tag as well, so that a last rule that
drops everything also drops what is tagged.

Source of the rules: libvirt's formatnwfilter, "Supported protocols"; iptables-extensions(8).
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Tuple, Union

from ....model.nwfilter.protocols import PROTOCOLS
from .carried import PORTS
from .conditions import (
    Field,
    Row,
    Test,
    Tests,
    exchanged,
    ipv4,
    ipv6,
    mac,
    masked,
    number,
    one,
    spanned,
    words,
)
from .state import is_exchanged, state_tests, takes_part
from .values import ConcreteRule

_AH = 51


def _packet(name: str, source: Field, target: Field) -> Tuple[Row, ...]:
    return (
        one("srcmacaddr", Field("ether saddr", 48, mac)),
        masked("srcipaddr", "srcipmask", source),
        masked("dstipaddr", "dstipmask", target),
        spanned("srcipfrom", "srcipto", source),
        spanned("dstipfrom", "dstipto", target),
        one("dscp", Field(f"{name} dscp", 6, whole=False)),
    )


# What is looked at in every packet of a family.
_FAMILIES: Dict[Optional[int], Tuple[Row, ...]] = {
    4: _packet(
        "ip",
        Field("ip saddr", 32, ipv4, raw="@nh,96,32"),
        Field("ip daddr", 32, ipv4, raw="@nh,128,32"),
    ),
    6: _packet(
        "ip6",
        Field("ip6 saddr", 128, ipv6, raw="@nh,64,128"),
        Field("ip6 daddr", 128, ipv6, raw="@nh,192,128"),
    ),
}
_NAMES = {4: "ip", 6: "ip6"}


def _carried(family: Optional[int], protocol: Optional[int]) -> Iterator[str]:
    """The protocol in the packet.

    An authentication header counts as an extension of IPv6 in the kernel and is passed over; it is found when it is
    the first one.
    """
    yield f"meta protocol {_NAMES[family or 4]}"
    if protocol is None:
        return
    if family == 4:
        yield f"ip protocol {protocol}"
    else:
        yield f"ip6 nexthdr {protocol}" if protocol == _AH else f"meta l4proto {protocol}"


def _tcp(rule: ConcreteRule) -> Tests:
    flags, option = rule.get("flags"), rule.get("option")
    if flags is not None and isinstance(flags.value, tuple):
        mask, wanted = flags.value[:2]
        sign = "" if flags.negate else "== "
        yield Test(f"tcp flags & {mask:#x}", f"{sign}{wanted:#x}", flags.negate)
    if option is not None:
        yield f"tcp option {number(option)} {'missing' if option.negate else 'exists'}"


def _icmp(protocol: str) -> Tuple[Row, ...]:
    return tuple(one(name, Field(f"{protocol} {name}", 8)) for name in ("type", "code"))


# What is looked at beyond that, by the number of the protocol.
_BEYOND: Dict[int, Tuple[Row, ...]] = {
    6: (*PORTS, _tcp),
    17: PORTS,
    132: PORTS,
    1: _icmp("icmp"),
    58: _icmp("icmpv6"),
}


def _counted(rule: ConcreteRule, family: Optional[int]) -> Iterator[str]:
    """Connections of one sender, as connlimit of iptables counts them; nft has the number of all."""
    value = rule.get("connlimit-above")
    if value is not None:
        over = "" if value.negate else "over "
        name = _NAMES[family or 4]
        yield f"add @{rule.own_set} {{ {name} saddr ct count {over}{number(value)} }}"


def inner_rules(rule: ConcreteRule, way: str) -> List[str]:
    """Return the statements of a rule for what the guest sends (``out``) or receives (``in``).

    The verdict comes last, in the word that nft and documents share. Raises XmlError and UnsupportedConfig, naming the
    rule.
    """
    if not takes_part(rule, way):
        return []
    protocol = PROTOCOLS[rule.protocol or ""]
    seen = _answer(rule) if is_exchanged(rule, way) else rule
    tests: List[Union[Test, str]] = [*_carried(protocol.family, protocol.number)]
    for row in (*_FAMILIES[protocol.family], *_BEYOND.get(protocol.number or 0, ())):
        tests += row(seen)
    tests += state_tests(rule, way)
    end = [*_counted(seen, protocol.family), rule.action]
    return [" ".join([*words([*tests, *more]), *end]) for more in _looked_up(seen, protocol.family)]


def _looked_up(rule: ConcreteRule, family: Optional[int]) -> List[List[Test]]:
    """What is looked up in an ipset, one list for each statement that it takes."""
    if rule.get("ipset") is None:
        return [[]]
    from .ipsets import looked_up

    return looked_up(rule, family)


def _answer(rule: ConcreteRule) -> ConcreteRule:
    """The rule for packets the other way; whose MAC address sends them is not known to it."""
    kept = tuple(value for value in rule.values if value.attribute != "srcmacaddr")
    return exchanged(rule._replace(values=kept))

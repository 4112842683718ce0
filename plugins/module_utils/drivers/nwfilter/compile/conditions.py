# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conditions of a rule as nft writes them: the rows that the tables of the protocols are made of.

A row looks at a rule and gives the tests that the rule asks for: none, when it does not speak of the row's attribute.
Source of the syntax: nft(8).
"""

from __future__ import annotations

import ipaddress
import re
from typing import Callable, Iterable, Iterator, List, NamedTuple, Tuple, Union

from ....errors import UnsupportedConfig, XmlError
from . import learnt
from .values import ANY, ConcreteRule, Learnt, Value


class Field(NamedTuple):
    """A field of a packet: its name for nft, its width, and how nft has numbers of it.

    ``raw`` is its place, for sets that know no type. ``whole`` fields begin and end with a byte.
    """

    name: str
    bits: int
    show: Callable[[int], str] = str
    raw: str = ""
    whole: bool = True

    @property
    def full(self) -> int:
        return (1 << self.bits) - 1


def hexadecimal(number: int) -> str:
    return f"{number:#x}"


def mac(number: int) -> str:
    return ":".join(f"{byte:02x}" for byte in number.to_bytes(6, "big"))


def ipv4(number: int) -> str:
    return str(ipaddress.IPv4Address(number))


def ipv6(number: int) -> str:
    return str(ipaddress.IPv6Address(number))


class Test(NamedTuple):
    """A field compared with a value, or with all but it. ``shield`` is a mask that leaves every bit."""

    field: str
    value: str
    negate: bool = False
    shield: str = ""


# No IPv6 address looks like this: one of six groups has a double colon.
_MAC = re.compile("([0-9a-f]{2}:){5}[0-9a-f]{2}")
Tests = Iterator[Union[Test, str]]
Row = Callable[[ConcreteRule], Tests]


def words(tests: Iterable[Union[Test, str]]) -> List[str]:
    """Return tests as nft has them.

    nft before 1.0.7 joins two neighbouring fields that must not be a and not be b into one that must not be ab, which
    lets through what is a but not b; it does not where a mask is in between. So all but one get a mask.
    """
    shielded = False
    found = []
    for test in tests:
        if isinstance(test, str):
            found.append(test)
        elif test.negate:
            mask = f" & {test.shield}" if test.shield and shielded else ""
            shielded = shielded or bool(test.shield)
            found.append(f"{test.field}{mask} != {test.value}")
        else:
            found.append(f"{test.field} {test.value}")
    return found


def number(value: Value) -> int:
    """Return a value as the number that a packet has there."""
    held = value.value
    if isinstance(held, int):
        return held
    if not isinstance(held, str):
        raise TypeError(held)
    if _MAC.fullmatch(held):
        return int(held.replace(":", ""), 16)
    return int(ipaddress.ip_address(held))


def plain(field: Field, wanted: int, negate: bool) -> Test:
    return Test(field.name, field.show(wanted), negate, field.show(field.full) if field.whole else "")


def under(field: Field, wanted: int, mask: int, negate: bool) -> Test:
    """The field under a mask; a bit beyond the mask in the value says nothing."""
    if mask == field.full:
        return plain(field, wanted, negate)
    if field.show in (ipv4, ipv6):
        return Test(field.name, f"{field.show(wanted & mask)}/{bin(mask).count('1')}", negate)
    sign = "" if negate else "== "
    return Test(f"{field.name} & {field.show(mask)}", f"{sign}{field.show(wanted & mask)}", negate)


def between(field: Field, low: int, high: int, negate: bool) -> Test:
    if low == high:
        return plain(field, low, negate)
    return Test(field.name, f"{field.show(low)}-{field.show(high)}", negate)


def always(*tests: str) -> Row:
    """What every rule of a protocol asks for."""
    return lambda rule: iter(tests)


def one(attribute: str, field: Field) -> Row:
    """An attribute that holds a single value."""

    def row(rule: ConcreteRule) -> Tests:
        value = rule.get(attribute)
        if value is not None:
            yield plain(field, number(value), value.negate)

    return row


def masked(attribute: str, mask: str, field: Field) -> Row:
    """An attribute with another one that holds its mask: a prefix's length, or the bits."""

    def row(rule: ConcreteRule) -> Tests:
        value, wanted = rule.get(attribute), rule.get(mask)
        if value is None:
            return
        bits = field.full if wanted is None else _mask(wanted, field)
        if isinstance(value.value, Learnt):
            if bits != field.full or (value.value.method == ANY and field.name.startswith("@")):
                raise _unknown(rule, attribute)
            yield _looked_up(value.value, field, value.negate)
        else:
            yield under(field, number(value), bits, value.negate)

    return row


def _looked_up(value: Learnt, field: Field, negate: bool) -> Test:
    return Test(learnt.field(value, field.name, field.raw), f"@{value.name}", negate)


def _mask(value: Value, field: Field) -> int:
    if not isinstance(value.value, int):
        return number(value)
    return field.full ^ (field.full >> value.value)


def spanned(start: str, end: str, field: Field) -> Row:
    """Two attributes that are the ends of a range; without an end it is one value."""

    def row(rule: ConcreteRule) -> Tests:
        first, last = rule.get(start), rule.get(end)
        if first is not None:
            for value in (first, last):
                if value is not None and isinstance(value.value, Learnt):
                    raise _unknown(rule, value.attribute)
            low = number(first)
            yield between(field, *ordered(rule, field, low, low if last is None else number(last)), first.negate)

    return row


def ordered(rule: ConcreteRule, field: Field, low: int, high: int) -> Tuple[int, int]:
    """Return the ends of a range; raises XmlError for one that ends before it begins."""
    if low > high:
        raise XmlError(
            f"{named(rule)} has a range from {field.show(low)} to {field.show(high)}, in which nothing is.",
            line=rule.line,
            hint="Give the lower end first.",
        )
    return low, high


def _unknown(rule: ConcreteRule, attribute: str) -> UnsupportedConfig:
    return UnsupportedConfig(
        f"{named(rule)} reckons with an address that is not known yet ({attribute}), and nftables cannot do that "
        "with what it learns.",
        line=rule.line,
        hint="Give the address as the parameter IP of the filterref, or in the network's DHCP.",
    )


def named(rule: ConcreteRule) -> str:
    """Return what messages call a rule."""
    return f"Rule {rule.number} of filter {rule.filter!r}"


def exchanged(rule: ConcreteRule) -> ConcreteRule:
    """Return the rule for the packets of the other direction: source and destination change places."""
    return rule._replace(values=tuple(_exchanged(value) for value in rule.values))


_OTHER_SIDE = {"src": "dst", "dst": "src", "arpsrc": "arpdst", "arpdst": "arpsrc"}


def _exchanged(value: Value) -> Value:
    if value.attribute == "ipsetflags" and isinstance(value.value, tuple):
        return value._replace(value=tuple(_OTHER_SIDE[str(word)] for word in value.value))
    for side, other in _OTHER_SIDE.items():
        if value.attribute.startswith(side):
            return value._replace(attribute=f"{other}{value.attribute[len(side) :]}")
    return value

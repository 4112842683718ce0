# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules with values in place of variables."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.expand import Known, expand
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.resolve import flatten
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.values import (
    Concrete,
    ConcreteRule,
    Ipset,
    Learnt,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import UnsupportedConfig, XmlError

from .small_filters import MAC, filters, port

A = ("1.1.1.1", "2.2.2.2", "3.3.3.3", "3.3.3.3")
B = ("80", "90", "80", "80")
C = ("1080", "1090", "1100", "1110")


def rules(match: str, known: Known | None = None, **lists: str | Sequence[str]) -> list[ConcreteRule]:
    """The rules that one rule with this protocol element becomes."""
    text = f"<filter name='f'>\n<rule action='accept' direction='out'>\n<{match}/>\n</rule></filter>"
    [bound] = flatten(port(**lists), filters(text))
    return list(expand(port(**lists), bound, known or Known()))


def values(match: str, known: Known | None = None, **lists: str | Sequence[str]) -> list[tuple[Concrete, ...]]:
    """Their values."""
    return [tuple(each.value for each in rule.values) for rule in rules(match, known, **lists)]


# What libvirt's tests iter1 to iter3 have, and more.
COMBINATIONS: tuple[tuple[str, list[tuple[Concrete, ...]]], ...] = (
    ("tcp srcipaddr='$A' srcportstart='$B'", [("1.1.1.1", 80), ("2.2.2.2", 90), ("3.3.3.3", 80)]),
    ("tcp srcipaddr='$A' srcportstart='$B[@0]'", [("1.1.1.1", 80), ("2.2.2.2", 90), ("3.3.3.3", 80)]),
    (
        "udp srcipaddr='$A[@1]' srcportstart='$B[@2]'",
        [
            ("1.1.1.1", 80),
            ("2.2.2.2", 80),
            ("3.3.3.3", 80),
            ("1.1.1.1", 90),
            ("2.2.2.2", 90),
            ("3.3.3.3", 90),
        ],
    ),
    (
        "sctp srcipaddr='$A[1]' srcportstart='$B[@2]' dstportstart='$C[@2]'",
        [("2.2.2.2", 80, 1080), ("2.2.2.2", 90, 1090), ("2.2.2.2", 80, 1100), ("2.2.2.2", 80, 1110)],
    ),
    ("tcp srcipaddr='$A[ 0]' srcportstart='$B[  @0 ] '", [("1.1.1.1", 80), ("1.1.1.1", 90)]),
    ("tcp srcipaddr='$A[ 1 ] ' srcportstart='$B[2 ] ' dstportstart='$C[ 2 ]'", [("2.2.2.2", 80, 1100)]),
    ("udp srcipaddr='$A[@7]' dstipaddr='$A[@7]'", [(each, each) for each in A[:3]]),
    ("tcp srcportstart='22'", [(22,)]),
)


@pytest.mark.parametrize(("match", "expected"), COMBINATIONS)
def test_combinations(match: str, expected: list[tuple[Concrete, ...]]) -> None:
    assert values(match, A=A, B=B, C=C) == expected


def test_the_mac_address_is_known() -> None:
    assert values("mac srcmacaddr='$MAC'") == [(MAC,)]


REFUSED: tuple[tuple[str, dict[str, str | Sequence[str]], str, str], ...] = (
    ("tcp srcipaddr='$X'", {}, "the variable $X has no value", "<parameter name='X' value='...'/>"),
    ("tcp srcipaddr='$A[2]'", {"A": A[:2]}, "$A[2] has no value: A has 2, counted from 0", "Give more values for A"),
    ("tcp srcipaddr='$A' srcportstart='$B'", {"A": A[:3], "B": B}, "$A has 3, $B has 4", "$A[@1] and $B[@2]"),
    ("tcp srcipaddr='$A'", {"A": "x"}, "srcipaddr is 'x' by $A, and must be an IPv4 address", ""),
    ("tcp srcipaddr='$MAC'", {}, f"srcipaddr is '{MAC}' by $MAC", ""),
    ("tcp srcportstart='99999'", {}, "srcportstart is '99999', and must be a number", ""),
    ("ip srcipaddr='$IP'", {"CTRL_IP_LEARNING": "none"}, "CTRL_IP_LEARNING=none", "<parameter name='IP'"),
    ("ip srcipaddr='$IP'", {"CTRL_IP_LEARNING": "some"}, "CTRL_IP_LEARNING is 'some'", "any, dhcp, none"),
    ("ip srcipaddr='$IP[1]'", {}, "$IP[1] has no value", ""),
    ("tcp srcipfrom='$IP' srcipto='10.0.0.9'", {}, "srcipfrom is $IP, and an address that is still to be learnt", ""),
    ("udp srcportstart='$IP'", {}, "srcportstart is $IP", ""),
    ("ipv6 srcipaddr='$IPV6'", {}, "the variable $IPV6 has no value", "name='IPV6'"),
    ("ipv6 srcipaddr='$IP'", {}, "srcipaddr is $IP", ""),
    ("tcp srcipaddr='$A[@x]'", {"A": A}, "is '$A[@x]', which is no variable", ""),
    (
        "tcp srcportstart='$A[@1]' srcportend='$B[@2]' dstportstart='$C[@3]'",
        {name: [str(number) for number in range(30)] for name in "ABC"},
        "make 27000 combinations, and at most 10000",
        "",
    ),
)


@pytest.mark.parametrize(("match", "lists", "said", "hint"), REFUSED)
def test_refused(match: str, lists: dict[str, str | Sequence[str]], said: str, hint: str) -> None:
    with pytest.raises(XmlError) as caught:
        rules(match, **lists)
    assert said in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.message.startswith("line 2: guest web, interface vnet0: filter f, rule 1: ")


LEARNT: tuple[tuple[str, Known, dict[str, str], list[tuple[Concrete, ...]]], ...] = (
    ("nothing is known", Known(), {}, [(Learnt("any/vnet0", 4, "any"),)]),
    ("leases", Known(("10.0.0.5", "10.0.0.6"), ("fd00::5",)), {}, [("10.0.0.5",), ("10.0.0.6",)]),
    ("only IPv6", Known((), ("fd00::5",)), {"CTRL_IP_LEARNING": "ANY"}, [(Learnt("any/vnet0", 4, "any"),)]),
    ("dhcp", Known(("10.0.0.5",)), {"CTRL_IP_LEARNING": "dhcp"}, [(Learnt("dhcp/vnet0", 4, "dhcp"),)]),
    ("given", Known(("10.0.0.5",)), {"CTRL_IP_LEARNING": "dhcp", "IP": "10.0.0.7"}, [("10.0.0.7",)]),
    ("given though none is learnt", Known(), {"CTRL_IP_LEARNING": "none", "IP": "10.0.0.7"}, [("10.0.0.7",)]),
)


@pytest.mark.parametrize(("known", "lists", "expected"), [row[1:] for row in LEARNT], ids=[row[0] for row in LEARNT])
def test_addresses_that_nobody_gives(known: Known, lists: dict[str, str], expected: list[tuple[Concrete, ...]]) -> None:
    assert values("arp arpsrcipaddr='$IP'", known, **lists) == expected


def test_ipv6_addresses_come_from_the_network() -> None:
    assert values("ipv6 srcipaddr='$IPV6'", Known((), ("fd00::5", "fd00::6"))) == [("fd00::5",), ("fd00::6",)]
    assert values("ipv6 srcipaddr='$IPV6'", Known((), ("fd00::5",)), IPV6="fd00::7") == [("fd00::7",)]


def test_what_else_a_rule_has() -> None:
    [rule] = rules("tcp match='no' dstportstart='22' dstportend='23' comment='$IP is not here'")
    assert [(each.attribute, each.value, each.negate) for each in rule.values] == [
        ("dstportstart", 22, True),
        ("dstportend", 23, True),
    ]
    assert rule.comment == "$IP is not here"
    assert (rule.filter, rule.number, rule.line, rule.priority, rule.protocol) == ("f", 1, 2, 500, "tcp")


def test_a_set_of_its_own_is_called_alike_as_long_as_the_rule_is() -> None:
    [one], [again], [other] = (rules(f"tcp connlimit-above='{limit}'") for limit in ("1", "1", "2"))
    assert one.own_set == again.own_set != other.own_set


def test_an_ipset_is_a_copy_of_it() -> None:
    known = Known(ipsets={"blocked": "create blocked hash:ip family inet\nadd blocked 192.0.2.1\n"})
    [(value, _flags)] = values("all ipset='$SET' ipsetflags='src'", known, SET="blocked")
    assert isinstance(value, Ipset)
    assert (value.family, value.parts) == (4, ("ip",))
    assert value.name.startswith("ipset/vnet0/")
    [(text, _flags)] = values("all ipset='other' ipsetflags='src'", known)
    assert text == "other"


def test_an_ipset_that_cannot_be_copied() -> None:
    with pytest.raises(UnsupportedConfig, match="The ipset 's' cannot be copied") as caught:
        rules("all ipset='s' ipsetflags='src'", Known(ipsets={"s": "create s list:set size 8\n"}))
    assert caught.value.line == 2

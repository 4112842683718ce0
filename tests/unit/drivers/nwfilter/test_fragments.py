# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What looks beyond the header of IP leaves later fragments alone."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.fragments import guarded
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.values import ConcreteRule, Value

V4 = "ip frag-off & 0x1fff == 0"


def rule(protocol: str, *attributes: str) -> ConcreteRule:
    values = tuple(Value(name, 1) for name in attributes)
    return ConcreteRule("f", 1, "accept", "out", protocol=protocol, values=values)


@pytest.mark.parametrize(
    ("protocol", "attribute"),
    [("ip", "dstportstart"), ("tcp", "srcportstart"), ("udp", "dstportstart"), ("icmp", "type")],
)
def test_a_later_fragment_of_ipv4_has_no_ports(protocol: str, attribute: str) -> None:
    assert guarded(rule(protocol, attribute), ["th dport 1 accept"]) == [f"th dport 1 {V4} accept"]


@pytest.mark.parametrize("attribute", ["flags", "option"])
def test_a_header_that_is_cut_in_two_hides_nothing(attribute: str) -> None:
    found = guarded(rule("tcp", attribute), ["tcp x accept"])
    assert [each.rpartition(" ip protocol 6 ")[2] for each in found] == [
        "ip frag-off & 0x1fff == 1 drop",
        f"{V4} ip length < 40 drop",
        f"tcp x {V4} accept",
    ]
    assert guarded(rule("tcp", attribute), []) == []
    assert len(guarded(rule("tcp-ipv6", attribute), ["tcp x accept"])) == 2


def test_in_ipv6_a_packet_is_whole_or_a_first_fragment() -> None:
    found = guarded(rule("ipv6", "type"), ["icmpv6 type 1 drop"])
    assert found == ["icmpv6 type 1 exthdr frag missing drop", "icmpv6 type 1 frag frag-off 0 drop"]


def test_connections_are_counted_behind_it() -> None:
    [found] = guarded(rule("tcp", "dstportstart"), ["th dport 1 add @own { ip saddr ct count over 1 } drop"])
    assert found == f"th dport 1 {V4} add @own {{ ip saddr ct count over 1 }} drop"


@pytest.mark.parametrize(
    ("protocol", "attribute"),
    [("tcp", "dscp"), ("all", "srcipaddr"), ("stp", "flags"), ("stp", "type"), ("arp", "opcode")],
)
def test_others_are_as_they_were(protocol: str, attribute: str) -> None:
    assert guarded(rule(protocol, attribute), ["x accept"]) == ["x accept"]

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The oracle of the packet tests says what libvirt's formatnwfilter says, sentence by sentence."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.corral.virt.tests.filters.build import build
from ansible_collections.corral.virt.tests.filters.document import Variables, rules
from ansible_collections.corral.virt.tests.filters.oracle import IN, OUT, Interface

MAC, OTHER = "52:54:00:aa:00:01", "52:54:00:bb:00:02"
DROP_REST = "<rule action='drop' direction='inout' priority='1000'/>"
DROP_PACKETS = "<rule action='drop' direction='inout' priority='1000'><all/></rule>"


def guarded(inside: str, variables: Variables | None = None, chain: str = "root", **others: str) -> Interface:
    documents = {"f": f"<filter name='f' chain='{chain}'>{inside}</filter>", **others}
    return Interface(documents, "f", MAC, variables or {})


def passes(port: Interface, way: str, **fields: Any) -> bool:
    return port.delivers(way, build(**fields))


def rule(match: str, action: str = "accept", way: str = "out", more: str = "") -> str:
    return f"<rule action='{action}' direction='{way}' {more}>{match}</rule>"


# A filter, a way and a frame; whether it passes.
SENTENCES: dict[str, tuple[str, str, dict[str, Any], bool]] = {
    "what no rule speaks of passes": (rule("<arp/>", "drop"), OUT, {}, True),
    "a rule for the other direction says nothing": (rule("<ip/>", "drop", "in"), OUT, {}, True),
    "both directions": (rule("<ip/>", "drop", "inout"), OUT, {}, False),
    "all values have to be so": (rule("<ip protocol='udp' dstportstart='53'/>", "drop"), OUT, {}, True),
    "a lower priority comes first": (
        rule("<ip/>", "drop", more="priority='400'") + rule("<ip/>", more="priority='300'"),
        OUT,
        {},
        True,
    ),
    "500 where none is given": (rule("<ip/>", "drop", more="priority='501'") + rule("<ip/>"), OUT, {}, True),
    "continue goes on": (rule("<ip/>", "continue") + rule("<ip/>", "drop"), OUT, {}, False),
    "return from the root chain lets pass": (rule("<ip/>", "return") + DROP_REST, OUT, {}, True),
    "reject discards": (rule("<ip/>", "reject"), OUT, {}, False),
    "several that must not be so, all of them": (
        rule("<ip match='no' srcipaddr='10.0.0.1' protocol='tcp'/><ip dstipaddr='10.0.0.2'/>", "drop"),
        OUT,
        {"ip_target": "10.0.0.2"},
        False,
    ),
    "one of them is so": (
        rule("<ip match='no' srcipaddr='10.0.0.1' protocol='udp'/><ip dstipaddr='10.0.0.2'/>", "drop"),
        OUT,
        {"ip_target": "10.0.0.2"},
        True,
    ),
    "a mask in numbers": (
        rule("<ip dstipaddr='10.0.3.9' dstipmask='22'/>", "drop"),
        OUT,
        {"ip_target": "10.0.0.1"},
        False,
    ),
    "a mask as an address": (
        rule("<ip dstipaddr='10.0.3.9' dstipmask='255.255.252.0'/>", "drop"),
        OUT,
        {"ip_target": "10.0.4.0"},
        True,
    ),
    "a range has both ends": (
        rule("<ip protocol='17' dstportstart='10' dstportend='20'/>", "drop"),
        OUT,
        {"target_port": 20},
        False,
    ),
    "hexadecimal numbers": (rule("<mac protocolid='0x88b5'/>", "drop"), OUT, {"layer": "other", "type": 0x88B5}, False),
    "a tagged frame is no IP frame": (rule("<ip/>", "drop"), OUT, {"tags": ((0x8100, 5),)}, True),
    "a tagged frame is one of VLAN": (rule("<vlan vlanid='5'/>", "drop"), OUT, {"tags": ((0x8100, 5),)}, False),
    "the packet behind a tag is one": (rule("<all/>", "drop"), OUT, {"tags": ((0x8100, 5),)}, False),
    "frames first, then packets": (rule("<ip/>") + DROP_PACKETS, OUT, {}, False),
    "packets never see what was dropped as a frame": (
        rule("<ip/>", "drop", more="priority='900'") + rule("<udp/>", "accept", "inout"),
        OUT,
        {},
        False,
    ),
    "a later fragment has no ports": (
        rule("<udp match='no' dstportstart='1'/>", "drop"),
        OUT,
        {"fragment": "later"},
        True,
    ),
    "the protocol behind extensions": (
        rule("<tcp-ipv6/>", "drop"),
        OUT,
        {"layer": "ipv6", "protocol": 6, "extension": True},
        False,
    ),
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence(sentence: str) -> None:
    inside, way, fields, expected = SENTENCES[sentence]
    assert passes(guarded(inside), way, **fields) == expected


def test_both_directions_are_written_as_the_guest_receives() -> None:
    port = guarded(rule("<ip srcipaddr='10.0.0.1'/>", "drop", "inout"))
    assert not passes(port, IN, ip_source="10.0.0.1")
    assert not passes(port, OUT, ip_target="10.0.0.1")
    assert passes(port, OUT, ip_source="10.0.0.1")


def test_a_packet_rule_speaks_of_the_answers_too() -> None:
    port = guarded(rule("<tcp srcmacaddr='52:54:00:bb:00:02' dstportstart='22'/>", "drop", "in"))
    assert not passes(port, IN, protocol=6, target_port=22, source=OTHER)
    assert passes(port, IN, protocol=6, target_port=22, source=MAC)
    assert not passes(port, OUT, protocol=6, source_port=22, source=MAC)


def test_chains_are_entered_by_priority_and_type_and_left_by_return() -> None:
    chain = "<filter name='c' chain='arp-own' priority='-450'>{}</filter>"
    inside = rule("<arp opcode='1'/>", "return") + rule("<arp opcode='2'/>") + rule("", "drop")
    top = "<filterref filter='c'/>" + rule("<arp opcode='3'/>", more="priority='-460'")
    port = guarded(top + rule("<arp opcode='1'/>", "drop", more="priority='-400'"), c=chain.format(inside))
    assert [passes(port, OUT, layer="arp", opcode=opcode) for opcode in (1, 2, 3, 4)] == [False, True, True, False]
    assert passes(port, OUT)


def test_combinations_of_lists_as_the_documentation_has_them() -> None:
    lists = {"SRCIPADDRESSES": ["10.0.0.1", "11.1.2.3"], "DSTPORTS": ["80", "8080"]}
    pairs = [("10.0.0.1", "80"), ("10.0.0.1", "8080"), ("11.1.2.3", "80"), ("11.1.2.3", "8080")]
    for second, wanted in (("@2", pairs), ("@1", [pairs[0], pairs[3]]), ("1", [pairs[1], pairs[3]])):
        match = f"<udp srcipaddr='$SRCIPADDRESSES[@1]' dstportstart='$DSTPORTS[{second}]'/>"
        found = rules({"f": f"<filter name='f'>{rule(match)}</filter>"}, "f", lists)
        assert sorted((r.terms["srcipaddr"].text, r.terms["dstportstart"].text) for r in found) == sorted(wanted)


def test_what_is_given_outside_is_preferred() -> None:
    inner = "<filter name='c'>" + rule("<ip dstipaddr='$A'/>", "drop") + "</filter>"
    reference = "<filterref filter='c'><parameter name='A' value='10.0.0.1'/></filterref>"
    assert not passes(guarded(reference, c=inner), OUT, ip_target="10.0.0.1")
    assert passes(guarded(reference, {"A": ["10.0.0.2"]}, c=inner), OUT, ip_target="10.0.0.1")


SERVER = rule("<tcp dstportstart='22'/>", "accept", "in") + DROP_PACKETS
ASK = {"protocol": 6, "ip_source": "10.0.0.8", "ip_target": "10.0.0.7", "source_port": 999, "target_port": 22}
ANSWER = {**ASK, "ip_source": "10.0.0.7", "ip_target": "10.0.0.8", "source_port": 22, "target_port": 999, "flags": 0x12}


def test_a_connection_goes_in_the_direction_of_its_rule() -> None:
    port = guarded(SERVER)
    assert not passes(port, OUT, **ANSWER)
    assert not passes(port, OUT, **{**ANSWER, "flags": 2})
    assert passes(port, IN, **ASK)
    assert passes(port, OUT, **ANSWER)
    assert passes(port, IN, **{**ASK, "flags": 0x10})


def test_states_that_are_named_take_the_place_of_that() -> None:
    port = guarded(rule("<tcp state='NONE' dstportstart='22'/>", "accept", "in") + DROP_PACKETS)
    assert passes(port, IN, **{**ASK, "flags": 0})
    assert not passes(port, OUT, **ANSWER)
    without = guarded(rule("<tcp dstportstart='22'/>", "accept", "in", "statematch='false'") + DROP_PACKETS)
    assert passes(without, OUT, **{**ANSWER, "flags": 2})


def test_connections_are_counted_by_sender() -> None:
    port = guarded(rule("<tcp connlimit-above='2'/>", "drop", "in"))
    found = [passes(port, IN, **{**ASK, "source_port": number}) for number in (1, 2, 3, 1)]
    assert found == [True, True, False, True]
    assert passes(port, IN, **{**ASK, "ip_source": "10.0.0.9"})

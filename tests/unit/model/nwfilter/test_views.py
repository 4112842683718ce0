# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A filter's document is seen as chains, rules and conditions, and written back in one form."""

from __future__ import annotations

from ansible_collections.corral.virt.plugins.module_utils.model.nwfilter.core import (
    Filter,
    Reference,
    Rule,
    Term,
    write_terms,
)
from ansible_collections.corral.virt.plugins.module_utils.model.nwfilter.identity import FILTER
from ansible_collections.corral.virt.plugins.module_utils.xml.canonical import canonical_text
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text


def rule(inside: str) -> Rule:
    return Rule(parse(f"<rule action='drop' direction='out'>{inside}</rule>"))


def test_elements_of_one_protocol_are_one_match_in_the_order_of_the_table() -> None:
    match = rule(
        "<arp opcode='Request'/>\n<arp match='no' arpsrcipmask='24' arpsrcipaddr='10.0.0.0'/><arp comment='c'/>"
    ).match
    assert match is not None and match.protocol == "arp"
    assert match.terms == (
        Term("opcode", "Request", line=1),
        Term("arpsrcipaddr", "10.0.0.0", negate=True, line=2),
        Term("arpsrcipmask", "24", negate=True, line=2),
        Term("comment", "c", line=2),
    )


def test_the_last_of_two_conditions_on_one_attribute_counts() -> None:
    match = rule("<tcp dstportstart='1'/><tcp match='no' dstportstart='2'/>").match
    assert match is not None and match.terms == (Term("dstportstart", "2", negate=True, line=1),)


def test_an_end_is_negated_with_its_start_and_not_with_another() -> None:
    match = rule("<tcp match='no' dstportstart='1' dstportend='2'/><tcp srcportstart='3'/>").match
    assert match is not None
    assert [(term.attribute, term.negate) for term in match.terms] == [
        ("srcportstart", False),
        ("dstportstart", True),
        ("dstportend", True),
    ]


def test_a_rule_without_a_protocol_matches_everything() -> None:
    assert rule("").match is None and rule("").comment == ""
    assert rule("<mac/>").match is not None
    assert rule("<tcp comment='why'/>").comment == "why"


def test_priorities_and_states_where_nothing_is_said() -> None:
    assert rule("").rank == 500 and rule("").stateful
    assert not Rule(parse("<rule statematch='FALSE'/>")).stateful
    assert Rule(parse("<rule statematch='true' priority='-3'/>")).rank == -3


def test_chains_have_priorities() -> None:
    for text, place, rank in (
        ("<filter/>", "root", 0),
        ("<filter priority='7'/>", "root", 0),
        ("<filter chain='arp-x'/>", "arp-x", -500),
        ("<filter chain='stp'/>", "stp", -810),
        ("<filter chain='ipv4' priority='0'/>", "ipv4", 0),
    ):
        assert (Filter(parse(text)).place, Filter(parse(text)).rank) == (place, rank)


def test_rules_and_references_in_their_order() -> None:
    found = Filter(
        parse(
            "<filter><filterref filter='b'><parameter name='A' value='1'/><parameter name='A' value='2'/></filterref>"
            "<rule/><filterref filter='a'/><filterref filter='b'/></filter>"
        )
    )
    assert [type(entry) for entry in found.entries()] == [Reference, Rule, Reference, Reference]
    assert found.needs() == ["b", "a"]
    assert found.references[0].pairs() == (("A", "1"), ("A", "2"))


def test_conditions_are_written_in_runs_of_those_that_are_negated_alike() -> None:
    one = rule("<mac match='no' srcmacaddr='$MAC'/><mac protocolid='arp' comment='c'/>")
    match = one.match
    assert match is not None
    write_terms(one.element, "mac", match.terms)
    assert to_text(one.element).splitlines()[1:-1] == [
        '  <mac match="no" srcmacaddr="$MAC"/>',
        '  <mac protocolid="arp" comment="c"/>',
    ]
    write_terms(one.element, "mac", match.terms[:1])
    assert len(one.element) == 1
    write_terms(one.element, "mac", match.terms)
    assert rule("").element.tag == "rule" and one.match is not None and len(one.element) == 2


MIXED = "<filter name='a'>{}</filter>"
RULE, REFERENCE = "<rule action='drop' direction='in'/>", "<filterref filter='b'/>"


def test_which_comes_first_of_a_rule_and_a_reference_is_a_difference() -> None:
    one, two = (parse(MIXED.format(inside)) for inside in (RULE + REFERENCE, REFERENCE + RULE))
    (change,) = compare(one, two, FILTER)
    assert (change.path, change.before, change.after) == ("/filter", "rule, filterref", "filterref, rule")
    assert canonical_text(one, FILTER) != canonical_text(two, FILTER)
    assert compare(one, one, FILTER) == ()


def test_the_uuid_comes_first() -> None:
    text = canonical_text(parse(MIXED.format(f"{RULE}<uuid>x</uuid>{REFERENCE}")), FILTER)
    assert [line.strip()[:5] for line in text.splitlines()[1:-1]] == ["<uuid", "<rule", "<filt"]

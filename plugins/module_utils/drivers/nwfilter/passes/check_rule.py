# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of one rule, said with the line in the document before anything is kept.

Source of the rules: libvirt's formatnwfilter, and its nwfilter_conf.c.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Optional, Tuple

from ....errors import XmlError
from ....model.nwfilter.core import Match, Rule, Term
from ....model.nwfilter.kinds import IP_PROTOCOL, Plain
from ....model.nwfilter.protocols import (
    ACTIONS,
    DIRECTIONS,
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    PROTOCOLS,
    Attribute,
)
from ....model.nwfilter.variables import SAYS, is_variable, parse_variable
from ....xml.parse import Element
from ....xml.views import View, check_choice
from .known import advice, check_attributes, check_children, shown

STATE_MATCH = ("false", "0", "true", "1")
MATCH = ("yes", "no")
# The protocols in an IP packet whose packets have ports: TCP, UDP, DCCP and SCTP.
WITH_PORTS = (6, 17, 33, 132)
PORTS = ("srcportstart", "srcportend", "dstportstart", "dstportend")
ICMPV6 = 58
ICMP = ("type", "typeend", "code", "codeend")


def check_rule(rule: Rule) -> None:
    """Raise XmlError for the first thing that is wrong with a rule."""
    check_attributes(rule.element, ("action", "direction", "priority", "statematch"))
    check_choice(rule, "action", rule.action, ACTIONS)
    check_choice(rule, "direction", rule.direction, DIRECTIONS)
    check_priority(rule, rule.priority)
    if rule.statematch is not None:
        check_choice(rule, "statematch", rule.statematch.lower(), STATE_MATCH)
    check_children(rule.element, PROTOCOLS, what="The protocols are")
    _one_protocol(rule.element)
    match = rule.match
    if match is not None:
        for element in rule.element:
            _check_element(element, match)
        _check_terms(match)


def check_priority(view: View, priority: Optional[int]) -> None:
    """Raise XmlError for a priority that neither a rule nor a chain can have."""
    if priority is not None and not LOWEST_PRIORITY <= priority <= HIGHEST_PRIORITY:
        raise XmlError(
            f"<{view.element.tag} priority='{shown(str(priority))}'> is not from {LOWEST_PRIORITY} to"
            f" {HIGHEST_PRIORITY}.",
            line=view.line,
            hint="A lower priority comes first.",
        )


def _one_protocol(rule: Element) -> None:
    tags = list(dict.fromkeys(str(child.tag) for child in rule))
    if len(tags) > 1:
        other = rule.find(tags[1])
        raise XmlError(
            f"the rule speaks of <{tags[0]}> and of <{tags[1]}>; a rule is about one protocol.",
            line=rule.sourceline if other is None else other.sourceline,
            hint="Write a rule for each of them.",
        )


def _check_element(element: Element, match: Match) -> None:
    check_attributes(element, ("match", *match.row.attributes))
    check_children(element, ())
    if element.get("match") is not None:
        check_choice(View(element), "match", element.get("match"), MATCH)
    for name, text in element.attrib.items():
        if name in match.row.attributes:
            check_value(match.protocol, match.row.attributes[name], text, element.sourceline)


def check_value(protocol: str, attribute: Attribute, text: str, line: Optional[int]) -> None:
    """Raise XmlError for what an attribute cannot be: neither a value of its kind nor a variable."""
    where = f"<{protocol} {attribute.name}='{shown(text)}'>"
    try:
        if attribute.variable and is_variable(text):
            parse_variable(text)
        else:
            attribute.kind.read(text)
    except ValueError:
        if is_variable(text):
            can = f"is no variable; write {SAYS}" if attribute.variable else "cannot be a variable"
            raise XmlError(f"{where} {can}.", line=line, hint=f"It is {attribute.kind.says}.") from None
        hint = _other(protocol, attribute, text)
        raise XmlError(f"{where} is not {attribute.kind.says}.", line=line, hint=hint) from None


def _other(protocol: str, attribute: Attribute, text: str) -> Optional[str]:
    """What was probably meant: ranges and masks have attributes of their own, and a list takes a variable."""
    if attribute.kind is IP_PROTOCOL and text.lower() == "icmp6":
        return advice(text, ("icmpv6",))
    second = next((each for each in PROTOCOLS[protocol].attributes.values() if each.needs == attribute.name), None)
    if second is not None:
        start, _mark, end = text.partition("-" if second.kind is attribute.kind else "/")
        if _reads(attribute, start) and _reads(second, end):
            return f"Write {attribute.name}='{start}' and {second.name}='{end}'."
    if "," in text and attribute.variable:
        return "Write a rule for each value, or a variable such as $NAME that is given a list of them."
    return "A variable such as $NAME can stand here, too." if attribute.variable else None


def _reads(attribute: Attribute, text: str) -> bool:
    try:
        attribute.kind.read(text)
    except ValueError:
        return False
    return True


def _check_terms(match: Match) -> None:
    for term in match.terms:
        attribute = match.row.attributes[term.attribute]
        start = match.term(attribute.needs) if attribute.needs else None
        if attribute.needs and start is None:
            raise XmlError(
                f"<{match.protocol}> has {term.attribute} and no {attribute.needs}, without which it says nothing.",
                line=term.line,
                hint=f"Write {attribute.needs}, too, or leave {term.attribute} out.",
            )
        if start is not None and attribute.kind is match.row.attributes[attribute.needs].kind:
            _check_range(match, attribute, start, term)
    if "protocol" in match.row.attributes:
        _check_carried(match)
    ipset = match.term("ipset")
    if ipset is not None and match.term("ipsetflags") is None:
        raise XmlError(
            f"<{match.protocol}> has an ipset without ipsetflags.",
            line=ipset.line,
            hint="Write ipsetflags='src' or 'dst', one word for each part of its elements: which address is looked up.",
        )


def _check_range(match: Match, attribute: Attribute, start: Term, end: Term) -> None:
    """A range that ends before it begins would match nothing, and the tools of libvirt refuse it as well."""
    if is_variable(start.text) or is_variable(end.text):
        return
    low, high = (attribute.kind.read(term.text) for term in (start, end))
    if _place(low) > _place(high):
        raise XmlError(
            f"<{match.protocol}> has the range from {start.attribute}='{shown(start.text)}' to"
            f" {end.attribute}='{shown(end.text)}', which runs backwards.",
            line=end.line,
            hint="Exchange the two.",
        )


def _place(value: Plain) -> int:
    """Where a value stands in a range of numbers or addresses."""
    return value if isinstance(value, int) else int(ip_address(str(value)))


def _check_carried(match: Match) -> None:
    """Ports and types of ICMPv6 are looked at in the packets of certain protocols only."""
    named = match.term("protocol")
    known = named is not None and not is_variable(named.text)
    number = IP_PROTOCOL.read(named.text) if named is not None and known else None
    for names, numbers, what in (
        (PORTS, WITH_PORTS, "tcp, udp, sctp or 33 (DCCP)"),
        *(((ICMP, (ICMPV6,), "icmpv6"),) if "typeend" in match.row.attributes else ()),
    ):
        first = _first(match, names)
        if first is not None and (number not in numbers or (named is not None and named.negate)):
            raise XmlError(
                f"<{match.protocol}> has {first.attribute}, which only packets of some protocols have.",
                line=first.line,
                hint=f"Write protocol='...' with one of {what}.",
            )


def _first(match: Match, names: Tuple[str, ...]) -> Optional[Term]:
    return next((term for term in match.terms if term.attribute in names), None)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network filter document: rules for packets, and other filters that it takes in.

Source of the rules: libvirt's formatnwfilter.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from ...xml.parse import Element, add
from ...xml.views import INT, TEXT, Children, Field, View
from .protocols import CHAIN_PRIORITIES, PROTOCOLS, ROOT, RULE_PRIORITY, Protocol, chain_prefix

# How a rule says that its connections are not tracked.
NO_STATES = ("0", "false")
NO_MATCH = "no"


class Term(NamedTuple):
    """One condition of a rule: an attribute, what stands there (a value or a variable), and whether it is negated."""

    attribute: str
    text: str
    negate: bool = False
    line: Optional[int] = None


class Match(NamedTuple):
    """What a rule asks of a packet: all ``terms`` hold. They are in the order of the table of protocols."""

    protocol: str
    terms: Tuple[Term, ...]
    line: Optional[int] = None

    @property
    def row(self) -> Protocol:
        """The protocol in the table."""
        return PROTOCOLS[self.protocol]

    def term(self, attribute: str) -> Optional[Term]:
        """The condition on an attribute, None where there is none."""
        return next((term for term in self.terms if term.attribute == attribute), None)


class Parameter(View):
    """A value for a variable; several of one name are a list."""

    name = Field("@name", TEXT)
    value = Field("@value", TEXT)


class Reference(View):
    """A <filterref>: another filter whose rules come in here, with values for its variables."""

    filter = Field("@filter", TEXT)
    parameters = Children("parameter", Parameter)

    def pairs(self) -> Tuple[Tuple[str, str], ...]:
        """Names with values, one pair for each value, in the order of the document."""
        return tuple((each.name or "", each.value or "") for each in self.parameters)


class Rule(View):
    """A <rule>."""

    action = Field("@action", TEXT)
    direction = Field("@direction", TEXT)
    priority = Field("@priority", INT)
    statematch = Field("@statematch", TEXT)

    @property
    def rank(self) -> int:
        """The priority, also where none is given."""
        return RULE_PRIORITY if self.priority is None else self.priority

    @property
    def stateful(self) -> bool:
        """Whether what is accepted is tracked as a connection, so that the answers are let through."""
        return (self.statematch or "").lower() not in NO_STATES

    @property
    def match(self) -> Optional[Match]:
        """What is asked of a packet, None for a rule that every frame matches."""
        first = next((child for child in self.element if child.tag in PROTOCOLS), None)
        if first is None:
            return None
        protocol = PROTOCOLS[str(first.tag)]
        return Match(protocol.name, tuple(_terms(self.element, protocol)), first.sourceline)

    @property
    def comment(self) -> str:
        """The comment, which belongs to the protocol; "" where there is none."""
        match = self.match
        found = None if match is None else match.term("comment")
        return "" if found is None else found.text


class Filter(View):
    """The <filter> itself."""

    name = Field("@name", TEXT)
    chain = Field("@chain", TEXT)
    priority = Field("@priority", INT)
    uuid = Field("uuid", TEXT)
    rules = Children("rule", Rule)
    references = Children("filterref", Reference)

    @property
    def place(self) -> str:
        """The chain that the rules stand in, also where none is given."""
        return self.chain or ROOT

    @property
    def rank(self) -> int:
        """The priority of the chain, also where none is given; that of the root chain is 0 and says nothing."""
        if self.place == ROOT:
            return 0
        return default_priority(self.place) if self.priority is None else self.priority

    def entries(self) -> Iterator[Union[Rule, Reference]]:
        """Rules and references in the order of the document, which counts among rules of one priority."""
        for child in self.element:
            if child.tag == "rule":
                yield Rule(child)
            elif child.tag == "filterref":
                yield Reference(child)

    def needs(self) -> List[str]:
        """The names of the filters that are referred to, each once."""
        return list(dict.fromkeys(each.filter or "" for each in self.references))


def default_priority(chain: str) -> int:
    """Return the priority of a chain that is given none, by what it is called after."""
    return CHAIN_PRIORITIES.get(chain_prefix(chain) or ROOT, 0)


def _terms(rule: Element, protocol: Protocol) -> Iterator[Term]:
    """The conditions of all elements of the protocol; what belongs to another attribute is negated with that."""
    found: Dict[str, Term] = {}
    for element in rule.findall(protocol.name):
        negate = element.get("match") == NO_MATCH
        for name, text in element.attrib.items():
            if name in protocol.attributes:
                found[name] = Term(name, text, negate, element.sourceline)
    for name, attribute in protocol.attributes.items():
        term = found.get(name)
        if term is not None:
            holder = term if attribute.negatable else found.get(attribute.needs)
            yield Term(name, term.text, holder is not None and holder.negate, term.line)


def write_terms(rule: Element, protocol: str, terms: Sequence[Term]) -> None:
    """Let a rule ask for these terms and nothing else: one element for each run of terms that are negated alike."""
    elements, runs = rule.findall(protocol), _runs(PROTOCOLS[protocol], terms)
    while len(elements) < len(runs):
        elements.append(add(rule, protocol))
    for element, run in zip(elements, runs):
        element.attrib.clear()
        element.attrib.update(run)
    for element in elements[len(runs) :]:
        rule.remove(element)


def _runs(protocol: Protocol, terms: Sequence[Term]) -> List[Dict[str, str]]:
    """The attributes of each element; what is not negated by itself stands beside what it belongs to."""
    runs: List[Dict[str, str]] = [{}]
    for term in terms:
        negated = runs[-1].get("match") == NO_MATCH
        if runs[-1] and term.negate != negated and protocol.attributes[term.attribute].negatable:
            runs.append({})
        if not runs[-1] and term.negate:
            runs[-1]["match"] = NO_MATCH
        runs[-1][term.attribute] = term.text
    return runs

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter documents as plain rules, read straight from their XML: the oracle shares nothing with what it judges.

Source of the rules: libvirt's formatnwfilter, "Usage of variables in filters" and "Filtering chain priorities".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Optional

from lxml import etree

Documents = Mapping[str, str]  # the name of a filter, and its XML
Variables = Mapping[str, Sequence[str]]  # the name of a variable, and its values

CHAINS = {"root": 0, "stp": -810, "mac": -800, "vlan": -750, "ipv4": -700, "ipv6": -600, "arp": -500, "rarp": -400}
LINK = ("mac", "vlan", "stp", "arp", "rarp", "ip", "ipv6")
ACCESS = re.compile(r"\s*\$([A-Za-z0-9_]+)(?:\[\s*(@?)\s*([0-9]+)\s*\])?\s*\Z")


@dataclass(frozen=True)
class Term:
    """What one attribute asks for; ``negate`` says that it must not be so."""

    text: str
    negate: bool = False


@dataclass(frozen=True)
class Rule:
    """One rule whose variables have values, and the chain that it stands in."""

    filter: str
    number: int
    chain: str
    chain_priority: int
    action: str
    direction: str
    priority: int
    statematch: bool
    protocol: Optional[str]
    terms: Mapping[str, Term] = field(default_factory=dict)

    @property
    def link(self) -> bool:
        """Whether it speaks of frames, not of IP packets."""
        return self.protocol is None or self.protocol in LINK

    def has(self, name: str) -> bool:
        """Whether it asks for this attribute."""
        return name in self.terms


def rules(documents: Documents, name: str, variables: Variables) -> list[Rule]:
    """The rules that a filter comes to for an interface, depth first, one for each combination of values."""
    return [concrete for rule, known in _walk(documents, name, variables) for concrete in _combinations(rule, known)]


def _walk(documents: Documents, name: str, variables: Variables) -> Iterator[tuple[Rule, Variables]]:
    root = etree.fromstring(documents[name])
    chain = root.get("chain") or "root"
    priority = int(root.get("priority") or _priority(chain))
    number = 0
    for child in root.iterchildren(etree.Element):
        if child.tag == "filterref":
            # what is passed from further outside is preferred to what stands here
            yield from _walk(documents, child.get("filter"), {**_parameters(child), **variables})
        elif child.tag == "rule":
            number += 1
            yield _rule(child, name, number, chain, priority), variables


def _priority(chain: str) -> int:
    return next(priority for known, priority in CHAINS.items() if chain.startswith(known))


def _parameters(reference: etree._Element) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for parameter in reference.iterchildren("parameter"):
        found.setdefault(parameter.get("name"), []).append(parameter.get("value"))
    return found


def _rule(element: etree._Element, name: str, number: int, chain: str, chain_priority: int) -> Rule:
    terms = {}
    protocol = None
    for child in element.iterchildren(etree.Element):
        protocol = child.tag
        negate = child.get("match") == "no"
        terms.update({key: Term(text, negate) for key, text in child.attrib.items() if key != "match"})
    return Rule(
        filter=name,
        number=number,
        chain=chain,
        chain_priority=chain_priority,
        action=element.get("action"),
        direction=element.get("direction"),
        priority=int(element.get("priority") or 500),
        statematch=element.get("statematch", "true") not in ("0", "false"),
        protocol=protocol,
        terms=terms,
    )


def _combinations(rule: Rule, variables: Variables) -> Iterator[Rule]:
    """The rule with every combination of values: those with the same iterator go together."""
    asked = {key: ACCESS.match(term.text) for key, term in rule.terms.items() if term.text.lstrip().startswith("$")}
    counts: dict[str, int] = {}
    for access in asked.values():
        assert access is not None
        name, at, number = access.groups()
        if at or number is None:
            counts[number or "0"] = len(variables[name])
    for choice in product(*(range(count) for count in counts.values())):
        chosen = dict(zip(counts, choice))
        yield replace(rule, terms=dict(_filled(rule, variables, chosen)))


def _filled(rule: Rule, variables: Variables, chosen: Mapping[str, int]) -> Iterator[tuple[str, Term]]:
    for key, term in rule.terms.items():
        access = ACCESS.match(term.text)
        if access is None:
            yield key, term
            continue
        name, at, number = access.groups()
        place = int(number) if number is not None and not at else chosen[number or "0"]
        yield key, replace(term, text=variables[name][place])

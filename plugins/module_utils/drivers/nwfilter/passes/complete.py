# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A filter's document as it is kept: checked, in one form, with all that was left open. Pure.

Running it on its own output changes nothing.

Source of the rules: libvirt's formatnwfilter, and its nwfilter_conf.c for the form.
"""

from __future__ import annotations

from typing import Optional, Sequence

from ....errors import AlreadyExists, XmlError
from ....model.nwfilter.core import Filter, Reference, Rule, Term, default_priority, write_terms
from ....model.nwfilter.protocols import ROOT, Protocol, chain_prefix
from ....model.nwfilter.variables import is_variable, parse_variable
from ....values import derived_uuid, parse_uuid
from ....xml.parse import Element, clone
from .check import check

# The priority of this chain is written only where it was given: libvirt's own documents are like that.
UNWRITTEN = ("stp",)


def complete(document: Element, known: Sequence[Element], *, kept: Optional[Element], host_id: str) -> Element:
    """Return the complete document; raises XmlError and AlreadyExists.

    ``known`` are the complete documents of all other filters, the built-in ones too. ``kept`` is the one that the
    filter of this name had before, whose uuid stays.
    """
    filter_, before = Filter(clone(document)), None if kept is None else Filter(kept)
    if filter_.element.tag != "filter":
        raise XmlError(f"the document is a <{filter_.element.tag}>; write a <filter>.", line=filter_.line)
    check(filter_)
    _identify(filter_, known, before, host_id)
    _settle(filter_)
    _order(filter_)
    return filter_.element


def _identify(filter_: Filter, known: Sequence[Element], before: Optional[Filter], host_id: str) -> None:
    """The uuid stays, or is derived from the host and the name; it belongs to one filter only."""
    old = None if before is None else before.uuid
    given = None if filter_.uuid is None else parse_uuid(filter_.uuid)
    if given and old and given != parse_uuid(old):
        raise AlreadyExists(
            f"Filter {filter_.name} exists with the uuid {old}, and the document says {given}.",
            hint="Leave the uuid out, or give the filter another name.",
            name=filter_.name,
        )
    filter_.uuid = given or old or derived_uuid("nwfilter", host_id, filter_.name or "")
    other = next((found for found in map(Filter, known) if found.uuid == filter_.uuid), None)
    if other is not None:
        raise AlreadyExists(
            f"The uuid {filter_.uuid} belongs to filter {other.name}.",
            hint="Leave the uuid out, or choose another.",
            name=other.name,
        )


def _settle(filter_: Filter) -> None:
    filter_.chain = filter_.place
    if filter_.chain != ROOT and filter_.priority is None and chain_prefix(filter_.chain) not in UNWRITTEN:
        filter_.priority = default_priority(filter_.chain)
    filter_.priority = filter_.priority
    for entry in filter_.entries():
        if isinstance(entry, Rule):
            _settle_rule(entry)
        else:
            _settle_reference(entry)


def _settle_rule(rule: Rule) -> None:
    rule.priority = rule.rank
    rule.statematch = None if rule.stateful else "false"
    _reorder(rule.element, ("action", "direction", "priority", "statematch"))
    match = rule.match
    if match is not None:
        terms = [term._replace(text=settled(match.row, term)) for term in match.terms]
        write_terms(rule.element, match.protocol, terms)


def settled(protocol: Protocol, term: Term) -> str:
    """Return the text of a term in the one form in which a document keeps it."""
    attribute = protocol.attributes[term.attribute]
    if attribute.variable and is_variable(term.text):
        return str(parse_variable(term.text))
    return attribute.kind.settle(term.text)


def _settle_reference(reference: Reference) -> None:
    """Values of one name keep their order, names have none."""
    reference.element[:] = sorted(reference.element, key=lambda child: child.get("name") or "")
    for child in reference.element:
        _reorder(child, ("name", "value"))


def _order(filter_: Filter) -> None:
    _reorder(filter_.element, ("name", "chain", "priority"))
    filter_.element[:] = sorted(filter_.element, key=lambda child: child.tag != "uuid")


def _reorder(element: Element, names: Sequence[str]) -> None:
    held = dict(element.attrib.items())
    element.attrib.clear()
    element.attrib.update({name: held[name] for name in names if name in held})

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tree of filters that guards an interface, as one list of rules with the variables that each can see.

Source of the rules: libvirt's formatnwfilter, "Usage of variables in filters", and what it does itself: rules and
references count in the order of the document, a reference's rules stand in its place, and what is given nearer to the
guest goes before what a reference says.
"""

from __future__ import annotations

import re
from typing import Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from ....errors import NotFound, XmlError
from ....model.nwfilter.core import Filter, Reference, Rule, Term
from ....model.nwfilter.protocols import ACTIONS, DIRECTIONS, chain_prefix
from ....xml.parse import Element
from ...contracts.nwfilter import FilterPort

# What one interface can have, so that filters that multiply each other end somewhere.
MOST_RULES = 10_000
MOST_FILTERS = 1_000
DEEPEST = 100
_CHAIN = re.compile(r"[A-Za-z0-9_.:-]+")

Lists = Mapping[str, Tuple[str, ...]]
# The document of a filter by its name; raises NotFound.
Lookup = Callable[[str], Element]


class Template(NamedTuple):
    """One rule as its filter has it; ``number`` counts the rules of the filter from 1."""

    filter: str
    number: int
    chain: str
    chain_priority: int
    action: str
    direction: str
    priority: int
    statematch: bool
    protocol: Optional[str]
    terms: Tuple[Term, ...]
    line: Optional[int]


class Included(NamedTuple):
    """A reference to another filter, with values for its variables."""

    name: str
    parameters: Lists
    line: Optional[int]


Entry = Union[Template, Included]


class Bound(NamedTuple):
    """A rule of the tree with the variables that it can see: lists of texts by name."""

    template: Template
    variables: Lists


class Filters:
    """The filters by name, each read once however many interfaces it guards."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._read: Dict[str, Optional[Tuple[Entry, ...]]] = {}

    def entries(self, name: str) -> Optional[Tuple[Entry, ...]]:
        """Return the rules and references of a filter in the order of its document, None when there is none."""
        if name not in self._read:
            try:
                self._read[name] = tuple(_entries(Filter(self._lookup(name))))
            except NotFound:
                self._read[name] = None
        return self._read[name]


def whose(port: FilterPort) -> str:
    """Return how errors call an interface."""
    return f"guest {port.guest}, interface {port.device or port.mac}"


def blame(port: FilterPort, template: Template, message: str, hint: Optional[str] = None) -> XmlError:
    """Return the error about a rule of an interface; the line is that of the filter's document."""
    where = f"{whose(port)}: filter {template.filter}, rule {template.number}"
    return XmlError(f"{where}: {message}", line=template.line, hint=hint)


def flatten(port: FilterPort, filters: Filters) -> List[Bound]:
    """Return the rules of an interface in the order of the documents.

    Raises NotFound for a filter that is missing, and XmlError for filters that refer to each other in a circle or
    are too many.
    """
    variables = as_lists(port.parameters)
    variables.setdefault("MAC", (port.mac,))
    return _Walk(port, filters).through(port.filter, variables)


def as_lists(pairs: Sequence[Tuple[str, str]]) -> Dict[str, Tuple[str, ...]]:
    """Return the values by name: what is given more than once is a list."""
    found: Dict[str, Tuple[str, ...]] = {}
    for name, value in pairs:
        found[name] = (*found.get(name, ()), value)
    return found


class _Walk:
    """The way through the tree of one interface."""

    def __init__(self, port: FilterPort, filters: Filters) -> None:
        self.port = port
        self.filters = filters
        self.rules: List[Bound] = []
        self.visits = 0

    def through(self, name: str, variables: Lists) -> List[Bound]:
        """Return all rules below a filter, its own and those of what it refers to."""
        self._visit(name, variables, ())
        return self.rules

    def _visit(self, name: str, variables: Lists, path: Tuple[str, ...]) -> None:
        path = (*path, name)
        self._check(path)
        for entry in self._entries(path):
            if isinstance(entry, Template):
                self.rules.append(Bound(entry, variables))
            else:
                self._visit(entry.name, {**entry.parameters, **variables}, path)

    def _entries(self, path: Tuple[str, ...]) -> Tuple[Entry, ...]:
        found = self.filters.entries(path[-1])
        if found is None:
            by = f", which the filter {path[-2]} refers to" if path[1:] else ""
            raise NotFound(
                f"{whose(self.port)}: there is no network filter {path[-1]}{by}.",
                hint="Define it first, or take the reference to it away.",
            )
        return found

    def _check(self, path: Tuple[str, ...]) -> None:
        if path[-1] in path[:-1]:
            circle = " refers to ".join(path[path.index(path[-1]) :])
            raise XmlError(f"{whose(self.port)}: the network filters refer to each other in a circle: {circle}.")
        if len(path) > DEEPEST:
            raise XmlError(
                f"{whose(self.port)}: the filter {path[0]} takes in others that do the same, more than {DEEPEST} deep.",
                hint="Let a filter refer to what it needs itself.",
            )
        self.visits += 1
        if self.visits > MOST_FILTERS or len(self.rules) > MOST_RULES:
            most = f"{MOST_FILTERS} filters or {MOST_RULES} rules"
            raise XmlError(
                f"{whose(self.port)}: the filter {path[0]} takes in more than {most}.",
                hint="A filter that is referred to in many places counts in each of them.",
            )


def _entries(view: Filter) -> Iterator[Entry]:
    """Yield what is in a filter; raises XmlError for words that would be none of ours in what nft reads.

    Documents are checked before they are kept, and somebody may have edited them since.
    """
    if chain_prefix(view.place) is None or not _CHAIN.fullmatch(view.place):
        raise _edited(view, f"chain='{view.place}'", view.element)
    number = 0
    for entry in view.entries():
        if isinstance(entry, Reference):
            yield Included(entry.filter or "", as_lists(entry.pairs()), entry.element.sourceline)
        else:
            number += 1
            if entry.action not in ACTIONS or entry.direction not in DIRECTIONS:
                raise _edited(view, f"action='{entry.action}' direction='{entry.direction}'", entry.element)
            yield _template(view, entry, number)


def _edited(view: Filter, what: str, element: Element) -> XmlError:
    return XmlError(
        f"The network filter {view.name} has {what}, which means nothing.",
        line=element.sourceline,
        hint="Its definition was edited by hand; define it anew.",
    )


def _template(view: Filter, rule: Rule, number: int) -> Template:
    match = rule.match
    return Template(
        filter=view.name or "",
        number=number,
        chain=view.place,
        chain_priority=view.rank,
        action=rule.action or "",
        direction=rule.direction or "",
        priority=rule.rank,
        statematch=rule.stateful,
        protocol=None if match is None else match.protocol,
        terms=() if match is None else match.terms,
        line=rule.element.sourceline,
    )

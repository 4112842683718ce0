# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network filters of the test driver: no packet is looked at, and everything behaves as if.

A ``<filter>`` of the node document is one that somebody has defined. ``<corral:fault what= detail=>`` in its
``<corral:runtime>`` is what the rules of its guests are said to lack; a test writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterator, List, Optional, Protocol, Sequence

from ...errors import InvalidArgument, NotFound, OperationInvalid
from ...host.layout import check_name
from ...model.nwfilter.core import Filter as FilterView
from ...values import same_uuid
from ...xml.parse import Element, clone
from ..api import Fault, Filter, FilterPort, NwfilterDriver, User, mutates
from .keeper import Keeper
from .kept import FAULT, Kept
from .node import Node

Lookup = Callable[[str], Optional[Element]]


class Complete(Protocol):
    """Makes a document complete; raises XmlError and AlreadyExists."""

    def __call__(
        self, document: Element, known: Sequence[Element], *, kept: Optional[Element], host_id: str
    ) -> Element: ...


@dataclass(frozen=True)
class Meaning:
    """What documents of filters mean, the same for all drivers of them; it comes in as a value.

    ``complete`` takes a document, those of all other filters, that which is kept, and what identities are derived from.
    """

    complete: Complete
    check_loops: Callable[[Element, Lookup], None]
    builtin_names: Callable[[], List[str]]
    builtin_document: Lookup


class KeptFilter(Kept):
    """A lens over one <filter> of the node document."""

    @property
    def name(self) -> str:
        return self.element.get("name") or ""

    def faults(self) -> List[Fault]:
        """What the rules of its guests are said to lack."""
        return [Fault(each.get("what") or "", each.get("detail") or "") for each in self.runtime.element.findall(FAULT)]


class SimulatedFilters(NwfilterDriver):
    """The network filter driver of ``test:///default`` and ``test:///FILE``."""

    name = "test"

    def __init__(self, keeper: Keeper, meaning: Meaning) -> None:
        self.keeper = keeper
        self.meaning = meaning

    def list_nwfilters(self) -> List[Filter]:
        """Return every filter by name."""
        node = self.keeper.read()
        names = sorted({*(found.name for found in _kept(node)), *self.meaning.builtin_names()})
        return [self._summary(node, name) for name in names]

    def lookup_nwfilter(self, reference: str) -> Filter:
        """Return the filter of a name or uuid."""
        filters = self.list_nwfilters()
        found = [each for each in filters if each.name == reference]
        found += [each for each in filters if same_uuid(reference, each.uuid)]
        if not found:
            raise NotFound(f"There is no filter with the name or uuid {reference!r}.", reference=reference)
        return found[0]

    def nwfilter_xml(self, name: str) -> Element:
        """Return the document."""
        return self._require(self.keeper.read(), name)

    def normalise_nwfilter(self, document: Element) -> Element:
        """Return the document as it would be stored."""
        node, name = self.keeper.read(), document.get("name") or ""
        others = [self._require(node, each.name) for each in self.list_nwfilters() if each.name != name]
        # a document that brings a uuid takes the place of a built-in filter, and not its identity
        own = _find(node, name) is None and FilterView(document).uuid is not None
        kept = None if own else self._document(node, name)
        return self.meaning.complete(document, others, kept=kept, host_id=node.seed)

    def check_nwfilter(self, document: Element) -> None:
        """Raise XmlError for a loop."""
        node = self.keeper.read()
        self.meaning.check_loops(document, lambda name: self._document(node, name))

    def nwfilter_users(self, name: str) -> List[User]:
        """Return the guests and filters that refer to it."""
        node = self.keeper.read()
        self._require(node, name)
        names = [each.name for each in self.list_nwfilters()]
        filters = [other for other in names if name in FilterView(self._require(node, other)).needs()]
        return [*(User("filter", other) for other in filters), *(User("guest", guest) for guest in _guests(node, name))]

    def nwfilter_faults(self, name: str) -> List[Fault]:
        """Return what somebody has written into the document as faults."""
        found = _find(self.keeper.read(), name)
        return [] if found is None else found.faults()

    def check_ports(self, ports: Sequence[FilterPort]) -> None:
        """Raise NotFound for a filter that is not there."""
        for port in ports:
            self._require(self.keeper.read(), port.filter)

    @mutates
    def define_nwfilter(self, document: Element) -> Filter:
        """Keep the document; nothing is wrong with its rules then."""
        done = self.normalise_nwfilter(document)
        self.check_nwfilter(done)
        with self.keeper.change() as node:
            name = done.get("name") or ""
            found = _find(node, name)
            if found is None:
                node.place(clone(done))
            else:
                found.replace(done)
                found.drop_live()
            return self._summary(node, name)

    @mutates
    def undefine_nwfilter(self, name: str) -> None:
        """Forget the document; where there is a built-in filter of that name it is that again."""
        builtin = self.meaning.builtin_document(name) is not None
        users = self.nwfilter_users(name)
        with self.keeper.change() as node:
            found = _find(node, name)
            if found is None:
                raise OperationInvalid(f"The filter {name} is built in, and is always there.", name=name)
            if users and not builtin:
                who = ", ".join(f"{user.kind} {user.name}" for user in users)
                raise OperationInvalid(f"The filter {name} is used by {who}.", hint="Take it away from them first.")
            node.remove(found)

    @mutates
    def mend_nwfilter(self, name: str) -> None:
        """Forget the faults."""
        with self.keeper.change() as node:
            found = _find(node, name)
            if found is not None:
                found.drop_live()

    @mutates
    def guard_ports(self, ports: Sequence[FilterPort]) -> None:
        """Do nothing but what ``check_ports`` does: there are no packets."""
        self.check_ports(ports)

    def _document(self, node: Node, name: str) -> Optional[Element]:
        found = _find(node, name)
        if found is None:
            return self.meaning.builtin_document(name)
        return self.meaning.complete(found.document(inactive=True), (), kept=None, host_id=node.seed)

    def _require(self, node: Node, name: str) -> Element:
        found = self._document(node, name)
        if found is None:
            raise NotFound(f"There is no filter named {name!r}.", name=name)
        return found

    def _summary(self, node: Node, name: str) -> Filter:
        view = FilterView(self._require(node, name))
        builtin = _find(node, name) is None
        return Filter(name, view.uuid or "", view.place, view.priority, builtin=builtin)


def _kept(node: Node) -> Iterator[KeptFilter]:
    """What somebody has defined; what cannot be a filter's name is passed over."""
    for element in node.root.findall("filter"):
        found = KeptFilter(element)
        try:
            check_name("filter", found.name)
        except InvalidArgument:
            continue
        yield found


def _find(node: Node, name: str) -> Optional[KeptFilter]:
    return next((found for found in _kept(node) if found.name == name), None)


def _guests(node: Node, name: str) -> List[str]:
    """The guests of which an interface refers to the filter, in what runs or in the definition."""
    found: List[str] = []
    for guest in node.guests():
        documents = (guest.document(), guest.document(inactive=True))
        references = [each for document in documents for each in document.findall("devices/interface/filterref")]
        if any(each.get("filter") == name for each in references):
            found.append(guest.name)
    return sorted(found)

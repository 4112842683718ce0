# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where filters live: the host, our files on it, and the documents of all filters, the built-in ones too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, List, NamedTuple, Optional, Set

from ...errors import CorralError, InvalidArgument, NotFound
from ...host.api import Host
from ...host.layout import Layout, check_name
from ...xml.parse import Element
from ..listing import left_of, persistent
from ..store import Store

if TYPE_CHECKING:
    from ...model.nwfilter.core import Filter

# The document of a filter by its name, None where there is none.
Lookup = Callable[[str], Optional[Element]]


class Site(NamedTuple):
    """What every call of the driver needs: plain values and the seam to the machine."""

    host: Host
    layout: Layout
    store: Store

    @property
    def host_id(self) -> str:
        """What identities are derived from: another tree has filters of its own."""
        return f"{self.host.machine_id()}:{self.layout.config}"

    def defined(self, name: str) -> Optional[Element]:
        """The document that somebody has defined under a name, or None."""
        return persistent(self.store, name) if _can_be(name) else None

    def is_defined(self, name: str) -> bool:
        """Whether somebody has defined a filter under this name."""
        return _can_be(name) and self.host.stat(self.store.config_path(name)) is not None

    def is_there(self, name: str) -> bool:
        """Whether there is a filter of this name."""
        return self.is_defined(name) or name in builtin_names()

    def document(self, name: str) -> Optional[Element]:
        """The document of a filter, a built-in one where nobody has defined another under its name; or None."""
        found = self.defined(name)
        return builtin_document(name) if found is None else found

    def require(self, name: str) -> Element:
        """The same; raises NotFound."""
        return needing(self.document)(name)

    def names(self) -> List[str]:
        """All filters, defined or built in, sorted."""
        return sorted({*self.store.names(), *builtin_names()})

    def all(self, *, but: str = "") -> List[Element]:
        """The documents of all filters but one; of damaged ones what is left."""
        return [document for name in self.names() if name != but for document in self._documents(name)]

    def _documents(self, name: str) -> List[Element]:
        try:
            return [self.require(name)]
        except CorralError:
            return left_of(self.store, name)


def with_document(lookup: Lookup, name: str, document: Optional[Element]) -> Lookup:
    """Return a lookup in which one filter has another document; None is a filter that nobody has defined."""
    instead = builtin_document(name) if document is None else document
    return lambda wanted: instead if wanted == name else lookup(wanted)


def needing(lookup: Lookup) -> Callable[[str], Element]:
    """Return a lookup that raises NotFound where there is no filter."""

    def look(name: str) -> Element:
        found = lookup(name)
        if found is None:
            raise NotFound(f"There is no network filter named '{name}'.", name=name)
        return found

    return look


def reaches(lookup: Lookup, start: str, name: str) -> bool:
    """Whether a filter is another one, or takes it in, directly or through others; a missing one takes nothing in."""
    seen: Set[str] = set()
    waiting = [start]
    while waiting:
        current = waiting.pop()
        if current == name:
            return True
        if current not in seen:
            seen.add(current)
            found = lookup(current)
            waiting += [] if found is None else view_of(found).needs()
    return False


def view_of(document: Element) -> Filter:
    """The meaning of a filter's document."""
    from ...model.nwfilter.core import Filter

    return Filter(document)


def builtin_document(name: str) -> Optional[Element]:
    """The complete document of a built-in filter, None where none is called so."""
    from .builtin.table import builtin_document

    return builtin_document(name)


def builtin_names() -> List[str]:
    """The names of the built-in filters."""
    from .builtin.table import builtin_names

    return builtin_names()


def _can_be(name: str) -> bool:
    try:
        return bool(check_name("nwfilter", name))
    except InvalidArgument:
        return False

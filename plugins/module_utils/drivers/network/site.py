# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where networks live: the host, our files on it, and the documents of all networks.

What a document means is imported when one is read: most runs open the driver and have no use for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Dict, List, Optional

from ...errors import CorralError, HostError, NotFound
from ...host.api import Host
from ...host.layout import Layout
from ...xml.parse import Element
from ..api import Expected, with_expected
from ..listing import left_of, live, persistent
from ..store import Store

if TYPE_CHECKING:
    from ...model.network.core import Network
    from ..surroundings import Surroundings
    from .live.status import Status


@dataclass(frozen=True)
class Site:
    """What every call of the driver needs: plain values and the seam to the machine."""

    host: Host
    layout: Layout
    store: Store
    read_only: bool = False
    expected: Dict[str, Expected] = field(default_factory=dict)

    @property
    def host_id(self) -> str:
        """What identities are derived from: another tree has networks of its own."""
        return f"{self.host.machine_id()}:{self.layout.config}"

    def persistent(self, name: str) -> Optional[Element]:
        """The persistent document of a network, or None."""
        return persistent(self.store, name)

    def active(self, name: str) -> Optional[Element]:
        """The live document of a network, or None."""
        status = self.layout.live_status("network", name)
        return live(self.store, name, f"Remove {status}, and start the network {name} again.")

    def require(self, name: str) -> Element:
        """The persistent or else the live document; raises NotFound."""
        found = self.persistent(name)
        found = self.active(name) if found is None else found
        if found is None:
            raise NotFound(f"There is no network named '{name}'.", name=name)
        return found

    def status(self, name: str) -> Optional[Status]:
        """The runtime facts of an active network, None for another."""
        from .live.status import Status

        found = self.store.read_status(name)
        try:
            return None if found is None else Status.from_plain(found)
        except (TypeError, ValueError) as error:
            path = self.layout.live_status("network", name)
            raise HostError(f"{path} is damaged: {error}.", hint="Remove it.", path=path) from error

    def names(self) -> List[str]:
        """All networks, defined or active, sorted."""
        return sorted({*self.store.names(), *self.store.live_names()})

    def others(self, name: str) -> Dict[str, List[Element]]:
        """The documents of all other networks, the live and the persistent one of each; of damaged ones what is left.

        Of one that is expected to change or to come, they are those that it will have.
        """
        return with_expected({other: self._documents(other) for other in self.names()}, self.expected, name)

    def actives(self, *, without: str = "") -> List[Network]:
        """All active networks, for what is made of all of them at once; a damaged one is as it was last known."""
        found = (self._usable(name) for name in self.store.live_names() if name != without)
        return [view_of(document) for document in found if document is not None]

    def surroundings(self) -> Surroundings:
        """The host as it is, but for the bridges of networks of which something else is expected."""
        from ..surroundings import look, without_link

        found = look(self.host)
        for name in self.expected:
            document = self.active(name)
            network = None if document is None else view_of(document)
            if network is not None and network.has_own_bridge():
                found = without_link(found, network.bridge or "")
        return found

    def claiming(self, *, without: str) -> List[Network]:
        """The networks beside one that are active, or are expected to be."""
        coming = [(name, each.live) for name, each in self.expected.items() if name != without]
        found = [network for network in self.actives(without=without) if network.name not in self.expected]
        return found + [view_of(live) for _name, live in coming if live is not None]

    def _usable(self, name: str) -> Optional[Element]:
        from .live.salvage import check_usable, last_known

        try:
            found = self.active(name)
            if found is not None:
                check_usable(found)
        except CorralError:
            return last_known(self, name)[0]
        return found

    def _documents(self, name: str) -> List[Element]:
        try:
            found = (self.active(name), self.persistent(name))
        except CorralError:
            return [_without_nonsense(document) for document in left_of(self.store, name)]
        return [_without_nonsense(document) for document in found if document is not None]


def _without_nonsense(document: Element) -> Element:
    """The document without addresses and routes that say none: others are only compared with it."""
    network = view_of(document)
    parts = [(each.element, each.network) for each in network.ips]
    for element, said in parts + [(each.element, each.network) for each in network.routes]:
        try:
            said()
        except CorralError:
            document.remove(element)
    return document


def view_of(document: Element) -> Network:
    """The meaning of a network's document."""
    from ...model.network.core import Network

    return Network(document)

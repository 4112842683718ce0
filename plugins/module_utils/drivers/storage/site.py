# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where pools live: the host, our files on it, and the documents of all pools.

What a document means is imported when one is read: most runs open the driver and have no use for it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Dict, List, Optional, Set

from ...errors import CorralError, NotFound
from ...host.api import Host
from ...host.layout import Layout
from ...xml.parse import Element
from ..api import Expected, with_expected
from ..listing import left_of, live, persistent
from ..store import Store

if TYPE_CHECKING:
    from ...model.storage.pool import Pool


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
        """What identities are derived from: another tree has pools of its own."""
        return f"{self.host.machine_id()}:{self.layout.config}"

    def persistent(self, name: str) -> Optional[Element]:
        """The persistent document of a pool, or None."""
        return persistent(self.store, name)

    def active(self, name: str) -> Optional[Element]:
        """The live document of a pool, or None."""
        status = self.layout.live_status("pool", name)
        return live(self.store, name, f"Remove {status}, and start the pool {name} again.")

    def require(self, name: str) -> Element:
        """The persistent or else the live document; raises NotFound."""
        found = self.persistent(name)
        found = self.active(name) if found is None else found
        if found is None:
            raise NotFound(f"There is no pool named '{name}'.", name=name)
        return found

    def names(self) -> List[str]:
        """All pools, defined or active, sorted."""
        return sorted({*self.store.names(), *self.store.live_names()})

    def others(self, name: str) -> List[Element]:
        """The documents of all other pools, the live and the persistent one of each; of damaged ones what is left.

        Of one that is expected to change or to come, they are those that it will have.
        """
        known = {other: self._documents(other) for other in self.names()}
        return [each for documents in with_expected(known, self.expected, name).values() for each in documents]

    def _documents(self, name: str) -> List[Element]:
        try:
            found = (self.active(name), self.persistent(name))
        except CorralError:
            return left_of(self.store, name)
        return [document for document in found if document is not None]

    def freed(self) -> Set[str]:
        """The devices of pools that are expected to go."""
        gone = [name for name, each in self.expected.items() if each.persistent is None and each.live is None]
        found = (view_of(document) for name in gone for document in self._documents(name))
        return {path for pool in found for path in pool.given().device_paths()}

    def actives(self) -> List[Element]:
        """The documents of all active pools; damaged ones are left out."""
        found: List[Element] = []
        for name in self.store.live_names():
            with suppress(CorralError):
                document = self.active(name)
                found += [] if document is None else [document]
        return found


def view_of(document: Element) -> Pool:
    """The meaning of a pool's document."""
    from ...model.storage.pool import Pool

    return Pool(document)

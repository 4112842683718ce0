# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls of the qemu driver about what active guests lack on the host: the rules of their network filters."""

from __future__ import annotations

from typing import ContextManager, List, Optional, Sequence

from ...errors import CorralError
from ...xml.parse import Element
from ..api import Domain, Fault
from ..listing import active_told, left_of, uuid_left
from .seeding import SeedingDriver


class GuardingDriver(SeedingDriver):
    """That part of the driver of a site."""

    def domain_faults(self, name: str) -> List[Fault]:
        document = self._guarded(name)
        if document is None:
            return []
        from .guest.guards import guard_faults

        return guard_faults(self.site, name, document)

    def mend_domain(self, name: str) -> None:
        from ..links.guarded import filter_ports
        from .guest.guards import guard

        with self._locked(name):
            document = self._guarded(name)
            guard(self.site, [] if document is None else filter_ports(name, document))

    def guard_links(self, devices: Sequence[str]) -> None:
        from .guest.guards import guard_again

        known = [(each.guest, each.document) for each in active_told(self) if each.whole]
        found = [(name, document) for name, document in known if document is not None and _has_filters(document)]
        guard_again(self.site, found, devices)

    def domain_remains(self, name: str) -> List[Element]:
        return left_of(self.site.store, name)

    def _guarded(self, name: str) -> Optional[Element]:
        """The live document of an active guest that has filters."""
        document = self.site.active(name) if self._runs(name) else None
        return None if document is None or not _has_filters(document) else document

    def _damaged(self, name: str, error: CorralError) -> Domain:
        """A guest for a list, whose files are damaged."""
        facts = {"log": self.site.layout.domain_log(name)}
        uuid, active = uuid_left(self.site.store, name), self._may_run(name)
        return Domain(name, uuid, active, error=error, state="unknown", reason="damaged", runtime=facts)

    def _may_run(self, name: str) -> bool:
        """Whether a guest is active; one whose status cannot be understood may well be."""
        try:
            return self._runs(name)
        except CorralError:
            return True

    def _runs(self, name: str) -> bool:
        raise self.unsupported("_runs")

    def _locked(self, name: str) -> ContextManager[None]:
        raise self.unsupported("_locked")


def _has_filters(document: Element) -> bool:
    return document.find("devices/interface/filterref") is not None

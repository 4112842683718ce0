# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls of the qemu driver about what active guests lack on the host: the rules of their network filters."""

from __future__ import annotations

from typing import ContextManager, List, Optional, Sequence

from ...xml.parse import Element
from ..api import Fault
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

        guests = [(each.name, self._guarded(each.name)) for each in self.list_domains() if each.active]
        guard_again(self.site, [(name, document) for name, document in guests if document is not None], devices)

    def _guarded(self, name: str) -> Optional[Element]:
        """The live document of an active guest that has filters."""
        document = self.site.active(name) if self._runs(name) else None
        return None if document is None or document.find("devices/interface/filterref") is None else document

    def _runs(self, name: str) -> bool:
        raise self.unsupported("_runs")

    def _locked(self, name: str) -> ContextManager[None]:
        raise self.unsupported("_locked")

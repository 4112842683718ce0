# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls of the qemu driver about what guests read at their first boot."""

from __future__ import annotations

from ...host.layout import check_name
from ...model.domain.core import Domain
from ...xml.parse import Element
from ..api import HypervisorDriver, Seed
from .guest.site import Site


class SeedingDriver(HypervisorDriver):
    """That part of the driver of a site."""

    site: Site

    def uuid_of(self, document: Element) -> str:
        """The uuid that a guest of this desired document has, or would get."""
        raise self.unsupported("uuid_of")

    def seeded_document(self, document: Element, seed: Seed) -> Element:
        from .guest.seed_make import seeded

        return seeded(self.site, document, seed, self.uuid_of(document))

    def has_seed(self, name: str, document: Element, seed: Seed) -> bool:
        from .guest.seed_make import has_seed

        return has_seed(self.site, name, document, seed)

    def write_seed(self, document: Element, seed: Seed) -> None:
        from .guest.seed_make import write_seed

        with self.site.store.lock(check_name("domain", Domain(document).name or "")):
            write_seed(self.site, document, seed)

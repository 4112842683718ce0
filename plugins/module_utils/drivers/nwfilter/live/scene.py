# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where work on the kernel's table is done: our files, and the drivers of guests and networks."""

from __future__ import annotations

from typing import NamedTuple, Optional

from ...api import HypervisorDriver, NetworkDriver
from ...links.nft import table_name
from ..site import Site


class Scene(NamedTuple):
    """What work on the kernel's table needs."""

    site: Site
    hypervisor: Optional[HypervisorDriver] = None
    network: Optional[NetworkDriver] = None

    @property
    def table(self) -> str:
        """The name of our table of the family bridge."""
        return table_name(self.site.layout)

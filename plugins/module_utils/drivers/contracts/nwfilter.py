# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract of network filter drivers."""

from __future__ import annotations

from typing import List

from .base import Driver, Summary


class NwfilterDriver(Driver):
    """Network filters."""

    kind = "nwfilter"

    def list_nwfilters(self) -> List[Summary]:
        raise self.unsupported("list_nwfilters")

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The call of the qemu driver that leads into a guest: programs and files inside it, by its agent."""

from __future__ import annotations

from ..contracts.inside import Inside
from .guarding import GuardingDriver


class EnteringDriver(GuardingDriver):
    """That part of the driver of a site."""

    def inside(self, name: str, *, patience: float) -> Inside:
        from .guest.inside import InsideGuest

        return InsideGuest(self.site, name, patience)

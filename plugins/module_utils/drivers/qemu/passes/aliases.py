# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The alias of each device, which is its id in QEMU: a user's own (ua-...) is kept."""

from __future__ import annotations

from ....model.domain.core import Domain
from ..context import Context
from ..devices.table import DEVICES


def assign_aliases(domain: Domain, context: Context) -> None:
    """Name every device that has no name yet."""
    for kind in DEVICES:
        for index, device in enumerate(kind.of(domain)):
            if device.alias is None:
                device.alias = kind.alias(device, index, domain)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the parts of the document in their usual order; what is alike keeps its order."""

from __future__ import annotations

from typing import Dict

from ....model.domain.core import Domain
from ....model.domain.order import DEVICE_RANK, TOP_RANK
from ....xml.parse import Element
from ..context import Context


def order_children(domain: Domain, context: Context) -> None:
    """Sort the children of <domain> and of <devices>."""
    _sort(domain.element, TOP_RANK)
    _sort(domain.devices(), DEVICE_RANK)


def _sort(parent: Element, rank: Dict[str, int]) -> None:
    parent[:] = sorted(parent, key=lambda child: rank.get(str(child.tag), len(rank)))

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which interfaces of a guest a network filter guards, as its document has them.

Source of the rules: libvirt's formatdomain, "Traffic filtering with NWFilter".
"""

from __future__ import annotations

from typing import Iterator, List

from ...model.domain.interface import Interface
from ...xml.parse import Element
from ..api import FilterPort

# The types whose links a filter can see packets on; what a macvtap carries never comes by a bridge.
FILTERED = ("network", "bridge", "ethernet")


def filter_ports(guest: str, document: Element) -> List[FilterPort]:
    """The guarded interfaces of a guest; those whose links have no name yet have an empty device."""
    return list(_ports(guest, document))


def _ports(guest: str, document: Element) -> Iterator[FilterPort]:
    for element in document.iterfind("devices/interface"):
        found = element.find("filterref")
        if found is None:
            continue
        card = Interface(element)
        yield FilterPort(
            device=card.target or "",
            mac=(card.mac or "").lower(),
            guest=guest,
            filter=found.get("filter") or "",
            parameters=tuple((each.get("name") or "", each.get("value") or "") for each in found.iterfind("parameter")),
            network=card.network,
            line=found.sourceline,
        )

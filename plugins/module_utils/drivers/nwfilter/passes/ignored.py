# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a filter says and no packet ever feels: kept as it is, and told to the user, never passed over in silence."""

from __future__ import annotations

from typing import Callable, Iterator, List, Optional, Tuple

from ....model.nwfilter.core import Filter
from ....model.nwfilter.protocols import INNER, PROTOCOLS, ROOT, chain_prefix
from ....xml.parse import Element

Part = Tuple[str, Optional[int]]

# The protocols whose frames pass through a chain of this name; any frame can be of protocol mac.
PASSES = {
    "vlan": ("vlan",),
    "stp": ("stp",),
    "arp": ("arp",),
    "rarp": ("rarp",),
    "ipv4": ("ip",),
    "ipv6": ("ipv6",),
}


def ignored_parts(document: Element) -> List[str]:
    """List what has no effect, as paths with their lines and the reason."""
    filter_ = Filter(document)
    parts = [*_priority(filter_), *_out_of_place(filter_)]
    return [f"{path} (line {line})" if line else path for path, line in parts]


def unknown_filters(document: Element, there: Callable[[str], bool]) -> List[str]:
    """List the filters that are referred to and not defined yet; no guest can use the filter until they are."""
    return [name for name in Filter(document).needs() if not there(name)]


def _priority(filter_: Filter) -> Iterator[Part]:
    if filter_.place == ROOT and filter_.priority:
        yield "filter/@priority, which the root chain has no use for", filter_.line


def _out_of_place(filter_: Filter) -> Iterator[Part]:
    """Rules that stand in a chain no frame of theirs comes by, and those for which the chain has no meaning."""
    prefix = chain_prefix(filter_.place) or ROOT
    for rule in filter_.rules:
        match = rule.match
        if match is None or prefix == ROOT:
            continue
        if PROTOCOLS[match.protocol].layer == INNER:
            yield f"filter/@chain for the rule of <{match.protocol}>, which stands in no chain", rule.line
        elif prefix in PASSES and match.protocol not in (*PASSES[prefix], "mac"):
            yield f"filter/rule/{match.protocol}, whose frames do not come by the chain {filter_.place}", rule.line

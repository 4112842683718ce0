# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is taken on a host: subnets of its links and routes, and those of other networks.

A route that leads nearly everywhere, as VPNs write them in halves or quarters of the address space, takes nothing.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Iterator, List, Optional, Sequence, Tuple

from ....model.network.addresses import Subnet
from ....model.network.core import Network
from ....xml.parse import Element
from ...surroundings import Surroundings

SHORTEST_ROUTE = {4: 8, 6: 16}


def overlaps(one: Subnet, other: Subnet) -> bool:
    """Whether two subnets have an address in common; those of two families never have."""
    return one.version == other.version and one.overlaps(other)


def of_links(surroundings: Surroundings, own: Optional[str]) -> Iterator[Tuple[Subnet, str, str]]:
    """The subnets that the host is in, each with its link and its address there, but those of the bridge ``own``."""
    for each in surroundings.addresses:
        if each.link != own:
            shown = f"{each.address}/{each.prefix}"
            yield ip_network(shown, strict=False), each.link, shown


def of_routes(surroundings: Surroundings, own: Optional[str]) -> Iterator[Tuple[Subnet, str]]:
    """The subnets that the host has routes to, each with where it leads, but those of the bridge ``own``."""
    for each in surroundings.routes:
        if each.link != own:
            way = " ".join(filter(None, (each.gateway and f"by {each.gateway}", each.link and f"on {each.link}")))
            yield ip_network(each.destination, strict=False), way or "to nowhere"


def of_document(document: Element) -> Iterator[Subnet]:
    """The subnets of a complete network, and those that it has routes to."""
    network = Network(document)
    yield from (ip.network() for ip in network.ips if ip.address is not None)
    yield from (route.network() for route in network.routes)


def everything(surroundings: Surroundings, known: Sequence[Element], own: Optional[str]) -> List[Subnet]:
    """Every subnet that a new network must stay away from."""
    routes = (subnet for subnet, _way in of_routes(surroundings, own))
    return [
        *(subnet for subnet, _link, _address in of_links(surroundings, own)),
        *(subnet for subnet in routes if subnet.prefixlen >= SHORTEST_ROUTE[subnet.version]),
        *(subnet for document in known for subnet in of_document(document)),
    ]

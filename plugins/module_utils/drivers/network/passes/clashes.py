# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An address or route of a network that the host has already, said with what it is there."""

from __future__ import annotations

from typing import Iterator, Optional

from ....model.network.addresses import Subnet
from ....model.network.core import Network
from ...surroundings import Surroundings
from .taken import of_links, of_routes, overlaps


def clashes(network: Network, surroundings: Surroundings) -> Optional[str]:
    """Return one sentence about the first address or route that is on the host already, None where all are free.

    What is on the network's own bridge does not count. A subnet must not overlap one that the host is in, and the host
    must have no route to it or to a part of it; a route to something larger stands behind the network's. A <route> must
    be no route of the host, and lead to no subnet that the host is in.
    """
    return next(_complaints(network, surroundings), None) if network.has_own_bridge() else None


def _complaints(network: Network, surroundings: Surroundings) -> Iterator[str]:
    own = network.bridge
    for what, subnet, is_route in _wanted(network):
        for other, link, address in of_links(surroundings, own):
            if overlaps(subnet, other):
                yield f"{what} clashes with {address}, which this host has on {link}."
        for other, way in of_routes(surroundings, own):
            if other == subnet or (not is_route and _is_part(other, subnet)):
                yield f"{what} clashes with this host's route to {other} {way}."


def _wanted(network: Network) -> Iterator[tuple[str, Subnet, bool]]:
    for ip in network.ips:
        yield f"The subnet {ip.network()} of network {network.name}", ip.network(), False
    for route in network.routes:
        yield f"The route to {route.network()} of network {network.name}", route.network(), True


def _is_part(one: Subnet, other: Subnet) -> bool:
    return one.prefixlen > other.prefixlen and overlaps(one, other)

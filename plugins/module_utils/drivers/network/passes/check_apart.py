# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused because it says the same twice, in two ways: subnets, ranges, machines and routes.

Each document here is right in its parts, which have been checked before.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Dict, Tuple, TypeVar

from ....errors import XmlError
from ....model.network.addresses import address_at
from ....model.network.core import Network
from ....model.network.ip import Ip, Route
from ....xml.views import View
from .taken import overlaps

Part = TypeVar("Part", bound=View)


def check_apart(network: Network) -> None:
    """Raise XmlError for the first part that another one contradicts."""
    _check_subnets(network)
    for ip in network.ips:
        _check_ranges(ip)
        _check_macs(ip)
    for route in network.routes:
        _check_route(network, route)


def _check_subnets(network: Network) -> None:
    """Subnets that overlap stand side by side when they are sorted."""
    found = sorted(enumerate(network.ips), key=lambda row: _place(row[1]))
    for one, other in zip(found, found[1:]):
        if overlaps(one[1].network(), other[1].network()):
            (_first, first), (_second, second) = sorted((one, other), key=_number)
            raise XmlError(
                f"the subnet {second.network()} of an <ip> overlaps {first.network()}, the subnet of another <ip>.",
                line=second.line,
                hint="Give each <ip> a subnet of its own.",
            )


def _place(ip: Ip) -> Tuple[int, int, int]:
    subnet = ip.network()
    return subnet.version, int(subnet.network_address), subnet.prefixlen


def _number(row: Tuple[int, Part]) -> int:
    """Where a part stands among its like in the document."""
    return row[0]


def _check_ranges(ip: Ip) -> None:
    found = sorted(enumerate(ip.ranges), key=lambda row: int(address_at(row[1], "start")))
    for one, other in zip(found, found[1:]):
        if int(address_at(other[1], "start")) <= int(address_at(one[1], "end")):
            (_first, first), (_second, second) = sorted((one, other), key=_number)
            raise XmlError(
                f"the range from {second.start} to {second.end} overlaps that from {first.start} to {first.end}.",
                line=second.line,
            )


def _check_macs(ip: Ip) -> None:
    """dnsmasq would give the machine one of its addresses, and never the other."""
    taken: Dict[str, str] = {}
    for host in ip.hosts:
        mac = (host.mac or "").lower()
        if mac in taken:
            raise XmlError(
                f"two addresses are reserved for the MAC address {mac}: {taken[mac]} and {host.ip}.", line=host.line
            )
        if mac:
            taken[mac] = host.ip or ""


def _check_route(network: Network, route: Route) -> None:
    """The host reaches the network's own subnets on the bridge; a route to something larger stands behind that."""
    found = route.network()
    for subnet in (ip.network() for ip in network.ips):
        if _is_within(found, subnet):
            raise XmlError(
                f"<route> leads to {found}, which is in the network's own subnet {subnet}.",
                line=route.line,
                hint="Leave the route out, or let it lead to what is behind a guest.",
            )


def _is_within(one: object, other: object) -> bool:
    if isinstance(one, IPv4Network) and isinstance(other, IPv4Network):
        return one.subnet_of(other)
    return isinstance(one, IPv6Network) and isinstance(other, IPv6Network) and one.subnet_of(other)

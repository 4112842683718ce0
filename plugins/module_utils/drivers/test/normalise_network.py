# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Completing a network's document as defining it would: pure, and without effect on its own output.

No network of a test host is real, so only what would clash among them is looked at.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Iterator, List, Optional, Sequence

from ...errors import AlreadyExists, UnsupportedConfig, XmlError
from ...host.layout import check_name
from ...model.network.addresses import Interface, Subnet, interface_of
from ...model.network.core import Network
from ...model.network.ip import DhcpRange, Ip
from ...model.network.order import order_children
from ...values import derived_mac, derived_uuid, parse_mac, parse_uuid
from ...xml.parse import Element, clone

# Where subnets are taken from, each of this length.
POOLS = {"ipv4": ("192.168.0.0/16", 24), "ipv6": ("fd00:c0::/32", 64)}
FIRST = 122
MOST_SUBNETS = 256
MOST = 65534


def normalise_network(
    document: Element, existing: Optional[Element], others: Sequence[Element], *, seed: str
) -> Element:
    """Return the complete document; raises XmlError, InvalidArgument and AlreadyExists.

    ``existing`` is the definition of the network of that name, from which uuid, MAC address, bridge and subnets are
    kept; ``others`` are those of all other networks. What a new network needs is derived from ``seed`` and its name.
    """
    if document.tag != "network":
        raise XmlError(f"the document is a <{document.tag!s}>; write a <network>.")
    network, kept = Network(clone(document)), None if existing is None else Network(existing)
    _name(network)
    _identify(network, kept, seed)
    if network.has_own_bridge():
        _bridge(network, kept, [Network(other) for other in others], seed)
    _addresses(network, kept, [Network(other) for other in others])
    order_children(network.element)
    return network.element


def _name(network: Network) -> None:
    if not network.name:
        raise XmlError("the network has no <name>; write one.", line=network.line)
    check_name("network", network.name)


def _identify(network: Network, kept: Optional[Network], seed: str) -> None:
    old = kept.uuid if kept else None
    network.uuid = (
        parse_uuid(network.uuid) if network.uuid else old or derived_uuid(seed, "network", network.name or "")
    )


def _bridge(network: Network, kept: Optional[Network], others: List[Network], seed: str) -> None:
    taken = {other.bridge for other in others}
    own = kept.bridge if kept and kept.has_own_bridge() else None
    if network.bridge in taken - {None}:
        raise AlreadyExists(f"The bridge {network.bridge} belongs to another network; write another name, or none.")
    free = (f"virbr{number}" for number in range(len(taken) + 1))
    network.bridge = network.bridge or own or next(name for name in free if name not in taken)
    mac = network.mac or (kept.mac if kept else None)
    network.mac = parse_mac(mac) if mac else derived_mac("network", seed, network.name or "")


def _addresses(network: Network, kept: Optional[Network], others: List[Network]) -> None:
    """Give each <ip> without an address one, and each <range> without ends the rest of its subnet."""
    named = [ip.network() for ip in network.ips if ip.address]
    before = [ip.interface() for ip in kept.ips if ip.address] if kept else []
    old = [found for found in before if not _clashes(found.network, named)]
    taken = [*named, *(ip.network() for other in others for ip in other.ips if ip.address)]
    for ip in network.ips:
        if ip.address is None:
            found = _kept(ip, old) or _free(ip, taken)
            ip.address, ip.prefix = str(found.ip), found.network.prefixlen
            taken.append(found.network)
        for part in ip.ranges:
            if part.start is None and part.end is None:
                _fill(part, ip.interface())


def _version(ip: Ip) -> int:
    return 6 if ip.family == "ipv6" else 4


def _kept(ip: Ip, old: List[Interface]) -> Optional[Interface]:
    fits = [found for found in old if found.version == _version(ip) and ip.prefix in (None, found.network.prefixlen)]
    if not fits:
        return None
    old.remove(fits[0])
    return fits[0]


def _free(ip: Ip, taken: List[Subnet]) -> Interface:
    for subnet in _candidates(ip):
        if not _clashes(subnet, taken):
            return interface_of(subnet.network_address + 1, subnet.prefixlen)
    raise UnsupportedConfig("there is no subnet left for an <ip> without address; write one.", line=ip.line)


def _candidates(ip: Ip) -> Iterator[Subnet]:
    """The subnets of the pool, beginning with that of libvirt's default network."""
    text, usual = POOLS["ipv6" if _version(ip) == 6 else "ipv4"]
    pool, length = ip_network(text), ip.prefix or usual
    size = 1 << (pool.max_prefixlen - length)
    if pool.prefixlen < length < pool.max_prefixlen:
        count = min(1 << (length - pool.prefixlen), MOST_SUBNETS)
        for number in range(count):
            base = int(pool.network_address) + (FIRST + number) % count * size
            yield interface_of(type(pool.network_address)(base), length).network


def _clashes(subnet: Subnet, others: Sequence[Subnet]) -> bool:
    return any(subnet.version == other.version and subnet.overlaps(other) for other in others)


def _fill(part: DhcpRange, own: Interface) -> None:
    first, last = int(own.network.network_address) + 1, int(own.network.broadcast_address) - (own.version == 4)
    parts = ((int(own.ip) + 1, last), (first, int(own.ip) - 1))
    start, end = max(parts, key=lambda bounds: bounds[1] - bounds[0])
    if start > end:
        raise XmlError(f"there is no room for a <range> in {own.network}.", line=part.line)
    kind = type(own.ip)
    part.start, part.end = str(kind(start)), str(kind(min(end, start + MOST - 1)))

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user leaves open is chosen: bridge names and subnets that clash with nothing, and that stay as they were.

An <ip> without an address is given one, and a <range> without start and end is the rest of its subnet; libvirt refuses
both. No <ip> at all means no addresses.
"""

from __future__ import annotations

import re
import uuid
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from itertools import islice
from typing import Iterator, List, Mapping, Optional, Sequence, Tuple

from ....errors import AlreadyExists, UnsupportedConfig, XmlError
from ....model.network.addresses import Interface, Subnet, as_address, interface_of, mask_length
from ....model.network.core import Network
from ....model.network.ip import DhcpRange, Ip
from ....values import derived_uuid
from ....xml.parse import Element
from ...surroundings import Surroundings
from .taken import everything, overlaps
from .texts import LONGEST_DEVICE

TEMPLATE = "virbr%d"
MOST_BRIDGES = 256
# Where subnets are looked for, each from an address on; the first is the one of libvirt's default network.
POOLS: Tuple[Tuple[str, str], ...] = (
    ("192.168.0.0/16", "192.168.122.0"),
    ("172.16.0.0/12", "172.30.0.0"),
    ("10.0.0.0/8", "10.122.0.0"),
)
TRIES = 2048  # subnets of each pool
USUAL_LENGTH = {4: 24, 6: 64}
# Room for the host and a guest, and no more than a pool has.
LENGTHS = {4: (9, 30), 6: (16, 126)}
RANGE_BITS = 16  # how far apart the ends of a range may be


def allocate_bridge(network: Network, surroundings: Surroundings, known: Sequence[Element], kept: Optional[str]) -> str:
    """Return the bridge's name: the one that is written, else the kept one, else the first that is free.

    Raises AlreadyExists for a name that another network has, or that something else on the host has.
    """
    wanted = network.bridge
    owners = {found.bridge: found.name for found in map(Network, known)}
    taken = set(owners)
    if wanted is not None and "%d" not in wanted:
        return _own_name(network, wanted, surroundings, owners, kept)
    template = wanted or TEMPLATE
    pattern = re.escape(template).replace("%d", "[0-9]+")
    if kept is not None and kept not in taken and (wanted is None or re.fullmatch(pattern, kept)):
        return kept
    taken |= {link.name for link in surroundings.links}
    names = (template.replace("%d", str(number)) for number in range(MOST_BRIDGES))
    free = next((name for name in names if name not in taken and len(name) <= LONGEST_DEVICE), None)
    if free is None:
        raise UnsupportedConfig(f"all bridge names from {template.replace('%d', '0')} on are taken.")
    return free


def _own_name(
    network: Network,
    wanted: str,
    surroundings: Surroundings,
    owners: Mapping[Optional[str], Optional[str]],
    kept: Optional[str],
) -> str:
    link = surroundings.link(wanted)
    if wanted in owners:
        raise AlreadyExists(
            f"The bridge {wanted} belongs to network {owners[wanted]}.",
            hint="Choose another name, or leave it out.",
            bridge=wanted,
        )
    if link is not None and wanted != kept:
        raise AlreadyExists(
            f"Network {network.name} cannot have the bridge {wanted}: this host has a {link.kind or 'link'} named so.",
            hint="Choose another name, or leave it out; mode 'bridge' uses a bridge that is there.",
            bridge=wanted,
        )
    return wanted


def fill_addresses(
    network: Network, surroundings: Surroundings, known: Sequence[Element], *, kept: Optional[Network], host_id: str
) -> None:
    """Give each <ip> without an address one, and each <range> without start and end both."""
    opened = [ip for ip in network.ips if ip.address is None]
    if opened:
        busy = _explicit(network)
        old = _left_over(network, kept, busy)
        taken = [*busy, *everything(surroundings, known, kept.bridge if kept is not None else network.bridge)]
        for ip in opened:
            found = _kept(ip, old) or _free(ip, network, taken, host_id)
            _write(ip, found)
            taken.append(found.network)
    for ip in network.ips:
        for each in ip.ranges:
            if each.start is None and each.end is None and as_address(ip.address) is not None:
                _fill_range(each, ip.interface())


def _explicit(network: Network) -> List[Subnet]:
    """The subnets that the document names; what is wrong with them is said by the checks."""
    return [ip.network() for ip in network.ips if as_address(ip.address) is not None]


def _left_over(network: Network, kept: Optional[Network], busy: List[Subnet]) -> List[Interface]:
    """The addresses that the network had and that nothing in its new document takes."""
    before = [] if kept is None else [ip.interface() for ip in kept.ips]
    return [found for found in before if not any(overlaps(found.network, subnet) for subnet in busy)]


def _version(ip: Ip) -> int:
    return 6 if ip.family == "ipv6" else 4


def _length(ip: Ip) -> Optional[int]:
    """The length of the prefix that is asked for, None where that is open too; raises XmlError."""
    mask = as_address(ip.netmask)
    length = ip.prefix or (mask_length(mask) if mask is not None else None)
    shortest, longest = LENGTHS[_version(ip)]
    if ip.netmask is not None and length is None:
        raise XmlError(f"<ip netmask='{ip.netmask}'> is not a netmask.", line=ip.line)
    if length is not None and not shortest <= length <= longest:
        raise XmlError(
            f"an address is chosen for a prefix from {shortest} to {longest}, and not for {length}.", line=ip.line
        )
    return length


def _kept(ip: Ip, old: List[Interface]) -> Optional[Interface]:
    length = _length(ip)
    for found in old:
        if found.version == _version(ip) and length in (None, found.network.prefixlen):
            old.remove(found)
            return found
    return None


def _free(ip: Ip, network: Network, taken: List[Subnet], host_id: str) -> Interface:
    length = _length(ip) or USUAL_LENGTH[_version(ip)]
    for subnet in _candidates(_version(ip), length, network.name or "", host_id):
        if not any(overlaps(subnet, other) for other in taken):
            return interface_of(subnet.network_address + 1, subnet.prefixlen)
    raise UnsupportedConfig(
        f"no subnet with a prefix of {length} is free on this host.", line=ip.line, hint="Write an address."
    )


def _candidates(version: int, length: int, name: str, host_id: str) -> Iterator[Subnet]:
    pools = POOLS if version == 4 else (("fd00::/8", unique_local(name, host_id)),)
    for text, start in pools:
        pool = ip_network(text)
        if length >= pool.prefixlen:
            yield from islice(_from(pool, start, length), TRIES)


def _from(pool: Subnet, start: str, length: int) -> Iterator[Subnet]:
    """The subnets of a pool, from the one with an address on, and then from the beginning."""
    size, count = 1 << (pool.max_prefixlen - length), 1 << (length - pool.prefixlen)
    base = int(pool.network_address)
    first = (int(ip_network(start).network_address) - base) // size
    for number in range(count):
        at = base + (first + number) % count * size
        yield IPv4Network((at, length)) if pool.version == 4 else IPv6Network((at, length))


def unique_local(name: str, host_id: str) -> str:
    """Return the beginning of an IPv6 subnet that only this network on this host has (RFC 4193, section 3.2)."""
    digits = uuid.UUID(derived_uuid("subnet", host_id, name)).bytes[:7]
    return str(IPv6Address(bytes((0xFD, *digits)) + bytes(8)))


def _write(ip: Ip, found: Interface) -> None:
    ip.address = str(found.ip)
    if found.version == 6:
        ip.prefix = found.network.prefixlen
    elif ip.prefix is None:
        ip.netmask = str(found.netmask)


def _fill_range(each: DhcpRange, own: Interface) -> None:
    """The larger part of the subnet beside the host's own address, as far as a range goes."""
    first, last = int(own.network.network_address) + 1, int(own.network.broadcast_address)
    last -= 1 if own.version == 4 else 0
    below, above = (first, int(own.ip) - 1), (int(own.ip) + 1, last)
    start, end = above if above[1] - above[0] >= below[1] - below[0] else below
    if start > end:
        raise XmlError(f"the subnet {own.network} has no room for a <range>.", line=each.line)
    end = min(end, start | ((1 << RANGE_BITS) - 1))
    kind = IPv4Address if own.version == 4 else IPv6Address
    each.start, each.end = str(kind(start)), str(kind(end))

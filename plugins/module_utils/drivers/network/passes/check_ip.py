# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of the host's addresses on a bridge, and of DHCP on them.

Source of the rules: libvirt's formatnetwork, "Addressing", its network_conf.c, and dnsmasq(8).
"""

from __future__ import annotations

import re
from typing import Iterator, Optional

from ....errors import UnsupportedConfig, XmlError
from ....model.network.addresses import Address, Interface, address_at
from ....model.network.core import Network
from ....model.network.ip import UNITS, DhcpHost, DhcpRange, Ip, LeaseTime, Route
from ....xml.views import View, check_choice
from ..dnsmasq.conf import reverse_domain
from .check_forward import range_complaint
from .texts import check_domain, check_mac, check_text, refuse

FAMILIES = {4: "ipv4", 6: "ipv6"}
SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600}
SHORTEST_LEASE, LONGEST_LEASE = 120, (1 << 32) - 2  # dnsmasq(8): two minutes at least; it counts with 32 bits
SHORTEST_DHCP6 = 64  # the length of a prefix; dnsmasq(8), dhcp-range


def check_ips(network: Network) -> None:
    """Raise XmlError or UnsupportedConfig for the first address that is wrong in itself, or beside the others."""
    seen = set()
    for ip in network.ips:
        _check_ip(ip)
        if ip.interface().ip in seen:
            raise XmlError(f"the address {ip.address} stands in two <ip>.", line=ip.line)
        seen.add(ip.interface().ip)
    _check_services(network)


def _check_services(network: Network) -> None:
    for version in FAMILIES:
        served = [ip for ip in network.ips if ip.serves_dhcp() and ip.version() == version]
        if len(served) > 1:
            raise UnsupportedConfig(
                f"DHCP is served on one IPv{version} address of a network only, and this is the second.",
                line=served[1].line_at("dhcp"),
            )
    roots = [ip for ip in network.ips if ip.tftp_root]
    if len(roots) > 1:
        raise UnsupportedConfig("TFTP is served on one address of a network only.", line=roots[1].line_at("tftp"))


def check_family(view: View, family: Optional[str], address: Address) -> None:
    """Raise XmlError where an address is not of the family that is named, or of IPv4 where none is."""
    if family is not None:
        check_choice(view, "family", family, FAMILIES.values())
    if (family or "ipv4") != FAMILIES[address.version]:
        what = f"family='{family}'" if family else "no family, so it is an IPv4 one"
        raise XmlError(
            f"<{view.element.tag}> has {what}, and its address is {address}.",
            line=view.line,
            hint=f"Write family='{FAMILIES[address.version]}'.",
        )


def check_mask(view: View, address: Address, netmask: Optional[str], prefix: Optional[int]) -> None:
    """Raise XmlError for a netmask beside a prefix, one for IPv6, and a prefix that is too long."""
    tag = view.element.tag
    if netmask is not None and address.version == 6:
        raise XmlError(f"<{tag}> has a netmask, and an IPv6 address has a prefix.", line=view.line)
    if netmask is not None and prefix:
        raise XmlError(f"<{tag}> has both a netmask and a prefix; one says all.", line=view.line)
    if (prefix or 0) > address.max_prefixlen:
        raise XmlError(f"<{tag} prefix='{prefix}'> is beyond {address.max_prefixlen}.", line=view.line)


def _check_ip(ip: Ip) -> None:
    address = address_at(ip, "address")
    check_family(ip, ip.family, address)
    check_mask(ip, address, ip.netmask, ip.prefix)
    if address.is_multicast or address.is_unspecified:
        raise refuse(ip, "address", str(address), "cannot be the address of a host")
    if address.version == 6 and address.is_link_local:
        raise refuse(ip, "address", str(address), "is an address of one link, which every link has by itself")
    found = ip.interface()
    _check_ends(ip, found)
    if ip.local_ptr:
        reverse_domain(ip)
    if ip.element.find("tftp") is not None and address.version == 6:
        raise UnsupportedConfig("TFTP is served on IPv4 addresses only.", line=ip.line_at("tftp"))
    check_text(ip, "root", ip.tftp_root)
    _check_dhcp(ip, found)


def _check_ends(ip: Ip, found: Interface) -> None:
    """The first and the last address of an IPv4 subnet are no host's, unless it has no others (RFC 3021)."""
    if found.version == 4 and found.network.prefixlen < 31:
        what = {found.network.network_address: "names", found.network.broadcast_address: "is the broadcast address of"}
        if found.ip in what:
            raise XmlError(
                f"<ip address='{found.ip}'> {what[found.ip]} the subnet {found.network}; no host can have it.",
                line=ip.line,
                hint=f"Write an address in it, such as {found.network.network_address + 1}.",
            )


def _check_dhcp(ip: Ip, found: Interface) -> None:
    if found.version == 6 and ip.serves_dhcp() and found.network.prefixlen < SHORTEST_DHCP6:
        raise UnsupportedConfig(
            f"dnsmasq serves DHCPv6 on prefixes of {SHORTEST_DHCP6} and longer, and that of {found} is shorter.",
            line=ip.line,
        )
    for each in ip.ranges:
        check_range(each, found)
        _check_lease(each.lease)
    taken = {found.ip}
    for host in ip.hosts:
        _check_host(host, found)
        address = address_at(host, "ip")
        if address in taken:
            raise XmlError(f"{address} cannot be reserved: it belongs to another <host> or <ip>.", line=host.line)
        taken.add(address)
    check_text(ip, "file", ip.bootp_file)
    for element in ip.element.findall("dhcp/bootp[@server]"):
        address_at(View(element), "server")


def check_range(each: DhcpRange, found: Interface) -> None:
    """Raise XmlError for a range that is none, or that is not in the subnet."""
    start, end = address_at(each, "start"), address_at(each, "end")
    if start.version != end.version or start not in found.network or end not in found.network:
        raise XmlError(f"the range from {start} to {end} is not in the subnet {found.network}.", line=each.line)
    complaint = range_complaint(start, end)
    if complaint:
        raise XmlError(f"the range {complaint}.", line=each.line)
    if found.version == 4 and start == found.network.network_address:
        raise XmlError(f"the range begins with {start}, which names the subnet itself.", line=each.line)
    if found.version == 4 and end == found.network.broadcast_address:
        raise XmlError(f"the range ends with {end}, which is the subnet's broadcast address.", line=each.line)


def _check_lease(lease: Optional[LeaseTime]) -> None:
    if lease is None:
        return
    if lease.unit is not None:
        check_choice(lease, "unit", lease.unit, UNITS)
    seconds = (lease.expiry or 0) * SECONDS[lease.unit or "minutes"]
    if seconds and not SHORTEST_LEASE <= seconds <= LONGEST_LEASE:
        raise UnsupportedConfig(
            f"a lease of {lease.expiry} {lease.unit or 'minutes'} cannot be given: two minutes are the shortest, and"
            f" {LONGEST_LEASE} seconds the longest; expiry='0' is for ever.",
            line=lease.line,
        )


def _check_host(host: DhcpHost, found: Interface) -> None:
    address = address_at(host, "ip")
    for complaint in _host_complaints(host, found.version):
        raise XmlError(f"the DHCP host {address}: {complaint}.", line=host.line)
    if address not in found.network:
        raise XmlError(f"{address} cannot be reserved: it is not in the subnet {found.network}.", line=host.line)
    check_mac(host, "mac", host.mac)
    check_domain(host, "name", host.name)
    _check_lease(host.lease)


def _host_complaints(host: DhcpHost, version: int) -> Iterator[str]:
    if version == 6 and host.mac is not None:
        yield "DHCPv6 does not know machines by MAC address; write id or name"
    if version == 6 and not (host.id or host.name):
        yield "it needs an id or a name"
    if version == 4 and not (host.mac or host.name):
        yield "it needs a mac or a name"
    if host.id is not None and not re.fullmatch("[0-9A-Fa-f:]{1,400}", host.id):
        yield "its id has other characters than hexadecimal digits and colons"
    if host.name is not None and not re.match("[A-Za-z0-9]", host.name):
        yield f"its name '{host.name}' does not begin with a letter or a digit"


def check_routes(network: Network) -> None:
    """Raise XmlError or UnsupportedConfig for a route that the host could not have."""
    for route in network.routes:
        _check_route(route)
        gateway = address_at(route, "gateway")
        if not any(gateway in ip.network() for ip in network.ips if ip.version() == gateway.version):
            raise UnsupportedConfig(
                f"the gateway {gateway} of a <route> is in no subnet of the network, so it cannot be reached.",
                line=route.line,
            )


def _check_route(route: Route) -> None:
    address, gateway = address_at(route, "address"), address_at(route, "gateway")
    check_family(route, route.family, address)
    if gateway.version != address.version:
        raise XmlError(f"the gateway {gateway} and the address {address} are of two families.", line=route.line)
    if route.netmask is not None and route.prefix is not None:
        raise XmlError("<route> has both a netmask and a prefix; one says all.", line=route.line)
    check_mask(route, address, route.netmask, route.prefix)
    if route.metric is not None and not 0 < route.metric < 1 << 32:
        raise XmlError(f"<route metric='{route.metric}'> is not a number from 1 to 4294967295.", line=route.line)
    found = route.destination()
    if found.ip != found.network.network_address:
        raise XmlError(
            f"<route> leads to {found}, which is an address in the subnet {found.network}.",
            line=route.line,
            hint=f"Write address='{found.network.network_address}'.",
        )

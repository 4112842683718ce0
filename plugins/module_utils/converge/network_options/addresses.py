# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of the host in a network, what DHCP gives out there, and routes to what is behind guests.

Source of the meanings: libvirt's formatnetwork, "Addressing" and "Static Routes".
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_interface, ip_network
from typing import Optional, Union

from ...errors import InvalidArgument
from ...model.network.addresses import Interface, as_address
from ...values import parse_mac
from ...xml.parse import Element, add
from ..options.write import Builder, Options, absolute, each, put

LEASE_UNITS = {"s": ("seconds", 1), "m": ("minutes", 1), "h": ("hours", 1), "d": ("hours", 24)}
SHORTEST_LEASE = 120
SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600}


def ips(network: Element, options: Options) -> None:
    """One address after the other."""
    for what, entry in each(options, "ips"):
        _ip(network, entry, what)


def routes(network: Element, options: Options) -> None:
    """One route after the other."""
    for what, entry in each(options, "routes"):
        subnet = _subnet(entry["destination"], f"{what}.destination")
        attributes = {"address": subnet.network_address, "prefix": subnet.prefixlen}
        gateway = _address(entry["gateway"], f"{what}.gateway")
        put(
            add(network, "route"),
            {**_family(subnet.version), **attributes, "gateway": gateway, "metric": entry.get("metric")},
        )


def between_guests(network: Element, options: Options) -> None:
    """Whether guests may speak IPv6 with one another where the host has no address of it."""
    put(network, {"ipv6": options.get("ipv6_between_guests")})


def lease(parent: Element, time: Optional[str], what: str) -> None:
    """How long an address is given out for: a number with s, m, h or d, or infinite."""
    if time is None:
        return
    match = re.fullmatch(r"([0-9]{1,9})\s*([smhd])", time.strip())
    if time.strip() != "infinite" and match is None:
        raise InvalidArgument(f"{what}: {time!r} is no time; write one such as 5m, 12h or 7d, or infinite.")
    if match is None:
        add(parent, "lease", expiry="0")
        return
    unit, factor = LEASE_UNITS[match.group(2)]
    number = int(match.group(1)) * factor
    if number * SECONDS[unit] < SHORTEST_LEASE:
        raise InvalidArgument(f"{what}: {time} is too short; dnsmasq gives out addresses for at least 2m.")
    add(parent, "lease", expiry=str(number), unit=unit)


def _ip(network: Element, entry: Options, what: str) -> None:
    interface = _interface(entry.get("address"), f"{what}.address")
    element = add(network, "ip")
    if interface is None:
        put(element, {**_family(6 if entry.get("family") == "ipv6" else 4), "prefix": entry.get("prefix")})
    else:
        _check_open(entry, what)
        put(element, {**_family(interface.version), "address": interface.ip, "prefix": interface.network.prefixlen})
    put(element, {"localPtr": entry.get("local_ptr")})
    if entry.get("tftp_root"):
        add(element, "tftp", root=absolute(entry["tftp_root"], f"{what}.tftp_root"))
    _dhcp(element, entry, what)


def _check_open(entry: Options, what: str) -> None:
    """What says which address is to be chosen has no meaning beside one."""
    stray = [name for name in ("family", "prefix") if entry.get(name) is not None]
    if stray:
        raise InvalidArgument(f"{what}: {stray[0]} is for an address that is left open; the address says it already.")


def _dhcp(element: Element, entry: Options, what: str) -> None:
    given = [name for name in ("ranges", "hosts", "bootp", "lease_time") if entry.get(name)]
    if not entry.get("dhcp") and (entry.get("dhcp") is False or given in ([], ["lease_time"])):
        if given:
            raise InvalidArgument(f"{what}: {given[0]} is about DHCP, and there is none; write dhcp: true.")
        return
    dhcp = add(element, "dhcp")
    _ranges(dhcp, entry, what)
    _hosts(dhcp, entry, what)
    if entry.get("bootp"):
        put(add(dhcp, "bootp"), {name: entry["bootp"].get(name) for name in ("file", "server")})


def _ranges(dhcp: Element, entry: Options, what: str) -> None:
    """The ranges that are given; with ``dhcp`` alone one without ends, which the driver makes all of the subnet."""
    for where, found in each(entry, "ranges"):
        bounds = {name: _address(found[name], f"{what}.{where}.{name}") for name in ("start", "end")}
        time = found.get("lease_time") or entry.get("lease_time")
        lease(put(add(dhcp, "range"), bounds), time, f"{what}.{where}.lease_time")
    if not entry.get("ranges") and entry.get("dhcp"):
        lease(add(dhcp, "range"), entry.get("lease_time"), f"{what}.lease_time")


def _hosts(dhcp: Element, entry: Options, what: str) -> None:
    for where, host in each(entry, "hosts"):
        if not any(host.get(name) for name in ("mac", "id", "name")):
            raise InvalidArgument(f"{what}.{where}: nothing says which machine it is; write mac, id or name.")
        mac = parse_mac(host["mac"]) if host.get("mac") else None
        address = _address(host["address"], f"{what}.{where}.address")
        element = put(add(dhcp, "host"), {"mac": mac, "id": host.get("id"), "name": host.get("name"), "ip": address})
        lease(element, host.get("lease_time"), f"{what}.{where}.lease_time")


def _family(version: int) -> dict[str, str]:
    return {"family": "ipv6"} if version == 6 else {}


def _address(text: str, what: str) -> str:
    found = as_address(text)
    if found is None:
        raise InvalidArgument(f"{what}: {text!r} is no IP address.")
    return str(found)


def _interface(text: Optional[str], what: str) -> Optional[Interface]:
    if text is None:
        return None
    address, slash, _length = text.partition("/")
    found = as_address(address)
    if found is None or not slash:
        example = f"{found or '192.168.100.1'}/{64 if found is not None and found.version == 6 else 24}"
        raise InvalidArgument(f"{what}: {text!r} is no address with a prefix; write one such as {example}.")
    try:
        return ip_interface(text.strip())
    except ValueError:
        raise InvalidArgument(f"{what}: {text!r} has no prefix from 0 to {found.max_prefixlen}.") from None


def _subnet(text: str, what: str) -> Union[IPv4Network, IPv6Network]:
    try:
        if "/" not in text:
            raise ValueError(text)
        return ip_network(text.strip())
    except ValueError:
        raise InvalidArgument(
            f"{what}: {text!r} is no subnet; write its first address with a prefix, such as 10.1.0.0/16."
        ) from None


BUILDERS: tuple[Builder, ...] = (ips, routes, between_guests)

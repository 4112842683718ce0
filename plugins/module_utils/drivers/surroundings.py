# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What network the host is in: its links, addresses and routes, read once as a frozen value.

Two runs of iproute2's ``ip`` answer everything. Everything is that of the network namespace of our process.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ..errors import HostError, MissingProgram
from ..host.api import Host

LINKS_ARGV = ("ip", "-j", "-d", "address", "show")
ROUTES_ARGV = ("ip", "-j", "route", "show", "table", "all")

# What a host's table of routes holds for its own addresses and for groups says nothing about other networks.
_NOT_ROUTES = frozenset({"local", "broadcast", "multicast", "anycast"})
_EVERYTHING = {4: "0.0.0.0/0", 6: "::/0"}


@dataclass(frozen=True)
class Link:
    """One network interface. ``kind`` is the kernel's word for a virtual one: bridge, tun, veth, macvtap, ...

    ``up`` is what was asked of it, not whether it has a carrier. ``lower`` is the device that it stands on. A bridge
    has ``stp`` and ``forward_delay`` in hundredths of a second, which is how the kernel counts it.
    """

    name: str
    kind: Optional[str] = None
    master: Optional[str] = None
    mac: Optional[str] = None
    mtu: int = 1500
    up: bool = False
    index: int = 0
    lower: Optional[str] = None
    stp: Optional[bool] = None
    forward_delay: Optional[int] = None
    vlan_filtering: Optional[bool] = None


@dataclass(frozen=True)
class HostAddress:
    """An address of the host, of either family; those of one link only (fe80::/10) are left out."""

    link: str
    address: str
    prefix: int


@dataclass(frozen=True)
class HostRoute:
    """A route of the host, of any table: ``destination`` is always ADDRESS/PREFIX, ``link`` None where it ends here."""

    destination: str
    link: Optional[str] = None
    gateway: Optional[str] = None


@dataclass(frozen=True)
class Surroundings:
    """Everything that a network has to fit into."""

    links: Tuple[Link, ...] = ()
    addresses: Tuple[HostAddress, ...] = ()
    routes: Tuple[HostRoute, ...] = ()

    def link(self, name: str) -> Optional[Link]:
        """Return the link of that name, or None."""
        return next((link for link in self.links if link.name == name), None)

    def ports(self, bridge: str) -> Tuple[Link, ...]:
        """Return the links that are attached to a bridge."""
        return tuple(link for link in self.links if link.master == bridge)


def without_link(surroundings: Surroundings, name: str) -> Surroundings:
    """Return the same as it is without a link, its addresses and its routes."""
    return replace(
        surroundings,
        links=tuple(link for link in surroundings.links if link.name != name),
        addresses=tuple(each for each in surroundings.addresses if each.link != name),
        routes=tuple(each for each in surroundings.routes if each.link != name),
    )


def look(host: Host, *, routes: bool = True) -> Surroundings:
    """Ask the host; raises MissingProgram with the package's name, and HostError for what cannot be understood.

    Without ``routes`` only links and their addresses are asked for.
    """
    links, ways = _ask(host, LINKS_ARGV), _ask(host, ROUTES_ARGV) if routes else []
    return Surroundings(
        tuple(_link(row) for row in links),
        tuple(address for row in links for address in _addresses(row)),
        tuple(route for row in ways for route in _routes(row)),
    )


def _ask(host: Host, argv: Tuple[str, ...]) -> List[Mapping[str, Any]]:
    try:
        said = host.run(argv).stdout
    except MissingProgram:
        raise MissingProgram("ip", hint="Install the package iproute2 (iproute on Fedora and its kin).") from None
    try:
        rows = json.loads(said.decode("utf-8") or "[]")
    except ValueError:
        rows = None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise HostError(f"{' '.join(argv)} did not answer in JSON.", hint="iproute2 4.18 or newer is needed.")
    return [row for row in rows if row]


def _link(row: Mapping[str, Any]) -> Link:
    about: Dict[str, Any] = row.get("linkinfo") or {}
    kind, data = about.get("info_kind"), about.get("info_data") or {}
    bridge = data if kind == "bridge" else {}
    return Link(
        name=str(row.get("ifname", "")),
        kind=kind,
        master=row.get("master"),
        mac=row.get("address"),
        mtu=int(row.get("mtu", 0)),
        up="UP" in row.get("flags", ()),
        index=int(row.get("ifindex", 0)),
        lower=row.get("link"),
        stp=bool(bridge["stp_state"]) if "stp_state" in bridge else None,
        forward_delay=bridge.get("forward_delay"),
        vlan_filtering=bool(bridge["vlan_filtering"]) if "vlan_filtering" in bridge else None,
    )


def _addresses(row: Mapping[str, Any]) -> Iterator[HostAddress]:
    for each in row.get("addr_info") or ():
        if each.get("local") and each.get("scope") != "link":
            yield HostAddress(str(row.get("ifname", "")), each["local"], int(each.get("prefixlen", 0)))


def _routes(row: Mapping[str, Any]) -> Iterator[HostRoute]:
    destination = _destination(row)
    if row.get("type") in _NOT_ROUTES or destination is None:
        return
    for hop in row.get("nexthops") or (row,):
        yield HostRoute(destination, hop.get("dev") or row.get("dev"), _gateway(hop))


def _destination(row: Mapping[str, Any]) -> Optional[str]:
    """Return where a route leads as ADDRESS/PREFIX; None for one that stays on a link, and for what is no address."""
    text = str(row.get("dst", ""))
    if text == "default":
        return _EVERYTHING[_family(row)]
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    return None if network.is_link_local and network.version == 6 else str(network)


def _family(row: Mapping[str, Any]) -> int:
    """Return the family of a default route, which does not name it: IPv6 routes alone have a preference.

    An IPv4 route by an IPv6 router has ``via`` in place of ``gateway``.
    """
    return 6 if "pref" in row or ":" in str(row.get("gateway", "")) else 4


def _gateway(hop: Mapping[str, Any]) -> Optional[str]:
    """Return the next router; ``via`` is one of another family than the route."""
    gateway = hop.get("gateway") or (hop.get("via") or {}).get("host")
    return str(gateway) if gateway else None

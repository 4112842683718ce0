# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bridges: what one needs to be as it should, the lines that give it that, what keeps it from being so.

Starting and mending are one piece of code: only what is missing is done. As libvirt's virtual networks have them.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Iterator, List, Optional, Tuple

from ...errors import HostError, OperationInvalid
from ...host.api import Host
from ...model.network.core import Network
from ..api import Fault
from ..surroundings import Link, Surroundings
from .batch import Batch, apply, check_link_name, line

# With STP the kernel keeps the delay between these, in hundredths of a second (net/bridge/br_private_stp.h).
_DELAYS = (200, 3000)

# What the kernel gives a bridge without ports.
_FIRST_MTU = 1500


@dataclass(frozen=True)
class Address:
    """An address of the bridge."""

    address: str
    prefix: int


@dataclass(frozen=True)
class Route:
    """A static route by a guest: ``destination`` is ADDRESS/PREFIX."""

    destination: str
    gateway: str
    metric: int = 1


@dataclass(frozen=True)
class Bridge:
    """A bridge that is ours. ``delay`` in seconds; ``mtu`` None for the one that the kernel gives it."""

    name: str
    mac: Optional[str] = None
    mtu: Optional[int] = None
    stp: bool = True
    delay: int = 0
    vlan_filtering: bool = False
    addresses: Tuple[Address, ...] = ()
    routes: Tuple[Route, ...] = ()

    @property
    def ipv6(self) -> bool:
        """Whether the host takes part in IPv6 there."""
        return any(":" in each.address for each in self.addresses)


def bridge_of(network: Network) -> Bridge:
    """Return the bridge of a network that has one of its own, complete as it is started; raises XmlError."""
    return Bridge(
        check_link_name(network.bridge or ""),
        network.mac,
        network.mtu,
        network.stp is not False,
        network.delay or 0,
        network.vlan is not None or any(group.vlan is not None for group in network.portgroups),
        tuple(Address(str(ip.interface().ip), ip.interface().network.prefixlen) for ip in network.ips),
        tuple(_route(route.network(), route.gateway, route.metric) for route in network.routes),
    )


def _route(destination: object, gateway: Optional[str], metric: Optional[int]) -> Route:
    return Route(str(destination), gateway or "", 1 if metric is None else metric)


def bridge_faults(bridge: Bridge, surroundings: Surroundings) -> List[Fault]:
    """Return what the bridge lacks on the host: ``bridge``, ``address`` or ``route``."""
    link = surroundings.link(bridge.name)
    if link is None:
        return [Fault("bridge", f"The bridge {bridge.name} is missing.")]
    if link.kind != "bridge":
        return [Fault("bridge", f"{bridge.name} is not a bridge.")]
    return [
        *(Fault("bridge", f"The bridge {bridge.name} {said}.") for _lines, said in _differences(bridge, link)),
        *(
            Fault("address", f"{bridge.name} lacks the address {_spelt(each)}.")
            for each in _missing(bridge, surroundings)
        ),
        *(
            Fault("route", f"The route to {each.destination} by {each.gateway} is missing.")
            for each in _missing_routes(bridge, surroundings)
        ),
    ]


def bring_up(host: Host, bridge: Bridge, surroundings: Surroundings) -> None:
    """Make the bridge as it should be; raises OperationInvalid when the name is that of something else.

    IPv6 is settled between making it and starting it, so that no address of one link ever shows up on it.
    """
    link = surroundings.link(bridge.name)
    if link is not None and link.kind != "bridge":
        raise OperationInvalid(
            f"{bridge.name} is there already, and is not a bridge.", hint="Give the network's bridge another name."
        )
    apply(host, make_lines(bridge, surroundings))
    for path, value in kernel_settings(bridge):
        now = host.read(path)
        if now is not None and now.decode("ascii", "replace").strip() != value:
            host.set_kernel(path, value)
    _learn_from_filtered_only(host, bridge)
    apply(host, settle_lines(bridge, surroundings))


def _learn_from_filtered_only(host: Host, bridge: Bridge) -> None:
    """Let frames that no filter sees teach the bridge nothing about where somebody is.

    Frames to the group addresses of bridges and LLDP come by no hook of nftables. Their senders are learnt all the
    same, so that a guest could have the packets of another one sent to itself, whatever its filter says. Linux can
    leave that since 5.0; where /sys cannot be written to, the bridge is as good as it was.
    """
    path = f"/sys/class/net/{check_link_name(bridge.name)}/bridge/no_linklocal_learn"
    with suppress(HostError):
        if (host.read(path) or b"").strip() == b"0":
            host.set_kernel(path, "1")


def make_lines(bridge: Bridge, surroundings: Surroundings) -> Batch:
    """Return what makes a bridge that is missing; nothing for one that is there."""
    if surroundings.link(bridge.name):
        return Batch()
    words: List[object] = ["link", "add", "name", check_link_name(bridge.name)]
    words += ["address", bridge.mac] if bridge.mac else []
    words += ["mtu", _FIRST_MTU - 1] if bridge.mtu == _FIRST_MTU else []
    words += ["type", "bridge", "forward_delay", bridge.delay * 100, "stp_state", int(bridge.stp)]
    words += ["vlan_filtering", 1] if bridge.vlan_filtering else []
    return Batch((line(*words),))


def kernel_settings(bridge: Bridge) -> Tuple[Tuple[str, str], ...]:
    """Return (path, value) of what the kernel is told about IPv6 on it: a router takes no advertisements of guests.

    The paths are missing on a host without IPv6.
    """
    base = f"/proc/sys/net/ipv6/conf/{check_link_name(bridge.name)}"
    values = {"disable_ipv6": int(not bridge.ipv6), "accept_ra": 0, "autoconf": 0}
    return tuple((f"{base}/{name}", str(value)) for name, value in values.items())


def settle_lines(bridge: Bridge, surroundings: Surroundings) -> Batch:
    """Return what else it needs: what differs, the addresses and routes that are missing, and that it is up.

    Addresses are ours alone and need no search for others that have them, which a bridge without guests never ends.
    """
    link = surroundings.link(bridge.name)
    lines = [_address_line(bridge, each) for each in _missing(bridge, surroundings)]
    if link is None:
        # the MTU follows that of the ports unless it was changed after the bridge was made (br_mtu_auto_adjust)
        mtu = ("mtu", bridge.mtu) if bridge.mtu else ()
        lines.append(line("link", "set", "dev", bridge.name, *mtu, "up"))
    else:
        lines += [each for several, _said in _differences(bridge, link) for each in several]
    lines += [_route_line(bridge, each) for each in _missing_routes(bridge, surroundings)]
    return Batch(tuple(lines))


def remove_lines(name: str) -> Batch:
    """Return what takes a bridge away, with its addresses and routes; guests' taps stay."""
    return Batch((line("link", "set", "dev", check_link_name(name), "down"), line("link", "delete", "dev", name)))


def _differences(bridge: Bridge, link: Link) -> Iterator[Tuple[Tuple[str, ...], str]]:
    """Yield the lines and the words for each way in which a bridge that is there is not as it should be."""
    change = ("link", "set", "dev", bridge.name)
    if bridge.mac and link.mac and bridge.mac.lower() != link.mac:
        yield (line(*change, "address", bridge.mac),), f"has the MAC address {link.mac} in place of {bridge.mac}"
    if bridge.mtu and link.mtu != bridge.mtu:
        yield (line(*change, "mtu", bridge.mtu),), f"has an MTU of {link.mtu} in place of {bridge.mtu}"
    if link.stp is not None and (link.stp, link.forward_delay) != (bridge.stp, _expected_delay(bridge)):
        yield _stp_lines(bridge), "has other settings of STP than the network"
    if bridge.vlan_filtering and link.vlan_filtering is False:
        yield (line(*change, "type", "bridge", "vlan_filtering", 1),), "does not tell VLANs apart"
    if not link.up:
        yield (line(*change, "up"),), "is down"


def _stp_lines(bridge: Bridge) -> Tuple[str, ...]:
    """Return the lines that set STP and its delay: while it is on, the kernel refuses delays below two seconds."""
    change = ("link", "set", "dev", bridge.name, "type", "bridge")
    told = ("forward_delay", bridge.delay * 100, "stp_state", int(bridge.stp))
    return line(*change, "stp_state", 0), line(*change, *told)


def _expected_delay(bridge: Bridge) -> int:
    """Return the delay that the kernel makes of ours."""
    wanted = bridge.delay * 100
    return max(_DELAYS[0], min(_DELAYS[1], wanted)) if bridge.stp else wanted


def _missing(bridge: Bridge, surroundings: Surroundings) -> List[Address]:
    there = {(ip_address(each.address), each.prefix) for each in surroundings.addresses if each.link == bridge.name}
    return [each for each in bridge.addresses if (ip_address(each.address), each.prefix) not in there]


def _missing_routes(bridge: Bridge, surroundings: Surroundings) -> List[Route]:
    there = {
        (ip_network(each.destination), ip_address(each.gateway))
        for each in surroundings.routes
        if each.link == bridge.name and each.gateway
    }
    return [each for each in bridge.routes if (ip_network(each.destination), ip_address(each.gateway)) not in there]


def _spelt(address: Address) -> str:
    return f"{address.address}/{address.prefix}"


def _address_line(bridge: Bridge, each: Address) -> str:
    """An IPv4 address gets the broadcast address of its network, as libvirt gives it one."""
    words = ("address", "add", _spelt(each), *(("nodad",) if ":" in each.address else ("broadcast", "+")))
    return line(*words, "dev", bridge.name)


def _route_line(bridge: Bridge, each: Route) -> str:
    words = ("route", "add", each.destination, "via", each.gateway, "dev", bridge.name)
    return line(*words, "proto", "static", "metric", each.metric)

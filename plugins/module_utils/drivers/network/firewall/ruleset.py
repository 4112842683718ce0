# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The packet filter of all active networks: one table of ours, as a text for ``nft -f -``.

What the modes mean is as in libvirt (docs/firewall, "The virtual network driver"):

- the guests of one network reach each other, whatever the mode;
- ``isolated``: nothing is forwarded to them or from them;
- ``nat``: what leaves must come from the network's own addresses and is given another one; only answers come back;
- ``route``: both ways, but only from and to the network's own addresses. So is the IPv6 of a nat network whose <nat>
  does not say ipv6='yes';
- with ``dev`` all that goes by these devices only;
- ``open``, and the modes without a bridge of their own: no rule of ours.

A packet between two networks has to be allowed by both. Rules are few, and what differs between networks is in sets, so
that the table stays readable with fifty networks. Nothing is said about packets to and from the host itself: where
others drop them an ``accept`` of ours would change nothing (see ``advice``).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import collapse_addresses
from typing import Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from ....errors import InvalidArgument
from ....model.network.addresses import Subnet, as_address
from ....model.network.core import Network
from ....model.network.forward import ISOLATED, Nat
from ...links.batch import check_link_name

FAMILY = "inet"
# Of these modes the packets are filtered.
_FILTERED = (ISOLATED, "nat", "route")
# What a connection gets where the network does not say: no port of the host's own services.
_PORTS = (1024, 65535)
# These are for one link only and are never translated: multicast within a link and the limited broadcast.
_LINK_ONLY = {4: "ip daddr { 224.0.0.0/24, 255.255.255.255 }", 6: "ip6 daddr ff02::/16"}
_PAYLOAD = {4: "ip", 6: "ip6"}


@dataclass(frozen=True)
class Walled:
    """What the filter has to know of one network. ``pool`` and ``ports`` are what translated packets are given."""

    bridge: str
    devices: Tuple[str, ...] = ()
    translated: Tuple[Subnet, ...] = ()
    routed: Tuple[Subnet, ...] = ()
    pool: Optional[str] = None
    ports: Tuple[int, int] = _PORTS


def ruleset(networks: Sequence[Network], table: str) -> str:
    """Return what makes the table anew, or takes it away where no network needs one, in one transaction.

    Adding it first lets the deletion succeed where it is missing. Raises InvalidArgument and XmlError.
    """
    begin = f"add table {FAMILY} {table}\ndelete table {FAMILY} {table}\n"
    walled = walls(networks)
    if not walled:
        return begin
    parts = [part for part in (*_sets(walled), *_chains(walled)) if part]
    return f"{begin}table {FAMILY} {table} {{\n" + "\n".join(parts) + "}\n"


def walls(networks: Iterable[Network]) -> List[Walled]:
    """Return the networks whose packets are filtered, by the names of their bridges."""
    found = (_walled(network) for network in networks if network.mode() in _FILTERED and network.bridge)
    return sorted(found, key=lambda each: each.bridge)


def _walled(network: Network) -> Walled:
    bridge, mode = check_link_name(network.bridge or ""), network.mode()
    if mode == ISOLATED:
        return Walled(bridge)
    nat = network.forward.nat if network.forward and mode == "nat" else None
    versions = () if mode != "nat" else (4, 6) if nat and nat.ipv6 else (4,)
    subnets = [ip.network() for ip in network.ips]
    return Walled(
        bridge,
        tuple(check_link_name(device) for device in network.devices()),
        _merged(each for each in subnets if each.version in versions),
        _merged(each for each in subnets if each.version not in versions),
        _pool(nat),
        _ports(nat),
    )


def _merged(subnets: Iterable[Subnet]) -> Tuple[Subnet, ...]:
    """Return subnets that do not overlap, IPv4 first: a set refuses elements that do."""
    every = list(subnets)
    four = collapse_addresses(each for each in every if each.version == 4)
    six = collapse_addresses(each for each in every if each.version == 6)
    return (*four, *six)


def _pool(nat: Optional[Nat]) -> Optional[str]:
    """Return the addresses that packets get as nft writes them, None for that of the device that they leave by."""
    if nat is None or nat.address is None:
        return None
    first, last = as_address(nat.address.start), as_address(nat.address.end or nat.address.start)
    if first is None or last is None or first.version != 4 or last.version != 4 or int(last) < int(first):
        said = f"{nat.address.start} to {nat.address.end}"
        raise InvalidArgument(f"Guests cannot leave with the addresses {said}: these are no range of IPv4 addresses.")
    return str(first) if first == last else f"{first}-{last}"


def _ports(nat: Optional[Nat]) -> Tuple[int, int]:
    if nat is None or nat.port is None:
        return _PORTS
    first = nat.port.start or 0
    last = nat.port.end or first
    if not 0 < first <= last <= 65535:
        raise InvalidArgument(f"Connections cannot leave by the ports {first} to {last}: these are no range from 1 on.")
    return first, last


# sets


def _sets(walled: Sequence[Walled]) -> Iterator[str]:
    names = [f'"{each.bridge}"' for each in walled]
    yield _set("guarded", "ifname", names)
    yield _set("within", "ifname . ifname", [f"{name} . {name}" for name in names])
    fenced = [each for each in walled if each.devices]
    yield _set("fenced", "ifname", [f'"{each.bridge}"' for each in fenced])
    yield _set("exits", "ifname . ifname", [f'"{each.bridge}" . "{dev}"' for each in fenced for dev in each.devices])
    for name, elements in _subnets(walled).items():
        kind = "ifname . ipv4_addr" if name.endswith("4") else "ifname . ipv6_addr"
        yield _set(name, kind, elements, interval=True)


def _subnets(walled: Sequence[Walled]) -> Dict[str, List[str]]:
    """Return the elements of the sets translated4, translated6, routed4 and routed6: a bridge and a subnet of it."""
    found: Dict[str, List[str]] = {f"{kind}{version}": [] for kind in ("translated", "routed") for version in (4, 6)}
    for each in walled:
        for kind, subnets in (("translated", each.translated), ("routed", each.routed)):
            for subnet in subnets:
                found[f"{kind}{subnet.version}"].append(f'"{each.bridge}" . {subnet}')
    return found


def _set(name: str, kind: str, elements: Sequence[str], *, interval: bool = False) -> str:
    """Return a set, or nothing when it would be empty: then no rule speaks of it either."""
    if not elements:
        return ""
    flags = "\t\tflags interval\n" if interval else ""
    inside = ",\n".join(f"\t\t\t{element}" for element in elements)
    return f"\tset {name} {{\n\t\ttype {kind}\n{flags}\t\telements = {{\n{inside}\n\t\t}}\n\t}}\n"


# chains


def _chains(walled: Sequence[Walled]) -> Iterator[str]:
    yield _chain("forward", _FORWARD)
    yield _chain("leaving", _leaving(walled))
    yield _chain("entering", _entering(walled))
    translated = [each for each in walled if each.translated]
    if translated:
        yield _chain("postrouting", _postrouting(translated))


_FORWARD = (
    "type filter hook forward priority filter; policy accept;",
    "iifname . oifname @within accept",
    "iifname @guarded jump leaving",
    "oifname @guarded jump entering",
)


def _leaving(walled: Sequence[Walled]) -> Iterator[str]:
    """Yield the rules for what comes from a network: it goes on, or is refused."""
    if any(each.devices for each in walled):
        yield "iifname @fenced iifname . oifname != @exits reject"
    for name, elements in _subnets(walled).items():
        if elements:
            yield f"iifname . {_PAYLOAD[int(name[-1])]} saddr @{name} return"
    yield "reject"


def _entering(walled: Sequence[Walled]) -> Iterator[str]:
    """Yield the rules for what goes into a network; what it came from has been asked already."""
    if any(each.devices for each in walled):
        yield "oifname @fenced oifname . iifname != @exits reject"
    for name, elements in _subnets(walled).items():
        answers = " ct state { established, related }" if name.startswith("translated") else ""
        if elements:
            yield f"oifname . {_PAYLOAD[int(name[-1])]} daddr @{name}{answers} accept"
    yield "reject"


def _postrouting(walled: Sequence[Walled]) -> Iterator[str]:
    """Yield the rules that translate what leaves a network, but nothing that stays on its link or within it."""
    yield "type nat hook postrouting priority srcnat; policy accept;"
    versions = sorted({subnet.version for each in walled for subnet in each.translated})
    yield from (f"{_LINK_ONLY[version]} return" for version in versions)
    yield from (f"oifname . {_PAYLOAD[version]} saddr @translated{version} return" for version in versions)
    for each in walled:
        for subnet in each.translated:
            yield from _translation(each, subnet)


def _translation(each: Walled, subnet: Subnet) -> Iterator[str]:
    out = "" if not each.devices else " oifname { " + ", ".join(f'"{device}"' for device in each.devices) + " }"
    source = f"{_PAYLOAD[subnet.version]} saddr {subnet}{out}"
    first, last = each.ports
    ports = str(first) if first == last else f"{first}-{last}"
    pool = each.pool if subnet.version == 4 else None
    becomes, with_ports = (f"snat ip to {pool}", f":{ports}") if pool else ("masquerade", f" to :{ports}")
    yield f"{source} meta l4proto {{ tcp, udp }} {becomes}{with_ports}"
    yield f"{source} {becomes}"


def _chain(name: str, rules: Iterable[str]) -> str:
    inside = "".join(f"\t\t{rule}\n" for rule in rules)
    return f"\tchain {name} {{\n{inside}\t}}\n"

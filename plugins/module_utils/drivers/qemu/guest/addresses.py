# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of a guest, interface by interface: by its agent, else by a lease, else by who the host has met.

Each says which of them answered. Where none did there is an explanation: what is switched off, and whether the guest
has sent anything at all.
"""

from __future__ import annotations

import json
from contextlib import suppress
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from ....errors import CorralError
from ....host.api import Host
from ....model.domain.interface import LINKED, Interface
from ....xml.parse import Element
from ...api import GuestAddress, Lease
from .agent import interfaces, reachable
from .site import Site
from .talk import agent_of, agent_state

# Seconds for one question to the agent.
TRY = 2.0
# Seconds for which such a list serves all guests: fewer than pass between two looks of who waits for an address.
FRESH = 0.1
NEIGHBOURS_ARGV = ("ip", "-j", "neigh", "show")
# States of a neighbour in which nobody has answered; see ip-neighbour(8).
SILENT = frozenset({"FAILED", "INCOMPLETE", "NONE", "NOARP"})
Found = Dict[str, List[GuestAddress]]
Address = Union[IPv4Address, IPv6Address]


def addresses(site: Site, name: str, document: Element, *, agent: bool, left: float = TRY) -> List[GuestAddress]:
    """The addresses of a guest that runs, in the order of its interfaces; the agent is asked only with ``agent``.

    IPv4 comes first where it is not the agent's own order. What the agent says of other interfaces, such as a bridge in
    the guest, comes last.
    """
    said = _by_agent(site, name, left) if agent else {}
    cards = [card for card in _cards(document) if card.mac and not said.get(_mac(card))]
    leases = _by_lease(site, cards)
    met = _by_neighbours(site, [card for card in cards if not leases.get(_mac(card))])
    order = dict.fromkeys([*(_mac(card) for card in _cards(document)), *said])
    return [each for mac in order for each in said.get(mac) or _sorted(leases.get(mac) or met.get(mac) or [])]


def _sorted(found: List[GuestAddress]) -> List[GuestAddress]:
    return sorted(found, key=lambda each: ":" in each.address)


def reachable_addresses(site: Site, name: str, left: float) -> List[GuestAddress]:
    """Those at which others may reach the guest, IPv4 first."""
    document = site.active(name)
    found = [] if document is None else addresses(site, name, document, agent=True, left=left)
    by_text = {each.address: each for each in found}
    return [by_text[text] for text in reachable([{"addresses": list(by_text)}])]


def _cards(document: Element) -> List[Interface]:
    return [Interface(element) for element in document.findall("devices/interface")]


def _mac(card: Interface) -> str:
    return (card.mac or "").lower()


def _by_agent(site: Site, name: str, left: float) -> Found:
    found: Found = {}
    with suppress(CorralError):  # an agent that is silent is no failure: others may know
        if agent_state(site, name):
            with agent_of(site, name, timeout=min(left, TRY)) as agent:
                for row in interfaces(agent):
                    mac = str(row["mac"] or "").lower()
                    found.setdefault(mac, []).extend(_of_agent(mac, row["addresses"]))
    return found


def _of_agent(mac: str, texts: Sequence[str]) -> Iterator[GuestAddress]:
    for text in texts:
        address, _slash, prefix = text.partition("/")
        yield GuestAddress(mac, address, "agent", int(prefix) if prefix else None)


def _by_lease(site: Site, cards: Sequence[Interface]) -> Found:
    found: Found = {}
    for network in dict.fromkeys(name for card in cards for name in _networks(site, card)):
        for lease in _just_said(site, f"leases {network}", partial(_leases, site, network)):
            found.setdefault(lease.mac.lower(), []).append(GuestAddress(lease.mac, lease.address, "lease"))
    return found


def _networks(site: Site, card: Interface) -> List[str]:
    """The network of an interface, or those whose bridge it is on."""
    if card.network or not card.bridge or site.neighbours is None:
        return [card.network] if card.network else []
    with suppress(CorralError):
        known = site.neighbours.network.list_networks()
        return [each.name for each in known if getattr(each, "bridge", None) == card.bridge]
    return []


def _by_neighbours(site: Site, cards: Sequence[Interface]) -> Found:
    """Who answers to the MAC addresses on the links that the cards end at; the host has to have met them.

    A DHCP server writes those to whom it has only offered an address into the same table. So an address that is given
    out on the network counts when there is a lease, and not before.
    """
    found: Found = {}
    links = {_mac(card): _links(card) for card in cards if _links(card)}
    for row in _neighbours(site) if links else ():
        mac, address = str(row.get("lladdr", "")).lower(), str(row.get("dst", ""))
        if row.get("dev") in links.get(mac, ()) and not SILENT & set(row.get("state", ())) and _is_global(address):
            found.setdefault(mac, []).append(GuestAddress(mac, address, "arp"))
    for card in cards if found else ():
        met = found.pop(_mac(card), [])
        found[_mac(card)] = [each for each in met if not _is_given_out(site, card, each.address)]
    return found


def _neighbours(site: Site) -> List[Mapping[str, Any]]:
    return _just_said(site, "neighbours", lambda: _rows(site.host, NEIGHBOURS_ARGV))


def _leases(site: Site, network: str) -> List[Lease]:
    try:
        return list(site.neighbours.network.network_leases(network)) if site.neighbours is not None else []
    except CorralError:
        return []


def _just_said(site: Site, what: str, ask: Callable[[], List[Any]]) -> List[Any]:
    """What somebody has just said of all guests, or says now: fifty guests of one look are no fifty questions."""
    now = site.host.monotonic()
    at, rows = site.said.get(what, (-FRESH, []))
    if not at <= now < at + FRESH:
        rows = ask()
        site.said[what] = (now, rows)
    return rows


def _is_given_out(site: Site, card: Interface, address: str) -> bool:
    """Whether the DHCP server of a network that the card is on has this address to give."""
    number = ip_address(address)
    for network in _networks(site, card):
        with suppress(CorralError, ValueError):
            if site.neighbours is not None:
                for first, last in _pools(site.neighbours.network.network_xml(network)):
                    if number.version == first.version and int(first) <= int(number) <= int(last):
                        return True
    return False


def _pools(network: Element) -> Iterator[Tuple[Address, Address]]:
    for pool in network.findall("ip/dhcp/range"):
        yield ip_address(pool.get("start") or ""), ip_address(pool.get("end") or "")
    for host in network.findall("ip/dhcp/host[@ip]"):
        yield ip_address(host.get("ip") or ""), ip_address(host.get("ip") or "")


def _links(card: Interface) -> List[str]:
    """The links of the host on which the guest behind a card is met."""
    if card.type not in LINKED:
        return []
    return [name for name in (card.bridge, card.source_device, card.target) if name]


def _is_global(address: str) -> bool:
    try:
        return not ip_address(address).is_link_local
    except ValueError:
        return False


def _rows(host: Host, argv: Sequence[str]) -> List[Mapping[str, Any]]:
    with suppress(CorralError, ValueError):
        rows = json.loads(host.run(argv).stdout.decode("utf-8", "replace") or "[]")
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return []


# why there is none


def explain(site: Site, name: str) -> List[str]:
    """Say for each interface of a guest that runs why none of its addresses is known, in whole sentences."""
    document = site.active(name)
    cards = [] if document is None else _cards(document)
    if not cards:
        return [f"The guest {name} has no network interface."]
    counts = _heard(site.host) if any(card.target for card in cards) else {}
    return [f"{_named(card)}: {_reason(site, card, counts)}" for card in cards]


def _named(card: Interface) -> str:
    where = next((f" on {what} {name}" for what, name in _places(card) if name), "")
    return f"The interface {card.mac}{where}"


def _places(card: Interface) -> Iterator[Tuple[str, Optional[str]]]:
    yield "the network", card.network
    yield "the bridge", card.bridge
    yield "the device", card.source_device


def _reason(site: Site, card: Interface, counts: Mapping[str, Optional[int]]) -> str:
    return next(said for look in REASONS if (said := look(site, card, counts)))


def _pulled(site: Site, card: Interface, counts: Mapping[str, Optional[int]]) -> str:
    return "its cable is pulled out (link: down)." if card.link == "down" else ""


def _unseen(site: Site, card: Interface, counts: Mapping[str, Optional[int]]) -> str:
    return "" if card.type in LINKED else f"an address behind the type {card.type} is known to the guest's agent only."


def _broken_network(site: Site, card: Interface, counts: Mapping[str, Optional[int]]) -> str:
    """What is wrong with the network: it is inactive, or what it has lost."""
    if not card.network or site.neighbours is None:
        return ""
    try:
        if not site.neighbours.network.lookup_network(card.network).active:
            return "that network is not active."
        faults = site.neighbours.network.network_faults(card.network)
    except CorralError as error:
        return error.message
    return " ".join(fault.detail for fault in faults)


def _silent(site: Site, card: Interface, counts: Mapping[str, Optional[int]]) -> str:
    """Whether the guest has sent a packet, as its link on the host has counted."""
    target = card.target or ""
    if target not in counts:
        return f"its link {target} is gone from the host." if target and counts else ""
    return (
        "the guest has sent nothing yet: is it up, and does it have a driver for the card?"
        if counts[target] == 0
        else ""
    )


def _unanswered(site: Site, card: Interface, counts: Mapping[str, Optional[int]]) -> str:
    if card.network:
        return "the guest has sent packets, and has no lease yet: does it ask for an address by DHCP?"
    return "the guest has sent packets, and the host has not met its address yet."


REASONS: Sequence[Callable[[Site, Interface, Mapping[str, Optional[int]]], str]] = (
    _pulled,
    _unseen,
    _broken_network,
    _silent,
    _unanswered,
)


def _heard(host: Host) -> Dict[str, Optional[int]]:
    """How many packets the guest behind each link has sent: what a tap receives, and what a macvtap sends."""
    heard: Dict[str, Optional[int]] = {}
    for row in _rows(host, ("ip", "-j", "-d", "-s", "link", "show")):
        kind = (row.get("linkinfo") or {}).get("info_kind")
        counts = (row.get("stats64") or {}).get("tx" if kind == "macvtap" else "rx") or {}
        heard[str(row.get("ifname"))] = counts.get("packets")
    return heard

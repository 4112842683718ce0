# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connecting a guest's network cards to the host, before it runs, and undoing what does not go with QEMU.

A tap vanishes with its QEMU. What does not is written down before it is made, as rows of (kind, what, detail) in the
guest's status, and undone when the guest has ended; a row is a word of UNDO.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Callable, Collection, Dict, Iterator, List, Sequence, Tuple

from ....errors import CorralError
from ....host.api import Host
from ....model.domain.interface import Interface
from ....xml.parse import Element
from ...links import macvtap
from ...links.bandwidth import bandwidth_of, limit_lines
from ...links.batch import Batch, apply, attempt, check_link_name, line
from ...links.openvswitch import attach_argv, detach_argv
from ...links.port import attach_lines, host_mac, port_of
from ...surroundings import Surroundings, look
from .cards import ANY_MACVTAP, Card, find_kinds, is_openvswitch
from .status import Status

Row = Tuple[str, str, str]
SCRIPT_TIMEOUT = 30.0


# macvtap devices, which are made before QEMU is there


def name_macvtaps(cards: Sequence[Card], taken: Collection[str]) -> Tuple[Card, ...]:
    """The cards, with free names for those macvtaps that have none; ``taken`` are the names of links."""
    used, done = set(taken), []
    for card in cards:
        if card.tap.name == ANY_MACVTAP:
            name = next(free for number in count() if (free := f"macvtap{number}") not in used)
            used.add(name)
            card = replace(card, tap=replace(card.tap, name=name))
        done.append(card)
    return tuple(done)


def chosen(cards: Sequence[Card], surroundings: Surroundings, elsewhere: Collection[str]) -> Tuple[Card, ...]:
    """The cards with all that the host has to say about them: kinds and names of links; ``elsewhere`` are taken too."""
    taken = {link.name for link in surroundings.links}.union(elsewhere)
    return name_macvtaps(find_kinds(cards, surroundings), taken)


def _macvtaps(cards: Sequence[Card]) -> List[macvtap.Macvtap]:
    mine = [card for card in cards if card.interface.type == "direct"]
    return [macvtap.macvtap_of(card.named(card.tap.name)) for card in mine]


def macvtap_rows(cards: Sequence[Card], surroundings: Surroundings) -> Tuple[Row, ...]:
    """What has to be undone of them: the devices, and the addresses of those below that were given away."""
    rows: List[Row] = []
    for each in _macvtaps(cards):
        rows.append(("macvtap", each.name, each.mac))
        lower = surroundings.link(each.lower)
        if each.mode == "passthrough" and lower is not None and lower.mac:
            rows.append(("address", each.lower, lower.mac))
    return tuple(rows)


def make_macvtaps(host: Host, cards: Sequence[Card]) -> None:
    """Make them, with one run of ip; raises HostError and UnsupportedConfig."""
    apply(host, sum((macvtap.make_lines(each) for each in _macvtaps(cards)), Batch()))


# what is done once QEMU has its taps


def tap_rows(cards: Sequence[Card], names: Sequence[str]) -> Tuple[Row, ...]:
    """What has to be undone of taps, beside what goes by itself."""
    rows: List[Row] = []
    for card, name in zip(cards, names):
        if is_openvswitch(card.interface):
            rows.append(("openvswitch", name, ""))
        if card.interface.downscript:
            rows.append(("downscript", name, card.interface.downscript))
    return tuple(rows)


def connect(host: Host, cards: Sequence[Card], names: Sequence[str], uuid: str) -> None:
    """Connect the cards, whose links have these names, to where they belong; raises HostError, UnsupportedConfig."""
    if not cards:
        return
    surroundings = look(host) if any(card.interface.type in ("bridge", "network") for card in cards) else Surroundings()
    views = [card.named(name) for card, name in zip(cards, names)]
    apply(host, sum((_lines(view, surroundings) for view in views), Batch()))
    for view in views:
        if is_openvswitch(view):
            host.run(attach_argv(port_of(view), guest=uuid, parameters=_parameters(view)))
        if view.script:
            host.run((view.script, view.target or ""), timeout=SCRIPT_TIMEOUT)


def _lines(view: Interface, surroundings: Surroundings) -> Batch:
    limits = bandwidth_of(view.element.find("bandwidth"))
    batch = LINES[view.type or ""](view, surroundings)
    return batch + limit_lines(view.target or "", limits, guest_side=view.type == "direct") if limits else batch


def _bridge_lines(view: Interface, surroundings: Surroundings) -> Batch:
    if is_openvswitch(view):
        return Batch(tuple(_own_lines(view)))
    source = view.element.find("source")
    managed = source is not None and source.get("macTableManager") == "libvirt"
    return attach_lines([port_of(view, managed=managed)], surroundings)


def _ethernet_lines(view: Interface, surroundings: Surroundings) -> Batch:
    """A tap that nobody attaches: its own settings, and the host's addresses and routes on it."""
    if view.managed is False:
        return Batch()
    name = check_link_name(view.target or "")
    lines = list(_own_lines(view))
    lines += [_address_line(ip, name) for ip in view.element.findall("source/ip")]
    routes = (_route_line(route, name) for route in view.element.findall("source/route"))
    return Batch((*lines, *routes))


def _address_line(ip: Element, name: str) -> str:
    """An address of the host's end; with a peer the prefix is that of the peer's."""
    address, peer = ip.get("address") or "", ip.get("peer")
    place = f"/{ip.get('prefix') or ('128' if ip.get('family') == 'ipv6' else '32')}"
    words = (address, "peer", peer + place) if peer else (address + place,)
    return line("address", "add", *words, "dev", name)


def _own_lines(view: Interface) -> Iterator[str]:
    change = ("link", "set", "dev", check_link_name(view.target or ""))
    yield line(*change, "address", host_mac(view.mac or ""), *(("mtu", view.mtu) if view.mtu else ()))
    yield line(*change, "down" if view.link == "down" else "up")


def _route_line(route: Element, name: str) -> str:
    six = route.get("family") == "ipv6"
    place = f"{route.get('address')}/{route.get('prefix') or ('128' if six else '32')}"
    via = ("via", route.get("gateway") or "") if route.get("gateway") else ()
    metric = ("metric", route.get("metric") or "") if route.get("metric") else ()
    return line("route", "add", place, *via, "dev", name, *metric)


def _direct_lines(view: Interface, surroundings: Surroundings) -> Batch:
    """A macvtap filters for the groups that its own link has joined; a guest that is trusted filters itself."""
    name = check_link_name(view.target or "")
    return Batch((line("link", "set", "dev", name, "allmulticast", "on"),)) if view.trust_filters else Batch()


LINES: Dict[str, Callable[[Interface, Surroundings], Batch]] = {
    "bridge": _bridge_lines,
    "network": _bridge_lines,
    "direct": _direct_lines,
    "ethernet": _ethernet_lines,
}


def _parameters(view: Interface) -> Dict[str, str]:
    found = view.element.find("virtualport/parameters")
    return {} if found is None else {str(name): str(value) for name, value in found.attrib.items()}


# undoing


def disconnect(host: Host, status: Status) -> None:
    """Undo the rows of a guest that has ended; may be done twice. What was made on another boot is gone."""
    if status.links and status.boot_id == host.boot_id():
        surroundings = look(host) if any(kind == "macvtap" for kind, _what, _detail in status.links) else Surroundings()
        for kind, what, detail in status.links:
            if kind in UNDO:
                UNDO[kind](host, surroundings, what, detail)


def _remove_macvtap(host: Host, surroundings: Surroundings, name: str, mac: str) -> None:
    """Only one that is ours: the name may be another's by now, the address is the guest's.

    One of the mode passthrough has the address of the device below until it is told its own.
    """
    found = surroundings.link(name)
    lower = surroundings.link(found.lower or "") if found is not None else None
    if found is not None and found.kind == "macvtap" and found.mac in (mac, lower.mac if lower else mac):
        attempt(host, macvtap.remove_lines(name))


def _give_address_back(host: Host, surroundings: Surroundings, lower: str, mac: str) -> None:
    attempt(host, Batch((line("link", "set", "dev", check_link_name(lower), "address", mac),)))


def _remove_port(host: Host, surroundings: Surroundings, name: str, detail: str) -> None:
    with suppress(CorralError):
        host.run(detach_argv(name))


def _run_script(host: Host, surroundings: Surroundings, name: str, script: str) -> None:
    with suppress(CorralError):  # the tap is gone, and so may the script be
        host.run((script, name), timeout=SCRIPT_TIMEOUT, check=False)


UNDO: Dict[str, Callable[[Host, Surroundings, str, str], None]] = {
    "macvtap": _remove_macvtap,
    "address": _give_address_back,
    "openvswitch": _remove_port,
    "downscript": _run_script,
}

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network filters of a guest's interfaces: in place before anybody reaches the guest, taken away after its end.

The nwfilter driver has the rules; here is only when it is asked. A row of the guest's status remembers each link that
may have rules, so that they go with the guest however it ends.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Collection, Iterable, List, Optional, Sequence, Tuple

from ....errors import CorralError, NoSupport, UnsupportedConfig
from ....model.domain.interface import Interface
from ....xml.parse import Element
from ...api import Fault, FilterPort, NwfilterDriver
from ...links.guarded import FILTERED, filter_ports
from .cards import Card, is_openvswitch
from .site import Site

Row = Tuple[str, str, str]
FILTER = "filter"


def ports_of(name: str, document: Element, cards: Sequence[Card], links: Sequence[str] = ()) -> List[FilterPort]:
    """The guarded interfaces of a guest that is being started; ``links`` are the names of the cards' links.

    Without them each has the name that it asks for. Raises UnsupportedConfig for an end that no filter sees.
    """
    ends = {card.number: (card, link) for card, link in zip(cards, links or [card.tap.name for card in cards])}
    guarded = (number for number, each in enumerate(document.findall("devices/interface")) if _is_guarded(each))
    return [_port(port, ends.get(number)) for number, port in zip(guarded, filter_ports(name, document))]


def _port(port: FilterPort, end: Optional[Tuple[Card, str]]) -> FilterPort:
    if end is None or end[0].interface.type not in FILTERED or is_openvswitch(end[0].interface):
        raise _unseen(port)
    return replace(port, device=end[1])


def _unseen(port: FilterPort) -> UnsupportedConfig:
    return UnsupportedConfig(
        f"The filter {port.filter} of guest {port.guest} is for an interface whose packets pass no Linux bridge.",
        line=port.line,
        hint="Connect the interface to a bridge, or to a network that has one, or take its filter away.",
    )


def _is_guarded(interface: Element) -> bool:
    return interface.find("filterref") is not None


def guard_rows(document: Element, cards: Sequence[Card], names: Sequence[str]) -> Tuple[Row, ...]:
    """What has to be released of the cards' links when the guest has ended."""
    elements = document.findall("devices/interface")
    return tuple((FILTER, name, "") for card, name in zip(cards, names) if _is_guarded(elements[card.number]))


def check_guards(site: Site, ports: Sequence[FilterPort]) -> None:
    """Raise what would keep the interfaces from being guarded; changes nothing."""
    if ports:
        _filters(site).check_ports(ports)


def guard(site: Site, ports: Sequence[FilterPort]) -> None:
    """Let the interfaces be guarded, all of them in one go; raises what the nwfilter driver raises."""
    if ports:
        _filters(site).guard_ports(ports)


def release(site: Site, name: str, rows: Iterable[Row]) -> None:
    """Take the rules of an ended guest's links away; what keeps them there keeps nobody from ending a guest."""
    devices = [what for kind, what, _detail in rows if kind == FILTER]
    if devices and site.neighbours is not None:
        with suppress(CorralError):
            site.neighbours.nwfilter.release_ports(devices, guest=name)


def change_filter(site: Site, name: str, document: Element, interface: Element) -> None:
    """Let an interface of an active guest be guarded as a new live document says, or no more.

    Raises UnsupportedConfig for an end that no filter sees, and what the nwfilter driver raises.
    """
    device = Interface(interface).target or ""
    ports = [port for port in filter_ports(name, document) if port.device == device]
    if not ports:
        _filters(site).release_ports([device], guest=name)
        return
    if interface.get("type") == "network" and Interface(interface).bridge is None:
        raise _unseen(ports[0])
    _note(site, name, device)
    guard(site, ports)


def _note(site: Site, name: str, device: str) -> None:
    """Write down that a link is about to have rules, so that they go with the guest."""
    status, row = site.status(name), (FILTER, device, "")
    if status is not None and row not in status.links:
        site.store.write_status(name, replace(status, links=(*status.links, row)).to_plain())


def guard_faults(site: Site, name: str, document: Element) -> List[Fault]:
    """What the kernel lacks of the rules for an active guest with this live document."""
    ports = filter_ports(name, document)
    return _filters(site).port_faults(ports) if ports else []


def guard_again(site: Site, guests: Iterable[Tuple[str, Element]], devices: Collection[str]) -> None:
    """Put back the rules that these links of active guests lack; ``guests`` are names with live documents."""
    ports = [port for name, document in guests for port in filter_ports(name, document) if port.device in devices]
    if ports and _filters(site).port_faults(ports):
        guard(site, ports)


def _filters(site: Site) -> NwfilterDriver:
    if site.neighbours is None:
        raise NoSupport("There is no nwfilter driver that knows the filters of this guest.")
    return site.neighbours.nwfilter

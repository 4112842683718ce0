# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's ends of a guest's network cards: what QEMU gets open for each, and what keeps one from being made.

Source of the rules: libvirt's formatdomain, "Network interfaces".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Collection, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from ....errors import CorralError, NotFound, OperationInvalid, UnsupportedConfig
from ....host.api import Device, Host, Inherited, Tap, first_descriptors
from ....model.domain.core import Domain
from ....model.domain.interface import Interface
from ....xml.parse import Element, clone
from ...links.port import attach_lines, host_mac, port_of
from ...surroundings import Surroundings
from ..actual import Actual, network_interfaces
from ..context import Ends
from ..devices.interface_tap import is_tap, may_use_vhost, queue_count
from .site import Site

TUN, VHOST = "/dev/net/tun", "/dev/vhost-net"
ANY_TAP, ANY_MACVTAP = "vnet%d", "macvtap%d"
# Models that take virtio's header before each frame from a tap; see libvirt's qemuInterfaceIsVnetCompatModel().
WITH_HEADERS = ("virtio", "virtio-transitional", "virtio-non-transitional", "e1000e", "igb", "vmxnet3")


@dataclass(frozen=True)
class Card:
    """One card that ends at a link of the host: the number of its interface, what that is in truth, what is opened."""

    number: int
    interface: Interface
    tap: Tap
    vhost: Optional[str] = None

    @property
    def fds(self) -> Tuple[Inherited, ...]:
        """What QEMU gets open for it."""
        return (self.tap, *([Device(self.vhost)] * self.tap.queues if self.vhost else ()))

    def named(self, name: str) -> Interface:
        """Its interface with the name that its link has on the host."""
        view = Interface(clone(self.interface.element))
        view.target = name
        return view


def actual_of(site: Site, document: Element, *, shown: bool = False) -> Actual:
    """What the interfaces of networks are in truth, by their numbers; raises OperationInvalid and NotFound.

    For a guest that is only ``shown``, one of a network that cannot say so is taken for a tap on a bridge.
    """
    return {number: _actual(site, document, card, shown) for number, card in network_interfaces(document)}


def _actual(site: Site, document: Element, card: Interface, shown: bool) -> Element:
    try:
        if site.neighbours is None:
            raise OperationInvalid(f"There is no network driver that knows the network {card.network}.")
        return site.neighbours.network.actual_interface(card.element)
    except CorralError as error:
        if shown:
            return card.element
        guest = Domain(document).name
        error.message = f"Guest {guest} cannot be connected to the network {card.network}: {error.message}"
        if isinstance(error, (OperationInvalid, NotFound)):
            error.hint = f"Start it first, with a task of corral.virt.network: name: {card.network}, state: active."
        raise


def cards_of(domain: Domain, host: Host) -> Tuple[Card, ...]:
    """The cards of a running form that end at links; raises UnsupportedConfig for vhost where there is none."""
    return tuple(
        _card(number, interface, domain, host)
        for number, interface in enumerate(domain.all(Interface))
        if is_tap(interface)
    )


def _card(number: int, interface: Interface, domain: Domain, host: Host) -> Card:
    backend = interface.element.find("backend")
    given: Mapping[str, str] = {} if backend is None else {str(k): str(v) for k, v in backend.attrib.items()}
    kind = "there" if interface.managed is False else "macvtap" if interface.type == "direct" else "tap"
    tap = Tap(
        interface.target or (ANY_MACVTAP if kind == "macvtap" else ANY_TAP),
        queues=queue_count(interface),
        kind=kind,
        headers=interface.model in WITH_HEADERS,
        device=given.get("tap") or TUN,
    )
    return Card(number, interface, tap, _vhost(interface, domain, host, given.get("vhost") or VHOST))


def _vhost(interface: Interface, domain: Domain, host: Host, path: str) -> Optional[str]:
    """The device of vhost: where the kernel has it, for guests under KVM and for cards that ask for it."""
    asked = interface.driver == "vhost"
    if not may_use_vhost(interface) or not (asked or domain.accel() == "kvm"):
        return None
    found = host.stat(host.resolve(path))
    if found is not None and found.kind == "char" and host.writable(path):
        return path
    if asked:
        raise UnsupportedConfig(
            f"<driver name='vhost'> is asked for, and this host has no {path}.",
            line=interface.line,
            hint="Load the module vhost_net, or leave the driver's name out.",
        )
    return None


def opened(before: Sequence[Inherited], cards: Sequence[Card]) -> Tuple[Tuple[Inherited, ...], Dict[str, Ends]]:
    """All that QEMU gets open, the cards' ends last, and the descriptors of those by the cards' aliases."""
    fds: List[Inherited] = list(before)
    ends: Dict[str, Ends] = {}
    for card in cards:
        first = first_descriptors((*fds, card.tap))[-1]
        ends[card.interface.id()] = Ends(first, first + card.tap.queues if card.vhost else None)
        fds += card.fds
    return tuple(fds), ends


# what keeps a card from being made


def check_cards(cards: Sequence[Card], surroundings: Surroundings, host: Host, *, own: Collection[str] = ()) -> None:
    """Raise for a link that is missing or taken, for what the bridge does not do, and for what needs root.

    ``own`` are links that will be gone by then.
    """
    for card in cards:
        if card.tap.kind != "there" and host.euid() != 0:
            raise UnsupportedConfig(
                f"An interface of type {card.interface.type} needs root on the host.",
                line=card.interface.line,
                hint="Write type user, or connect with qemu:///system and become: true.",
            )
        if card.tap.name not in own:
            _check_name(card, surroundings)
        CHECKS[card.interface.type or ""](card, surroundings)


def _check_name(card: Card, surroundings: Surroundings) -> None:
    name, there = card.tap.name, surroundings.link(card.tap.name) is not None
    if there and card.tap.kind != "there" and "%" not in name:
        raise OperationInvalid(
            f"The host has a link {name} already.", hint="Choose another target, or leave it out for a free one."
        )
    if not there and card.tap.kind == "there":
        raise OperationInvalid(
            f"The host has no link {name}, which the interface with managed='no' is to use.", hint="Make it first."
        )


def _check_bridge(card: Card, surroundings: Surroundings) -> None:
    bridge = card.interface.bridge or ""
    found = surroundings.link(bridge)
    if found is None:
        raise OperationInvalid(f"The host has no bridge {bridge}.", hint="Make it first, or name one that is there.")
    if is_openvswitch(card.interface):
        return
    if found.kind != "bridge":
        what = "one of Open vSwitch" if found.kind == "openvswitch" else "no bridge"
        more = "Write <virtualport type='openvswitch'/> for it." if found.kind == "openvswitch" else "Name a bridge."
        raise OperationInvalid(f"{bridge} is {what}.", hint=more)
    _check_port_profile(card.interface)
    attach_lines([port_of(card.named("vnet"))], surroundings)


def _check_lower(card: Card, surroundings: Surroundings) -> None:
    lower = card.interface.source_device or ""
    if surroundings.link(lower) is None:
        raise OperationInvalid(f"The host has no device {lower} for a macvtap.", hint="Name one that is there.")
    _check_port_profile(card.interface)


def _check_port_profile(interface: Interface) -> None:
    found = interface.element.find("virtualport")
    if found is not None and found.get("type"):
        raise UnsupportedConfig(
            f"Nobody here speaks {found.get('type')} with the switch.",
            line=interface.line,
            hint="Remove <virtualport>.",
        )


def _check_ethernet(card: Card, surroundings: Surroundings) -> None:
    if card.tap.kind == "tap":
        host_mac(card.interface.mac or "")


CHECKS: Dict[str, Callable[[Card, Surroundings], None]] = {
    "bridge": _check_bridge,
    "network": _check_bridge,
    "direct": _check_lower,
    "ethernet": _check_ethernet,
}


def is_openvswitch(interface: Interface) -> bool:
    """Whether the card's port is one of Open vSwitch."""
    found = interface.element.find("virtualport")
    return found is not None and found.get("type") == "openvswitch"


def find_kinds(cards: Sequence[Card], surroundings: Surroundings) -> Tuple[Card, ...]:
    """The cards, those that use a link of somebody else with the kind that it has."""
    done = []
    for card in cards:
        link = surroundings.link(card.tap.name) if card.tap.kind == "there" else None
        macvtap = link is not None and link.kind == "macvtap"
        done.append(replace(card, tap=replace(card.tap, kind="macvtap")) if macvtap else card)
    return tuple(done)


# MAC addresses


def check_macs(name: str, document: Element, others: Sequence[Tuple[str, Element]]) -> None:
    """Raise OperationInvalid when another active guest has one of the MAC addresses on the same network."""
    mine = dict(_addresses(document))
    for guest, theirs in others if mine else ():
        for key, where in _addresses(theirs):
            if key in mine:
                raise OperationInvalid(
                    f"Guest {name} has the MAC address {key[1]} on {where}, and so has the active guest {guest}.",
                    hint="Give one of them another mac, or leave it out for one of its own.",
                )


def _addresses(document: Element) -> Iterator[Tuple[Tuple[str, str], str]]:
    """Yield every place where a card is seen with its MAC address, and the place in words."""
    for element in document.findall("devices/interface"):
        card = Interface(element)
        places: Set[Tuple[str, Optional[str]]] = {
            ("the network", card.network),
            ("the bridge", card.bridge),
            ("the device", card.source_device if card.type in ("network", "direct") else None),
        }
        for what, place in sorted((what, place) for what, place in places if place and card.mac):
            yield (f"{what} {place}", (card.mac or "").lower()), f"{what} {place}"

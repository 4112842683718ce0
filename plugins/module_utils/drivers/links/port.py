# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ports of a Linux bridge: attaching the tap of a guest's interface, and letting it go.

As libvirt does it: the host's end has the guest's MAC address with fe in front, so that the bridge, which takes the
lowest address of its ports, keeps its own; without an MTU of its own it has that of the bridge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Iterator, List, Optional, Tuple

from ...errors import InvalidArgument, UnsupportedConfig
from ...model.domain.interface import Interface
from ...model.network.ports import Vlan as VlanView
from ...values import parse_mac
from ...xml.parse import Element
from ..surroundings import Surroundings
from .batch import Batch, check_link_name, line

_LAST_VLAN = 4094
# A bridge gives this VLAN to every port.
_DEFAULT_VLAN = 1


@dataclass(frozen=True)
class Vlan:
    """The VLANs of a port: one that the guest does not see, or with ``trunk`` several that it tells apart by tags.

    ``native`` is the one of a trunk that packets without a tag belong to, ``native_tagged`` says that it is still sent
    with one.
    """

    tags: Tuple[int, ...]
    trunk: bool = False
    native: Optional[int] = None
    native_tagged: bool = False


@dataclass(frozen=True)
class Port:
    """A tap and how it is to be attached. ``mac`` is the guest's.

    ``managed`` is macTableManager='libvirt': the bridge learns nothing there and floods nothing to it, it is told where
    the guest's address is.
    """

    name: str
    bridge: str
    mac: str
    mtu: Optional[int] = None
    isolated: bool = False
    managed: bool = False
    link_up: bool = True
    vlan: Optional[Vlan] = None


def port_of(interface: Interface, *, managed: bool = False) -> Port:
    """Return the port of a complete <interface type='bridge'>, or network with the bridge in its live source.

    Raises InvalidArgument, XmlError.
    """
    port = interface.element.find("port")
    return Port(
        check_link_name(interface.target or ""),
        check_link_name(interface.bridge or ""),
        parse_mac(interface.mac or ""),
        interface.mtu,
        port is not None and port.get("isolated") == "yes",
        managed,
        interface.link != "down",
        vlan_of(interface.element.find("vlan")),
    )


def vlan_of(element: Optional[Element]) -> Optional[Vlan]:
    """Return what a <vlan> says, None where there is none; more tags than one are a trunk. Raises InvalidArgument."""
    if element is None:
        return None
    view = VlanView(element)
    tags = tuple(tag.id or 0 for tag in view.tags)
    for tag in tags:
        if not 0 < tag <= _LAST_VLAN:
            raise InvalidArgument(f"A VLAN cannot be {tag}: tags are from 1 to {_LAST_VLAN}.")
    native = next((tag for tag in view.tags if tag.native), None)
    trunk = view.trunk == "yes" or len(tags) > 1 or native is not None
    return (
        Vlan(tags, trunk, native.id if native else None, bool(native and native.native == "tagged")) if tags else None
    )


def host_mac(mac: str) -> str:
    """Return the MAC address of the host's end of a tap; raises InvalidArgument for a guest's that begins with fe."""
    parsed = parse_mac(mac)
    if parsed.startswith("fe:"):
        raise InvalidArgument(f"The MAC address {mac} begins with fe, which the host's end of the interface has.")
    return "fe" + parsed[2:]


def attach_lines(ports: Iterable[Port], surroundings: Surroundings) -> Batch:
    """Return what attaches the taps to their bridges; doing it again changes nothing.

    Raises UnsupportedConfig for a VLAN on a bridge that does not tell them apart.
    """
    batch = Batch()
    for port in ports:
        _check_vlan(port, surroundings)
        batch += Batch(tuple(_link_lines(port, surroundings)), tuple(_bridge_lines(port)))
    return batch


def detach_lines(names: Iterable[str]) -> Batch:
    """Return what lets taps go from their bridges."""
    return Batch(tuple(line("link", "set", "dev", check_link_name(name), "nomaster", "down") for name in names))


def state_lines(name: str, up: bool) -> Batch:
    """Return what plugs a port's cable in, or pulls it."""
    return Batch((line("link", "set", "dev", check_link_name(name), "up" if up else "down"),))


def remove_lines(names: Iterable[str]) -> Batch:
    """Return what removes taps that outlived their guest."""
    return Batch(tuple(line("link", "delete", "dev", check_link_name(name)) for name in names))


def _check_vlan(port: Port, surroundings: Surroundings) -> None:
    bridge = surroundings.link(port.bridge)
    if port.vlan and bridge and bridge.vlan_filtering is False:
        raise UnsupportedConfig(
            f"{port.name} cannot have VLANs: the bridge {port.bridge} does not tell them apart.",
            hint=f"ip link set {port.bridge} type bridge vlan_filtering 1 changes that, for all of its ports.",
        )


def _link_lines(port: Port, surroundings: Surroundings) -> Iterator[str]:
    change = ("link", "set", "dev", check_link_name(port.name))
    bridge = surroundings.link(check_link_name(port.bridge))
    mtu = port.mtu or (bridge.mtu if bridge else None)
    yield line(*change, "address", host_mac(port.mac), *(("mtu", mtu) if mtu else ()))
    yield line(*change, "master", port.bridge)
    options = _slave_options(port)
    if options:
        yield line(*change, "type", "bridge_slave", *options)
    yield line(*change, "up" if port.link_up else "down")


def _slave_options(port: Port) -> List[str]:
    """Return what differs from the way in which a bridge takes a new port."""
    isolated = ["isolated", "on"] if port.isolated else []
    return isolated + (["learning", "off", "flood", "off"] if port.managed else [])


def _bridge_lines(port: Port) -> Iterator[str]:
    if port.managed:
        yield line("fdb", "replace", parse_mac(port.mac), "dev", port.name, "master", "static")
    if port.vlan:
        yield from _vlan_lines(port.name, port.vlan)


def _vlan_lines(name: str, vlan: Vlan) -> Iterator[str]:
    if _DEFAULT_VLAN not in vlan.tags:
        yield line("vlan", "del", "vid", _DEFAULT_VLAN, "dev", name)
    for tag in vlan.tags:
        yield line("vlan", "add", "vid", tag, "dev", name, *_vlan_flags(vlan, tag))


def _vlan_flags(vlan: Vlan, tag: int) -> Tuple[str, ...]:
    if not vlan.trunk:
        return ("pvid", "untagged")
    if tag != vlan.native:
        return ()
    return ("pvid",) if vlan.native_tagged else ("pvid", "untagged")

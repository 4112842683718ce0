# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network interfaces: the card that the guest sees, and the network that stands behind it.

Source of the rules: libvirt's formatdomain, "Network interfaces". A table says which types can be connected here.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, Mapping

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.interface import Interface
from ....values import parse_mac
from ....xml.views import View, check_choice, number_of
from ..command.address import pci_properties, rom_properties, virtio_driver, virtio_properties
from ..context import Context
from ..kinds import NONE, PCI, PCIE, VIRTIO, Kind
from ..options import Option, properties
from .boot import boot_index
from .interface_outside import WRITERS, check_outside, is_outside, outside_options, queue_properties
from .interface_tap import (
    SOURCES,
    check_filter,
    check_only_ethernet,
    check_tap,
    is_tap,
    is_virtio,
    settle_interface,
    tap_properties,
)

PCIE_MODELS = ("e1000e", "igb", "vmxnet3")
Properties = Dict[str, Any]


def _user(interface: Interface, domain: Domain, context: Context) -> Properties:
    own: Properties = {"type": "user"}
    for ip in interface.element.findall("ip"):
        address = ip.get("address")
        if address and ip.get("family", "ipv4") == "ipv4":
            own["net"] = f"{address}/{ip.get('prefix')}" if ip.get("prefix") else address
        elif address:
            own["ipv6-prefix"] = address
            own["ipv6-prefixlen"] = number_of(View(ip), "prefix", ip.get("prefix") or "64")
    return own


def _socket(key: str) -> Callable[[Interface, Domain, Context], Properties]:
    def write(interface: Interface, domain: Domain, context: Context) -> Properties:
        return {"type": "socket", key: f"{interface.source_address or ''}:{interface.source_port}"}

    return write


def _udp(interface: Interface, domain: Domain, context: Context) -> Properties:
    return {
        "type": "socket",
        "udp": f"{interface.source_address}:{interface.source_port}",
        "localaddr": f"{interface.local_address}:{interface.local_port}",
    }


BACKENDS: Dict[str, Callable[[Interface, Domain, Context], Mapping[str, Any]]] = {
    "user": _user,
    "client": _socket("connect"),
    "server": _socket("listen"),
    "mcast": _socket("mcast"),
    "udp": _udp,
    **dict.fromkeys(SOURCES, tap_properties),
}


def _complete(interface: Interface, domain: Domain, context: Context) -> None:
    if interface.model is None and interface.type in WRITERS:
        interface.model = "virtio"  # the only card that such an end can be behind
    if interface.model is None:
        known = ("rtl8139", "e1000", "virtio-net-pci")
        found = next((name for name in known if context.caps.has_device(name)), "rtl8139")
        interface.model = "virtio" if found == "virtio-net-pci" else found
    if interface.mac is not None:
        interface.mac = parse_mac(interface.mac)
    settle_interface(interface)


def _bus(interface: Interface, domain: Domain, context: Context) -> str:
    if is_virtio(interface):
        return PCI if interface.model == "virtio-transitional" else VIRTIO
    if interface.model in ("usb-net",):
        return NONE
    return PCIE if interface.model in PCIE_MODELS else PCI


def _check(interface: Interface, domain: Domain, context: Context) -> None:
    check_choice(interface, "type", interface.type, (*BACKENDS, *WRITERS))
    if is_outside(interface):
        check_outside(interface, domain, context)
    elif is_tap(interface):
        check_tap(interface)
    else:
        _check_source(interface)
    check_only_ethernet(interface)
    check_filter(interface)
    if interface.mac is not None and int(interface.mac[:2], 16) & 1:
        raise XmlError(f"the MAC address {interface.mac} is a multicast one.", line=interface.line)
    name = virtio_driver("virtio-net", interface.model) if is_virtio(interface) else interface.model or ""
    if not context.caps.has_device(name):
        raise UnsupportedConfig(
            f"{context.caps.binary} has no network card '{interface.model}'.",
            line=interface.line,
            hint="Write virtio, e1000e or rtl8139.",
        )


def _check_source(interface: Interface) -> None:
    """A socket needs a port; only a server may leave its address open, and a datagram has two ends."""
    if interface.type == "user":
        return
    if interface.source_port is None or not (interface.source_address or interface.type == "server"):
        raise XmlError(
            f"an interface of type '{interface.type}' needs <source address='...' port='...'/>.", line=interface.line
        )
    if interface.type == "udp" and (interface.local_port is None or not interface.local_address):
        raise XmlError(
            "an interface of type 'udp' needs <local address='...' port='...'/> in its <source>.", line=interface.line
        )


def _netdev(interface: Interface, domain: Domain, context: Context) -> Iterator[Option]:
    if is_outside(interface):
        yield from outside_options(interface, domain, context)
        return
    own = BACKENDS[interface.type or ""](interface, domain, context)
    yield Option("-netdev", properties(own, {"id": f"host{interface.id()}"}))


def _card(interface: Interface, domain: Domain, context: Context) -> Option:
    virtio = is_virtio(interface)
    own: Properties = {
        "driver": virtio_driver("virtio-net", interface.model) if virtio else interface.model,
        "netdev": f"host{interface.id()}",
        "id": interface.id(),
        "mac": interface.mac,
        "bootindex": boot_index(interface, domain),
    }
    if virtio:
        own.update(_virtio_options(interface))
        own.update(queue_properties(interface) if is_outside(interface) or is_tap(interface) else {})
        own["failover"] = True if interface.teaming_type == "persistent" else None
    parts = (own, virtio_properties(interface), rom_properties(interface), pci_properties(interface, domain))
    return Option("-device", properties(*parts))


def _virtio_options(interface: Interface) -> Properties:
    modes = {"iothread": "bh", "timer": "timer"}
    offloads = {"csum": "csum", "gso": "gso"}
    own: Properties = {
        "tx": modes.get(interface.tx_mode or ""),
        "ioeventfd": interface.ioeventfd,
        "event_idx": interface.event_idx,
        "rx_queue_size": interface.rx_queue_size,
        "tx_queue_size": interface.tx_queue_size,
        "host_mtu": interface.mtu,
        "rss": interface.rss,
        "hash": interface.rss_hash_report,
    }
    for side in ("host", "guest"):
        found = interface.element.find(f"driver/{side}")
        for name, value in {} if found is None else dict(found.attrib).items():
            key = offloads.get(str(name), f"{side}_{name}") if side == "host" else f"{side}_{name}"
            if value not in ("on", "off"):
                raise XmlError(f"<{side} {name}='{value}'> is neither on nor off.", line=interface.line)
            own["mrg_rxbuf" if name == "mrg_rxbuf" else key] = value == "on"
    return own


def _write(interface: Interface, domain: Domain, context: Context) -> Iterator[Option]:
    yield from _netdev(interface, domain, context)
    yield _card(interface, domain, context)


def _alias(interface: Interface, index: int, domain: Domain) -> str:
    return f"net{index}"


INTERFACE = Kind(
    Interface,
    _write,
    complete=_complete,
    check=_check,
    bus=_bus,
    alias=_alias,
    part=lambda interface: interface.type != "hostdev",  # that one is an assigned device, in devices/hostdev.py
)

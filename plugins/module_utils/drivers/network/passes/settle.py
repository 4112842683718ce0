# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One form: what can be written in several ways is written in one, and what says nothing is left out.

Running it on its own output changes nothing. Source of the rules: libvirt's network_conf.c, which reads a document and
writes it anew.
"""

from __future__ import annotations

from typing import Callable, Iterable, Set, Tuple

from ....model.network.addresses import as_address
from ....model.network.core import Network
from ....model.network.forward import Forward, Nat
from ....model.network.ip import LeaseTime
from ....model.network.options import OPTIONS, option_elements
from ....model.network.ports import Bandwidth, Rate, Virtualport, Vlan
from ....values import parse_mac
from ....xml.parse import Element, add
from ....xml.views import Child, Children, Field, View

# Where addresses stand: the path of the element, and its attributes.
ADDRESSES: Tuple[Tuple[str, Tuple[str, ...]], ...] = (
    ("forward/nat/address", ("start", "end")),
    ("dns/forwarder", ("addr",)),
    ("dns/host", ("ip",)),
    ("ip", ("address", "netmask")),
    ("ip/dhcp/range", ("start", "end")),
    ("ip/dhcp/host", ("ip",)),
    ("ip/dhcp/bootp", ("server",)),
    ("route", ("address", "netmask", "gateway")),
)
# Attributes that mean nothing when they are empty, and those that do not when they are 0 (or 0x0000).
EMPTY = (("forward", ("mode", "dev")), ("bridge", ("name", "zone")), ("domain", ("name",)))
ZERO = (
    ("ip", ("prefix",)),
    ("dns/srv", ("priority", "weight")),
    ("mtu", ("size",)),
    ("bandwidth/*", ("average", "peak", "floor", "burst")),
    ("portgroup/bandwidth/*", ("average", "peak", "floor", "burst")),
)
NUMBERED = ("managerid", "typeid", "typeidversion")


def rewrite(view: View) -> None:
    """Write each value that is declared as its kind writes it; raises XmlError for one that cannot be read."""
    for name, item in view.declared():
        found = getattr(view, name)
        if isinstance(item, Field) and found is not None:
            setattr(view, name, found)
        elif isinstance(item, Child) and found is not None:
            rewrite(found)
        elif isinstance(item, Children):
            for child in found:
                rewrite(child)


def drop_empty(network: Network) -> None:
    """Take away attributes that say nothing because they are empty."""
    _drop(network, EMPTY, lambda value: not value)


def settle(network: Network) -> None:
    """Bring a document that has been checked into the form in which it is kept."""
    _drop(network, ZERO, lambda value: value.isdigit() and not int(value))
    for step in STEPS:
        step(network)


def _drop(network: Network, table: Iterable[Tuple[str, Tuple[str, ...]]], says_nothing: Callable[[str], bool]) -> None:
    for path, names in table:
        for element in network.element.findall(path):
            for name in names:
                if says_nothing(element.get(name, "x")):
                    element.attrib.pop(name)


def _remove(element: Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _remove_hollow(network: Network, *paths: str) -> None:
    """Take away elements in which nothing is left."""
    for path in paths:
        for element in network.element.findall(path):
            if not element.attrib and not len(element):
                _remove(element)


def _addresses(network: Network) -> None:
    for path, names in ADDRESSES:
        for element in network.element.findall(path):
            for name in names:
                found = as_address(element.get(name))
                if found is not None:
                    element.set(name, str(found))


def _macs(network: Network) -> None:
    for path, name in (("mac", "address"), ("ip/dhcp/host", "mac")):
        for element in network.element.findall(path):
            if element.get(name) is not None:
                element.set(name, parse_mac(element.get(name, "")))


def _flags(network: Network) -> None:
    network.ipv6 = network.ipv6 or None
    for group in network.portgroups:
        group.default = group.default or None
    if network.domain is None:
        for element in network.element.findall("domain"):
            _remove(element)


def _forward(network: Network) -> None:
    forward = network.forward
    if forward is None:
        return
    if forward.mode == "none":
        _remove(forward.element)
        return
    forward.mode = network.mode()
    _devices(forward)
    for address in forward.addresses:
        address.set_pci(address.pci())
    managed = (forward.managed or "no").lower()
    forward.managed = managed if forward.mode == "hostdev" else None
    for element in forward.element.findall("nat"):
        _nat(Nat(element))


def _devices(forward: Forward) -> None:
    """A device is named in both ways: by ``dev`` and as the first <interface>."""
    names = forward.devices()
    if names and not forward.interfaces:
        add(forward.element, "interface", dev=names[0])
    forward.dev = names[0] if names else None


def _nat(nat: Nat) -> None:
    for port in nat.ports:
        if not (port.start or port.end):
            _remove(port.element)
    if not nat.element.attrib and not len(nat.element):
        _remove(nat.element)


def _bridge(network: Network) -> None:
    """A bridge of ours says how it is made; of another one only its name and its table count."""
    if network.has_own_bridge():
        network.stp = network.stp is not False
        network.delay = network.delay or 0
        return
    network.delay = None
    _remove_hollow(network, "bridge")


def _leases(network: Network) -> None:
    for element in network.element.findall("ip/dhcp/*/lease"):
        lease = LeaseTime(element)
        if lease.expiry is None:
            _remove(element)
        else:
            lease.unit = (lease.unit or "minutes") if lease.expiry else None


def _services(network: Network) -> None:
    for path in ("ip/dhcp/bootp", "ip/tftp"):
        for element in network.element.findall(path):
            if not element.get("file") and not element.get("root"):
                _remove(element)
    _remove_hollow(network, "ip/dhcp", "dns", "mtu")


def _ports(network: Network) -> None:
    for holder in network.holders():
        if holder.vlan is not None:
            _vlan(holder.vlan)
        if holder.bandwidth is not None:
            _bandwidth(holder.bandwidth)
        if holder.virtualport is not None:
            _virtualport(holder.virtualport)
    _remove_hollow(network, "port")


def _vlan(vlan: Vlan) -> None:
    trunk = len(vlan.tags) > 1 or (vlan.trunk or "").lower() == "yes"
    vlan.trunk = "yes" if trunk else None


def _bandwidth(bandwidth: Bandwidth) -> None:
    for tag in ("inbound", "outbound"):
        for element in bandwidth.element.findall(tag):
            if not Rate(element).average:
                _remove(element)
    if not len(bandwidth.element):
        _remove(bandwidth.element)


def _virtualport(port: Virtualport) -> None:
    for element in port.element.findall("parameters"):
        for name in NUMBERED:
            if element.get(name) is not None:
                element.set(name, str(int(element.get(name, ""), 0)))
        if not element.attrib:
            _remove(element)
    if not port.element.attrib and not len(port.element):
        _remove(port.element)


def _metadata(network: Network) -> None:
    """Each application has one element in a namespace of its own; the first counts."""
    seen: Set[str] = set()
    for element in network.element.findall("metadata/*"):
        space = str(element.tag).partition("}")[0] if str(element.tag).startswith("{") else ""
        if not space or space in seen:
            _remove(element)
        seen.add(space)
    _remove_hollow(network, "metadata")


def _options(network: Network) -> None:
    if not option_elements(network.element):
        for element in network.element.findall(OPTIONS):
            _remove(element)


STEPS: Tuple[Callable[[Network], None], ...] = (
    _addresses,
    _macs,
    _flags,
    _forward,
    _bridge,
    _leases,
    _services,
    _ports,
    _metadata,
    _options,
)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network interfaces.

Source of the meanings: libvirt's formatdomain, "Network interfaces".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...drivers.links.guarded import FILTERED
from ...errors import InvalidArgument
from ...host.layout import check_name
from ...values import parse_mac
from ...xml.parse import Element, add
from ..network_options.ports import write_bandwidth, write_vlan
from .disks import boot_order
from .forms import Form, words
from .write import Builder, Options, device, each, listed, put

# What has to be said of those that are attached to something by its name.
SOURCES = {"network": "the name of the network", "bridge": "the name of the bridge", "direct": "the device as dev"}
LINKS = ("network", "bridge", "direct", "ethernet")
# The types for which an option has a meaning, where those are not all.
KINDS: dict[str, tuple[str, ...]] = {
    "portgroup": ("network",),
    "mtu": LINKS,
    "vlan": ("network", "bridge"),
    "bandwidth": LINKS,
    "queues": LINKS,
    "vhost": LINKS,
    "target": LINKS,
    "managed": ("ethernet",),
    "isolated": ("network", "bridge"),
    "filter": FILTERED,
    "trust_guest_rx_filters": ("network", "direct"),
}
VIRTIO = ("virtio", "virtio-transitional", "virtio-non-transitional")
MTUS = (68, 65535)  # what IPv4 needs at least, and what the kernel's taps take at most
MOST_QUEUES = 256


def interfaces(domain: Element, options: Options) -> None:
    """One interface after the other."""
    for what, interface in each(options, "interfaces"):
        _interface(device(domain, "interface"), interface, what)


def _interface(element: Element, interface: Options, what: str) -> None:
    kind = _kind(interface, what)
    element.set("type", kind)
    put(element, {"trustGuestRxFilters": interface.get("trust_guest_rx_filters")})
    if interface.get("mac"):
        add(element, "mac", address=parse_mac(interface["mac"]))
    _source(element, interface, kind)
    add(element, "model", type=interface.get("model") or "virtio")
    _link(element, interface, what)
    _driver(element, interface, what)
    if interface.get("filter") is not None:
        write_filter(element, interface["filter"], f"{what}.filter")
    boot_order(element, interface, what)


def write_filter(element: Element, given: Any, what: str) -> None:
    """Refer to a filter, by its name alone or with values for its variables; raises InvalidArgument."""
    said = Form(what, "name", {"name": words, "parameters": _parameters}).read(given) or {}
    if "name" not in said:
        raise InvalidArgument(f"{what} names no filter.", hint="Write its name.")
    filterref = add(element, "filterref", filter=check_name("filter", said["name"]))
    for name, value in said.get("parameters") or ():
        add(filterref, "parameter", name=name, value=value)


def _parameters(given: Any, what: str) -> list[tuple[str, str]]:
    """Names with values; a parameter has one value, or a list of them."""
    from ...model.nwfilter.variables import misnamed

    if not isinstance(given, Mapping):
        raise InvalidArgument(f"{what}: {given!r} is no mapping; write the names of variables with their values.")
    found: list[tuple[str, str]] = []
    for name, values in given.items():
        for value in values if isinstance(values, list) else [values]:
            if value is None or isinstance(value, (dict, list, bool)):
                raise InvalidArgument(f"{what}: {name} is neither a text nor a list of them.")
            wrong = misnamed(str(name), str(value))
            if wrong:
                raise InvalidArgument(f"{what}: there is {wrong}.")
            found.append((str(name), str(value)))
    return found


def _kind(interface: Options, what: str) -> str:
    """What the interface is attached to. Raises InvalidArgument for a contradiction, and for what has no meaning."""
    named = [kind for kind in SOURCES if interface.get(kind)]
    kind = str(interface.get("type") or (named[0] if named else "user"))
    if named and named != [kind]:
        raise InvalidArgument(f"{what}: {listed(sorted({kind, *named}))} contradict each other; write one of them.")
    if kind in SOURCES and not named:
        raise InvalidArgument(f"{what}: {kind} is missing; write {SOURCES[kind]}.")
    foreign = next((name for name in KINDS if interface.get(name) is not None and kind not in KINDS[name]), None)
    if foreign:
        raise InvalidArgument(f"{what}: {foreign} has no meaning for the type {kind}; leave it out.")
    if interface.get("managed") is False and not interface.get("target"):
        raise InvalidArgument(f"{what}: managed=false says that the link is there; write its name as target.")
    return kind


def _source(element: Element, interface: Options, kind: str) -> None:
    if kind == "direct":
        direct = interface["direct"]
        add(element, "source", dev=direct["dev"], mode=direct.get("mode") or "bridge")
    elif kind in SOURCES:
        put(add(element, "source", **{kind: interface[kind]}), {"portgroup": interface.get("portgroup")})
    if interface.get("target"):
        put(add(element, "target", dev=interface["target"]), {"managed": interface.get("managed")})


def _link(element: Element, interface: Options, what: str) -> None:
    """What the cable carries."""
    mtu = interface.get("mtu")
    if mtu is not None:
        if not MTUS[0] <= mtu <= MTUS[1]:
            raise InvalidArgument(f"{what}: mtu is {mtu}; write a number from {MTUS[0]} to {MTUS[1]}.")
        add(element, "mtu", size=str(mtu))
    if interface.get("link"):
        add(element, "link", state=interface["link"])
    write_vlan(element, interface.get("vlan"))
    write_bandwidth(element, interface.get("bandwidth"), f"{what}.bandwidth")
    if interface.get("isolated") is not None:
        put(add(element, "port"), {"isolated": interface["isolated"]})


def _driver(element: Element, interface: Options, what: str) -> None:
    """How a virtio card is driven on the host."""
    queues, vhost = interface.get("queues"), interface.get("vhost")
    if queues is None and vhost is None:
        return
    if (interface.get("model") or "virtio") not in VIRTIO:
        asked = "queues" if queues is not None else "vhost"
        raise InvalidArgument(f"{what}: {asked} is for the model virtio, and this one is {interface['model']}.")
    if queues is not None and not 1 <= queues <= MOST_QUEUES:
        raise InvalidArgument(f"{what}: queues is {queues}; write a number from 1 to {MOST_QUEUES}.")
    name = None if vhost is None else "vhost" if vhost else "qemu"
    put(add(element, "driver"), {"name": name, "queues": queues if queues != 1 else None})


BUILDERS: tuple[Builder, ...] = (interfaces,)

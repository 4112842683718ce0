# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an <interface type='network'> is while its guest runs: what it says, its portgroup and its network in one.

Source of the rules: libvirt's networkAllocatePort and virNetDevVPortProfileMerge3; formatnetwork, "Portgroups".
"""

from __future__ import annotations

from typing import Dict, Iterator, Optional, Sequence, Tuple

from ....errors import UnsupportedConfig
from ....host.api import Host
from ....model.domain.interface import Interface
from ....model.network.core import Network
from ....model.network.ports import PARAMETERS, Portgroup, Virtualport
from ....values import PciAddress
from ....xml.parse import Element, add, clone, new_element
from .guests import Port
from .pool import choose_address, choose_device

# The kinds of virtual port that each type of interface can have.
VIRTUALPORTS: Dict[str, Tuple[str, ...]] = {
    "network": (),
    "bridge": ("openvswitch",),
    "direct": ("802.1Qbg", "802.1Qbh"),
    "hostdev": ("802.1Qbg", "802.1Qbh"),
}
USES = {
    "network": "whose bridge is its own",
    "bridge": "which uses a bridge of the host",
    "direct": "which uses macvtap",
    "hostdev": "which gives devices of the host to guests",
}


def nature(network: Network) -> str:
    """What its interfaces are: "network" on its own bridge, "bridge" on the host's, "direct" or "hostdev"."""
    if network.has_own_bridge():
        return "network"
    if network.mode() == "hostdev":
        return "hostdev"
    return "bridge" if network.mode() == "bridge" and network.bridge else "direct"


def takes_devices(network: Network) -> bool:
    """Whether each interface takes a device of the host, so that it matters which ones others have."""
    return nature(network) in ("direct", "hostdev")


def actual_interface(host: Host, network: Network, interface: Element, ports: Sequence[Port]) -> Element:
    """The interface with all that the network gives it; ``ports`` are those that other guests have on the network.

    Raises UnsupportedConfig for what contradicts itself, and OperationFailed when no device is free.
    """
    done = clone(interface)
    group = _portgroup(network, Interface(interface))
    port = _virtualport(network, group, done)
    _inherit(done, network, group)
    for found in done.findall("source"):
        done.remove(found)
    done.insert(0, _source(host, network, ports, done, port))
    return done


def check_floor(network: Network, interface: Element) -> None:
    """Raise UnsupportedConfig for an interface that is guaranteed a rate by a network that has no limit to share."""
    limits, whole = interface.find("bandwidth/inbound[@floor]"), network.element.find("bandwidth/inbound[@average]")
    if limits is not None and (whole is None or not network.bridge):
        raise UnsupportedConfig(
            f"Network {network.name} can guarantee nothing, since it has no inbound limit to share out.",
            line=limits.sourceline,
            hint="Give the network a bandwidth with inbound and average, or take the floor away.",
        )


def _portgroup(network: Network, interface: Interface) -> Optional[Portgroup]:
    group = network.portgroup(interface.portgroup)
    if group is None and interface.portgroup is not None:
        known = ", ".join(each.name for each in network.portgroups if each.name) or "none"
        raise UnsupportedConfig(
            f"Network {network.name} has no portgroup '{interface.portgroup}'.",
            line=interface.line,
            hint=f"Its portgroups are: {known}.",
        )
    return group


def _inherit(done: Element, network: Network, group: Optional[Portgroup]) -> None:
    """Take over what the interface leaves open: from the portgroup first, then from the network."""
    models = [each.element for each in (group, network) if each is not None]
    _take(done, "bandwidth", models[:-1])  # the network's own is that of its bridge
    _take(done, "vlan", models)
    if done.get("trustGuestRxFilters") is None:
        trust = next((model.get("trustGuestRxFilters") for model in models if model.get("trustGuestRxFilters")), None)
        if trust:
            done.set("trustGuestRxFilters", trust)
    _take(done, "port", models[-1:])
    _take(done, "mtu", models[-1:])


def _take(done: Element, tag: str, models: Sequence[Element]) -> None:
    found = [] if done.find(tag) is not None else [each for model in models for each in model.findall(tag)]
    if found:
        done.append(clone(found[0]))


def _virtualport(network: Network, group: Optional[Portgroup], done: Element) -> Optional[Virtualport]:
    """Give the interface one virtual port out of its own, the portgroup's and the network's."""
    given = [found for each in (done, group, network) if each is not None for found in _ports_of(each)]
    if not given:
        return None
    for found in done.findall("virtualport"):
        done.remove(found)
    merged = add(done, "virtualport")
    kind = _one(network, "type", [each.type for each in given])
    if kind:
        merged.set("type", kind)
    values = {name: _one(network, name, [each.parameters().get(name) for each in given]) for name in PARAMETERS}
    known = {name: value for name, value in values.items() if value is not None}
    if known:
        add(merged, "parameters", **known)
    _check_kind(network, kind)
    return Virtualport(merged)


def _ports_of(holder: object) -> Iterator[Virtualport]:
    element = holder.element if isinstance(holder, (Network, Portgroup)) else holder
    for found in element.findall("virtualport"):  # type: ignore[attr-defined]
        yield Virtualport(found)


def _one(network: Network, what: str, values: Sequence[Optional[str]]) -> Optional[str]:
    said = list(dict.fromkeys(value for value in values if value is not None))
    if len(said) > 1:
        raise UnsupportedConfig(
            f"The interface and network {network.name} disagree on the {what} of the virtual port: "
            f"{' and '.join(said)}.",
            hint="Say it in one place.",
        )
    return said[0] if said else None


def _check_kind(network: Network, kind: Optional[str]) -> None:
    known = VIRTUALPORTS[nature(network)]
    if kind is None:
        raise UnsupportedConfig(f"The <virtualport> of network {network.name} has no type.")
    if kind not in known:
        raise UnsupportedConfig(
            f"Network {network.name}, {USES[nature(network)]}, has no <virtualport type='{kind}'>.",
            hint=f"It can be {' or '.join(known)}." if known else "Leave the virtual port out.",
        )


def _source(host: Host, network: Network, ports: Sequence[Port], done: Element, port: Optional[Virtualport]) -> Element:
    """The <source> of what the interface really is, which also gets its type."""
    kind = nature(network)
    if kind == "hostdev":
        return _hostdev(network, done, choose_address(host, network, ports))
    if kind == "direct":
        mode = network.mode()
        alone = mode == "passthrough" or (mode == "private" and port is not None and port.type == "802.1Qbh")
        done.set("type", "direct")
        return new_element("source", dev=choose_device(host, network, ports, alone=alone), mode=mode)
    done.set("type", "bridge")
    manager = network.mac_table_manager
    return new_element("source", bridge=network.bridge or "", **({"macTableManager": manager} if manager else {}))


def _hostdev(network: Network, done: Element, address: PciAddress) -> Element:
    forward = network.forward
    done.set("type", "hostdev")
    done.set("managed", (forward.managed if forward is not None else None) or "no")
    if forward is not None and forward.driver:
        for found in done.findall("driver"):
            done.remove(found)
        add(done, "driver", name=forward.driver)
    source = new_element("source")
    parts = {"domain": f"0x{address.domain:04x}", "bus": f"0x{address.bus:02x}"}
    add(source, "address", type="pci", **parts, slot=f"0x{address.slot:02x}", function=f"0x{address.function:x}")
    return source

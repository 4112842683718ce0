# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of VLAN tags, bandwidth, virtual ports and portgroups.

Source of the rules: libvirt's formatnetwork, "Quality of service", "Setting VLAN tag" and "Portgroups", its
bridge_driver.c, netdev_*_conf.c and virnetdevvportprofile.c.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, Optional, Union

from ....errors import UnsupportedConfig, XmlError
from ....model.network.core import Network
from ....model.network.ports import Bandwidth, Portgroup, Rate, Virtualport, Vlan
from ....xml.views import View, check_choice, number_of
from .texts import check_text, check_uuid

Holder = Union[Network, Portgroup]

LAST_TAG = 4095
FASTEST = 1 << 32  # kilobytes a second
RATES = ("average", "peak", "floor", "burst")
# The parameters that each type of virtual port has.
VIRTUALPORTS: Dict[str, FrozenSet[str]] = {
    "802.1Qbg": frozenset({"managerid", "typeid", "typeidversion", "instanceid"}),
    "802.1Qbh": frozenset({"profileid"}),
    "openvswitch": frozenset({"profileid", "interfaceid"}),
    "midonet": frozenset({"interfaceid"}),
}
NUMBERS = {"managerid": 0xFF, "typeid": 0xFFFFFF, "typeidversion": 0xFF}
UUIDS = ("instanceid", "interfaceid")
LONGEST_PROFILE = 39  # IEEE 802.1Qbh


def check_ports(network: Network) -> None:
    """Raise XmlError or UnsupportedConfig for what guests of this network cannot be given."""
    _check_parts(network)
    if network.virtualport is not None and network.virtualport.type is None:
        raise XmlError("<virtualport> has no type.", line=network.virtualport.line)
    for group in network.portgroups:
        if not group.name:
            raise XmlError("<portgroup> has no name.", line=group.line)
        check_text(group, "name", group.name)
        _check_parts(group)
    _check_groups(network)
    _check_bandwidth_allowed(network)
    _check_vlan_allowed(network)
    _check_isolation(network)


def _check_parts(holder: Holder) -> None:
    for tag in ("vlan", "bandwidth", "virtualport"):
        second = holder.element.findall(tag)[1:]
        if second:
            raise XmlError(f"there is more than one <{tag}>.", line=second[0].sourceline)
    _check_vlan(holder.vlan)
    _check_bandwidth(holder.bandwidth)
    _check_virtualport(holder.virtualport)


def _check_vlan(vlan: Optional[Vlan]) -> None:
    if vlan is None:
        return
    if not vlan.tags:
        raise XmlError("<vlan> has no <tag id='...'/>.", line=vlan.line)
    for tag in vlan.tags:
        if number_of(tag, "id", tag.element.get("id")) > LAST_TAG:
            raise XmlError(f"<tag id='{tag.id}'> is beyond {LAST_TAG}.", line=tag.line)
        if tag.native is not None:
            check_choice(tag, "nativeMode", tag.native, ("tagged", "untagged"))
    natives = [tag for tag in vlan.tags if tag.native is not None]
    if len(natives) > 1:
        raise XmlError("<vlan> has more than one native <tag>.", line=natives[1].line)
    if vlan.trunk is not None:
        check_choice(vlan, "trunk", vlan.trunk.lower(), ("yes", "no"))
        if vlan.trunk.lower() == "no" and (natives or len(vlan.tags) > 1):
            raise XmlError("<vlan trunk='no'> has one tag only, and no native one.", line=vlan.line)


def _check_bandwidth(bandwidth: Optional[Bandwidth]) -> None:
    if bandwidth is None:
        return
    if bandwidth.element.get("classID") is not None:
        raise XmlError("classID is given out while a network runs; leave it out.", line=bandwidth.line)
    for tag in ("inbound", "outbound"):
        found = bandwidth.element.findall(tag)
        if len(found) > 1:
            raise XmlError(f"<bandwidth> has more than one <{tag}>.", line=found[1].sourceline)
        for element in found:
            _check_rate(Rate(element))


def _check_rate(rate: Rate) -> None:
    tag = rate.element.tag
    if rate.floor:
        raise UnsupportedConfig(
            f"<{tag} floor='{rate.floor}'> is for an interface of a guest, and not for a network.", line=rate.line
        )
    if rate.average is None and rate.floor is None:
        raise XmlError(f"<{tag}> has no average.", line=rate.line)
    if rate.average is None and (rate.peak is not None or rate.burst is not None):
        raise XmlError(f"<{tag}> has a peak or a burst and no average.", line=rate.line)
    for name in RATES:
        if (getattr(rate, name) or 0) > FASTEST:
            raise XmlError(f"<{tag} {name}='{getattr(rate, name)}'> is beyond {FASTEST}.", line=rate.line)


def _check_virtualport(port: Optional[Virtualport]) -> None:
    if port is None:
        return
    given = port.parameters()
    if port.type is not None:
        check_choice(port, "type", port.type, VIRTUALPORTS)
        for name in given:
            if name not in VIRTUALPORTS[port.type]:
                raise XmlError(f"<virtualport type='{port.type}'> has no parameter {name}.", line=port.line)
    for name, largest in NUMBERS.items():
        if name in given and number_of(port, name, given[name]) > largest:
            raise XmlError(f"the parameter {name}='{given[name]}' is beyond {largest}.", line=port.line)
    for name in UUIDS:
        check_uuid(port, name, given.get(name))
    if len(given.get("profileid", "").encode()) > LONGEST_PROFILE:
        raise XmlError(f"the parameter profileid has more than {LONGEST_PROFILE} bytes.", line=port.line)
    check_text(port, "profileid", given.get("profileid"))


def _check_groups(network: Network) -> None:
    names = set()
    default: Optional[str] = None
    for group in network.portgroups:
        if group.name in names:
            raise UnsupportedConfig(f"there are two <portgroup name='{group.name}'>.", line=group.line)
        names.add(group.name)
        if group.default and default is not None:
            raise UnsupportedConfig(
                f"the portgroups '{default}' and '{group.name}' are both the default one.", line=group.line
            )
        default = group.name if group.default else default


def _check_bandwidth_allowed(network: Network) -> None:
    if network.has_own_bridge() or network.bridge:
        return
    for holder in network.holders():
        if holder.bandwidth is not None:
            raise UnsupportedConfig(
                f"a network of mode '{network.mode()}' without a bridge cannot limit bandwidth.",
                line=holder.bandwidth.line,
            )


def _check_vlan_allowed(network: Network) -> None:
    """Tags that guests do not see need a device that adds them: Open vSwitch, or virtual functions.

    A virtual port of a portgroup that has no type is of that of the network.
    """
    allowed = network.mode() in ("hostdev", "passthrough") or _is_switch(network, network.virtualport)
    used = network.vlan is not None
    for group in network.portgroups:
        own = group.virtualport
        fits = allowed if own is None or own.type is None else _is_switch(network, own)
        if (used or group.vlan is not None) and not fits:
            raise _no_vlan(network, group)
    if used and not allowed and network.portgroup(None) is None:
        raise _no_vlan(network, network)


def _is_switch(network: Network, port: Optional[Virtualport]) -> bool:
    return network.mode() == "bridge" and port is not None and port.type == "openvswitch"


def _no_vlan(network: Network, where: View) -> UnsupportedConfig:
    return UnsupportedConfig(
        f"a network of mode '{network.mode()}' cannot tag packets of guests with a <vlan>.",
        line=where.line_at("vlan"),
        hint="Tags need an Open vSwitch bridge, mode 'hostdev' or mode 'passthrough'.",
    )


def _check_isolation(network: Network) -> None:
    """Ports of a Linux bridge can be isolated; nothing else that guests are connected to knows that."""
    port = network.virtualport
    if network.isolated and (not (network.has_own_bridge() or network.bridge) or port is not None):
        raise UnsupportedConfig(
            "<port isolated='yes'> needs a Linux bridge that guests are connected to.", line=network.line_at("port")
        )

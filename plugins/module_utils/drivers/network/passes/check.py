# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused: networks that could not be started, or that are not what was meant, said before anything is kept.

This file has what stands at the top of a document; the others have one of its parts each.

Source of the rules: libvirt's formatnetwork, and its network_conf.c and bridge_driver.c.
"""

from __future__ import annotations

import re
from typing import Callable, Tuple

from ....errors import InvalidArgument, UnsupportedConfig, XmlError
from ....host.layout import check_name
from ....model.network.core import Network
from ....xml.views import View, check_choice
from .check_apart import check_apart
from .check_dns import check_dns
from .check_forward import check_forward
from .check_ip import check_ips, check_routes
from .check_options import check_options
from .check_ports import check_ports
from .texts import check_device, check_domain, check_mac, check_uuid, refuse

TABLE_MANAGERS = ("kernel", "libvirt")
SMALLEST_MTU, LARGEST_MTU = 68, 65535  # RFC 791; the kernel's ETH_MAX_MTU
SMALLEST_MTU6 = 1280  # RFC 8200, section 5; below it the kernel takes IPv6 off a link
# What stands for all links, or for those to come, where the kernel keeps its settings.
NO_BRIDGES = ("all", "default")
LONGEST_DELAY = 30  # seconds (IEEE 802.1D)


def check(network: Network) -> None:
    """Raise XmlError, UnsupportedConfig or InvalidArgument for the first thing that is wrong."""
    for rule in RULES:
        rule(network)


def _name(network: Network) -> None:
    if not network.name:
        raise XmlError("the network has no <name>; write one.", line=network.line)
    try:
        check_name("network", network.name)
    except InvalidArgument as error:
        raise XmlError(error.message, line=network.line_at("name")) from None
    if "\n" in (network.title or ""):
        raise XmlError("the <title> of a network is one line.", line=network.line_at("title"))


def _single(network: Network) -> None:
    """What can be there once is there once: of two, one would be passed over."""
    for tag in ("name", "uuid", "forward", "bridge", "mtu", "mac", "domain", "dns", "port", "metadata"):
        second = network.element.findall(tag)[1:]
        if second:
            raise XmlError(f"there is more than one <{tag}>.", line=second[0].sourceline)
    for ip in network.ips:
        second = [*ip.element.findall("dhcp")[1:], *ip.element.findall("tftp")[1:]]
        if second:
            raise XmlError(f"<ip> has more than one <{second[0].tag}>.", line=second[0].sourceline)


def _bridge(network: Network) -> None:
    holder = _part(network, "bridge")
    template = network.has_own_bridge()
    check_device(holder, "name", (network.bridge or "").replace("%d", "0", int(template)) or None)
    if network.has_own_bridge() and network.bridge in NO_BRIDGES:
        raise refuse(holder, "name", network.bridge or "", "means something else to the kernel: choose another name")
    if network.zone and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", network.zone):
        raise refuse(holder, "zone", network.zone, "is not the name of a zone")
    if network.mac_table_manager is not None:
        check_choice(holder, "macTableManager", network.mac_table_manager, TABLE_MANAGERS)
    if (network.delay or 0) > LONGEST_DELAY:
        raise XmlError(f"<bridge delay='{network.delay}'> is beyond {LONGEST_DELAY} seconds.", line=holder.line)


def _addressed(network: Network) -> None:
    if network.mode() in ("nat", "route", "open") and not network.ips:
        raise XmlError(
            f"mode '{network.mode()}' forwards packets between subnets, and the network has no <ip>.",
            line=network.line_at("forward"),
        )


# What only a network with a bridge of ours has: a path, and what it is called.
_OURS: Tuple[str, ...] = ("mac", "ip", "dns/txt", "dns/host", "dns/srv", "dns/forwarder", "domain", "route")


def _nothing_of_ours(network: Network) -> None:
    """Of a network that uses what is on the host, neither the bridge nor any service is ours."""
    if network.has_own_bridge():
        return
    mode = network.mode()
    for path in _OURS:
        found = network.element.find(path)
        if found is not None:
            raise UnsupportedConfig(
                f"<{found.tag}> is for networks with a bridge of their own, and not for mode '{mode}'.",
                line=found.sourceline,
            )
    if network.mtu:
        raise XmlError(f"<mtu> cannot be set for mode '{mode}'.", line=network.line_at("mtu"))
    if network.delay or network.zone or network.stp is not None:
        raise XmlError(f"<bridge> of mode '{mode}' has no delay, stp or zone.", line=network.line_at("bridge"))
    if mode != "bridge" and (network.bridge or network.mac_table_manager):
        raise XmlError(f"mode '{mode}' uses no <bridge>.", line=network.line_at("bridge"))
    if network.bridge and (network.devices() or (network.forward is not None and network.forward.functions)):
        raise XmlError("the network names both a <bridge> and devices in <forward>.", line=network.line_at("bridge"))


def _numbers(network: Network) -> None:
    if network.mtu and network.mtu < SMALLEST_MTU6 and any(ip.version() == 6 for ip in network.ips):
        raise XmlError(
            f"<mtu size='{network.mtu}'> is too small for IPv6, which needs {SMALLEST_MTU6} bytes.",
            line=network.line_at("mtu"),
        )
    if network.mtu and not SMALLEST_MTU <= network.mtu <= LARGEST_MTU:
        raise XmlError(
            f"<mtu size='{network.mtu}'> is not from {SMALLEST_MTU} to {LARGEST_MTU}.", line=network.line_at("mtu")
        )
    check_mac(_part(network, "mac"), "address", network.mac)
    if network.uuid is not None:
        check_uuid(_part(network, "uuid"), "text", network.uuid)


def _domain(network: Network) -> None:
    check_domain(_part(network, "domain"), "name", network.domain)


def _part(network: Network, tag: str) -> View:
    """The part of a name where it is there, else the network, for the line of a complaint."""
    found = network.element.find(tag)
    return View(network.element if found is None else found)


RULES: Tuple[Callable[[Network], None], ...] = (
    _name,
    _single,
    check_forward,
    _bridge,
    _addressed,
    _nothing_of_ours,
    _numbers,
    _domain,
    check_ips,
    check_routes,
    check_apart,
    check_dns,
    check_ports,
    check_options,
)

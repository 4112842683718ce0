# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which the parts of a network document are written, as libvirt writes them."""

from __future__ import annotations

from typing import Dict, Tuple

from ...xml.parse import Element
from .options import OPTIONS

TOP: Tuple[str, ...] = (
    "name",
    "uuid",
    "title",
    "description",
    "metadata",
    "forward",
    "bridge",
    "mtu",
    "mac",
    "domain",
    "dns",
    "vlan",
    "bandwidth",
    "port",
    "ip",
    "route",
    "virtualport",
    "portgroup",
    OPTIONS,
)

# Path of a parent ("" is the root) to the tags of its children, first to last.
ORDER: Dict[str, Tuple[str, ...]] = {
    "": TOP,
    "forward": ("driver", "nat", "pf", "interface", "address"),
    "forward/nat": ("address", "port"),
    "dns": ("forwarder", "txt", "srv", "host"),
    "ip": ("tftp", "dhcp"),
    "ip/dhcp": ("range", "host", "bootp"),
    "bandwidth": ("inbound", "outbound"),
    "portgroup": ("vlan", "virtualport", "bandwidth"),
    "portgroup/bandwidth": ("inbound", "outbound"),
}


def order_children(network: Element) -> None:
    """Sort the children at every level; what is alike keeps its order, and what is not known comes last."""
    for path, tags in ORDER.items():
        rank = {tag: number for number, tag in enumerate(tags)}
        for parent in network.findall(path) if path else [network]:
            parent[:] = sorted(parent, key=lambda child: rank.get(str(child.tag), len(rank)))

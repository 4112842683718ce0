# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What names the parts of a network document among their siblings, and what only an active network has.

DNS forwarders and the names of one address have no name of their own: their order counts, because dnsmasq asks servers
in the order in which they are written, and resolves an address to its first name.

Source of the rules: libvirt's formatnetwork.
"""

from __future__ import annotations

from typing import Tuple

from ...xml.canonical import Identity, without
from ...xml.parse import Element
from .order import ORDER

_PCI = ("@domain", "@bus", "@slot", "@function")
_SERVICE = ("@service", "@protocol")

NETWORK = Identity(
    keys={
        "forward/interface": (("@dev",),),
        "forward/address": (_PCI,),
        "dns/txt": (("@name",),),
        "dns/srv": (
            (*_SERVICE, "@domain", "@target"),
            (*_SERVICE, "@domain"),
            (*_SERVICE, "@target"),
            _SERVICE,
        ),
        "dns/host": (("@ip",),),
        "vlan/tag": (("@id",),),
        "ip": (("@address",),),
        "ip/dhcp/range": (("@start",),),
        "ip/dhcp/host": (("@mac",), ("@id",), ("@name",), ("@ip",)),
        "route": (("@address", "@prefix"), ("@address", "@netmask"), ("@address",)),
        "portgroup": (("@name",),),
        "portgroup/vlan/tag": (("@id",),),
    },
    order={**ORDER, "": (*ORDER[""], "...")},
)
# What is counted while the network is active, and never goes into the persistent document.
LIVE_ONLY: Tuple[str, ...] = (
    "@connections",
    "forward/interface/@connections",
    "forward/address/@connections",
)
# What an active network with a <pf> has been filled with: the virtual functions of that device.
_POOL = ("interface", "address")


def persistent_form(document: Element) -> Element:
    """Return a copy without what only an active network's document has, fit to be compared with a persistent one."""
    copy = without(document, LIVE_ONLY)
    for forward in copy.findall("forward"):
        if forward.find("pf") is not None:
            for tag in _POOL:
                for found in forward.findall(tag):
                    forward.remove(found)
    return copy

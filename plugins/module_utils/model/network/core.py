# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network document: its top level. The parts below have a view each, one file a family.

Source of the rules: libvirt's formatnetwork.
"""

from __future__ import annotations

from typing import List, Optional, Union

from ...xml.views import NATURAL, ON_OFF, TEXT, YES_NO, Child, Children, Field, Opaque, View
from .dns import Dns
from .forward import ISOLATED, OWN_BRIDGE, Forward
from .ip import Ip, Route
from .options import NAMESPACE
from .ports import Bandwidth, Portgroup, Virtualport, Vlan


class Network(View):
    """The <network> itself."""

    connections = Field("@connections", NATURAL)
    ipv6 = Field("@ipv6", YES_NO)
    trust_guest_rx_filters = Field("@trustGuestRxFilters", YES_NO)
    name = Field("name", TEXT)
    uuid = Field("uuid", TEXT)
    title = Field("title", TEXT)
    description = Field("description", TEXT)
    metadata = Opaque("metadata")
    forward = Child("forward", Forward)
    bridge = Field("bridge/@name", TEXT)
    zone = Field("bridge/@zone", TEXT)
    stp = Field("bridge/@stp", ON_OFF)
    delay = Field("bridge/@delay", NATURAL)
    mac_table_manager = Field("bridge/@macTableManager", TEXT)
    mtu = Field("mtu/@size", NATURAL)
    mac = Field("mac/@address", TEXT)
    domain = Field("domain/@name", TEXT)
    domain_local_only = Field("domain/@localOnly", YES_NO)
    domain_register = Field("domain/@register", YES_NO)
    dns = Child("dns", Dns)
    vlan = Child("vlan", Vlan)
    bandwidth = Child("bandwidth", Bandwidth)
    isolated = Field("port/@isolated", YES_NO)
    ips = Children("ip", Ip)
    routes = Children("route", Route)
    virtualport = Child("virtualport", Virtualport)
    portgroups = Children("portgroup", Portgroup)
    dnsmasq = Opaque("options", NAMESPACE)

    def mode(self) -> str:
        """How it is connected: a word of forward.MODES, or "isolated"."""
        forward = self.forward
        if forward is None or forward.mode == "none":
            return ISOLATED
        return forward.mode or "nat"

    def has_own_bridge(self) -> bool:
        """Whether the bridge is ours to make, with addresses, DHCP and DNS; otherwise something of the host is used."""
        return self.mode() in OWN_BRIDGE

    def devices(self) -> List[str]:
        """The devices of the host that packets leave by, or that guests are connected to; empty for any."""
        return [] if self.forward is None else self.forward.devices()

    def dhcp(self, version: int) -> Optional[Ip]:
        """The first address of IP version 4 or 6 on which DHCP is served."""
        return next((ip for ip in self.ips if ip.serves_dhcp() and ip.version() == version), None)

    def holders(self) -> List[Union[Network, Portgroup]]:
        """Everything that guests get VLAN tags, bandwidth and a virtual port from: the network and its portgroups."""
        return [self, *self.portgroups]

    def wants_dns(self) -> bool:
        """Whether names are resolved; where nothing is said they are."""
        return self.dns is None or self.dns.enable is not False

    def portgroup(self, name: Optional[str]) -> Optional[Portgroup]:
        """The portgroup of a name, None where none is called so; without a name the default one, if there is one."""
        groups = self.portgroups
        if name is not None:
            return next((group for group in groups if group.name == name), None)
        return next((group for group in groups if group.default), None)

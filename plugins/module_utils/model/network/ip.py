# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's addresses on the bridge, with the DHCP and TFTP service on each, and routes to what is behind guests.

Source of the rules: libvirt's formatnetwork, "Addressing" and "Static Routes".
"""

from __future__ import annotations

from typing import Optional

from ...errors import XmlError
from ...xml.views import NATURAL, TEXT, YES_NO, Child, Children, Field, View
from .addresses import Address, Interface, Subnet, address_at, interface_of, mask_length, natural_length

UNITS = ("seconds", "minutes", "hours")


class LeaseTime(View):
    """A <lease>: how long an address is given out for; an expiry of 0 is for ever, and the unit is minutes."""

    expiry = Field("@expiry", NATURAL)
    unit = Field("@unit", TEXT)


class DhcpRange(View):
    """Addresses that are given out."""

    start = Field("@start", TEXT)
    end = Field("@end", TEXT)
    lease = Child("lease", LeaseTime)

    def size(self) -> int:
        """How many addresses there are from the first to the last; raises XmlError where one is none."""
        return int(address_at(self, "end")) - int(address_at(self, "start")) + 1


class DhcpHost(View):
    """An address that is kept for one machine, which is known by MAC address (IPv4), DUID (IPv6) or name."""

    mac = Field("@mac", TEXT)
    id = Field("@id", TEXT)
    name = Field("@name", TEXT)
    ip = Field("@ip", TEXT)
    lease = Child("lease", LeaseTime)


def length_at(view: View, address: Address, netmask: Optional[str], prefix: Optional[int]) -> int:
    """Return how long the prefix is that a netmask, a prefix or the address itself gives; raises XmlError."""
    tag, widest = view.element.tag, address.max_prefixlen
    own = prefix or natural_length(address)
    length = own if netmask is None else mask_length(address_at(view, "netmask"))
    if length is None or length > widest:
        said = f"netmask='{netmask}'" if netmask is not None else f"prefix='{prefix}'" if prefix else f"'{address}'"
        raise XmlError(f"<{tag}> has no network: {said} gives no prefix from 0 to {widest}.", line=view.line)
    return length


class Ip(View):
    """An <ip>: an address of the host on the bridge, and what is served there."""

    address = Field("@address", TEXT)
    netmask = Field("@netmask", TEXT)
    prefix = Field("@prefix", NATURAL)
    family = Field("@family", TEXT)
    local_ptr = Field("@localPtr", YES_NO)
    tftp_root = Field("tftp/@root", TEXT)
    ranges = Children("dhcp/range", DhcpRange)
    hosts = Children("dhcp/host", DhcpHost)
    bootp_file = Field("dhcp/bootp/@file", TEXT)
    bootp_server = Field("dhcp/bootp/@server", TEXT)

    def interface(self) -> Interface:
        """The address with its prefix; raises XmlError where it has none."""
        address = address_at(self, "address")
        return interface_of(address, length_at(self, address, self.netmask, self.prefix))

    def version(self) -> int:
        """4 or 6."""
        return address_at(self, "address").version

    def network(self) -> Subnet:
        """The subnet that the address is in."""
        return self.interface().network

    def serves_dhcp(self) -> bool:
        """Whether addresses are given out; ranges and reserved addresses both do that."""
        return bool(self.ranges or self.hosts)


class Route(View):
    """A <route> of the host to a subnet behind one of the guests."""

    family = Field("@family", TEXT)
    address = Field("@address", TEXT)
    netmask = Field("@netmask", TEXT)
    prefix = Field("@prefix", NATURAL)
    gateway = Field("@gateway", TEXT)
    metric = Field("@metric", NATURAL)

    def destination(self) -> Interface:
        """The subnet that is reached, as its address with its prefix; without netmask and prefix it is everything."""
        address = address_at(self, "address")
        if self.netmask is None:
            return interface_of(address, self.prefix or 0)
        return interface_of(address, length_at(self, address, self.netmask, None))

    def network(self) -> Subnet:
        """The subnet that is reached."""
        return self.destination().network

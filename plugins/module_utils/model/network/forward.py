# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a network is connected to the world: the <forward> element, and what each of its modes means.

Source of the rules: libvirt's formatnetwork, "Connectivity".
"""

from __future__ import annotations

from typing import List, Optional

from ...values import PciAddress
from ...xml.views import NATURAL, TEXT, YES_NO, Child, Children, Field, View, hexadecimal

# Without <forward>, or with mode='none'.
ISOLATED = "isolated"
# The networks whose bridge, addresses, DHCP and DNS are ours; of the others the bridge or device is there already.
OWN_BRIDGE = (ISOLATED, "nat", "route", "open")
MACVTAP = ("bridge", "private", "vepa", "passthrough")
MODES = ("nat", "route", "open", "bridge", "private", "vepa", "passthrough", "hostdev")


class NatAddress(View):
    """The IPv4 addresses that packets of guests get on their way out, first to last."""

    start = Field("@start", TEXT)
    end = Field("@end", TEXT)


class NatPort(View):
    """The ports that connections of guests get on their way out, first to last."""

    start = Field("@start", NATURAL)
    end = Field("@end", NATURAL)


class Nat(View):
    """A <nat>: what is special about the translation of addresses."""

    ipv6 = Field("@ipv6", YES_NO)
    addresses = Children("address", NatAddress)
    ports = Children("port", NatPort)

    @property
    def address(self) -> Optional[NatAddress]:
        """The range of addresses, None for those of the device that packets leave by."""
        return next(iter(self.addresses), None)

    @property
    def port(self) -> Optional[NatPort]:
        """The range of ports, None for any."""
        return next(iter(self.ports), None)


class ForwardInterface(View):
    """A device of the host that guests may be connected to; ``connections`` is counted in live documents."""

    dev = Field("@dev", TEXT)
    connections = Field("@connections", NATURAL)


class PhysicalFunction(View):
    """A <pf>: the device whose virtual functions are the pool."""

    dev = Field("@dev", TEXT)


class PoolAddress(View):
    """The <address> of a PCI device that guests may be given."""

    type = Field("@type", TEXT)
    domain = Field("@domain", hexadecimal(4))
    bus = Field("@bus", hexadecimal(2))
    slot = Field("@slot", hexadecimal(2))
    function = Field("@function", hexadecimal(1))
    connections = Field("@connections", NATURAL)

    def pci(self) -> PciAddress:
        """The address as a value; what is not given is 0."""
        return PciAddress(self.domain or 0, self.bus or 0, self.slot or 0, self.function or 0)

    def set_pci(self, place: PciAddress) -> None:
        """Write a PCI address in libvirt's form."""
        self.domain, self.bus, self.slot, self.function = place.domain, place.bus, place.slot, place.function


class Forward(View):
    """The <forward>."""

    mode = Field("@mode", TEXT)
    dev = Field("@dev", TEXT)
    managed = Field("@managed", TEXT)
    driver = Field("driver/@name", TEXT)
    driver_model = Field("driver/@model", TEXT)
    nat = Child("nat", Nat)
    functions = Children("pf", PhysicalFunction)
    interfaces = Children("interface", ForwardInterface)
    addresses = Children("address", PoolAddress)

    def devices(self) -> List[str]:
        """The names of the devices, ``dev`` first, each once."""
        names = [self.dev, *(interface.dev for interface in self.interfaces)]
        return list(dict.fromkeys(name for name in names if name))

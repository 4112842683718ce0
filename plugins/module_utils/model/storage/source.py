# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a pool's storage comes from: the <source>; which of its elements count depends on the pool's type.

Source of the rules: libvirt's formatstorage, "Source elements".
"""

from __future__ import annotations

from typing import List, Optional

from ...values import PciAddress
from ...xml.views import NATURAL, TEXT, YES_NO, Child, Children, Field, View, hexadecimal
from .parts import Auth


class Host(View):
    """A <host>: a server by name or address; without a port the protocol's own."""

    name = Field("@name", TEXT)
    port = Field("@port", NATURAL)


class FreeExtent(View):
    """A part of a device that nothing lies on yet: from byte to byte. Only active pools have it."""

    start = Field("@start", NATURAL)
    end = Field("@end", NATURAL)


class Device(View):
    """A <device>: a block device, or the name of an iSCSI target.

    ``part_separator`` says whether partitions of a device-mapper device have a "p" between its name and their number.
    """

    path = Field("@path", TEXT)
    part_separator = Field("@part_separator", YES_NO)
    free = Children("freeExtent", FreeExtent)


class ParentAddress(View):
    """The PCI <address> of a SCSI host."""

    domain = Field("@domain", hexadecimal(4))
    bus = Field("@bus", hexadecimal(2))
    slot = Field("@slot", hexadecimal(2))
    function = Field("@function", hexadecimal(1))

    def pci(self) -> PciAddress:
        """The address as a value; what is not given is 0."""
        return PciAddress(self.domain or 0, self.bus or 0, self.slot or 0, self.function or 0)

    def set_pci(self, place: PciAddress) -> None:
        """Write a PCI address in libvirt's form."""
        self.domain, self.bus, self.slot, self.function = place.domain, place.bus, place.slot, place.function


class Adapter(View):
    """An <adapter>: a SCSI host, by name or by where it sits, or a virtual Fibre Channel host by its names."""

    type = Field("@type", TEXT)
    name = Field("@name", TEXT)
    parent = Field("@parent", TEXT)
    parent_wwnn = Field("@parent_wwnn", TEXT)
    parent_wwpn = Field("@parent_wwpn", TEXT)
    parent_fabric_wwn = Field("@parent_fabric_wwn", TEXT)
    managed = Field("@managed", YES_NO)
    wwnn = Field("@wwnn", TEXT)
    wwpn = Field("@wwpn", TEXT)
    unique_id = Field("parentaddr/@unique_id", NATURAL)
    address = Child("parentaddr/address", ParentAddress)

    def has_place(self) -> bool:
        """Whether it is named by its PCI address and its number there."""
        return self.element.find("parentaddr") is not None


class Source(View):
    """The <source>."""

    hosts = Children("host", Host)
    devices = Children("device", Device)
    dir = Field("dir/@path", TEXT)
    adapter = Child("adapter", Adapter)
    name = Field("name", TEXT)
    initiator = Field("initiator/iqn/@name", TEXT)
    format = Field("format/@type", TEXT)
    auth = Child("auth", Auth)
    protocol = Field("protocol/@ver", TEXT)
    vendor = Field("vendor/@name", TEXT)
    product = Field("product/@name", TEXT)

    def device_paths(self) -> List[str]:
        """The paths or target names of the devices, in order."""
        return [device.path for device in self.devices if device.path]

    def host_name(self) -> Optional[str]:
        """The name of the first host, which is the only one of most types."""
        return next((host.name for host in self.hosts), None)

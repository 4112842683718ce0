# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every device of a domain has: an alias, an address, a place in the boot order, virtio options.

Source of the rules: libvirt's formatdomain, "Device Addresses" and "Virtio-related options".
"""

from __future__ import annotations

from typing import ClassVar

from ...values import PciAddress
from ...xml.views import INT, NATURAL, ON_OFF, TEXT, YES_NO, Child, Children, Field, View, hexadecimal


class Address(View):
    """The <address> of a device; which fields count depends on ``type``."""

    type = Field("@type", TEXT)
    # type='pci'
    domain = Field("@domain", hexadecimal(4))
    bus = Field("@bus", hexadecimal(2))
    slot = Field("@slot", hexadecimal(2))
    function = Field("@function", hexadecimal(1))
    multifunction = Field("@multifunction", ON_OFF)
    # type='drive' (bus is decimal there), 'virtio-serial', 'ccid'
    controller = Field("@controller", NATURAL)
    channel = Field("@bus", NATURAL)
    target = Field("@target", NATURAL)
    unit = Field("@unit", NATURAL)
    # type='usb' and 'virtio-serial'
    port = Field("@port", TEXT)
    # type='isa'
    iobase = Field("@iobase", TEXT)
    irq = Field("@irq", TEXT)
    # type='dimm'
    base = Field("@base", NATURAL)
    dimm_slot = Field("@slot", NATURAL)

    def pci(self) -> PciAddress:
        """The address as a value; what is not given is 0."""
        return PciAddress(self.domain or 0, self.bus or 0, self.slot or 0, self.function or 0)

    def set_pci(self, place: PciAddress) -> None:
        """Write a PCI address in libvirt's form."""
        self.type = "pci"
        self.domain, self.bus, self.slot, self.function = place.domain, place.bus, place.slot, place.function


class Device(View):
    """A child of <devices>; ``tag`` is the element's name."""

    tag: ClassVar[str] = ""
    alias = Field("alias/@name", TEXT)
    address = Child("address", Address)
    boot_order = Field("boot/@order", NATURAL)
    load_parm = Field("boot/@loadparm", TEXT)
    acpi_index = Field("acpi/@index", NATURAL)
    rom_bar = Field("rom/@bar", ON_OFF)
    rom_file = Field("rom/@file", TEXT)
    rom_enabled = Field("rom/@enabled", YES_NO)
    iommu = Field("driver/@iommu", ON_OFF)
    ats = Field("driver/@ats", ON_OFF)
    packed = Field("driver/@packed", ON_OFF)
    page_per_vq = Field("driver/@page_per_vq", ON_OFF)

    def id(self) -> str:
        """The alias as QEMU's id; the alias pass has to have run."""
        if self.alias is None:
            raise AssertionError(f"<{self.tag}> has no alias yet")
        return self.alias

    def ensure_address(self) -> Address:
        """The <address>, made when it is missing."""
        if self.address is None:
            from ...xml.parse import add

            add(self.element, "address")
        found = self.address
        if found is None:
            raise AssertionError("found is not there")
        return found


class QueueUse(View):
    """A <queue> of an <iothread>: its number."""

    id = Field("@id", NATURAL)


class IothreadUse(View):
    """An <iothread> of a <driver>: it serves the queues that it names, or every queue in turn with the others."""

    id = Field("@id", NATURAL)
    queues = Children("queue", QueueUse)


class Controller(Device):
    """A <controller>: ``type`` is pci, usb, ide, sata, scsi, virtio-serial, fdc, ccid, xenbus, isa or nvme."""

    tag = "controller"
    type = Field("@type", TEXT)
    index = Field("@index", INT)
    model = Field("@model", TEXT)
    # virtio-serial, usb
    ports = Field("@ports", NATURAL)
    vectors = Field("@vectors", NATURAL)
    master_start_port = Field("master/@startport", NATURAL)
    # pci
    model_name = Field("model/@name", TEXT)
    chassis = Field("target/@chassis", NATURAL)
    chassis_nr = Field("target/@chassisNr", NATURAL)
    target_port = Field("target/@port", hexadecimal(1))
    bus_nr = Field("target/@busNr", NATURAL)
    numa_node = Field("target/node", NATURAL)
    hotplug = Field("target/@hotplug", ON_OFF)
    mem_reserve = Field("target/@memReserve", NATURAL)
    pcihole64 = Field("pcihole64", NATURAL)
    pcihole64_unit = Field("pcihole64/@unit", TEXT)
    # scsi
    queues = Field("driver/@queues", NATURAL)
    cmd_per_lun = Field("driver/@cmd_per_lun", NATURAL)
    max_sectors = Field("driver/@max_sectors", NATURAL)
    ioeventfd = Field("driver/@ioeventfd", ON_OFF)
    iothread = Field("driver/@iothread", NATURAL)
    iothreads = Children("driver/iothreads/iothread", IothreadUse)
    event_idx = Field("driver/@event_idx", ON_OFF)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The domain document: its top level. The parts below <devices> have a view each, one file a family.

Source of the rules: libvirt's formatdomain.
"""

from __future__ import annotations

from typing import List, Optional, Type, TypeVar

from ...xml.parse import Element, add
from ...xml.views import NATURAL, ON_OFF, TEXT, YES_NO, Child, Children, Field, Flag, Opaque, View
from .cpu import Clock, Cpu, Timer
from .device import Controller, Device
from .firmware import FirmwareFeature, Loader, Nvram
from .memory import Cell, DefaultIothread, Interconnect, IothreadId, MemoryBacking, Numatune
from .passthrough import NAMESPACE

D = TypeVar("D", bound=Device)


class BootDevice(View):
    """A <boot dev='...'/> of <os>."""

    dev = Field("@dev", TEXT)


class Vcpu(View):
    """A <vcpu> of <vcpus>."""

    id = Field("@id", NATURAL)
    enabled = Field("@enabled", YES_NO)
    hotpluggable = Field("@hotpluggable", YES_NO)
    order = Field("@order", NATURAL)


class Features(View):
    """The <features> that the driver reads; their attributes are looked at where they are written for QEMU."""

    acpi = Opaque("acpi")
    apic = Opaque("apic")
    pae = Opaque("pae")
    hyperv = Opaque("hyperv")
    kvm = Opaque("kvm")
    ioapic = Opaque("ioapic")
    vmport = Opaque("vmport")
    smm = Opaque("smm")
    pmu = Opaque("pmu")
    pvspinlock = Opaque("pvspinlock")
    tcg = Opaque("tcg")
    vmcoreinfo = Opaque("vmcoreinfo")
    ps2 = Opaque("ps2")


class Domain(View):
    """The <domain> itself."""

    features = Child("features", Features)

    type = Field("@type", TEXT)
    id = Field("@id", NATURAL)
    name = Field("name", TEXT)
    uuid = Field("uuid", TEXT)
    genid = Flag("genid")
    genid_value = Field("genid", TEXT)
    title = Field("title", TEXT)
    description = Field("description", TEXT)
    metadata = Opaque("metadata")
    children = Opaque("devices")
    sysinfo = Opaque("sysinfo")
    throttle_groups = Opaque("throttlegroups")
    memory = Field("memory", NATURAL)
    memory_unit = Field("memory/@unit", TEXT)
    dump_core = Field("memory/@dumpCore", ON_OFF)
    current_memory = Field("currentMemory", NATURAL)
    current_memory_unit = Field("currentMemory/@unit", TEXT)
    max_memory = Field("maxMemory", NATURAL)
    max_memory_unit = Field("maxMemory/@unit", TEXT)
    max_memory_slots = Field("maxMemory/@slots", NATURAL)
    vcpus = Field("vcpu", NATURAL)
    vcpu_placement = Field("vcpu/@placement", TEXT)
    vcpu_set = Field("vcpu/@cpuset", TEXT)
    current_vcpus = Field("vcpu/@current", NATURAL)
    vcpu_list = Children("vcpus/vcpu", Vcpu)
    iothreads = Field("iothreads", NATURAL)
    iothread_ids = Children("iothreadids/iothread", IothreadId)
    default_iothread = Child("defaultiothread", DefaultIothread)
    backing = Child("memoryBacking", MemoryBacking)
    numatune = Child("numatune", Numatune)
    cells = Children("cpu/numa/cell", Cell)
    latencies = Children("cpu/numa/interconnects/latency", Interconnect)
    bandwidths = Children("cpu/numa/interconnects/bandwidth", Interconnect)
    os_type = Field("os/type", TEXT)
    arch = Field("os/type/@arch", TEXT)
    machine = Field("os/type/@machine", TEXT)
    firmware = Field("os/@firmware", TEXT)
    firmware_features = Children("os/firmware/feature", FirmwareFeature)
    loader = Child("os/loader", Loader)
    nvram = Child("os/nvram", Nvram)
    kernel = Field("os/kernel", TEXT)
    initrd = Field("os/initrd", TEXT)
    cmdline = Field("os/cmdline", TEXT)
    dtb = Field("os/dtb", TEXT)
    boot_devices = Children("os/boot", BootDevice)
    boot_menu = Field("os/bootmenu/@enable", YES_NO)
    boot_menu_timeout = Field("os/bootmenu/@timeout", NATURAL)
    smbios_mode = Field("os/smbios/@mode", TEXT)
    bios_use_serial = Field("os/bios/@useserial", YES_NO)
    reboot_timeout = Field("os/bios/@rebootTimeout", TEXT)
    on_poweroff = Field("on_poweroff", TEXT)
    on_reboot = Field("on_reboot", TEXT)
    on_crash = Field("on_crash", TEXT)
    emulator = Field("devices/emulator", TEXT)
    controllers = Children("devices/controller", Controller)
    cpu = Child("cpu", Cpu)
    clock = Child("clock", Clock)
    suspend_to_mem = Field("pm/suspend-to-mem/@enabled", YES_NO)
    suspend_to_disk = Field("pm/suspend-to-disk/@enabled", YES_NO)
    qemu_commandline = Opaque("commandline", NAMESPACE)
    qemu_override = Opaque("override", NAMESPACE)
    qemu_deprecation = Opaque("deprecation", NAMESPACE)

    def all(self, view: Type[D]) -> List[D]:
        """Every device of a kind, in the order of the document."""
        return [view(element) for element in self.element.findall(f"devices/{view.tag}")]

    def devices(self) -> Element:
        """The <devices> element, made when it is missing."""
        found = self.element.find("devices")
        return add(self.element, "devices") if found is None else found

    def new(self, view: Type[D], **attributes: str) -> D:
        """Append a device with these attributes and return its view."""
        return view(add(self.devices(), view.tag, **attributes))

    def controller(self, type_: str, index: int) -> Optional[Controller]:
        """The controller of a type with an index, or None."""
        return next((c for c in self.controllers if c.type == type_ and c.index == index), None)

    def feature(self, name: str) -> Optional[Element]:
        """The element of a <features> child, or None."""
        return self.element.find(f"features/{name}")

    def feature_state(self, name: str) -> Optional[str]:
        """'on' or 'off' of a <features> child (being there means on), None where it is missing."""
        found = self.feature(name)
        return None if found is None else found.get("state", "on")

    def timer(self, name: str) -> Optional[Timer]:
        """The <timer> of a name, or None."""
        timers = self.clock.timers if self.clock is not None else []
        return next((timer for timer in timers if timer.name == name), None)

    # what a machine type is, by its name (QEMU's docs/system/i386)
    def is_q35(self) -> bool:
        """Whether the machine is a Q35."""
        name = self.machine or ""
        return name == "q35" or name.startswith("pc-q35")

    def is_i440fx(self) -> bool:
        """Whether the machine is an i440FX."""
        name = self.machine or ""
        return name == "pc" or name.startswith(("pc-0", "pc-1", "pc-i440", "rhel"))

    def chipset(self) -> str:
        """The family of the machine type, within which PCI addresses mean the same."""
        return "q35" if self.is_q35() else "i440fx" if self.is_i440fx() else self.machine or ""

    def is_x86(self) -> bool:
        """Whether the guest is an x86 one."""
        return self.arch in ("x86_64", "i686")

    def is_kvm(self) -> bool:
        """Whether the guest runs under KVM."""
        return self.type == "kvm"

    def accel(self) -> str:
        """QEMU's name of the accelerator."""
        return "kvm" if self.is_kvm() else "tcg"

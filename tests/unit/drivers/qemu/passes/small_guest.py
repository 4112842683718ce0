# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small guests for the tests of controllers and addresses, and a short way to write down what became of them."""

from __future__ import annotations

from typing import List

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.model import Capabilities
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.context import Context
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.options import argv
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.addresses import assign_addresses
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.addresses_usb import assign_usb_ports
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.aliases import assign_aliases
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.controllers import add_controllers
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.run import complete_devices
from ansible_collections.corral.virt.plugins.module_utils.model.domain.core import Domain
from ansible_collections.corral.virt.plugins.module_utils.model.domain.device import Address, Controller, Device
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

TYPES = (
    "piix3-usb-uhci qemu-xhci nec-usb-xhci ich9-usb-ehci1 ich9-usb-uhci1 ich9-usb-uhci2 ich9-usb-uhci3 pci-ohci "
    "usb-ehci lsi53c895a virtio-scsi-pci mptsas1068 megasas pvscsi ich9-ahci pcie-root-port ioh3420 pcie-pci-bridge "
    "pci-bridge i82801b11-bridge x3130-upstream xio3130-downstream pxb pxb-pcie"
).split()
PROPERTIES = {
    "PIIX4_PM": frozenset({"acpi-root-pci-hotplug"}),
    "pcie-root-port": frozenset({"hotplug"}),
    "virtio-scsi-pci": frozenset({"iothread-vq-mapping"}),
}


def qemu(*without: str) -> Context:
    """A QEMU with every controller but those named (by QOM type)."""
    types = frozenset(TYPES) - set(without)
    kept = {name: found for name, found in PROPERTIES.items() if name not in without}
    return Context(Capabilities("/bin/qemu", (10, 0, 0), "x86_64", types=types, device_properties=kept))


def guest(machine: str, devices: str = "", more: str = "") -> Domain:
    """A guest with these devices, as the user wrote it."""
    kind = f"<os><type arch='x86_64' machine='{machine}'>hvm</type></os>"
    return Domain(parse(f"<domain type='qemu'><name>a</name>{more}{kind}<devices>{devices}</devices></domain>"))


def place(domain: Domain, context: Context) -> Domain:
    """Run the passes that this folder tests."""
    complete_devices(domain, context)
    add_controllers(domain, context)
    assign_addresses(domain, context)
    return domain


def placed(machine: str, devices: str = "", *, context: Context = qemu(), more: str = "") -> Domain:  # noqa: B008
    """A guest with these devices, placed."""
    return place(guest(machine, devices, more), context)


def where(address: Address) -> str:
    """An address in short: 00:1f.2, or with + when it says that it is multifunction."""
    if address.type == "pci":
        at = address.pci()
        said = {None: "", True: "+", False: "-"}[address.multifunction]
        return f"{at.bus:02x}:{at.slot:02x}.{at.function:x}{said}"
    if address.type == "usb":
        return f"usb {address.channel}:{address.port}"
    if address.type == "virtio-serial":
        return f"port {address.controller}:{address.port}"
    return f"{address.type} {address.controller}"


def controllers(domain: Domain) -> List[str]:
    """Each controller in short, in the order of the document."""
    return [_short(controller) for controller in domain.controllers]


def _short(controller: Controller) -> str:
    words = [controller.type, str(controller.index), controller.model]
    words += [where(controller.address)] if controller.address is not None else []
    for name in ("chassis", "chassis_nr", "target_port", "bus_nr"):
        value = getattr(controller, name)
        words += [] if value is None else [f"{name}={value:#x}" if name == "target_port" else f"{name}={value}"]
    return " ".join(word for word in words if word)


def devices(domain: Domain, *tags: str) -> List[str]:
    """Where each device of these kinds is, in the order of the document."""
    found = [Device(element) for element in domain.devices() if element.tag in tags]
    return [f"{device.element.tag} {where(device.address) if device.address is not None else '-'}" for device in found]


def controller_options(domain: Domain, context: Context = qemu()) -> List[str]:  # noqa: B008
    """The arguments that the controllers of a placed guest become, without their flags."""
    from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.devices.table import DEVICES

    assign_usb_ports(domain, context)
    assign_aliases(domain, context)
    rows = [(kind, device) for kind in DEVICES if kind.tag == "controller" for device in kind.of(domain)]
    written = [option for kind, device in rows for option in kind.write(device, domain, context)]
    return [word for word in argv(written, context.caps) if word not in ("-device", "-global")]

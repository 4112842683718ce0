# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""USB controllers; a new model is a row of ``USB_MODELS``.

Source of the rules: libvirt's formatdomain, "Controllers"; QEMU's docs/system/devices/usb.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, Optional

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.device import Controller
from ..command.address import pci_properties
from ..context import Context
from ..kinds import NONE, PCI, PCIE, Kind
from ..options import Option, properties

NO_USB = "none"
EHCI = "ich9-ehci1"
XHCI_PORTS = 15  # QEMU's hw/usb/hcd-xhci.h, XHCI_MAXPORTS_2 and _3


@dataclass(frozen=True)
class UsbModel:
    """One model: QEMU's device, its ports, where it plugs in.

    A companion serves the slow devices of an EHCI controller with the same index, from ``first_port`` on (counted from
    0), and has no ports of its own. ``function`` is its PCI function when it shares a slot with its companions, and
    ``sized`` says that the number of ports can be chosen.
    """

    model: str
    device: str
    ports: int = 0
    bus: str = PCI
    first_port: Optional[int] = None
    function: Optional[int] = None
    sized: bool = False


USB_MODELS: Dict[str, UsbModel] = {
    row.model: row
    for row in (
        UsbModel("piix3-uhci", "piix3-usb-uhci", 2),
        UsbModel("piix4-uhci", "piix4-usb-uhci", 2),
        UsbModel("vt82c686b-uhci", "vt82c686b-usb-uhci", 2),
        UsbModel("pci-ohci", "pci-ohci", 3),
        UsbModel("ehci", "usb-ehci", 6),
        UsbModel(EHCI, "ich9-usb-ehci1", 6, function=7),
        UsbModel("ich9-uhci1", "ich9-usb-uhci1", first_port=0, function=0),
        UsbModel("ich9-uhci2", "ich9-usb-uhci2", first_port=2, function=1),
        UsbModel("ich9-uhci3", "ich9-usb-uhci3", first_port=4, function=2),
        UsbModel("nec-xhci", "nec-usb-xhci", 4, PCIE, sized=True),
        UsbModel("qemu-xhci", "qemu-xhci", 4, PCIE, sized=True),
    )
}
COMPANIONS = tuple(row for row in USB_MODELS.values() if row.first_port is not None)


def usb_model(controller: Controller) -> Optional[UsbModel]:
    """The row of a USB controller, None for model='none'; raises XmlError for a model that there is not."""
    if controller.model == NO_USB:
        return None
    row = USB_MODELS.get(controller.model or "")
    if row is None:
        known = ", ".join([*USB_MODELS, NO_USB])
        raise XmlError(f"QEMU has no USB controller '{controller.model}'; write one of {known}.", line=controller.line)
    return row


def shares_slot(controller: Controller) -> bool:
    """Whether it is one of the four functions of an ICH9's USB 2 controller."""
    row = USB_MODELS.get(controller.model or "")
    return controller.type == "usb" and row is not None and row.function is not None


def is_companion(controller: Controller) -> bool:
    """Whether it serves another controller's slow devices."""
    row = USB_MODELS.get(controller.model or "")
    own = row is not None and row.first_port is not None
    return controller.type == "usb" and (own or controller.master_start_port is not None)


def usb_ports(controller: Controller) -> int:
    """How many ports a USB controller offers; companions offer theirs through the main one."""
    row = usb_model(controller)
    if row is None:
        return 0
    return controller.ports if row.sized and controller.ports is not None else row.ports


def default_usb(domain: Domain, context: Context) -> Optional[str]:
    """The model of the USB controller that a guest gets unasked, or None where it gets none."""
    if domain.is_i440fx():
        return "piix3-uhci"
    if not domain.is_q35():
        return None
    usable = (name for name in ("qemu-xhci", "nec-xhci", EHCI) if context.caps.has_device(USB_MODELS[name].device))
    return next(usable, None)


def _complete(controller: Controller, domain: Domain, context: Context) -> None:
    if controller.model is None:
        controller.model = "piix3-uhci"
    row = usb_model(controller)
    if row is not None and row.first_port is not None and controller.master_start_port is None:
        controller.master_start_port = row.first_port
    if row is None and controller.address is not None:
        controller.element.remove(controller.address.element)


def _bus(controller: Controller, domain: Domain, context: Context) -> str:
    row = usb_model(controller)
    return NONE if row is None else row.bus


def _check(controller: Controller, domain: Domain, context: Context) -> None:
    row = usb_model(controller)
    if row is None:
        return
    if not context.caps.has_device(row.device):
        raise UnsupportedConfig(f"{context.caps.binary} has no USB controller '{row.model}'; write another model.")
    if row.sized and (controller.ports or 0) > XHCI_PORTS:
        raise UnsupportedConfig(f"a {row.model} has up to {XHCI_PORTS} ports, and {controller.ports} are asked for.")
    if is_companion(controller) and _master(controller, domain) is None:
        raise XmlError(
            f"the USB controller {row.model} has no master; add a controller {EHCI} with index {controller.index}.",
            line=controller.line,
        )


def _master(controller: Controller, domain: Domain) -> Optional[Controller]:
    same = (c for c in domain.controllers if c.type == "usb" and c.index == controller.index)
    return next((c for c in same if not is_companion(c)), None)


def _alias(controller: Controller, index: int, domain: Domain) -> str:
    return "usb" if controller.index == 0 else f"usb{controller.index}"


def _write(controller: Controller, domain: Domain, context: Context) -> Iterator[Option]:
    row = usb_model(controller)
    if row is None:
        return
    own: Dict[str, Any] = {"driver": row.device, "p2": controller.ports, "p3": controller.ports}
    if is_companion(controller):
        master = _master(controller, domain)
        if master is None:  # _check has seen to it
            raise AssertionError("master is not there")
        own.update({"masterbus": f"{master.id()}.0", "firstport": controller.master_start_port})
    else:
        own["id"] = controller.id()
    yield Option("-device", properties(own, pci_properties(controller, domain)))


USB_CONTROLLER = Kind(
    Controller,
    _write,
    complete=_complete,
    check=_check,
    bus=_bus,
    alias=_alias,
    part=lambda controller: controller.type == "usb",
)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PCI controllers: the roots, bridges, ports and expander buses of the PCI topology.

A new model is a row of ``PCI_MODELS``. Source of the rules: libvirt's formatdomain, "Controllers", and its
pci-addresses page; QEMU's docs/pcie.txt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, Iterator, Mapping, Optional, Tuple

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.device import Controller
from ....values import kib_up, scale
from ..command.address import pci_properties
from ..context import Context
from ..kinds import NONE, PCI, PCIE, Kind
from ..options import Option, properties

PCI_ROOT, PCIE_ROOT = "pci-root", "pcie-root"
PCI_BRIDGE, DMI_TO_PCI_BRIDGE, PCIE_TO_PCI_BRIDGE = "pci-bridge", "dmi-to-pci-bridge", "pcie-to-pci-bridge"
ROOT_PORT, UPSTREAM_PORT, DOWNSTREAM_PORT = "pcie-root-port", "pcie-switch-upstream-port", "pcie-switch-downstream-port"
PCI_EXPANDER, PCIE_EXPANDER = "pci-expander-bus", "pcie-expander-bus"

# property of QEMU's device -> field of the view
_PORT = (("port", "target_port"), ("chassis", "chassis"), ("hotplug", "hotplug"))
_EXPANDER = (("bus_nr", "bus_nr"), ("numa_node", "numa_node"))
# field of the view -> the lowest and highest value that the document may give, and how the document calls it
_LIMITS: Mapping[str, Tuple[int, int, str]] = {
    "chassis_nr": (1, 255, "chassisNr"),
    "chassis": (0, 255, "chassis"),
    "target_port": (0, 255, "port"),
    "bus_nr": (1, 254, "busNr"),
    "numa_node": (0, 1 << 16, "<node>"),
    "hotplug": (0, 1, "hotplug"),
}


@dataclass(frozen=True)
class PciModel:
    """One model of PCI controller.

    ``takes`` are the things that plug into it: PCI and PCIE for devices, and models of controllers. Devices that do
    not say where they want to be go to ``automatic`` ones only. ``slots`` are the first and the last slot, ``devices``
    the names of QEMU's device (the default first; none: it comes with the machine), ``fields`` the values of
    <target> as (property of the device, field of the view), ``shares`` says that several of it share a slot.
    """

    model: str
    takes: FrozenSet[str]
    slots: Tuple[int, int]
    automatic: bool = False
    devices: Tuple[str, ...] = ()
    fields: Tuple[Tuple[str, str], ...] = ()
    shares: bool = False


_CONVENTIONAL = frozenset({PCI, PCI_BRIDGE})
_ONE_PCIE = frozenset({PCIE, UPSTREAM_PORT, PCIE_TO_PCI_BRIDGE})
_ON_COMPLEX = frozenset({PCIE, ROOT_PORT, DMI_TO_PCI_BRIDGE, PCIE_EXPANDER})

PCI_MODELS: Dict[str, PciModel] = {
    row.model: row
    for row in (
        PciModel(PCI_ROOT, _CONVENTIONAL | {PCI_EXPANDER}, (1, 31), True, fields=(("", "hotplug"),)),
        PciModel(PCIE_ROOT, _ON_COMPLEX, (1, 31)),
        PciModel(PCI_BRIDGE, _CONVENTIONAL, (1, 31), True, ("pci-bridge",), (("chassis_nr", "chassis_nr"),)),
        PciModel(DMI_TO_PCI_BRIDGE, _CONVENTIONAL, (0, 31), False, ("i82801b11-bridge",)),
        PciModel(PCIE_TO_PCI_BRIDGE, _CONVENTIONAL, (1, 31), True, ("pcie-pci-bridge",)),
        PciModel(ROOT_PORT, _ONE_PCIE, (0, 0), True, ("pcie-root-port", "ioh3420"), _PORT, shares=True),
        PciModel(UPSTREAM_PORT, frozenset({DOWNSTREAM_PORT}), (0, 31), False, ("x3130-upstream",)),
        PciModel(DOWNSTREAM_PORT, _ONE_PCIE, (0, 0), True, ("xio3130-downstream",), _PORT),
        PciModel(PCI_EXPANDER, _CONVENTIONAL, (0, 31), True, ("pxb",), _EXPANDER),
        PciModel(PCIE_EXPANDER, frozenset({ROOT_PORT, DMI_TO_PCI_BRIDGE}), (0, 31), False, ("pxb-pcie",), _EXPANDER),
    )
}
ROOTS = (PCI_ROOT, PCIE_ROOT)


def pci_model(controller: Controller) -> PciModel:
    """The row of a PCI controller; raises XmlError for a model that there is not."""
    row = PCI_MODELS.get(controller.model or "")
    if row is None:
        known = ", ".join(PCI_MODELS)
        said = f"has the model '{controller.model}'" if controller.model else "has no model"
        raise XmlError(f"the PCI controller {controller.index} {said}; write one of {known}.", line=controller.line)
    return row


def root_model(domain: Domain) -> Optional[str]:
    """The model of the PCI root that the machine brings, or None where it has no PCI."""
    if domain.is_q35():
        return PCIE_ROOT
    return PCI_ROOT if domain.is_i440fx() else None


def _default_model(controller: Controller, domain: Domain) -> Optional[str]:
    root = root_model(domain)
    if controller.index == 0:
        return root
    return {PCI_ROOT: PCI_BRIDGE, PCIE_ROOT: ROOT_PORT}.get(root or "")


def _complete(controller: Controller, domain: Domain, context: Context) -> None:
    if controller.model is None and controller.index is not None:
        controller.model = _default_model(controller, domain)
    _check_machine(controller, domain)  # before addresses are given out, which could only say that no slot fits
    if controller.pcihole64 is not None and controller.pcihole64_unit != "KiB":
        size = scale(controller.pcihole64, controller.pcihole64_unit or "", what="pcihole64")
        controller.pcihole64, controller.pcihole64_unit = kib_up(size), "KiB"


def _bus(controller: Controller, domain: Domain, context: Context) -> str:
    return NONE if controller.model in ROOTS else PCI


def _check(controller: Controller, domain: Domain, context: Context) -> None:
    row = pci_model(controller)
    if (row.model in ROOTS) != (controller.index == 0):
        raise XmlError(f"a {row.model} has an index other than 0, and the PCI root has 0.", line=controller.line)
    if controller.index is not None and controller.index > 255:
        raise UnsupportedConfig(f"the PCI controller index {controller.index} is above 255.")
    if row.model in ROOTS and controller.address is not None:
        raise UnsupportedConfig(f"the {row.model} has no address; remove its <address>.")
    _check_device(controller, row, context)
    _check_hole(controller, row, domain)
    _check_hotplug(controller, row, context)
    for name in _LIMITS:
        _check_number(controller, row, name)
    _check_node(controller, domain)


def _check_machine(controller: Controller, domain: Domain) -> None:
    if controller.model == PCI_EXPANDER and not domain.is_i440fx():
        raise UnsupportedConfig("a pci-expander-bus needs a 440FX machine ('pc'); use a pcie-expander-bus with q35.")
    if controller.model == PCIE_EXPANDER and not domain.is_q35():
        raise UnsupportedConfig("a pcie-expander-bus needs the machine 'q35'; use a pci-expander-bus with 'pc'.")


def _check_device(controller: Controller, row: PciModel, context: Context) -> None:
    name = controller.model_name
    if name is None:
        return
    if name not in row.devices:
        known = f"write one of {', '.join(row.devices)}" if row.devices else "remove <model>"
        raise UnsupportedConfig(f"a {row.model} cannot be a '{name}'; {known}.")
    if not context.caps.has_device(name):
        raise UnsupportedConfig(f"{context.caps.binary} has no device '{name}', which the {row.model} needs.")


def _check_hole(controller: Controller, row: PciModel, domain: Domain) -> None:
    if controller.pcihole64 is not None and row.model not in ROOTS:
        raise UnsupportedConfig(f"<pcihole64> belongs to the PCI root, not to a {row.model}.")


def _check_hotplug(controller: Controller, row: PciModel, context: Context) -> None:
    flag = "piix4-root-hotplug" if row.model == PCI_ROOT else "pcie-root-port-hotplug"
    if controller.hotplug is not None and not context.has(flag):
        raise UnsupportedConfig(f"{context.caps.binary} cannot switch the hotplug of a {row.model}; remove it.")


def _check_number(controller: Controller, row: PciModel, name: str) -> None:
    value = getattr(controller, name)
    if value is None:
        return
    low, high, said = _LIMITS[name]
    if name not in [field for _property, field in row.fields]:
        raise UnsupportedConfig(f"a {row.model} has no {said} in its <target>; remove it.")
    if not low <= value <= high:
        raise UnsupportedConfig(f"{said} of a {row.model} is {value}, and must be from {low} to {high}.")


def _check_node(controller: Controller, domain: Domain) -> None:
    cells = len(domain.element.findall("cpu/numa/cell"))
    if controller.numa_node is not None and controller.numa_node >= cells:
        raise XmlError(
            f"the {controller.model} {controller.index} names the NUMA node {controller.numa_node}, and the guest "
            f"has {cells}; add the node to <cpu><numa>.",
            line=controller.line,
        )


def _alias(controller: Controller, index: int, domain: Domain) -> str:
    return f"{'pcie' if controller.model == PCIE_ROOT else 'pci'}.{controller.index}"


def _depth(controller: Controller, domain: Domain) -> int:
    """How many controllers stand between it and the root: QEMU wants to know a bus before what plugs into it."""
    above: Optional[Controller] = controller
    for depth in range(256):
        place = above.address if above is not None and above.model not in ROOTS else None
        if place is None:
            return depth
        above = domain.controller("pci", place.bus or 0)
    raise XmlError(
        f"the PCI controller {controller.index} sits below itself; correct the addresses.", line=controller.line
    )


def _write(controller: Controller, domain: Domain, context: Context) -> Iterator[Option]:
    row = pci_model(controller)
    if row.model in ROOTS:
        yield from _write_root(controller)
        return
    numbers = {name: getattr(controller, field) for name, field in row.fields}
    own: Mapping[str, Any] = {"driver": controller.model_name or row.devices[0], "id": controller.id(), **numbers}
    yield Option("-device", properties(own, pci_properties(controller, domain)))


def _write_root(root: Controller) -> Iterator[Option]:
    if root.pcihole64 is not None:
        host = "q35-pcihost" if root.model == PCIE_ROOT else "i440FX-pcihost"
        yield Option("-global", f"{host}.pci-hole64-size={root.pcihole64}K")
    if root.hotplug is not None:
        yield Option("-global", f"PIIX4_PM.acpi-root-pci-hotplug={'on' if root.hotplug else 'off'}")


PCI_CONTROLLER = Kind(
    Controller,
    _write,
    complete=_complete,
    check=_check,
    bus=_bus,
    alias=_alias,
    part=lambda controller: controller.type == "pci",
    rank=_depth,
)

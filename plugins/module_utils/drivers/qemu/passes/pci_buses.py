# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The PCI buses of a guest while addresses are given out: what is taken, what fits where, what has to be added.

Source of the rules: libvirt's pci-addresses page and QEMU's docs/pcie.txt. Addresses come out as libvirt's do.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Dict, FrozenSet, List, Optional, Set

from ....errors import XmlError
from ....values import PciAddress
from ..devices.controller_pci import (
    DMI_TO_PCI_BRIDGE,
    PCI_BRIDGE,
    PCI_MODELS,
    PCIE_TO_PCI_BRIDGE,
    ROOT_PORT,
    UPSTREAM_PORT,
    PciModel,
)
from ..kinds import PCI, PCIE

FUNCTIONS = range(8)
_ENDPOINTS = frozenset({PCI, PCIE})
_SAID = {PCI: "conventional PCI devices", PCIE: "PCI Express devices"}


@dataclass(frozen=True)
class Want:
    """What a device needs of a bus.

    ``connect`` is PCI, PCIE or the model of a controller; ``automatic``: a bus that takes what says nothing about its
    place; ``shares``: it may share a slot with others that share; ``integrated``: bus 0 and no other. ``index`` is a
    controller's own: it goes below those with a lower one and below root ports, so that none ends up below itself.
    """

    connect: str
    automatic: bool = True
    shares: bool = False
    integrated: bool = False
    index: Optional[int] = None


@dataclass
class Bus:
    """One bus: the model of its controller, what it takes, the functions that are in use by slot."""

    row: PciModel
    takes: FrozenSet[str]
    used: Dict[int, Set[int]] = field(default_factory=dict)
    shared: Set[int] = field(default_factory=set)

    def slots(self) -> range:
        """The slots that it has."""
        first, last = self.row.slots
        return range(first, last + 1)

    def in_use(self, slot: int) -> bool:
        """Whether a function of the slot is taken."""
        return bool(self.used.get(slot))

    def is_full(self) -> bool:
        """Whether every slot has something in it."""
        return all(self.in_use(slot) for slot in self.slots())


def new_bus(model: str) -> Bus:
    """An empty bus behind a controller of that model."""
    row = PCI_MODELS[model]
    return Bus(row, row.takes)


class Buses:
    """All buses of a guest; with ``growing``, those that are missing are added on the way."""

    def __init__(self, buses: List[Bus], *, growing: bool, pcie_bridge: bool) -> None:
        self.buses = buses
        self.growing = growing
        self.pcie_bridge = pcie_bridge

    def in_use(self, place: PciAddress) -> bool:
        """Whether a function of the address's slot is taken."""
        return place.bus < len(self.buses) and self.buses[place.bus].in_use(place.slot)

    def reserve(self, place: PciAddress, want: Want, line: Optional[int] = None) -> PciAddress:
        """Take an address that the document gives and return it; raises XmlError when it cannot be had.

        While growing, a bus that does not exist is added; where that needs another controller above it, the bus
        number comes out one higher.
        """
        if self.growing:
            place = self._grow(place, want)
        self._check(place, want, line)
        self._take(place, want, line)
        return place

    def next(self, want: Want, function: Optional[int] = None) -> PciAddress:
        """Take the next free address that fits; raises XmlError when there is none."""
        place = self._find(want, function)
        if place is None:
            place = self._new_place(want, function or 0)
        self._take(place, want, None)
        return place

    def _take(self, place: PciAddress, want: Want, line: Optional[int]) -> None:
        bus = self.buses[place.bus]
        functions = bus.used.setdefault(place.slot, set())
        if place.function in functions:
            raise XmlError(f"the PCI address {place} is used twice; give each device its own.", line=line)
        if not functions and want.shares:
            bus.shared.add(place.slot)
        functions.add(place.function)

    # looking for a place

    def _find(self, want: Want, function: Optional[int]) -> Optional[PciAddress]:
        for number, bus in enumerate(self.buses):
            if not self._fits(number, want):
                continue
            for slot in bus.slots():
                free = self._free_function(bus, slot, want, function)
                if free is not None:
                    return PciAddress(0, number, slot, free)
        return None

    def _fits(self, number: int, want: Want) -> bool:
        bus = self.buses[number]
        if want.index is not None and number >= want.index and bus.row.model != ROOT_PORT:
            return False
        if want.integrated:
            return number == 0 and want.connect in bus.takes
        return want.connect in bus.takes and (bus.row.automatic or not want.automatic)

    def _free_function(self, bus: Bus, slot: int, want: Want, function: Optional[int]) -> Optional[int]:
        if not bus.in_use(slot):
            return function or 0
        if not (want.shares and slot in bus.shared):
            return None
        wanted = FUNCTIONS if function is None else (function,)
        return next((number for number in wanted if number not in bus.used[slot]), None)

    def _new_place(self, want: Want, function: int) -> PciAddress:
        if not self.buses:
            raise XmlError("the machine has no PCI bus for the guest's PCI devices; use the machine 'q35' or 'pc'.")
        if not self.growing:
            raise XmlError("there is no free PCI slot left; add a PCI controller.")
        place = self._grow(PciAddress(0, len(self.buses), 0, function), want)
        return replace(place, slot=self.buses[place.bus].row.slots[0])

    # adding buses

    def _grow(self, place: PciAddress, want: Want) -> PciAddress:
        """Add buses until the address's bus exists."""
        missing = place.bus - len(self.buses) + 1
        if missing <= 0 or not self.buses:
            return place
        if want.connect == PCI and not any(PCI_BRIDGE in bus.takes for bus in self.buses):
            if missing == 1:  # a conventional topology takes two controllers, one above the other
                missing, place = 2, replace(place, bus=place.bus + 1)
            missing -= self._add_conventional()
        for _missing in range(missing):
            self.buses.append(new_bus(_added_model(want)))
        return place

    def _add_conventional(self) -> int:
        """Bring conventional PCI to a machine that has PCI Express only; returns the number of buses added."""
        if not self.pcie_bridge:
            self.buses.append(new_bus(DMI_TO_PCI_BRIDGE))
            return 1
        port = new_bus(ROOT_PORT)
        port.takes = frozenset({PCIE_TO_PCI_BRIDGE})  # kept for the bridge: nothing else may go there
        self.buses += [port, new_bus(PCIE_TO_PCI_BRIDGE)]
        return 2

    # checking what the document says

    def _check(self, place: PciAddress, want: Want, line: Optional[int]) -> None:
        if not self.buses:
            raise XmlError(f"the machine has no PCI bus for the address {place}.", line=line)
        if place.domain != 0:
            raise XmlError(f"the PCI address {place} is not in PCI domain 0, the only one there is.", line=line)
        if place.bus >= len(self.buses):
            raise XmlError(f"the PCI address {place} is on a bus above {len(self.buses) - 1}, the last one.", line=line)
        self._check_fit(place, want, line)
        first, last = self.buses[place.bus].row.slots
        if not first <= place.slot <= last:
            slots = f"slot {first:#x}" if first == last else f"a slot from {first:#x} to {last:#x}"
            raise XmlError(f"the PCI address {place} needs {slots}, which is what its bus has.", line=line)
        if place.function not in FUNCTIONS:
            raise XmlError(f"the PCI address {place} has a function above 7.", line=line)

    def _check_fit(self, place: PciAddress, want: Want, line: Optional[int]) -> None:
        """The document may put a device on any bus for devices, and a bridge where a PCI device could be."""
        if want.integrated and place.bus:
            raise XmlError(f"the device at PCI address {place} is an integrated one, and needs bus 0.", line=line)
        bus = self.buses[place.bus]
        takes = bus.takes | _ENDPOINTS if bus.takes & _ENDPOINTS else bus.takes
        wanted = {want.connect, PCI} if want.connect == PCI_BRIDGE else {want.connect}
        if not takes & wanted:
            said = _SAID.get(want.connect, f"a {want.connect}")
            raise XmlError(
                f"the device at PCI address {place} needs a controller that takes {said}, and bus {place.bus} is a "
                f"{bus.row.model}.",
                line=line,
            )


def _added_model(want: Want) -> str:
    if want.connect == PCI:
        return PCI_BRIDGE
    if want.connect in (PCIE, UPSTREAM_PORT, PCIE_TO_PCI_BRIDGE):
        return ROOT_PORT
    raise XmlError(f"there is no free bus for a {want.connect}, and none can be added; add the controller above it.")

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The row of the device table: all that the driver knows of one kind of device, in one place.

To add a device: write a view in model/domain, a file in devices/ with one ``Kind`` and put it into devices/table.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterable, List, Type

from ...model.domain.core import Domain
from ...model.domain.device import Device
from .context import Context
from .options import Option

# Where a device's address lives. "virtio" is a device that is at home on PCI Express as well as on PCI; "integrated"
# is one that sits on bus 0 of whichever of both the machine has, and nowhere else.
NONE, PCI, PCIE, VIRTIO, INTEGRATED, DRIVE, USB, VIRTIO_SERIAL, ISA, CCID = (
    "none",
    "pci",
    "pcie",
    "virtio",
    "integrated",
    "drive",
    "usb",
    "virtio-serial",
    "isa",
    "ccid",
)


def _nothing(device: Any, domain: Domain, context: Context) -> None:
    return None


def _no_bus(device: Any, domain: Domain, context: Context) -> str:
    return NONE


def _every(device: Any) -> bool:
    return True


def _level(device: Any, domain: Domain) -> int:
    return 0


def _by_tag(device: Any, index: int, domain: Domain) -> str:
    return f"{device.tag}{index}"


@dataclass(frozen=True)
class Kind:
    """One kind of device.

    ``complete`` fills in what the document leaves open, ``bus`` names where its address lives (one of the constants
    above), ``check`` raises XmlError or UnsupportedConfig, ``alias`` names it (``index`` counts within the kind, from
    0), ``write`` yields its options. All are pure, except that ``complete`` writes into the document. ``part`` picks
    the elements that the row is for where several rows share a tag, as controllers do: what plugs into another device
    then stands below it in the table. ``rank`` does the same within a row: those with a lower one come first.
    """

    view: Type[Device]
    write: Callable[[Any, Domain, Context], Iterable[Option]]
    complete: Callable[[Any, Domain, Context], None] = _nothing
    check: Callable[[Any, Domain, Context], None] = _nothing
    bus: Callable[[Any, Domain, Context], str] = _no_bus
    alias: Callable[[Any, int, Domain], str] = _by_tag
    part: Callable[[Any], bool] = _every
    rank: Callable[[Any, Domain], int] = _level

    @property
    def tag(self) -> str:
        """The element's name."""
        return self.view.tag

    def of(self, domain: Domain) -> List[Any]:
        """The devices of a domain that the row is for: by rank, then in the order of the document."""
        found = [device for device in domain.all(self.view) if self.part(device)]
        return sorted(found, key=lambda device: self.rank(device, domain))

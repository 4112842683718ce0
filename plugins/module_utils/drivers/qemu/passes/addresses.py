# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses of all devices, but for drives, whose kinds write their own.

USB ports are given out when the guest starts, not when it is defined, as libvirt does for documents that were not
made by it: the stored document then leaves them open, and what it gives is checked all the same.
"""

from __future__ import annotations

from ....errors import XmlError
from ....model.domain.core import Domain
from ....xml.parse import clone
from ..context import Context
from .addresses_pci import assign_pci_addresses
from .addresses_serial import assign_serial_ports
from .addresses_usb import assign_usb_ports
from .controllers import arrange

# Types of <address>, and what of them this driver gives or keeps (libvirt's formatdomain, "Device Addresses").
TYPES = ("pci", "drive", "virtio-serial", "ccid", "usb", "isa", "dimm", "mdev", "ccw", "virtio-mmio", "unassigned")


def assign_addresses(domain: Domain, context: Context) -> None:
    """Give out virtio-serial ports and PCI addresses, and check those that are given, USB ports too."""
    _check_types(domain)
    assign_serial_ports(domain, context)
    assign_pci_addresses(domain, context)
    arrange(domain)
    check_usb_ports(domain, context)


def _check_types(domain: Domain) -> None:
    for address in domain.devices().iterfind("*/address"):
        if address.get("type") not in (None, *TYPES):
            raise XmlError(
                f"<address type='{address.get('type')}'> is not one of {', '.join(TYPES)}.", line=address.sourceline
            )


def check_usb_ports(domain: Domain, context: Context) -> None:
    """Raise what ``assign_usb_ports`` would raise, and leave the document alone."""
    assign_usb_ports(Domain(clone(domain.element)), context)

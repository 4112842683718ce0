# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which device the firmware tries when: <boot order='N'/> of devices, or the list <boot dev='...'/> of <os>.

Source of the rules: libvirt's formatdomain, "BIOS bootloader" and "boot" of devices: the first device of a kind gets
the place that the list gives to its kind.
"""

from __future__ import annotations

from typing import Dict, Optional

from ....model.domain.core import Domain
from ....model.domain.device import Device
from ....xml.parse import Element

# the word in <boot dev=''/> for a <disk device=''>; other devices have one word for their element
DISKS: Dict[str, str] = {"disk": "hd", "lun": "hd", "cdrom": "cdrom", "floppy": "fd"}
NETWORK = "network"


def boot_index(device: Device, domain: Domain) -> Optional[int]:
    """The place of a device in the boot order, from 1, or None where the firmware leaves it out."""
    if device.boot_order is not None:
        return device.boot_order
    word = _word(device.element)
    places = {boot.dev: place for place, boot in enumerate(domain.boot_devices, start=1)}
    if word is None or word not in places or not _is_first(device.element, word):
        return None
    return places[word]


def _word(element: Element) -> Optional[str]:
    if element.tag == "disk":
        return DISKS.get(element.get("device", "disk"))
    return NETWORK if element.tag == "interface" else None


def _is_first(element: Element, word: str) -> bool:
    parent = element.getparent()
    siblings = [] if parent is None else parent.findall(str(element.tag))
    return next((one for one in siblings if _word(one) == word), element) is element

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Identity never drifts: what a document leaves open is taken from the guest of the same name.

A uuid, a MAC address, an address of a device that the user did not write is kept from what exists; for a new guest
they are derived from the host and the name, so that a second run, or a lost state, gives the same ones again.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Tuple

from ....errors import AlreadyExists
from ....model.domain.core import Domain
from ....values import derived_mac, parse_uuid
from ....xml.parse import Element, add, clone

# How a device is recognised again when its document says nothing else: path of a value that does not change.
KEYS: Dict[str, Tuple[str, ...]] = {
    "disk": ("target/@dev",),
    "interface": ("mac/@address",),
    "controller": ("@type", "@index"),
    "channel": ("@type", "target/@name"),
    "filesystem": ("target/@dir",),
    "graphics": ("@type",),
    "input": ("@type", "@bus"),
    "sound": ("@model",),
    "hostdev": ("source/address/@bus", "source/address/@slot", "source/address/@function"),
}


def inherit(document: Element, existing: Optional[Element], host_id: str, *, same_chipset: bool = True) -> Element:
    """Return a copy of a desired document with the identity of the existing guest.

    Addresses are kept while the guest stays on ``same_chipset``: on another one they would mean nothing.
    """
    desired = Domain(clone(document))
    if existing is not None:
        _keep_uuid(desired, Domain(existing))
        _keep_macs(desired, existing)
    _derive_macs(desired, host_id)
    if existing is not None and same_chipset:
        _keep_addresses(desired, Domain(existing))
    return desired.element


def _keep_uuid(desired: Domain, existing: Domain) -> None:
    if desired.uuid is None:
        desired.uuid = existing.uuid
    elif existing.uuid and parse_uuid(desired.uuid) != parse_uuid(existing.uuid):
        raise AlreadyExists(
            f"Guest {desired.name} exists with the uuid {existing.uuid}, and the document says {desired.uuid}.",
            hint="Leave the uuid out, or give the guest another name.",
            name=desired.name,
        )


def _mac(interface: Element) -> Optional[str]:
    found = interface.find("mac")
    return None if found is None else found.get("address")


def _keep_macs(desired: Domain, existing: Element) -> None:
    """Give the n-th interface without a MAC address the n-th one that the document does not name."""
    wanted = desired.element.findall("devices/interface")
    named = {_mac(interface) for interface in wanted}
    free = [mac for mac in map(_mac, existing.findall("devices/interface")) if mac and mac not in named]
    for interface, mac in zip([found for found in wanted if _mac(found) is None], free):
        _set_mac(interface, mac)


def _derive_macs(desired: Domain, host_id: str) -> None:
    taken = {_mac(interface) for interface in desired.element.findall("devices/interface")}
    for number, interface in enumerate(desired.element.findall("devices/interface")):
        attempt = 0
        while _mac(interface) is None:
            mac = derived_mac("interface", host_id, desired.name or "", str(number), str(attempt))
            if mac not in taken:
                _set_mac(interface, mac)
                taken.add(mac)
            attempt += 1


def _set_mac(interface: Element, mac: str) -> None:
    found = interface.find("mac")
    (add(interface, "mac") if found is None else found).set("address", mac)


def _keyed(devices: Element) -> Iterator[Tuple[Tuple[str, ...], Element]]:
    """Every device with what names it; devices that nothing names are counted within their tag."""
    seen: Dict[Tuple[str, ...], int] = {}
    for device in devices:
        values: List[str] = [str(device.tag)]
        for path in KEYS.get(str(device.tag), ()):
            found = device.xpath(path)
            values.append(str(found[0]) if found else "")
        key = tuple(values)
        seen[key] = seen.get(key, 0) + 1
        yield (*key, str(seen[key])), device


def _keep_addresses(desired: Domain, existing: Domain) -> None:
    """Copy the addresses of devices that are still there, and the PCI controllers that they sit on."""
    before = dict(_keyed(existing.devices()))
    taken = {_place(found) for found in desired.devices().iter("address")}
    for key, device in _keyed(desired.devices()):
        source = before.get(key)
        address = None if source is None else source.find("address")
        if address is None or device.find("address") is not None or _place(address) in taken:
            continue
        device.append(clone(address))
        taken.add(_place(address))
    _keep_controllers(desired, existing)


def _place(address: Element) -> Tuple[Tuple[str, str], ...]:
    return tuple(sorted((str(name), str(value)) for name, value in address.attrib.items()))


def _keep_controllers(desired: Domain, existing: Domain) -> None:
    """Bring along the bridges and root ports, spare ones too, unless the document has controllers of its own."""
    if any(controller.type == "pci" and controller.index for controller in desired.controllers):
        return
    for controller in existing.controllers:
        if controller.type == "pci" and desired.controller("pci", controller.index or 0) is None:
            desired.devices().append(clone(controller.element))

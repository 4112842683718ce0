# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Identity never drifts: what a document leaves open is taken from the guest of the same name.

A uuid, MAC addresses and a version of the machine type that the user did not write are kept from what exists; for a
new guest uuid and MAC addresses are derived from the host and the name, so that a second run, or a lost state, gives
the same ones again. (passes/keep.py does the same for the addresses of devices.)
"""

from __future__ import annotations

from typing import Optional, Tuple

from ....errors import AlreadyExists
from ....model.domain.core import Domain
from ....values import derived_mac, parse_mac, parse_uuid
from ....xml.parse import Element, add, clone

# What tells interfaces apart that have no MAC address yet: those that are alike in all that the document says.
TRAITS: Tuple[Tuple[str, str], ...] = (
    (".", "type"),
    *(("source", name) for name in ("network", "bridge", "dev", "address", "port")),
    ("target", "dev"),
    ("model", "type"),
)

# Machine types that stand for the newest of their family (QEMU's "-machine help").
ALIASES = ("pc", "q35")


def inherit(document: Element, existing: Optional[Element], host_id: str, *, kvm: bool) -> Element:
    """Return a copy of a desired document with the identity of the existing guest; ``kvm`` says that KVM is usable."""
    desired = Domain(clone(document))
    if existing is not None:
        _keep_platform(desired, Domain(existing), kvm=kvm)
        _keep_uuid(desired, Domain(existing))
        _keep_macs(desired, existing)
    _derive_macs(desired, host_id)
    return desired.element


def _keep_platform(desired: Domain, existing: Domain, *, kvm: bool) -> None:
    """A type or machine that is left open, or named by its alias, stays as it was: a newer QEMU changes no guest."""
    if desired.type is None and (existing.type != "kvm" or kvm):
        desired.type = existing.type
    if desired.machine is None or (desired.machine in ALIASES and desired.chipset() == existing.chipset()):
        desired.machine = existing.machine


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
    address = None if found is None else found.get("address")
    return None if address is None else parse_mac(address)


def _keep_macs(desired: Domain, existing: Element) -> None:
    """Give each interface without a MAC address that of one that is like it, else one that the document leaves over."""
    wanted = desired.element.findall("devices/interface")
    named = {_mac(interface) for interface in wanted}
    free = [found for found in existing.findall("devices/interface") if _mac(found) not in named]
    for alike in (True, False):
        for interface in wanted:
            source = next((found for found in free if not alike or _is_like(interface, found)), None)
            mac = None if source is None or _mac(interface) is not None else _mac(source)
            if mac is not None and source is not None:
                _set_mac(interface, mac)
                free.remove(source)


def _is_like(interface: Element, other: Element) -> bool:
    pairs = [(_trait(interface, *trait), _trait(other, *trait)) for trait in TRAITS]
    return all(value is None or value == theirs for value, theirs in pairs)


def _trait(interface: Element, path: str, name: str) -> Optional[str]:
    found = interface.find(path)
    return None if found is None else found.get(name)


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

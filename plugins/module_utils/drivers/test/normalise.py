# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Completing a guest's document as defining it would: pure, and without effect on its own output.

The test driver takes documents that were written for another hypervisor, so that a playbook can be tried with it:
whatever the type was, it becomes ``test``.
"""

from __future__ import annotations

from typing import List, Mapping, Optional, Set

from ...errors import XmlError
from ...host.layout import check_name
from ...model.domain.core import Domain
from ...model.domain.order import DEVICE_RANK, TOP_RANK
from ...values import derived_mac, derived_uuid, kib_up, parse_mac, parse_uuid, scale
from ...xml.parse import Element, add, clone, new_element
from ...xml.views import NATURAL, TEXT, Field, View


class NumaCell(View):
    """A <cell> of <cpu><numa>."""

    memory = Field("@memory", NATURAL)
    unit = Field("@unit", TEXT)


_EVENTS = (("on_poweroff", "destroy"), ("on_reboot", "restart"), ("on_crash", "destroy"))


def normalise(document: Element, existing: Optional[Element], *, seed: str) -> Element:
    """Return the complete document; raises XmlError and InvalidArgument.

    ``existing`` is the definition of the guest of that name, from which uuid and MAC addresses are kept. For a new
    guest they are derived from ``seed`` and the name.
    """
    if document.tag != "domain":
        raise XmlError(f"the document is a <{document.tag!s}>; write a <domain>.", line=View(document).line)
    domain = Domain(clone(document))
    domain.type = "test"
    domain.id = None
    domain.name = _name(domain)
    domain.uuid = _uuid(domain, existing, seed)
    _complete_memory(domain)
    _complete_vcpus(domain)
    _complete_rest(domain)
    _complete_macs(domain, existing, seed)
    _sort(domain.devices(), DEVICE_RANK)
    _sort(domain.element, TOP_RANK)
    return domain.element


def _sort(parent: Element, rank: Mapping[str, int]) -> None:
    parent[:] = sorted(parent, key=lambda child: rank.get(str(child.tag), len(rank)))


def _name(domain: Domain) -> str:
    if not domain.name:
        raise XmlError("the guest has no <name>; write one.", line=domain.line)
    return check_name("guest", domain.name)


def _uuid(domain: Domain, existing: Optional[Element], seed: str) -> str:
    if domain.uuid:
        return parse_uuid(domain.uuid)
    kept = Domain(existing).uuid if existing is not None else None
    return kept or derived_uuid("domain", seed, domain.name or "")


def _complete_memory(domain: Domain) -> None:
    domain.memory = _kib(domain.memory or 0, domain.memory_unit, "memory") or _cells_kib(domain)
    if not domain.memory:
        raise XmlError("the guest has no memory; write it as in <memory unit='MiB'>512</memory>.", line=domain.line)
    current = _kib(domain.current_memory or 0, domain.current_memory_unit, "currentMemory") or domain.memory
    domain.current_memory = min(current, domain.memory)
    domain.memory_unit = domain.current_memory_unit = "KiB"


def _cells_kib(domain: Domain) -> int:
    """The memory of a guest that gives it by NUMA cell only."""
    cells = [NumaCell(element) for element in domain.element.findall("cpu/numa/cell")]
    return sum(_kib(cell.memory or 0, cell.unit, "cell") for cell in cells)


def _kib(number: int, unit: Optional[str], what: str) -> int:
    return kib_up(scale(number, unit or "", what=what))


def _complete_vcpus(domain: Domain) -> None:
    if domain.vcpus == 0:
        raise XmlError("<vcpu> is 0; a guest needs at least 1.", line=domain.line)
    domain.vcpus = domain.vcpus or 1
    domain.vcpu_placement = domain.vcpu_placement or "static"
    if (domain.current_vcpus or 0) > domain.vcpus:
        raise XmlError("the attribute current of <vcpu> is more than the number of vCPUs.", line=domain.line)


def _complete_rest(domain: Domain) -> None:
    domain.os_type = domain.os_type or "hvm"
    if domain.element.find("clock") is None:
        add(domain.element, "clock", offset="utc")
    for tag, action in _EVENTS:
        if domain.element.find(tag) is None:
            add(domain.element, tag).text = action
    domain.devices()


def _complete_macs(domain: Domain, existing: Optional[Element], seed: str) -> None:
    interfaces = domain.element.findall("devices/interface")
    taken: Set[str] = set()
    for interface in interfaces:
        mac = interface.find("mac")
        if mac is not None and mac.get("address"):
            mac.set("address", parse_mac(str(mac.get("address"))))
            taken.add(str(mac.get("address")))
    before = _macs(existing)
    for position, interface in enumerate(interfaces):
        if not _mac(interface):
            kept = before[position] if position < len(before) else ""
            fresh = kept if kept and kept not in taken else _free_mac(taken, seed, domain.name or "", position)
            taken.add(fresh)
            _set_mac(interface, fresh)


def _macs(existing: Optional[Element]) -> List[str]:
    return [] if existing is None else [_mac(interface) for interface in existing.findall("devices/interface")]


def _mac(interface: Element) -> str:
    found = interface.find("mac")
    return "" if found is None else str(found.get("address") or "")


def _free_mac(taken: Set[str], seed: str, name: str, position: int) -> str:
    while True:
        mac = derived_mac("domain", seed, name, str(position))
        if mac not in taken:
            return mac
        position += 1000


def _set_mac(interface: Element, address: str) -> None:
    found = interface.find("mac")
    if found is None:
        found = new_element("mac")
        interface.insert(0, found)
    found.set("address", address)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Name, uuid, memory, CPU count, clock and what happens when the guest ends.

Source of the rules: libvirt's formatdomain, "General metadata", "Memory Allocation", "CPU Allocation", "Events
configuration" and "Time keeping".
"""

from __future__ import annotations

from typing import Optional

from ....errors import InvalidArgument, XmlError
from ....model.domain.core import Domain
from ....values import derived_uuid, kib_up, parse_uuid, scale
from ....xml.parse import add
from ..context import Context

EVENTS = (("on_poweroff", "destroy"), ("on_reboot", "restart"), ("on_crash", "destroy"))


def complete_basics(domain: Domain, context: Context) -> None:
    """Fill in what every guest has."""
    _identify(domain, context)
    _size_memory(domain)
    _count_vcpus(domain)
    for name, default in EVENTS:
        if domain.element.find(name) is None:
            add(domain.element, name).text = default
    if domain.clock is None:
        add(domain.element, "clock", offset="utc")
    _boot_from_disk(domain)


def _boot_from_disk(domain: Domain) -> None:
    """A guest that says nothing of booting tries its first disk."""
    says = domain.boot_devices or domain.element.find("devices/*/boot") is not None
    holder = domain.element.find("os")
    if not says and holder is not None:
        add(holder, "boot", dev="hd")


def _identify(domain: Domain, context: Context) -> None:
    if not domain.name:
        raise XmlError("the domain has no <name>.", line=domain.line)
    if domain.uuid is None:
        domain.uuid = derived_uuid("domain", context.host_id, domain.name)
    domain.uuid = parse_uuid(domain.uuid)


def _in_kib(number: Optional[int], unit: Optional[str], what: str) -> Optional[int]:
    return None if number is None else kib_up(scale(number, unit or "KiB", what=f"<{what}>"))


def _size_memory(domain: Domain) -> None:
    """All sizes in KiB; a guest without <currentMemory> has all of its memory at start."""
    cells = domain.element.findall("cpu/numa/cell")
    domain.memory = _in_kib(domain.memory, domain.memory_unit, "memory")
    domain.current_memory = _in_kib(domain.current_memory, domain.current_memory_unit, "currentMemory")
    domain.max_memory = _in_kib(domain.max_memory, domain.max_memory_unit, "maxMemory")
    if not domain.memory and not cells:
        raise XmlError("<memory> is missing or 0; write the guest's memory, such as <memory unit='GiB'>2</memory>.")
    total = domain.memory or 0
    if domain.current_memory is None:
        domain.current_memory = total
    domain.current_memory = min(domain.current_memory, total)
    domain.memory_unit = domain.current_memory_unit = "KiB"
    if domain.max_memory is not None:
        domain.max_memory_unit = "KiB"


def _count_vcpus(domain: Domain) -> None:
    if domain.element.find("vcpu") is None:
        domain.vcpus = 1
    if not domain.vcpus:
        raise InvalidArgument("<vcpu> is 0; a guest has at least one CPU.")
    if domain.current_vcpus is not None and domain.current_vcpus > domain.vcpus:
        raise InvalidArgument(f"<vcpu current='{domain.current_vcpus}'> is above the {domain.vcpus} CPUs there can be.")
    if domain.vcpu_placement is None:
        domain.vcpu_placement = "static"
    if domain.current_vcpus == domain.vcpus:
        domain.current_vcpus = None

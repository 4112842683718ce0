# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Name, uuid, memory, CPU count, clock and what happens when the guest ends.

Source of the rules: libvirt's formatdomain, "General metadata", "Memory Allocation", "CPU Allocation", "Events
configuration" and "Time keeping".
"""

from __future__ import annotations

from typing import Optional

from ....errors import XmlError
from ....model.domain.core import Domain
from ....values import derived_uuid, kib_up, parse_cpuset, parse_uuid, scale
from ....xml.parse import add, clone
from ..context import Context

# Above all machines of QEMU; a table with a row for each CPU must not fill the memory before the machine is asked.
MOST_VCPUS = 1 << 14
EVENTS = (("on_poweroff", "destroy"), ("on_reboot", "restart"), ("on_crash", "destroy"))


def complete_basics(domain: Domain, context: Context) -> None:
    """Fill in what every guest has."""
    _identify(domain, context)
    domain.id = None
    _size_memory(domain)
    _count_vcpus(domain)
    _lay_out_cpus(domain)
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
    if domain.genid and not domain.genid_value:
        domain.genid_value = context.genid or derived_uuid("genid", context.host_id, domain.name)


def _in_kib(number: Optional[int], unit: Optional[str], what: str) -> Optional[int]:
    return None if number is None else kib_up(scale(number, unit or "KiB", what=f"<{what}>"))


def _lay_out_cpus(domain: Domain) -> None:
    """A topology says all of its levels, and each CPU of a schedule has an element of its own."""
    cpu = domain.cpu
    if cpu is not None and cpu.sockets:
        cpu.dies, cpu.clusters = cpu.dies or 1, cpu.clusters or 1
    for tag, name in (("vcpusched", "vcpus"), ("iothreadsched", "iothreads")):
        for found in domain.element.findall(f"cputune/{tag}"):
            numbers = sorted(parse_cpuset(found.get(name) or "", what=name)) if found.get(name) else []
            for number in reversed(numbers[1:]):
                copy = clone(found)
                copy.set(name, str(number))
                found.addnext(copy)
            if numbers:
                found.set(name, str(numbers[0]))


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
        raise XmlError("<vcpu> is 0; a guest has at least one CPU.", line=domain.line_at("vcpu"))
    if domain.vcpus > MOST_VCPUS:
        raise XmlError(f"<vcpu> is {domain.vcpus}, and no machine has that many CPUs.", line=domain.line_at("vcpu"))
    if domain.current_vcpus is not None and domain.current_vcpus > domain.vcpus:
        raise XmlError(
            f"<vcpu current='{domain.current_vcpus}'> is above the {domain.vcpus} CPUs there can be.",
            line=domain.line_at("vcpu"),
        )
    if domain.vcpu_placement is None:
        domain.vcpu_placement = "static"
    if domain.current_vcpus == domain.vcpus:
        domain.current_vcpus = None

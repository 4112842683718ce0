# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NUMA cells, NUMA tuning and I/O threads: what the document leaves open.

Source of the rules: libvirt's formatdomain, "NUMA Node Tuning", "CPU model and topology" and "IOThreads Allocation".
"""

from __future__ import annotations

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.memory import Numatune
from ....values import format_cpuset, parse_cpuset
from ....xml.parse import add
from ..context import Context


def complete_memory(domain: Domain, context: Context) -> None:
    """Number the cells, settle where the memory comes from, name the I/O threads."""
    _complete_pages(domain)
    _complete_cells(domain)
    _complete_tuning(domain)
    _complete_iothreads(domain)


def _complete_pages(domain: Domain) -> None:
    for page in domain.backing.pages if domain.backing is not None else []:
        page.size, page.unit = page.kib(), "KiB"
        if page.nodeset:
            page.nodeset = format_cpuset(parse_cpuset(page.nodeset, what="nodeset"))


def _complete_cells(domain: Domain) -> None:
    cells = domain.cells
    for number, cell in enumerate(cells):
        if cell.id is None:
            cell.id = number
        if cell.cpus:
            cell.cpus = format_cpuset(parse_cpuset(cell.cpus, what="cpus"))
        cell.memory, cell.unit = cell.kib(), "KiB"
    _place_all_cpus(domain)
    parent = domain.element.find("cpu/numa")
    if parent is not None and cells:
        ordered = sorted(cells, key=lambda cell: cell.id or 0)
        rest = [child for child in parent if child.tag != "cell"]
        parent[:] = [*(cell.element for cell in ordered), *rest]


def _place_all_cpus(domain: Domain) -> None:
    """The CPUs that no cell names are the first cell's; QEMU wants each of them placed."""
    placed = frozenset(cpu for cell in domain.cells if cell.cpus for cpu in parse_cpuset(cell.cpus, what="cpus"))
    first = next((cell for cell in domain.cells if cell.id == 0), None)
    missing = frozenset(range(domain.vcpus or 0)) - placed
    if first is None or not missing or not placed:
        return
    own = parse_cpuset(first.cpus, what="cpus") if first.cpus else frozenset()
    first.cpus = format_cpuset(own | missing)


def _complete_tuning(domain: Domain) -> None:
    """Memory follows the CPUs: where those are placed by the host, it is too, unless the document says otherwise."""
    for one in domain.numatune.cells if domain.numatune is not None else []:
        one.nodeset = format_cpuset(parse_cpuset(one.nodeset, what="nodeset")) if one.nodeset else None
    automatic = domain.vcpu_placement == "auto"
    if domain.numatune is None and automatic:
        add(domain.element, "numatune")
    tune = domain.numatune
    if tune is None or (not automatic and tune.element.find("memory") is None):
        return
    if tune.placement is None:
        tune.placement = "static" if tune.nodeset or not automatic else "auto"
    if tune.mode is None:
        tune.mode = "strict"
    if tune.placement == "auto":
        tune.nodeset = None
    elif tune.nodeset:
        tune.placement = None
        tune.nodeset = format_cpuset(parse_cpuset(tune.nodeset, what="nodeset"))
    elif not tune.nodeset:
        raise XmlError("<numatune><memory placement='static'> needs a nodeset.", line=tune.line)
    _put_first(tune)


def _put_first(tune: Numatune) -> None:
    found = tune.element.find("memory")
    if found is not None:
        tune.element.insert(0, found)


def _complete_iothreads(domain: Domain) -> None:
    """The count covers the named threads; where some are named, those without a name get the lowest free numbers."""
    names = [thread.id for thread in domain.iothread_ids]
    count = max(domain.iothreads or 0, len(names))
    if not count:
        return
    domain.iothreads = count
    holder = domain.element.find("iothreadids")
    if holder is None or not names:
        return
    free = (number for number in range(1, count + len(names) + 1) if number not in names)
    for _thread in range(count - len(names)):
        add(holder, "iothread", id=str(next(free)))

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Memory: how much there is and can be, what backs it, and NUMA cells.

Source of the meanings: libvirt's formatdomain, "Memory Allocation", "Memory Backing" and "CPU model and topology".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ...errors import InvalidArgument
from ...values import format_cpuset, parse_cpuset
from ...xml.parse import Element, add
from .cpu import counts
from .forms import Form, kib, number, truth, truth_in
from .write import Builder, Options, each, kib_of, part, put, text

SLOTS = 16


def _page(value: Any, what: str) -> Optional[int]:
    """Pages of a size in KiB, or, for 0, of the host's default size; None for none."""
    as_truth = truth_in(value)
    return kib(value, what) if as_truth is None else 0 if as_truth else None


MEMORY = Form(
    "memory",
    "size",
    {
        "size": kib,
        "maximum": kib,
        "hotplug_limit": kib,
        "slots": number(1),
        "hugepages": _page,
        "shared": truth,
        "locked": truth,
        "merge": truth,
    },
)


def memory(domain: Element, options: Options) -> None:
    """What the guest has, what it can be given through the balloon, and what can be plugged in beside that."""
    asked = MEMORY.read(options["memory"]) or {}
    if "size" not in asked:
        raise InvalidArgument("memory: size is missing; write it with its unit, such as 2GiB.")
    size = asked["size"]
    most = asked.get("maximum", size)
    if most < size:
        raise InvalidArgument("memory: maximum is below size; write more, or leave it out.")
    _plugged(domain, asked, most, options)
    text(domain, "memory", str(most), unit="KiB")
    if most != size:
        text(domain, "currentMemory", str(size), unit="KiB")
    _backing(domain, asked)


def _plugged(domain: Element, asked: Mapping[str, Any], most: int, options: Options) -> None:
    """Modules are plugged into a NUMA cell, so a guest that has none gets one with all that it has."""
    limit = asked.get("hotplug_limit")
    if limit is None and "slots" in asked:
        raise InvalidArgument("memory: slots are for memory that is plugged in; write hotplug_limit too.")
    if limit is None:
        return
    if limit <= most:
        raise InvalidArgument("memory: hotplug_limit is not above what the guest has; write more, or leave it out.")
    text(domain, "maxMemory", str(limit), slots=str(asked.get("slots", SLOTS)), unit="KiB")
    if not options.get("numa"):
        last = counts(options)[1] - 1
        cell = add(part(domain, "cpu/numa"), "cell", id="0", cpus=f"0-{last}" if last else "0")
        put(cell, {"memory": most, "unit": "KiB"})


def _backing(domain: Element, asked: Mapping[str, Any]) -> None:
    pages = asked.get("hugepages")
    if pages is not None:
        holder = part(domain, "memoryBacking/hugepages")
        if pages:
            add(holder, "page", size=str(pages), unit="KiB")
    for name, wanted, tag in (("merge", False, "nosharepages"), ("locked", True, "locked")):
        if asked.get(name) is wanted:
            part(domain, f"memoryBacking/{tag}")
    if asked.get("shared"):
        share_memory(domain)


def share_memory(domain: Element) -> None:
    """Let other processes of the host read the guest's memory, as virtiofsd has to."""
    part(domain, "memoryBacking/source").set("type", "memfd")
    part(domain, "memoryBacking/access").set("mode", "shared")


def refuses_sharing(options: Options) -> bool:
    """Whether the memory is said not to be shared."""
    return (MEMORY.read(options.get("memory")) or {}).get("shared") is False


def numa(domain: Element, options: Options) -> None:
    """Cells of processors and memory; together they are the guest's."""
    cells = each(options, "numa")
    if not cells:
        return
    holder, total, seen = part(domain, "cpu/numa"), 0, frozenset[int]()
    count = counts(options)[1]
    for identity, (what, cell) in enumerate(cells):
        numbers = parse_cpuset(cell["cpus"], what=f"{what}.cpus")
        if max(numbers) >= count or numbers & seen:
            why = "are another cell's already" if numbers & seen else f"are beyond the {count} that the guest has"
            raise InvalidArgument(f"{what}: the cpus {cell['cpus']} {why}; write each CPU once, from 0 on.")
        seen |= numbers
        size = kib_of(cell["memory"], f"{what}.memory")
        total += size
        put(add(holder, "cell", id=str(identity), cpus=format_cpuset(numbers)), {"memory": size, "unit": "KiB"})
    _check_total(domain, total)


def _check_total(domain: Element, total: int) -> None:
    most = int(domain.findtext("memory") or 0)
    if total != most:
        raise InvalidArgument(
            f"numa: the cells have {total} KiB together, and the guest has {most} KiB of memory; write the same."
        )


BUILDERS: tuple[Builder, ...] = (memory, numa)

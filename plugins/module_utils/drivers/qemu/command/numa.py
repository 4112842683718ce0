# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NUMA cells of the guest: -numa, with their memory, distances, and what is known of latencies and caches.

Source of the rules: libvirt's formatdomain, "CPU model and topology", and QEMU's qemu-options, "-numa".
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Tuple

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.memory import Cell, CellCache, Interconnect, in_kib
from ....values import format_cpuset, parse_cpuset, scale
from ..context import Context
from ..options import Option, keyval
from .memory_backend import Store, backend_options, default_page, memory_path, needs_backend

LOCAL, REMOTE = 10, 20
HIERARCHY = ("memory", "first-level", "second-level", "third-level")
ASSOCIATIVITY: Dict[str, str] = {"none": "none", "direct": "direct", "full": "complex"}
POLICY: Dict[str, str] = {"none": "none", "writeback": "write-back", "writethrough": "write-through"}


def aligned(cell: Cell) -> int:
    """The memory of a cell in KiB, in whole MiB."""
    return -(-cell.kib() // 1024) * 1024


def numa_options(domain: Domain, context: Context) -> Iterator[Option]:
    """Everything about the cells, in the order in which QEMU wants it."""
    cells = sorted(domain.cells, key=lambda cell: cell.id or 0)
    if not cells:
        return
    stores = [_store(cell) for cell in cells]
    supported = context.caps.machine(domain.machine or "", domain.accel()).numa_mem_supported
    backends = not supported or has_hmat(domain) or any(needs_backend(store, domain) for store in stores)
    if not backends:
        yield from _plain_memory(domain, context)
    for cell, store in zip(cells, stores):
        if backends:
            yield from backend_options(store, domain, context)
        yield Option("-numa", _node(cell, store, domain, backends))
    yield from _distances(cells)
    if has_hmat(domain):
        yield from _hmat(domain, cells)


def _store(cell: Cell) -> Store:
    return Store(id=f"ram-node{cell.id}", size=aligned(cell), cell=cell.id)


def _plain_memory(domain: Domain, context: Context) -> Iterator[Option]:
    """How QEMU takes memory that has no backend of its own."""
    backing = domain.backing
    if backing is None:
        return
    path: Optional[str] = None
    if backing.huge:
        sizes = [page.kib() for page in backing.pages]
        path = memory_path(Store("", 0), (sizes or [0])[0] or default_page(context), context)
    if backing.allocation == "immediate" or path is not None:
        yield Option("-mem-prealloc")
    if path is not None:
        yield Option("-mem-path", path)


def _node(cell: Cell, store: Store, domain: Domain, backends: bool) -> str:
    parts: List[Tuple[str, object]] = [("type", "node"), ("nodeid", cell.id)]
    if cell.cpus:
        parts += [("cpus", part) for part in format_cpuset(parse_cpuset(cell.cpus, what="cpus")).split(",")]
    if has_hmat(domain):
        with_cpus = [other.id or 0 for other in domain.cells if other.cpus]
        first = min(with_cpus, default=0)
        parts.append(("initiator", _initiator(cell, domain, first)))
    parts.append(("memdev", store.id) if backends else ("mem", store.size // 1024))
    return ",".join(keyval({name: value}, first="type") for name, value in parts)


def has_hmat(domain: Domain) -> bool:
    """Whether the document says anything of latencies, bandwidths or caches."""
    return bool(domain.latencies or domain.bandwidths or any(cell.caches for cell in domain.cells))


def _initiator(cell: Cell, domain: Domain, first: int) -> int:
    """The cell whose CPUs are nearest to the memory: its own, else by latency or bandwidth, else the first."""
    if cell.cpus:
        return cell.id or 0
    near = [row for row in domain.latencies if row.target == cell.id and row.type in ("access", "read")]
    if near:
        return min(near, key=lambda row: row.value or 0).initiator or 0
    wide = [row for row in domain.bandwidths if row.target == cell.id and row.type in ("access", "read")]
    return (max(wide, key=lambda row: row.value or 0).initiator or 0) if wide else first


# distances


def distance(cells: List[Cell], source: int, target: int) -> int:
    """The distance between two cells: as written, as written the other way round, or the usual one."""
    for here, there in ((source, target), (target, source)):
        cell = next((found for found in cells if found.id == here), None)
        for row in cell.distances if cell is not None else []:
            if row.id == there and row.value is not None:
                return row.value
    return LOCAL if source == target else REMOTE


def _distances(cells: List[Cell]) -> Iterator[Option]:
    if not any(cell.distances for cell in cells):
        return
    for source in cells:
        for target in cells:
            value = distance(cells, source.id or 0, target.id or 0)
            yield Option("-numa", {"type": "dist", "src": source.id, "dst": target.id, "val": value}, first="type")


# latencies, bandwidths, caches


def _hmat(domain: Domain, cells: List[Cell]) -> Iterator[Option]:
    for element in domain.element.findall("cpu/numa/interconnects/*"):
        yield Option("-numa", _link(Interconnect(element), str(element.tag)), first="type")
    for cell in cells:
        for cache in cell.caches:
            yield Option("-numa", _cache(cell, cache), first="type")


def _link(link: Interconnect, kind: str) -> Dict[str, object]:
    if (link.cache or 0) >= len(HIERARCHY):
        raise XmlError(f"the cache of a <{kind}> is {link.cache}, and is at most {len(HIERARCHY) - 1}.", line=link.line)
    own: Dict[str, object] = {
        "type": "hmat-lb",
        "initiator": link.initiator,
        "target": link.target,
        "hierarchy": HIERARCHY[link.cache or 0],
        "data-type": f"{link.type}-{kind}",
    }
    own[kind] = f"{in_kib(link.value, link.unit, '<bandwidth>')}K" if kind == "bandwidth" else link.value
    return own


def _cache(cell: Cell, cache: CellCache) -> Dict[str, object]:
    line = scale(cache.line_size, cache.line_unit or "B", what="<line>") if cache.line_size else None
    own: Dict[str, object] = {
        "type": "hmat-cache",
        "node-id": cell.id,
        "size": f"{in_kib(cache.size, cache.unit, '<size>')}K",
        "level": cache.level,
        "associativity": ASSOCIATIVITY.get(cache.associativity or "none", "none"),
        "policy": POLICY.get(cache.policy or "none", "none"),
    }
    return own if line is None else {**own, "line": line}

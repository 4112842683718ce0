# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Memory backends: the object that holds the boot memory, a NUMA cell's or a module's.

Which kind it is follows from the document: memfd where it asks for it, a file where it asks for one, for huge pages or
for sharing, anonymous memory otherwise. Source of the rules: libvirt's formatdomain, "Memory Backing" and "NUMA Node
Tuning", and QEMU's qapi/qom.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, Iterator, List, Mapping, Optional, Tuple

from ....errors import UnsupportedConfig
from ....model.domain.core import Domain
from ....model.domain.memory import MemoryBacking, Page
from ....values import parse_cpuset
from ..context import Context
from ..options import Option, properties

SMALL_PAGE = 4  # KiB, of the host
POLICIES: Dict[str, Optional[str]] = {
    "strict": "bind",
    "preferred": "preferred",
    "interleave": "interleave",
    "restrictive": None,  # left to the control group
}


@dataclass(frozen=True)
class Store:
    """What a backend is asked for: sizes in KiB; ``cell`` is the guest's NUMA cell, ``path`` a file of the user's."""

    id: str
    size: int
    cell: Optional[int] = None
    name: Optional[str] = None
    boot: bool = False
    access: Optional[str] = None
    discard: Optional[bool] = None
    path: Optional[str] = None
    pmem: bool = False
    nodes: Optional[str] = None
    page: Optional[int] = None
    align: Optional[int] = None
    preallocates: bool = True
    lazy: bool = False


def backend_options(store: Store, domain: Domain, context: Context) -> Iterator[Option]:
    """-object of a backend, with the threads that fill it in front of it."""
    own = backend(store, domain, context)
    if own.get("prealloc") and own.get("host-nodes") and context.has("thread-context"):
        threads = f"tc-{store.id}"
        yield Option("-object", {"qom-type": "thread-context", "id": threads, "node-affinity": own["host-nodes"]})
        own = {**own, "prealloc-context": threads}
    yield Option("-object", own)


def backend(store: Store, domain: Domain, context: Context) -> Mapping[str, Any]:
    """The properties of a backend."""
    kind, mine = _kind(store, domain, context)
    head = {"qom-type": f"memory-backend-{kind}", "id": store.id}
    tail: Dict[str, Any] = {"size": store.size * 1024, "align": store.align * 1024 if store.align else None}
    if store.pmem:
        tail["pmem"] = True
    nodes, policy = _nodes(store, domain, context)
    if nodes and policy:
        tail.update({"host-nodes": sorted(nodes), "policy": policy})
    return properties(head, mine, _allocation(store, domain), tail)


def needs_backend(store: Store, domain: Domain) -> bool:
    """Whether a NUMA cell says something that -numa mem= cannot; old machine types are left as they were."""
    backing = domain.backing
    tuned = domain.numatune is not None and any(one.cell == store.cell for one in domain.numatune.cells)
    special = backing is not None and backing.source in ("file", "memfd")
    return tuned or special or _access(store, domain) is not None or _own_page(store, domain) is not None


def _kind(store: Store, domain: Domain, context: Context) -> Tuple[str, Mapping[str, Any]]:
    backing, page = domain.backing, page_of(store, domain, context)
    share = {"shared": True, "private": False}.get(_access(store, domain) or "")
    stable = False if store.boot and context.has("memory-canonical-path") else None
    late = {"share": share, "x-use-canonical-path-for-ramblock-id": stable}
    source = backing.source if backing is not None else None
    if store.path is None and source == "memfd":
        huge = {"hugetlb": True, "hugetlbsize": page * 1024} if page is not None else {}
        return "memfd", {**huge, **late}
    if store.path is not None or page is not None or share is not None or source == "file":
        path = store.path or memory_path(store, page, context)
        discard = _discard(store, domain) if store.path is None else None
        return "file", {"mem-path": path, "discard-data": discard, **late}
    return "ram", {}


def memory_path(store: Store, page: Optional[int], context: Context) -> str:
    """Where a guest's memory lies: in the mount of its page size, or in a file of its own."""
    if page is None:
        return f"{context.ram}/{context.short_name}/{store.name or store.id}"
    for mount in context.hugepages:
        if mount.size == page:
            return f"{mount.path}/{context.short_name}"
    known = ", ".join(f"{mount.size} KiB" for mount in context.hugepages) or "none"
    raise UnsupportedConfig(
        f"the host has no huge pages of {page} KiB mounted (mounted: {known}).",
        hint="Mount a hugetlbfs of that page size, or choose another <page size='...'/>.",
    )


def _access(store: Store, domain: Domain) -> Optional[str]:
    cell = _cell(store, domain)
    backing = domain.backing
    return store.access or (cell.access if cell else None) or (backing.access if backing is not None else None)


def _discard(store: Store, domain: Domain) -> Optional[bool]:
    cell = _cell(store, domain)
    for found in (store.discard, cell.discard if cell else None):
        if found is not None:
            return found
    return True if domain.backing is not None and domain.backing.discard else None


def _cell(store: Store, domain: Domain) -> Any:
    return next((cell for cell in domain.cells if store.cell is not None and cell.id == store.cell), None)


# pages


def _own_page(store: Store, domain: Domain) -> Optional[Page]:
    """The <page> that names the cell."""
    for page in _pages(domain.backing):
        if page.nodeset and store.cell is not None and store.cell in parse_cpuset(page.nodeset, what="nodeset"):
            return page if page.kib() != SMALL_PAGE else None
    return None


def _pages(backing: Optional[MemoryBacking]) -> List[Page]:
    return [] if backing is None else backing.pages


def page_of(store: Store, domain: Domain, context: Context) -> Optional[int]:
    """The size of the huge pages behind a backend in KiB, None for ordinary ones."""
    backing = domain.backing
    if store.page is not None:
        return None if store.page == SMALL_PAGE else store.page
    if backing is None or not backing.huge:
        return None
    named = [
        page
        for page in backing.pages
        if page.nodeset and store.cell is not None and store.cell in parse_cpuset(page.nodeset, what="nodeset")
    ]
    general = [page for page in backing.pages if not page.nodeset]
    if not named and not general and backing.pages:
        return None
    size = (named or general)[0].kib() if named or general else 0
    return None if size == SMALL_PAGE else size or default_page(context)


def default_page(context: Context) -> int:
    """The size of the host's default huge pages in KiB."""
    if not context.hugepages:
        raise UnsupportedConfig(
            "the guest asks for <hugepages/>, and the host has none mounted.",
            hint="Mount a hugetlbfs, such as /dev/hugepages, and reserve pages.",
        )
    return next((mount.size for mount in context.hugepages if mount.default), context.hugepages[0].size)


def _allocation(store: Store, domain: Domain) -> Mapping[str, Any]:
    """Whether the memory is taken at once; huge pages and files of persistent memory always are."""
    if store.lazy:
        return {"reserve": False}
    backing = domain.backing
    at_once = store.preallocates and store.path is not None and not store.pmem
    at_once = at_once or (backing is not None and backing.allocation == "immediate")
    if store.path is None and _uses_huge(store, domain):
        at_once = True
    threads = backing.threads if backing is not None else None
    return {"prealloc": True if at_once else None, "prealloc-threads": threads or None}


def _uses_huge(store: Store, domain: Domain) -> bool:
    if store.page is not None:
        return store.page != SMALL_PAGE
    backing = domain.backing
    if backing is None or not backing.huge:
        return False
    general = [page for page in backing.pages if not page.nodeset]
    if _own_page(store, domain) is not None or not backing.pages:
        return True
    named = [
        page
        for page in backing.pages
        if page.nodeset and store.cell is not None and store.cell in parse_cpuset(page.nodeset, what="nodeset")
    ]
    return not named and bool(general) and general[0].kib() != SMALL_PAGE


# nodes of the host


def _nodes(store: Store, domain: Domain, context: Context) -> Tuple[FrozenSet[int], Optional[str]]:
    """The host's nodes that the memory comes from, and QEMU's word for how strictly."""
    tune = domain.numatune
    one = None
    if tune is not None:
        one = next((found for found in tune.cells if store.cell is not None and found.cell == store.cell), None)
    mode = (one.mode if one else None) or (tune.mode if tune else None) or "strict"
    text = store.nodes or (one.nodeset if one else None)
    if text is None and tune is not None:
        if tune.placement == "auto":
            return context.host_nodes or frozenset(), POLICIES.get(mode)
        text = tune.nodeset
    if text is None:
        return frozenset(), None
    return parse_cpuset(text, what="nodeset"), POLICIES.get(mode)

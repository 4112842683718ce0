# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Memory: what backs it, NUMA cells of the guest, memory devices.

Source of the rules: libvirt's formatdomain, "Memory Backing", "NUMA Node Tuning", "CPU model and topology" and
"Memory devices".
"""

from __future__ import annotations

from typing import Optional

from ...values import scale
from ...xml.views import NATURAL, TEXT, YES_NO, Children, Field, Flag, View
from .device import Device

MODULE = 2048  # KiB


def in_kib(number: Optional[int], unit: Optional[str], what: str) -> Optional[int]:
    """A size as KiB, rounded up; without a unit it counts KiB already."""
    return None if number is None else -(-scale(number, unit or "KiB", what=what) // 1024)


class Page(View):
    """A <page> of <hugepages>: its size, and the NUMA cells that it is for."""

    size = Field("@size", NATURAL)
    unit = Field("@unit", TEXT)
    nodeset = Field("@nodeset", TEXT)

    def kib(self) -> int:
        """The size in KiB."""
        return in_kib(self.size, self.unit, "<page size>") or 0


class MemoryBacking(View):
    """The <memoryBacking>."""

    huge = Flag("hugepages")
    pages = Children("hugepages/page", Page)
    no_merge = Flag("nosharepages")
    locked = Flag("locked")
    source = Field("source/@type", TEXT)
    access = Field("access/@mode", TEXT)
    allocation = Field("allocation/@mode", TEXT)
    threads = Field("allocation/@threads", NATURAL)
    discard = Flag("discard")


class Sibling(View):
    """A <sibling> of <distances>."""

    id = Field("@id", NATURAL)
    value = Field("@value", NATURAL)


class CellCache(View):
    """A <cache> of a <cell>: the memory-side cache."""

    level = Field("@level", NATURAL)
    associativity = Field("@associativity", TEXT)
    policy = Field("@policy", TEXT)
    size = Field("size/@value", NATURAL)
    unit = Field("size/@unit", TEXT)
    line_size = Field("line/@value", NATURAL)
    line_unit = Field("line/@unit", TEXT)


class Cell(View):
    """A <cell> of <numa>."""

    id = Field("@id", NATURAL)
    cpus = Field("@cpus", TEXT)
    memory = Field("@memory", NATURAL)
    unit = Field("@unit", TEXT)
    access = Field("@memAccess", TEXT)
    discard = Field("@discard", YES_NO)
    distances = Children("distances/sibling", Sibling)
    caches = Children("cache", CellCache)

    def kib(self) -> int:
        """The memory in KiB."""
        return in_kib(self.memory, self.unit, "<cell memory>") or 0


class Interconnect(View):
    """A <latency> or <bandwidth> of <interconnects>."""

    initiator = Field("@initiator", NATURAL)
    target = Field("@target", NATURAL)
    cache = Field("@cache", NATURAL)
    type = Field("@type", TEXT)
    value = Field("@value", NATURAL)
    unit = Field("@unit", TEXT)


class Memnode(View):
    """A <memnode> of <numatune>."""

    cell = Field("@cellid", NATURAL)
    mode = Field("@mode", TEXT)
    nodeset = Field("@nodeset", TEXT)


class Numatune(View):
    """The <numatune>: which nodes of the host the memory comes from."""

    mode = Field("memory/@mode", TEXT)
    placement = Field("memory/@placement", TEXT)
    nodeset = Field("memory/@nodeset", TEXT)
    cells = Children("memnode", Memnode)


class MemoryDevice(Device):
    """A <memory> below <devices>."""

    tag = "memory"
    model = Field("@model", TEXT)
    access = Field("@access", TEXT)
    discard = Field("@discard", YES_NO)
    uuid = Field("uuid", TEXT)
    path = Field("source/path", TEXT)
    nodemask = Field("source/nodemask", TEXT)
    page = Field("source/pagesize", NATURAL)
    page_unit = Field("source/pagesize/@unit", TEXT)
    align = Field("source/alignsize", NATURAL)
    align_unit = Field("source/alignsize/@unit", TEXT)
    pmem = Flag("source/pmem")
    size = Field("target/size", NATURAL)
    size_unit = Field("target/size/@unit", TEXT)
    node = Field("target/node", NATURAL)
    label = Field("target/label/size", NATURAL)
    label_unit = Field("target/label/size/@unit", TEXT)
    readonly = Flag("target/readonly")
    block = Field("target/block", NATURAL)
    block_unit = Field("target/block/@unit", TEXT)
    requested = Field("target/requested", NATURAL)
    requested_unit = Field("target/requested/@unit", TEXT)
    current = Field("target/current", NATURAL)
    current_unit = Field("target/current/@unit", TEXT)
    guest_address = Field("target/address/@base", NATURAL)
    dynamic_slots = Field("target/@dynamicMemslots", YES_NO)

    def kib(self) -> int:
        """The size in KiB, in whole 2 MiB: the alignment of modules on x86."""
        return -(-(in_kib(self.size, self.size_unit, "<size>") or 0) // MODULE) * MODULE


class IothreadId(View):
    """An <iothread> of <iothreadids>."""

    id = Field("@id", NATURAL)
    pool_min = Field("@thread_pool_min", NATURAL)
    pool_max = Field("@thread_pool_max", NATURAL)
    poll_max = Field("poll/@max", NATURAL)
    poll_grow = Field("poll/@grow", NATURAL)
    poll_shrink = Field("poll/@shrink", NATURAL)


class DefaultIothread(View):
    """The <defaultiothread>: QEMU's main loop."""

    pool_min = Field("@thread_pool_min", NATURAL)
    pool_max = Field("@thread_pool_max", NATURAL)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guest memory: its size, the backend of the boot memory, I/O threads.

libvirt gives the boot memory the id that QEMU itself would choose (default-ram-id), so that a migration stream fits.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional

from ....model.domain.core import Domain
from ....model.domain.memory import MemoryDevice
from ..context import Context
from ..options import Option, properties
from .memory_backend import Store, backend, backend_options, page_of
from .numa import aligned


def default_ram_id(domain: Domain, context: Context) -> Optional[str]:
    """The id of the boot memory's backend, None where NUMA cells bring their own."""
    if domain.cells:
        return None
    return context.caps.machine(domain.machine or "", domain.accel()).default_ram_id


def boot_memory(domain: Domain) -> int:
    """The memory at start in KiB, in whole MiB as QEMU's x86 machines want it: without the memory devices."""
    if domain.cells:
        return sum(aligned(cell) for cell in domain.cells)
    devices = sum(device.kib() for device in domain.all(MemoryDevice))
    return -(-((domain.memory or 0) - devices) // 1024) * 1024


def memory_options(domain: Domain, context: Context) -> Iterator[Option]:
    """-m, the backend of the boot memory, locking."""
    slots, most = domain.max_memory_slots, domain.max_memory
    most = None if most is None else -(-most // 1024) * 1024
    size = {"size": f"{boot_memory(domain)}k", "slots": slots, "maxmem": None if most is None else f"{most}k"}
    yield Option("-m", properties(size))
    store = _boot_store(domain, context)
    if store is not None:
        yield from backend_options(store, domain, context)
    yield Option("-overcommit", {"mem-lock": domain.backing is not None and domain.backing.locked})


def _boot_store(domain: Domain, context: Context) -> Optional[Store]:
    ram = default_ram_id(domain, context)
    return None if ram is None else Store(id=ram, size=boot_memory(domain), boot=True)


def iothread_options(domain: Domain, context: Context) -> Iterator[Option]:
    """The I/O threads, and the size of the main loop's pool."""
    named = domain.iothread_ids
    for number in range(1, 1 + (0 if named else domain.iothreads or 0)):
        yield Option("-object", {"qom-type": "iothread", "id": f"iothread{number}"})
    for thread in named:
        own = {
            "qom-type": "iothread",
            "id": f"iothread{thread.id}",
            "thread-pool-min": thread.pool_min,
            "thread-pool-max": thread.pool_max,
            "poll-max-ns": thread.poll_max,
            "poll-grow": thread.poll_grow,
            "poll-shrink": thread.poll_shrink,
        }
        yield Option("-object", properties(own))
    loop = domain.default_iothread
    if loop is not None:
        pool = {"thread-pool-min": loop.pool_min, "thread-pool-max": loop.pool_max}
        yield Option("-object", properties({"qom-type": "main-loop", "id": "main-loop"}, pool))


def memory_directories(domain: Domain, context: Context) -> List[str]:
    """The directories that must be there before QEMU puts the guest's memory into files in them."""
    paths = [str(backend(store, domain, context).get("mem-path") or "") for store in _stores(domain, context)]
    own = {path.rpartition("/")[0] if path.startswith(f"{context.ram}/") else path for path in paths if path}
    return sorted(own)


def huge_pages_wanted(domain: Domain, context: Context) -> Dict[int, int]:
    """How many huge pages of each size (in KiB) the guest takes at its start."""
    wanted: Dict[int, int] = {}
    for store in _stores(domain, context):
        size = page_of(store, domain, context)
        if size:
            wanted[size] = wanted.get(size, 0) + -(-store.size // size)
    return wanted


def _stores(domain: Domain, context: Context) -> List[Store]:
    """Everything that memory is taken for, but for files that the user names."""
    from ..devices.memory import store_of

    stores = [Store(id=f"ram-node{cell.id}", size=aligned(cell), cell=cell.id) for cell in domain.cells]
    boot = _boot_store(domain, context)
    stores += [boot] if boot is not None else []
    return stores + [store for store in map(store_of, domain.all(MemoryDevice)) if store.path is None]

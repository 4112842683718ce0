# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guest memory: its size, its backend, I/O threads.

libvirt gives the boot memory the id that QEMU itself would choose (default-ram-id), so that a migration stream fits.
"""

from __future__ import annotations

from typing import Iterator, Optional

from ....model.domain.core import Domain
from ..context import Context
from ..options import Option, properties


def default_ram_id(domain: Domain, context: Context) -> Optional[str]:
    """The id of the boot memory's backend, None where NUMA cells bring their own."""
    if domain.element.find("cpu/numa") is not None:
        return None
    return context.caps.machine(domain.machine or "", domain.accel()).default_ram_id


def boot_memory(domain: Domain) -> int:
    """The memory at start in KiB, in whole MiB as QEMU's x86 machines want it."""
    return -(-(domain.memory or 0) // 1024) * 1024


def memory_options(domain: Domain, context: Context) -> Iterator[Option]:
    """-m, the backend of the boot memory, locking and I/O threads."""
    slots, most = domain.max_memory_slots, domain.max_memory
    size = {"size": f"{boot_memory(domain)}k", "slots": slots, "maxmem": None if most is None else f"{most}k"}
    yield Option("-m", properties(size))
    ram = default_ram_id(domain, context)
    if ram is not None:
        yield Option("-object", {"qom-type": "memory-backend-ram", "id": ram, "size": boot_memory(domain) * 1024})
    locked = domain.element.find("memoryBacking/locked") is not None
    yield Option("-overcommit", {"mem-lock": locked})

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures of a guest from what the host knows anyway: its process, and the heads of its images.

Only the balloon is asked for over QEMU's monitor.
Source of the files: proc(5), sysfs-block, QEMU's docs/interop/qcow2.rst.
"""

from __future__ import annotations

import struct
from typing import Any, Dict, List, Optional

from ....errors import HostError, MonitorError
from ....host.api import Host
from ....model.domain.core import Domain
from ....model.domain.disk import Disk
from .chains import QCOW_MAGIC
from .site import Site
from .talk import monitor_of

# Ticks of proc(5) stat in a second: USER_HZ, which the kernel shows to programs on every architecture of ours.
TICKS = 100
KIB = 1024


def process_figures(host: Host, pid: int) -> Dict[str, Any]:
    """What QEMU takes of the host: ``rss_mib`` of memory, ``cpu_seconds`` of its processors since it was started."""
    stat = (host.read(f"/proc/{pid}/stat") or b"").rpartition(b")")[2].split()
    status = (host.read(f"/proc/{pid}/status") or b"").decode("ascii", "replace")
    rss = next((line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")), None)
    return {
        "rss_mib": int(rss) // KIB if rss else None,
        "cpu_seconds": (int(stat[11]) + int(stat[12])) / TICKS if len(stat) > 12 else None,
    }


def balloon_mib(site: Site, name: str) -> Optional[int]:
    """The memory that the guest has been left with, in MiB; None without a balloon that answers."""
    with monitor_of(site, name) as monitor:
        try:
            return int(monitor.execute("query-balloon")["actual"]) // 1024**2
        except MonitorError:
            return None


def host_memory(host: Host) -> Optional[int]:
    """The memory of the host in KiB, None where it cannot be read."""
    text = (host.read("/proc/meminfo") or b"").decode("ascii", "replace")
    found = next((line.split()[1] for line in text.splitlines() if line.startswith("MemTotal:")), "")
    return int(found) if found.isdigit() else None


def disk_figures(host: Host, domain: Domain) -> List[Dict[str, Optional[int]]]:
    """For each disk in the order of the document ``size``, what the guest sees, and ``allocated``, what the host gives.

    Both are in bytes, and None where they cannot be told from the head of a local image.
    """
    return [_figures(host, disk) for disk in domain.all(Disk)]


def _figures(host: Host, disk: Disk) -> Dict[str, Optional[int]]:
    source = disk.source
    path = source is not None and (source.file or source.dev)
    try:
        real = host.resolve(path) if path else ""
        found = host.stat(real) if real else None
        if found is None or found.kind not in ("file", "block"):
            return {"size": None, "allocated": None}
        block = found.kind == "block"
        raw = _block_size(host, real) if block else found.size
        size = raw if disk.format in (None, "raw") else _qcow_size(host, real)
        return {"size": size, "allocated": None if block else found.allocated}
    except HostError:  # somebody else's image, or one that has gone while we looked
        return {"size": None, "allocated": None}


def _block_size(host: Host, path: str) -> Optional[int]:
    sectors = (host.read(f"/sys/class/block/{path.rpartition('/')[2]}/size") or b"").strip()
    return int(sectors) * 512 if sectors.isdigit() else None


def _qcow_size(host: Host, path: str) -> Optional[int]:
    head = host.read(path, limit=32) or b""
    return int(struct.unpack(">Q", head[24:32])[0]) if head[:4] == QCOW_MAGIC and len(head) == 32 else None

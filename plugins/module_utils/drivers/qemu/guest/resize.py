# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The size of a disk of a guest that runs: QEMU changes the image, and the guest sees it at once.

Only QEMU may do that while it has the image open. Source of the command: QEMU's qapi/block-core.json, block_resize.
"""

from __future__ import annotations

from typing import Iterator, Set

from ....errors import OperationInvalid
from ....host.api import Host, Monitor
from ....model.domain.core import Domain
from ....model.domain.disk import Disk
from ....xml.parse import Element
from ..images import node

# Nodes of one image, topmost first; which of them there are depends on its format.
ENDINGS = ("format", "slice-sto", "storage")
# Growing a preallocated image writes to it.
TIMEOUT = 600.0


def resize_disk(host: Host, monitor: Monitor, document: Element, path: str, capacity: int) -> None:
    """Let the disks of a live document that have this image be of this size, in bytes; raises OperationInvalid."""
    domain = Domain(document)
    disks = list(_disks_of(host, domain, path))
    if not disks:
        raise OperationInvalid(
            f"Guest {domain.name} runs without the image {path} as a disk of its own.",
            hint="Where it is below one of its disks, resize that one, or stop the guest first.",
            path=path,
        )
    nodes = {str(row.get("node-name")) for row in monitor.execute("query-named-block-nodes", {"flat": True})}
    for disk in disks:
        arguments = {"node-name": _top(disk, nodes, path), "size": capacity}
        monitor.execute("block_resize", arguments, timeout=TIMEOUT)


def _disks_of(host: Host, domain: Domain, path: str) -> Iterator[Disk]:
    real = host.resolve(path)
    for disk in domain.all(Disk):
        source = disk.source
        image = source is not None and (source.file or source.dev)
        if image and host.resolve(image) == real:
            yield disk


def _top(disk: Disk, nodes: Set[str], path: str) -> str:
    index = disk.source.index if disk.source is not None else None
    stem = node(index) if index is not None else ""
    found = next((name for name in (f"{stem}-{ending}" for ending in ENDINGS) if name in nodes), None)
    if found is None:
        raise OperationInvalid(f"QEMU has no image {path} at the disk {disk.id()}: its medium was changed.", path=path)
    return found

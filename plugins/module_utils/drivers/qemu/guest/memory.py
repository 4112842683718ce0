# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest's memory takes of the host: huge pages that are free, and directories for files of memory."""

from __future__ import annotations

import posixpath
from typing import Mapping, Optional, Tuple

from ....errors import OperationInvalid
from ....host.api import Host
from ....model.domain.core import Domain
from ..command.memory import huge_pages_wanted, memory_directories
from ..context import Context

POOLS = "/sys/kernel/mm/hugepages"


def huge_pages_of(domain: Domain, context: Context) -> Mapping[int, int]:
    """How many huge pages of each size (in KiB) a guest takes."""
    return huge_pages_wanted(domain, context) if domain.backing is not None and domain.backing.huge else {}


def check_huge_pages(domain: Domain, context: Context, host: Host, given_back: Mapping[int, int]) -> None:
    """Raise OperationInvalid when the host has too few free huge pages of a size that the guest asks for.

    ``given_back`` are those that will be free by then, by their size.
    """
    for size, wanted in huge_pages_of(domain, context).items():
        found = free_huge_pages(size, host)
        free = None if found is None else found + given_back.get(size, 0)
        if free is not None and free < wanted:
            more = (_count(size, "nr_hugepages", host) or 0) + wanted - free
            raise OperationInvalid(
                f"Guest {domain.name} takes {wanted} huge pages of {size} KiB, and the host has {free} free.",
                hint=f"Reserve them: echo {more} > {POOLS}/hugepages-{size}kB/nr_hugepages",
            )


def free_huge_pages(size: int, host: Host) -> Optional[int]:
    """How many pages of a size (in KiB) a guest could take now, None where the kernel does not say."""
    free = _count(size, "free_hugepages", host)
    if free is None:
        return None
    unused = free - (_count(size, "resv_hugepages", host) or 0)
    beyond = (_count(size, "nr_overcommit_hugepages", host) or 0) - (_count(size, "surplus_hugepages", host) or 0)
    return unused + max(beyond, 0)


def _count(size: int, name: str, host: Host) -> Optional[int]:
    text = (host.read(f"{POOLS}/hugepages-{size}kB/{name}") or b"").strip()
    return int(text) if text.isdigit() else None


def make_memory_directories(domain: Domain, context: Context, host: Host, owner: Optional[Tuple[int, int]]) -> None:
    """Make the directories of QEMU's user in which its memory lies, below ones that he can pass through."""
    for path in memory_directories(domain, context):
        host.make_directory(posixpath.dirname(path), mode=0o711)
        host.make_directory(path, mode=0o700, owner=owner)

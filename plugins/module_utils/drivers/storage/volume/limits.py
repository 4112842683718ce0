# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The largest file that the file system of a pool can hold, where that is known without trying.

Others say it themselves when the file is made. Source of the numbers: ext4(5) and the kernel's ext4_max_size (blocks
are counted by 32 bits); the FAT specification (sizes have 32 bits).
"""

from __future__ import annotations

from typing import Callable, Dict, Optional

from ....errors import HostError
from ....host.api import Host
from ..types.mounts import Mount, read_mounts
from .shelf import Shelf

MOUNTS = "/proc/self/mountinfo"
SMALLER = "Ask for less, or take the format qcow2: its file has only what is written to it."
# In bytes, by the size of a block.
LARGEST: Dict[str, Callable[[int], int]] = {
    "ext4": lambda block: ((1 << 32) - 1) * block,
    "vfat": lambda _block: (1 << 32) - 1,
}


def check_largest(shelf: Shelf, name: str, size: int) -> None:
    """Raise HostError for a file of more bytes than one can have where the pool is."""
    root = shelf.root()
    mount, found = _mount_of(shelf.host, root), shelf.host.file_system(root)
    limit = LARGEST.get(mount.type) if mount is not None else None
    if mount is None or limit is None or found is None or size <= limit(found.block):
        return
    raise HostError(
        f"Volume {name} would be a file of {size} bytes, and pool {shelf.pool} lies on {mount.type}, where a file has"
        f" at most {limit(found.block)}.",
        hint=SMALLER,
        path=shelf.target,
    )


def _mount_of(host: Host, path: str) -> Optional[Mount]:
    """What is mounted where a path leads: the longest of the directories above it, of those the last."""
    text = (host.read(MOUNTS) or b"").decode("utf-8", "surrogateescape")
    above = [each for each in read_mounts(text) if f"{path}/".startswith(each.target.rstrip("/") + "/")]
    return max(reversed(above), key=lambda each: len(each.target), default=None)

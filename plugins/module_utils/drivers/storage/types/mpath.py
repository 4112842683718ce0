# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pool of all devices that the host reaches by several paths; there is one of it on a host.

Source of the rules: libvirt's storage_backend_mpath.c and formatstorage: the target is /dev/mapper whatever is said.
"""

from __future__ import annotations

from typing import List

from ....model.storage.pool import Pool
from .base import Argv, Found, Looking, PoolType, Room
from .devices import Block, blocks_argv, read_blocks

TARGET = "/dev/mapper"


def _look(pool: Pool) -> Argv:
    return blocks_argv()


def _read_volumes(text: str, pool: Pool) -> List[Found]:
    """A map is listed below each of its paths, and counts once."""
    maps = {block.kernel_name: block for top in read_blocks(text) for block in top.all() if block.type == "mpath"}
    return [_volume(maps[name]) for name in sorted(maps)]


def _volume(block: Block) -> Found:
    key = block.wwn or block.serial or block.path
    return Found(block.kernel_name, block.path, key, "block", block.size, block.size)


def _read_room(text: str, pool: Pool) -> Room:
    total = sum(volume.capacity for volume in _read_volumes(text, pool))
    return Room(total, total, 0)


def _target(pool: Pool) -> str:
    return TARGET


MPATH = PoolType(
    "mpath",
    fixed_target=_target,
    makes_volumes=False,
    programs=("lsblk",),
    looking=Looking(_look, _read_volumes, _look, _read_room),
)

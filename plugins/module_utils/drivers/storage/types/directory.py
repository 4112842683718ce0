# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools that are a directory. Building makes it; deleting removes it when nothing is left in it."""

from __future__ import annotations

from typing import List

from ....model.storage.pool import Pool
from .base import FILE_FORMATS, PoolType, RemoveDirectory, Step, make_target


def _build(pool: Pool, overwrite: bool) -> List[Step]:
    return [make_target(pool)]


def _delete(pool: Pool) -> List[Step]:
    return [RemoveDirectory(pool.path() or "")]


DIR = PoolType(
    "dir",
    volume_type="file",
    volume_formats=FILE_FORMATS,
    files=True,
    layers=True,
    programs=("qemu-img",),
    build=_build,
    delete=_delete,
)

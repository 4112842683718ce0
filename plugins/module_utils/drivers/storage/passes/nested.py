# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Directories of pools within one another: the one would list, and could delete, what belongs to the other."""

from __future__ import annotations

from typing import Callable, Optional, Sequence

from ....model.storage.pool import Pool
from ....xml.parse import Element
from ..types.table import pool_type


def nested_in(pool: Pool, others: Sequence[Element], resolve: Callable[[str], str]) -> Optional[Pool]:
    """Return the first other pool whose directory holds that of this one, is the same, or lies in it; else None.

    ``resolve`` says where a path leads that has links in it. Documents of the same name are of the same pool.
    """
    ours = _directory(pool, resolve)
    for other in map(Pool, others):
        theirs = _directory(other, resolve)
        if ours and theirs and other.name != pool.name and (theirs.startswith(ours) or ours.startswith(theirs)):
            return other
    return None


def _directory(pool: Pool, resolve: Callable[[str], str]) -> str:
    """With a slash at its end; empty for a pool that has no directory of its own."""
    row, path = pool_type(pool.type), pool.path()
    if row is None or not (row.files or row.mounts) or not path:
        return ""
    return resolve(path).rstrip("/") + "/"

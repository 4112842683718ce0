# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at pools: what the module pool_info does."""

from __future__ import annotations

from typing import Any, Optional

from ..drivers.api import Summary
from ..errors import NotFound, OperationInvalid
from ..model.storage.identity import POOL
from ..xml.canonical import masked
from ..xml.write import to_text
from .job import Job
from .pool_face import PoolFace
from .pool_facts import pool_facts
from .resource.face import find, gather
from .resource.values import Current
from .unreadable import Unreadable


def show_pools(job: Job) -> dict[str, Any]:
    """Return the facts of the pools that are named (by name or uuid), or of all; never changes anything."""
    face, names = PoolFace(job.connection.storage), job.options.get("name")
    found: list[Summary] = []
    missing: list[str] = []
    for name in names or ():
        pool = find(face, name)
        if pool is None:
            missing.append(name)
        elif pool.name not in [other.name for other in found]:
            found.append(pool)
    unreadable, xml = Unreadable(job, "Pool"), job.options.get("xml") or "none"
    if names is None:
        everything = sorted(face.list(), key=lambda pool: pool.name)
        pools = unreadable.shown(everything, lambda pool: _shown(face, pool.name, xml))
    else:
        pools = [facts for pool in found if (facts := _shown(face, pool.name, xml))]
    return {"changed": False, "pools": pools, "unreadable": unreadable, "missing": missing}


def _shown(face: PoolFace, name: str, xml: str) -> Optional[dict[str, Any]]:
    """Return the facts of one pool, None for one that has gone while we looked."""
    try:
        current = gather(face, name)
        if current is None:
            return None
        facts = pool_facts(current)
        facts["built"] = current.summary.active or _is_built(face, current)
        facts["volumes"] = _count(face, name) if current.summary.active else None
    except NotFound:
        return None
    if xml != "none":
        facts["xml"] = _xml(current, xml)
    return facts


def _is_built(face: PoolFace, current: Current) -> bool:
    return current.summary.persistent and face.is_built(current.summary.name)


def _count(face: PoolFace, name: str) -> Optional[int]:
    """How many volumes there are, None for a pool that has been let go or has broken while we looked."""
    try:
        return len(face.driver.list_volumes(name))
    except OperationInvalid:
        return None


def _xml(current: Current, which: str) -> Optional[str]:
    """The document asked for, None where there is none."""
    document = current.live if which == "live" else current.persistent
    return None if document is None else to_text(masked(document, POOL))

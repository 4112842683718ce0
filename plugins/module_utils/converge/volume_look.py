# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at volumes: what the module volume_info does."""

from __future__ import annotations

from typing import Any, Optional

from ..drivers.api import StorageDriver, Summary
from ..errors import NotFound
from ..model.storage.identity import VOLUME
from ..xml.canonical import masked
from ..xml.write import to_text
from .job import Job
from .unreadable import Unreadable
from .volume_facts import find_volume, volume_facts


def show_volumes(job: Job) -> dict[str, Any]:
    """Return the facts of the volumes of one active pool, or of all active pools; never changes anything."""
    driver, names, reference = job.connection.storage, job.options.get("name"), job.options.get("pool")
    unreadable = Unreadable(job, "Pool")
    if reference is not None:
        shown = _in_pool(job, driver, driver.lookup_pool(reference).name)
    else:
        pools = sorted(driver.list_pools(), key=lambda pool: pool.name)
        rows = unreadable.shown(pools, lambda pool: _row(job, driver, pool))
        shown = [facts for row in rows for facts in row["volumes"]]
    seen = {facts["name"] for facts in shown}
    missing = [name for name in dict.fromkeys(names or ()) if name not in seen]
    return {"changed": False, "volumes": shown, "unreadable": unreadable, "missing": missing}


def _row(job: Job, driver: StorageDriver, pool: Summary) -> Optional[dict[str, Any]]:
    """What an active pool has; None for another."""
    return {"volumes": _in_pool(job, driver, pool.name)} if pool.active else None


def _in_pool(job: Job, driver: StorageDriver, pool: str) -> list[dict[str, Any]]:
    names, xml = job.options.get("name"), bool(job.options.get("xml"))
    wanted = [volume.name for volume in driver.list_volumes(pool)] if names is None else list(dict.fromkeys(names))
    return [facts for name in wanted if (facts := _shown(driver, pool, name, xml))]


def _shown(driver: StorageDriver, pool: str, name: str, xml: bool) -> Optional[dict[str, Any]]:
    """Return the facts of one volume, None for one that is not there or has gone while we looked."""
    try:
        now = find_volume(driver, pool, name)
    except NotFound:
        return None
    if now is None:
        return None
    facts = volume_facts(now)
    if xml:
        facts["xml"] = to_text(masked(now.document, VOLUME))
    return facts

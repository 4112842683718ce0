# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at volumes: what the module volume_info does."""

from __future__ import annotations

from typing import Any, Optional

from ..drivers.api import StorageDriver
from ..errors import NotFound
from ..model.storage.identity import VOLUME
from ..xml.canonical import masked
from ..xml.write import to_text
from .job import Job
from .volume_facts import find_volume, volume_facts


def show_volumes(job: Job) -> dict[str, Any]:
    """Return the facts of the volumes of one active pool, or of all active pools; never changes anything."""
    driver, names = job.connection.storage, job.options.get("name")
    pools = _pools(driver, job.options.get("pool"))
    shown: list[dict[str, Any]] = []
    for pool in pools:
        wanted = [volume.name for volume in driver.list_volumes(pool)] if names is None else list(dict.fromkeys(names))
        found = (_shown(driver, pool, name, bool(job.options.get("xml"))) for name in wanted)
        shown.extend(facts for facts in found if facts)
    seen = {facts["name"] for facts in shown}
    missing = [name for name in dict.fromkeys(names or ()) if name not in seen]
    return {"changed": False, "volumes": shown, "missing": missing}


def _pools(driver: StorageDriver, reference: Optional[str]) -> list[str]:
    """The pool that was asked for, by name or uuid; raises NotFound. Of all pools those that are active."""
    if reference is not None:
        return [driver.lookup_pool(reference).name]
    return sorted(pool.name for pool in driver.list_pools() if pool.active)


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

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about a pool as plain values, for people and for later tasks."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Optional

from ..drivers.api import Pool as Summary
from ..model.storage.pool import Pool
from ..model.tags import read_tags
from ..xml.parse import Element
from .pool_effects import POOL_NATURE
from .resource.differences import not_yet
from .resource.plan import state_of
from .resource.values import Current


def pool_facts(current: Current) -> dict[str, Any]:
    """Return the facts of one pool: what it is, what state it is in, its room, who uses it, what its document says."""
    summary, live, kept = current.summary, current.live, current.persistent
    pending = () if live is None or kept is None else not_yet(POOL_NATURE, live, kept)
    facts: dict[str, Any] = {
        "name": summary.name,
        "uuid": summary.uuid,
        "state": state_of(current),
        "active": summary.active,
        "persistent": summary.persistent,
        "autostart": summary.autostart,
        "pending": [str(change) for change in pending],
        "guests": list(current.users),
        "faults": [asdict(fault) for fault in current.faults],
        **_room(summary),
    }
    facts.update(_documented(kept if live is None else live))
    return facts


def _room(summary: object) -> dict[str, Optional[int]]:
    """Sizes in bytes, unknown of a pool that is not active."""
    known = isinstance(summary, Summary) and summary.active
    return {name: getattr(summary, name) if known else None for name in ("capacity", "allocation", "available")}


def _documented(document: Optional[Element]) -> dict[str, Any]:
    if document is None:
        return {}
    pool = Pool(document)
    source = pool.given()
    return {
        "type": pool.type,
        "tags": read_tags(document),
        "target": pool.path(),
        "format": source.format,
        "hosts": [host.name for host in source.hosts if host.name],
        "devices": source.device_paths(),
        "source_dir": source.dir,
        "source_name": source.name,
    }

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about a volume as plain values, for people and for later tasks."""

from __future__ import annotations

from typing import Any, Optional

from ..drivers.api import StorageDriver
from ..errors import NotFound
from ..model.storage.volume import Volume, VolumeTarget
from ..xml.parse import Element
from .volume_plan import VolumeNow


def find_volume(driver: StorageDriver, pool: str, name: str) -> Optional[VolumeNow]:
    """Return a volume of an active pool as it is, None when there is none; raises what the pool lacks."""
    try:
        found = driver.lookup_volume(pool, name)
        document = driver.volume_xml(pool, name)
    except NotFound:
        driver.lookup_pool(pool)
        return None
    return VolumeNow(found, document, tuple(driver.volume_guests(pool, name)))


def volume_facts(now: VolumeNow) -> dict[str, Any]:
    """Return the facts of one volume: where it is, how large, how it is stored, who has it open."""
    volume = now.volume
    return {
        "pool": volume.pool,
        "name": volume.name,
        "key": volume.key,
        "path": volume.path,
        "type": volume.type,
        "format": volume.format,
        "capacity": volume.capacity,
        "allocation": volume.allocation,
        "origin": volume.origin,
        "guests": list(now.users),
        **_documented(now.document),
    }


def _documented(document: Element) -> dict[str, Any]:
    view = Volume(document)
    target, below = view.given(), view.backing
    path = view.backing_path()
    return {
        "backing": None if path is None or below is None else {"path": path, "format": below.format},
        "encrypted": target.encryption is not None,
        "permissions": _permissions(target),
        "compat": target.compat,
        "cluster_size": target.cluster_bytes(),
        "features": target.feature_names(),
    }


def _permissions(target: VolumeTarget) -> Optional[dict[str, Any]]:
    found = target.permissions
    if found is None:
        return None
    mode = None if found.mode is None else f"0{found.mode:o}"
    return {"mode": mode, "owner": found.owner_id(), "group": found.group_id(), "label": found.label}

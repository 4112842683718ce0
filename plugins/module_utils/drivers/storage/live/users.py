# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests that use a pool, a volume, or a layer above it; and the volumes of all pools that stand on one."""

from __future__ import annotations

from contextlib import suppress
from typing import List, Sequence

from ....errors import CorralError, OperationInvalid
from ...api import Volume
from .guests import among, below, guests_of, uses, with_layers
from .scene import Scene
from .volumes import find, list_all


def pool_guests(scene: Scene, *, active: bool) -> List[str]:
    """The names of the active guests that use a volume of the pool; of an inactive one only files can be told."""
    found = uses(scene.hypervisor)
    if not found:
        return []
    if scene.row.files:
        return guests_of(found, scene.name, below(scene.host, scene.target))
    return guests_of(found, scene.name, among(scene.host, list_all(scene) if active else []))


def volume_guests(scene: Scene, name: str, others: Sequence[Scene]) -> List[str]:
    """The names of the active guests that have the volume, or a layer above it, open."""
    first = find(scene, name)
    found = uses(scene.hypervisor)
    if not found:
        return []
    direct = guests_of(found, scene.name, among(scene.host, [first]), [name])
    layers = _layers(scene, first, others)
    above = {guest for each in layers for guest in guests_of(found, each.pool, among(scene.host, [each]), [each.name])}
    return sorted({*direct, *above})


def guests_above(scene: Scene, first: Volume, others: Sequence[Scene]) -> List[str]:
    """The active guests, as far as they are known, that have only layers above the volume as their disks."""
    known = [use for use in uses(scene.hypervisor) if not use.unknown]
    has = among(scene.host, [first])
    direct = guests_of([use for use in known if not use.below], scene.name, has, [first.name])
    if not known or direct:
        return []
    found = set(guests_of(known, scene.name, has, [first.name]))
    for each in _layers(scene, first, others):
        found.update(guests_of(known, each.pool, among(scene.host, [each]), [each.name]))
    return sorted(found)


def volume_layers(scene: Scene, name: str, others: Sequence[Scene]) -> List[Volume]:
    """The volumes of these pools that stand on the volume, at whatever height."""
    return _layers(scene, find(scene, name), others)


def _layers(scene: Scene, first: Volume, others: Sequence[Scene]) -> List[Volume]:
    return with_layers(scene.host, _volumes(others), first)[1:]


def pool_layers(scene: Scene, others: Sequence[Scene], *, active: bool) -> List[Volume]:
    """The volumes of other pools that stand on one of the pool; of an inactive one only files can be told."""
    has = below(scene.host, scene.target) if scene.row.files else among(scene.host, list_all(scene) if active else [])
    elsewhere = _volumes([other for other in others if other.name != scene.name])
    return [volume for volume in elsewhere if volume.backing is not None and has(volume.backing)]


def check_no_layers(layers: Sequence[Volume], what: str) -> None:
    """Raise OperationInvalid where there are any; ``what`` is the beginning of the sentence."""
    if layers:
        names = [f"{volume.name} of pool {volume.pool}" for volume in layers]
        who = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        raise OperationInvalid(
            f"{what}: it is below {who}.",
            hint="Delete those first, or make them whole copies.",
            above=names,
        )


def _volumes(scenes: Sequence[Scene]) -> List[Volume]:
    """Those of all pools that can be looked at."""
    volumes: List[Volume] = []
    for scene in scenes:
        with suppress(CorralError):
            volumes += list_all(scene)
    return volumes


def check_unused(scene: Scene, name: str, others: Sequence[Scene]) -> None:
    """Raise OperationInvalid for a volume that an active guest has open."""
    guests = volume_guests(scene, name, others)
    if guests:
        raise OperationInvalid(
            f"Volume {name} of pool {scene.name} is in use by guest {guests[0]}.",
            hint="Stop the guest, or detach the disk, first.",
            guests=guests,
        )

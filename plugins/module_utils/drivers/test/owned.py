# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The volumes that go with a guest of the test driver: those that were made for it."""

from __future__ import annotations

from contextlib import suppress
from typing import List

from ...errors import NotFound, OperationInvalid
from ...model.domain.owned import owned_volumes
from .guest import Guest
from .node import Node
from .pool import SimulatedVolume
from .pools import active_pool, guests_of, layers_above, volume_of


def volumes_owned(node: Node, guest: Guest) -> List[SimulatedVolume]:
    """The volumes that are there; raises OperationInvalid for one that others need, or whose pool is not active."""
    sources = guest.element.findall("devices/disk[@type='volume']/source")
    places = owned_volumes(guest.element) & {(found.get("pool", ""), found.get("volume", "")) for found in sources}
    volumes: List[SimulatedVolume] = []
    for pool, name in sorted(places):
        with suppress(NotFound):  # it is gone already, or its pool is
            volumes.append(volume_of(active_pool(node, pool), name))
    for volume in volumes:
        others = [user for user in guests_of(node, volume) if user != guest.name]
        needed = [*others, *(layer.name for layer in layers_above(node, volume))]
        if needed:
            raise OperationInvalid(
                f"Guest {guest.name} is not removed: its volume {volume.name} is needed by {', '.join(needed)}.",
                hint="Remove those first, or keep the volumes with storage: keep.",
            )
    return volumes

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One pool of the <node> document: its definition, the facts about it, and the <volume> elements that stand in it.

A pool of which nothing is said is built and active, as in libvirt's test driver. A volume's origin is an attribute of
ours on its element.
"""

from __future__ import annotations

import posixpath
from typing import List, Optional

from ...model.storage.identity import persistent_pool
from ...model.storage.order import POOL_ORDER, order_children
from ...model.storage.parts import set_bytes
from ...model.storage.pool import Pool as PoolView
from ...model.storage.volume import Volume as VolumeView
from ...xml.parse import Element, clone
from ..api import Pool, Volume
from .kept import OURS, Resource

ORIGIN = f"{{{OURS}}}origin"
# What a pool of a test host can hold, as in libvirt's test driver.
ROOM = 100 * 1024**3


class SimulatedPool(Resource):
    """A lens over one <pool> of the node document; writing changes the document."""

    @property
    def view(self) -> PoolView:
        """What the running document says, or the definition."""
        return PoolView(self.running() if self.active else self.element)

    @property
    def built(self) -> bool:
        """Whether what its definition says is there; an active pool lies where it was when it was started."""
        return self.runtime.built is not False and self.view.path() == PoolView(self.element).path()

    def volumes(self) -> List[SimulatedVolume]:
        """The volumes, by name."""
        found = (SimulatedVolume(self, element) for element in self.element.findall("volume"))
        return sorted(found, key=lambda volume: volume.name)

    def find(self, name: str) -> Optional[SimulatedVolume]:
        """The volume of exactly this name, or None."""
        return next((volume for volume in self.volumes() if volume.name == name), None)

    def target(self) -> str:
        """Where the volumes are found."""
        return self.view.path() or f"/{self.name}"

    def replace(self, definition: Element) -> None:
        """Put another document in place; the volumes stay."""
        volumes = self.element.findall("volume")
        super().replace(persistent_pool(definition))
        self.element.extend(volumes)

    def document(self, *, inactive: bool = False) -> Element:
        """The document alone; that of an active pool with its room."""
        found = persistent_pool(super().document(inactive=inactive))
        for volume in found.findall("volume"):
            found.remove(volume)
        if self.active and not inactive:
            room = self.summary()
            for tag in ("capacity", "allocation", "available"):
                set_bytes(PoolView(found), tag, getattr(room, tag))
            order_children(found, POOL_ORDER)
        return found

    def summary(self) -> Pool:
        """The pool as a list shows it."""
        taken = sum(VolumeView(volume.element).allocated() or 0 for volume in self.volumes()) if self.active else 0
        room = ROOM if self.active else 0
        return Pool(
            name=self.name,
            uuid=self.uuid,
            active=self.active,
            persistent=self.persistent,
            autostart=bool(self.runtime.autostart),
            type=self.view.type or "dir",
            target=self.view.path(),
            capacity=room,
            allocation=taken,
            available=max(room - taken, 0),
        )


class SimulatedVolume:
    """A lens over one <volume> of a pool."""

    def __init__(self, pool: SimulatedPool, element: Element) -> None:
        self.pool = pool
        self.element = element

    @property
    def view(self) -> VolumeView:
        return VolumeView(self.element)

    @property
    def name(self) -> str:
        return (self.element.findtext("name") or "").strip()

    @property
    def path(self) -> str:
        return self.view.given().path or posixpath.join(self.pool.target(), self.name)

    def document(self) -> Element:
        """The document alone."""
        copy = clone(self.element)
        copy.tail = None
        copy.attrib.pop(ORIGIN, "")
        return copy

    def set_origin(self, origin: Optional[str]) -> None:
        """Keep what the volume was made from, or forget it."""
        if origin is None:
            self.element.attrib.pop(ORIGIN, "")
        else:
            self.element.set(ORIGIN, origin)

    def value(self) -> Volume:
        """The volume as the contract has it."""
        view = self.view
        return Volume(
            pool=self.pool.name,
            name=self.name,
            key=view.key or self.path,
            path=self.path,
            type=view.type or "file",
            format=view.given().format,
            capacity=view.size() or 0,
            allocation=view.allocated() or 0,
            backing=view.backing_path(),
            origin=self.element.get(ORIGIN),
        )

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The storage driver: pools and volumes of this host, each call under the pool's lock where it changes the pool.

Volumes that are files have locks of their own (``volume/shelf.py``), so that many can be made at the same time; what
else makes volumes changes one table of the pool's, and holds the pool's lock.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Callable, ContextManager, Dict, Iterator, List, Optional, Sequence

from ...errors import AlreadyExists, CorralError, HostError, InvalidArgument, NotFound, OperationInvalid
from ...host.api import Host
from ...host.layout import Layout, check_name
from ...xml.compare import Change
from ...xml.parse import Element
from ...xml.write import to_text
from ..api import Content, Expected, Fault, Neighbours, Pool, SecretUser, StorageDriver, Volume
from ..listing import listed, may_be_live, of_uuid, uuid_left
from ..store import Store
from .site import Site, view_of

if TYPE_CHECKING:
    from .live.scene import Scene
    from .volume.content import Filling

MEND = "Let the pool be mended, or look at what the host lacks."


class HostStorage(StorageDriver):
    """The pools of one tree of files: the system's, a user's session (directories only), or an embedded one."""

    name = "storage"

    def __init__(self, host: Host, layout: Layout, *, read_only: bool = False) -> None:
        self.site = Site(host, layout, Store(host, layout, "pool"), read_only)
        self.host = host
        self.store = self.site.store
        self._neighbours: Optional[Neighbours] = None

    def meet(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    # looking at pools

    def explain(self) -> Dict[str, Any]:
        return {"config": self.site.layout.config_dir("pool"), "images": self.site.layout.images}

    def list_pools(self) -> List[Pool]:
        return listed(self.site.names(), self._describe, self._damaged)

    def lookup_pool(self, reference: str) -> Pool:
        if self._is_known(reference):
            return self._describe(reference)
        found = of_uuid(self.list_pools(), reference)
        if found is not None:
            return found
        raise NotFound(f"There is no pool with the name or uuid '{reference}'.", name=reference)

    def pool_xml(self, name: str, *, inactive: bool = False) -> Element:
        active, kept = self.site.active(name), self.site.persistent(name)
        found = kept if active is None or (inactive and kept is not None) else active
        if found is None:
            raise NotFound(f"There is no pool named '{name}'.", name=name)
        return found

    def normalise_pool(self, document: Element) -> Element:
        from .live.define import completed

        return completed(self.site, document)

    def default_pool(self) -> Element:
        from .default import default_pool

        return default_pool(self.site.layout)

    def ignored_pool_parts(self, document: Element) -> List[str]:
        from .passes.ignored import ignored_pool_parts

        return ignored_pool_parts(document)

    def pool_faults(self, name: str) -> List[Fault]:
        from .live.observe import observe

        self.site.require(name)
        document = self.site.active(name)
        return [] if document is None else observe(self._scene(document))

    def pool_guests(self, name: str) -> List[str]:
        from .live.users import pool_guests

        return pool_guests(self._scene(self.pool_xml(name)), active=self.store.is_live(name))

    def pool_is_built(self, name: str) -> bool:
        from .live.observe import is_built

        return is_built(self._scene(self.site.require(name)))

    def check_pool(self, document: Element, *, start: bool) -> None:
        from .live.life import check_start

        if start:
            scene = self._scene(document)
            check_start(scene, active=self.store.is_live(scene.name))

    def check_pool_build(self, document: Element, *, overwrite: bool = False) -> None:
        from .live.life import check_build

        scene = self._scene(document)
        active = self.site.active(scene.name)
        held = [] if active is None else view_of(active).given().device_paths()
        check_build(scene, overwrite=overwrite, held=held, freed=self.site.freed())

    def expect_pool(self, name: str, expected: Expected) -> None:
        self.site.expected[name] = expected

    def check_pool_deletion(self, name: str) -> List[str]:
        from .live.deletion import check_deletion

        scene = self._scene(self.pool_xml(name))
        self._check_no_pool_layers(scene)
        return check_deletion(scene)

    # looking at volumes

    def list_volumes(self, pool: str) -> List[Volume]:
        from .live.volumes import list_all

        scene = self._active(pool)
        try:
            return list_all(scene)
        except HostError as error:
            raise OperationInvalid(f"The volumes of pool {pool} are not seen: {error.message}", hint=MEND) from error

    def lookup_volume(self, pool: str, name: str) -> Volume:
        from .live.volumes import find

        return find(self._active(pool), name)

    def volume_by_path(self, path: str) -> Volume:
        from .live.volumes import by_path

        return by_path(self._scenes(), path)

    def volume_xml(self, pool: str, name: str) -> Element:
        from .live.volumes import xml

        return xml(self._active(pool), name)

    def normalise_volume(self, pool: str, document: Element, *, content: Optional[Content] = None) -> Element:
        from .live.volumes import normalise

        scene = self._active(pool)
        return normalise(scene, document, self._filling(scene, content))

    def check_new_volume(
        self,
        pool: str,
        document: Element,
        *,
        content: Optional[Content] = None,
        preallocation: Optional[str] = None,
        beside: Sequence[Element] = (),
    ) -> None:
        from .live.volumes import check_new, normalise

        scene = self._active(pool)
        filling = self._filling(scene, content)
        done = normalise(scene, document, filling, new=True)
        check_new(scene, done, filling, preallocation=preallocation, beside=beside)

    def check_image(self, url: str, *, checksum: Optional[str] = None) -> None:
        from .volume.cache import check_local

        check_local(self.host, url, checksum)

    def check_resize(self, pool: str, name: str, capacity: int) -> None:
        from .live.foreseen import check_resize

        check_resize(self._active(pool), name, capacity, self._scenes())

    def check_wipe(self, pool: str, name: str, algorithm: str) -> None:
        from .live.foreseen import check_wipe

        check_wipe(self._active(pool), name, algorithm)

    def check_transfer(
        self, pool: str, name: Optional[str], *, source: Optional[str] = None, target: Optional[str] = None
    ) -> None:
        from .live.transfer import check_transfer

        check_transfer(self._active(pool), name, source=source, target=target)

    def volume_guests(self, pool: str, name: str) -> List[str]:
        from .live.users import volume_guests

        return volume_guests(self._active(pool), name, self._scenes())

    def volume_layers(self, pool: str, name: str) -> List[str]:
        from .live.users import volume_layers

        return [f"{each.name} of pool {each.pool}" for each in volume_layers(self._active(pool), name, self._scenes())]

    def secrets_used(self) -> List[SecretUser]:
        from .live.secrets_used import secrets_used

        return secrets_used(self.site)

    # changing pools

    @contextmanager
    def exclusive(self, name: str, *, timeout: float) -> Iterator[None]:
        with self.store.run_lock(check_name("pool", name), timeout=timeout):
            yield

    def define_pool(self, document: Element) -> Pool:
        name = check_name("pool", view_of(self.normalise_pool(document)).name or "")
        with self.store.lock(name), self.store.names_lock():
            self.store.write_config(name, to_text(self.normalise_pool(document)).encode())
        return self._describe(name)

    def create_pool(self, document: Element) -> Pool:
        from .live.life import start

        name = check_name("pool", view_of(self.normalise_pool(document)).name or "")
        with self.store.lock(name):
            if self.store.read_config(name) is not None or self.store.is_live(name):
                raise AlreadyExists(f"There is a pool named {name} already.", hint="Start that one.", name=name)
            if not self.store.units.serves(name):
                start(self.site, name, lambda: self.normalise_pool(document), self._neighbours)
                return self._describe(name)
        self.store.units.start(name, lambda: self.store.is_live(name), document=to_text(document))
        return self._describe(name)

    def undefine_pool(self, name: str) -> None:
        with self._locked(name):
            if self.store.read_config(name) is None:
                raise OperationInvalid(f"Pool {name} is transient: it has no definition to remove.")
            if not self.store.is_live(name):
                self._forget(name)
            self.store.remove_config(name)

    def build_pool(self, name: str, *, overwrite: bool = False) -> None:
        from .live.life import build

        with self._inactive(name, "built") as scene:
            build(scene, overwrite=overwrite)

    def start_pool(self, name: str) -> Pool:
        from .live.life import start

        with self._locked(name):
            if self.store.is_live(name):
                raise OperationInvalid(f"Pool {name} is already active.")
            if not self.store.units.serves(name):
                start(self.site, name, lambda: self.site.require(name), self._neighbours)
                return self._describe(name)
        self.store.units.start(name, lambda: self.store.is_live(name))
        return self._describe(name)

    def destroy_pool(self, name: str) -> None:
        from .live.life import take_down

        with self._locked(name):
            take_down(self._active(name))
            if self.store.read_config(name) is None:
                self._forget(name)
        self.store.units.settle(name)

    def delete_pool(self, name: str) -> None:
        from .live.deletion import delete
        from .live.users import pool_guests

        with self._inactive(name, "deleted") as scene:
            guests = pool_guests(scene, active=False)
            if guests:
                raise OperationInvalid(
                    f"The data of pool {name} is not deleted while guest {guests[0]} uses it.", guests=guests
                )
            self._check_no_pool_layers(scene)
            delete(scene)

    def refresh_pool(self, name: str) -> Pool:
        from .live.life import refresh

        with self._locked(name):
            refresh(self._active(name))
        return self._describe(name)

    def update_pool(self, name: str, wanted: Element, changes: Sequence[Change]) -> None:
        from .live.update import update

        with self._locked(name):
            update(self._active(name), wanted, changes)

    def mend_pool(self, name: str) -> None:
        from .live.life import mend, refresh

        with self._locked(name):
            mend(self._active(name))
            refresh(self._active(name))

    def set_pool_autostart(self, name: str, autostart: bool) -> None:
        with self._locked(name):
            if self.store.read_config(name) is None:
                raise OperationInvalid(f"Pool {name} is transient, and only a defined pool can start by itself.")
            self.store.set_autostart(name, autostart)

    # changing volumes

    def create_volume(
        self, pool: str, document: Element, *, content: Optional[Content] = None, preallocation: Optional[str] = None
    ) -> Volume:
        from .live.volumes import create, normalise

        with self._working(pool) as scene:
            filling = self._filling(scene, content)
            origin = None if content is None else content.origin
            done = normalise(scene, document, filling, new=True)
            return create(scene, done, filling, origin=origin, preallocation=preallocation)

    def resize_volume(self, pool: str, name: str, capacity: int, *, shrink: bool = False) -> None:
        from .live.volumes import resize

        if shrink and capacity < self.lookup_volume(pool, name).capacity:
            self._check_no_layers(pool, name, "made smaller")
        self.check_resize(pool, name, capacity)
        self._change(pool, lambda scene: resize(scene, name, capacity, shrink=shrink))

    def update_volume(self, pool: str, name: str, wanted: Element, changes: Sequence[Change]) -> None:
        from .live.volumes import update

        self._change(pool, lambda scene: update(scene, name, wanted))

    def wipe_volume(self, pool: str, name: str, *, algorithm: str = "zero") -> None:
        from .live.volumes import wipe

        self._check_no_layers(pool, name, "wiped")
        self.check_wipe(pool, name, algorithm)
        self._change(pool, lambda scene: wipe(scene, name, algorithm))

    def upload_volume(self, pool: str, name: str, path: str) -> None:
        from .live.volumes import upload

        self._check_no_layers(pool, name, "replaced")
        self._change(pool, lambda scene: upload(scene, name, path))

    def download_volume(self, pool: str, name: str, path: str) -> None:
        from .live.volumes import download

        self._change(pool, lambda scene: download(scene, name, path))

    def delete_volume(self, pool: str, name: str) -> None:
        from .live.users import check_unused
        from .live.volumes import delete

        scenes = self._scenes()
        check_unused(self._active(pool), name, scenes)
        self._change(pool, lambda scene: delete(scene, name, scenes))

    def fetch_image(self, url: str, *, checksum: Optional[str] = None, timeout: float = 3600.0) -> str:
        from .volume.cache import Cache

        return Cache(self.host, self.site.layout).fetch(url, checksum=checksum, timeout=timeout)

    # inside

    def _scene(self, document: Element) -> Scene:
        from .live.scene import scene_of

        return scene_of(self.site, document, self._neighbours)

    def _active(self, name: str) -> Scene:
        self.site.require(name)
        document = self.site.active(name)
        if document is None:
            raise OperationInvalid(f"Pool {name} is not active.", hint="Start it first.", name=name)
        return self._scene(document)

    def _scenes(self) -> List[Scene]:
        """All active pools."""
        return [self._scene(document) for document in self.site.actives()]

    def _check_no_layers(self, pool: str, name: str, what: str) -> None:
        """Raise OperationInvalid while a volume of any active pool stands on this one."""
        from .live.users import check_no_layers, volume_layers

        layers = volume_layers(self._active(pool), name, self._scenes())
        check_no_layers(layers, f"Volume {name} of pool {pool} is not {what}")

    def _check_no_pool_layers(self, scene: Scene) -> None:
        from .live.users import check_no_layers, pool_layers

        layers = pool_layers(scene, self._scenes(), active=self.store.is_live(scene.name))
        check_no_layers(layers, f"The data of pool {scene.name} is not deleted")

    def _filling(self, scene: Scene, content: Optional[Content]) -> Optional[Filling]:
        from .live.volumes import filling_of

        source = None if content is None or content.volume is None else self._active(content.volume[0])
        return filling_of(scene, content, source)

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        """Hold the lock of a pool that exists."""
        self.site.require(name)
        with self.store.lock(name):
            self.site.require(name)  # a transient one that has ended is gone now
            yield

    @contextmanager
    def _inactive(self, name: str, done: str) -> Iterator[Scene]:
        with self._locked(name):
            if self.store.is_live(name):
                raise OperationInvalid(f"Pool {name} is active, and cannot be {done}.", hint="Stop it first.")
            yield self._scene(self.site.require(name))

    @contextmanager
    def _working(self, pool: str) -> Iterator[Scene]:
        """Work on the volumes of an active pool."""
        scene = self._active(pool)
        lock: ContextManager[None] = nullcontext() if scene.row.files else self._locked(pool)
        with lock:
            yield scene if scene.row.files else self._active(pool)

    def _change(self, pool: str, work: Callable[[Scene], object]) -> None:
        with self._working(pool) as scene:
            work(scene)

    def _forget(self, name: str) -> None:
        """Remove what only a pool that still exists has a use for."""
        self.host.remove(self.site.layout.volume_formats(name))
        self.host.remove(self.site.layout.volume_origins(name))
        self.host.remove(self.site.layout.volume_formats_lock(name))

    def _is_known(self, name: str) -> bool:
        try:
            check_name("pool", name)
        except InvalidArgument:
            return False  # no pool is called so; it may still be a uuid
        return self.store.read_config(name) is not None or self.store.is_live(name)

    def _describe(self, name: str) -> Pool:
        kept, document = self.site.persistent(name), self.site.active(name)
        view = view_of(self.site.require(name) if document is None else document)
        return Pool(
            name=name,
            uuid=view.uuid or "",
            active=document is not None,
            persistent=kept is not None,
            autostart=self.store.autostart(name),
            type=view.type or "dir",
            target=view.path(),
            capacity=view.capacity or 0,
            allocation=view.allocation or 0,
            available=view.available or 0,
        )

    def _damaged(self, name: str, error: CorralError) -> Pool:
        """A pool for a list, whose files are damaged."""
        return Pool(name, uuid_left(self.store, name), may_be_live(self.store, name), error=error)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pools and volumes of the test driver: no byte is stored, and everything behaves as if."""

from __future__ import annotations

import posixpath
from typing import Dict, List, Optional, Sequence

from ...errors import AlreadyExists, HostError, InvalidArgument, NotFound, OperationInvalid
from ...model.storage.identity import POOL
from ...model.storage.order import VOLUME_ORDER, order_children
from ...model.storage.parts import set_bytes
from ...xml.compare import Change, take
from ...xml.parse import Element, clone, parse
from ..api import Content, Expected, Fault, Pool, StorageDriver, Volume, mutates
from .keeper import Keeper
from .node import Node
from .normalise_pool import BUILDABLE
from .normalise_volume import Held, normalise_volume, stored_volume
from .pool import SimulatedPool, SimulatedVolume
from .pools import (
    active_pool,
    all_pools,
    all_volumes,
    complete_pool,
    define_pool,
    find_pool,
    guests_of,
    layers_above,
    lookup_pool,
    pool_of,
    volume_of,
)

IMAGES = "/var/lib/corral/images"
CACHE = "/var/cache/corral/images"
# How large every image from elsewhere is said to be.
IMAGE_SIZE = 2 * 1024**3
DEFAULT = f"<pool type='dir'><name>default</name><target><path>{IMAGES}</path></target></pool>"


class SimulatedStorage(StorageDriver):
    """The storage driver of ``test:///default`` and ``test:///FILE``."""

    name = "test"

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self._expected: Dict[str, Expected] = {}

    # pools

    def list_pools(self) -> List[Pool]:
        """Return every pool, in the order of the document."""
        return [pool.summary() for pool in all_pools(self.keeper.read())]

    def lookup_pool(self, reference: str) -> Pool:
        """Return the pool of a name or uuid."""
        return lookup_pool(self.keeper.read(), reference).summary()

    def pool_xml(self, name: str, *, inactive: bool = False) -> Element:
        """Return the document of an active pool, else the persistent one; without the volumes that stand in it."""
        return pool_of(self.keeper.read(), name).document(inactive=inactive)

    def normalise_pool(self, document: Element) -> Element:
        """Return the document as it would be stored."""
        return complete_pool(self.keeper.read(), document, self._expected)

    def expect_pool(self, name: str, expected: Expected) -> None:
        """Check as if a pool were so."""
        self._expected[name] = expected

    def default_pool(self) -> Element:
        """Return a directory of images."""
        return parse(DEFAULT)

    def pool_faults(self, name: str) -> List[Fault]:
        """Return what somebody has written into the document as faults."""
        return pool_of(self.keeper.read(), name).faults()

    def pool_guests(self, name: str) -> List[str]:
        """Return the active guests that use a volume of the pool."""
        node = self.keeper.read()
        users = [name for volume in pool_of(node, name).volumes() for name in guests_of(node, volume)]
        return list(dict.fromkeys(users))

    def pool_is_built(self, name: str) -> bool:
        """Return whether it was built."""
        return pool_of(self.keeper.read(), name).built

    def check_pool(self, document: Element, *, start: bool) -> None:
        """Raise for a start of what was not built."""
        pool = find_pool(self.keeper.read(), document.findtext("name") or "")
        built = pool.built if pool else document.get("type") not in BUILDABLE
        if start and not built:
            raise _not_built(document)

    def check_pool_deletion(self, name: str) -> List[str]:
        """Return the paths of its volumes, and its directory."""
        pool = pool_of(self.keeper.read(), name)
        if not pool.built:
            return []
        return [*(volume.path for volume in pool.volumes()), pool.target()]

    @mutates
    def define_pool(self, document: Element) -> Pool:
        """Keep the document; the pool keeps its uuid, its volumes, and whether it starts by itself."""
        with self.keeper.change() as node:
            return define_pool(node, complete_pool(node, document)).summary()

    @mutates
    def create_pool(self, document: Element) -> Pool:
        """Start a pool that is forgotten when it ends."""
        with self.keeper.change() as node:
            name = (document.findtext("name") or "").strip()
            if find_pool(node, name) is not None:
                raise AlreadyExists(f"There is a pool named {name!r} already; start that one.", name=name)
            pool = define_pool(node, complete_pool(node, document))
            pool.set_active(True)
            pool.make_transient()
            return pool.summary()

    @mutates
    def undefine_pool(self, name: str) -> None:
        """Forget the definition; an active pool goes on until it ends."""
        with self.keeper.change() as node:
            pool = pool_of(node, name)
            if not pool.persistent:
                raise OperationInvalid(f"The pool {name!r} is transient: it has no definition.")
            if pool.active:
                pool.make_transient()
            else:
                node.remove(pool)

    @mutates
    def build_pool(self, name: str, *, overwrite: bool = False) -> None:
        """Say that what the pool lies on is there."""
        with self.keeper.change() as node:
            pool_of(node, name).facts().built = None

    @mutates
    def start_pool(self, name: str) -> Pool:
        """Make the pool active; one that was not built cannot be."""
        with self.keeper.change() as node:
            pool = pool_of(node, name)
            if pool.active:
                raise OperationInvalid(f"The pool {name!r} is active already.")
            if not pool.built:
                raise _not_built(pool.document())
            pool.set_active(True)
            return pool.summary()

    @mutates
    def destroy_pool(self, name: str) -> None:
        """Make the pool inactive; a transient one is gone then."""
        with self.keeper.change() as node:
            pool = active_pool(node, name)
            if pool.persistent:
                pool.set_active(False)
            else:
                node.remove(pool)

    @mutates
    def delete_pool(self, name: str) -> None:
        """Forget the volumes, and that the pool was built."""
        with self.keeper.change() as node:
            pool = pool_of(node, name)
            if pool.active:
                raise OperationInvalid(f"The pool {name!r} is active; let it go before its data is deleted.")
            for volume in pool.volumes():
                pool.element.remove(volume.element)
            pool.facts().built = False

    @mutates
    def refresh_pool(self, name: str) -> Pool:
        """Look again at what nobody changes."""
        return active_pool(self.keeper.read(), name).summary()

    @mutates
    def update_pool(self, name: str, wanted: Element, changes: Sequence[Change]) -> None:
        """Let the document of the active pool say so."""
        with self.keeper.change() as node:
            pool = active_pool(node, name)
            for change in changes:
                take(pool.running(), wanted, change, POOL)

    @mutates
    def mend_pool(self, name: str) -> None:
        """Forget the faults."""
        with self.keeper.change() as node:
            active_pool(node, name).mend()

    @mutates
    def set_pool_autostart(self, name: str, autostart: bool) -> None:
        """Keep whether the pool starts with the host; a transient one cannot."""
        with self.keeper.change() as node:
            pool = pool_of(node, name)
            if not pool.persistent:
                raise OperationInvalid(f"The pool {name!r} is transient and cannot start with the host; define it.")
            pool.facts().autostart = True if autostart else None

    # volumes

    def list_volumes(self, pool: str) -> List[Volume]:
        """Return the volumes of an active pool, by name."""
        return [volume.value() for volume in active_pool(self.keeper.read(), pool).volumes()]

    def lookup_volume(self, pool: str, name: str) -> Volume:
        """Return one of them."""
        return volume_of(active_pool(self.keeper.read(), pool), name).value()

    def volume_by_path(self, path: str) -> Volume:
        """Return the volume of an active pool that has this path or key."""
        for volume in all_volumes(self.keeper.read()):
            if path in (volume.path, volume.view.key):
                return volume.value()
        raise NotFound(f"There is no volume with the path {path}.", path=path)

    def volume_xml(self, pool: str, name: str) -> Element:
        """Return the document."""
        return volume_of(active_pool(self.keeper.read(), pool), name).document()

    def normalise_volume(self, pool: str, document: Element, *, content: Optional[Content] = None) -> Element:
        """Return the document as it would be stored."""
        node = self.keeper.read()
        found = active_pool(node, pool)
        existing = found.find((document.findtext("name") or "").strip())
        kept = None if existing is None else existing.document()
        return normalise_volume(document, found.view, kept, self._held(content))

    def volume_guests(self, pool: str, name: str) -> List[str]:
        """Return the active guests that have it, or a layer above it, open."""
        node = self.keeper.read()
        return guests_of(node, volume_of(active_pool(node, pool), name))

    def volume_layers(self, pool: str, name: str) -> List[str]:
        """Return the volumes that stand on it."""
        node = self.keeper.read()
        layers = layers_above(node, volume_of(active_pool(node, pool), name))
        return [f"{layer.name} of pool {layer.pool.name}" for layer in layers]

    def check_new_volume(
        self,
        pool: str,
        document: Element,
        *,
        content: Optional[Content] = None,
        preallocation: Optional[str] = None,
        beside: Sequence[Element] = (),
    ) -> None:
        """Refuse a document that cannot be kept."""
        self.normalise_volume(pool, document, content=content)

    @mutates
    def create_volume(
        self, pool: str, document: Element, *, content: Optional[Content] = None, preallocation: Optional[str] = None
    ) -> Volume:
        """Keep the document as that of a volume."""
        done = self.normalise_volume(pool, document, content=content)
        with self.keeper.change() as node:
            found = active_pool(node, pool)
            name = (done.findtext("name") or "").strip()
            if found.find(name) is not None:
                raise AlreadyExists(f"There is a volume named {name!r} in the pool {pool!r} already.", name=name)
            found.element.append(stored_volume(done, found.view, found.target(), preallocation))
            volume = volume_of(found, name)
            self._take_room(found, volume.value().allocation)
            volume.set_origin(None if content is None else content.origin)
            return volume.value()

    @mutates
    def resize_volume(self, pool: str, name: str, capacity: int, *, shrink: bool = False) -> None:
        """Write the size down."""
        with self.keeper.change() as node:
            volume = volume_of(active_pool(node, pool), name)
            if capacity < (volume.view.size() or 0) and not shrink:
                raise OperationInvalid(
                    f"The volume {name!r} is larger than {capacity} bytes.", hint="Set shrink: true."
                )
            set_bytes(volume.view, "capacity", capacity)

    @mutates
    def update_volume(self, pool: str, name: str, wanted: Element, changes: Sequence[Change]) -> None:
        """Write the permissions down."""
        with self.keeper.change() as node:
            volume = volume_of(active_pool(node, pool), name)
            target, new = volume.view.need_target().element, wanted.find("target/permissions")
            for old in target.findall("permissions"):
                target.remove(old)
            if new is not None:
                target.append(clone(new))
            order_children(volume.element, VOLUME_ORDER)

    @mutates
    def wipe_volume(self, pool: str, name: str, *, algorithm: str = "zero") -> None:
        """Forget what the volume was made from."""
        with self.keeper.change() as node:
            self._unused(node, volume_of(active_pool(node, pool), name), "wiped").set_origin(None)

    @mutates
    def upload_volume(self, pool: str, name: str, path: str) -> None:
        """Forget what the volume was made from."""
        self.wipe_volume(pool, name)

    @mutates
    def download_volume(self, pool: str, name: str, path: str) -> None:
        """Write nothing: there are no bytes."""
        volume_of(active_pool(self.keeper.read(), pool), name)

    @mutates
    def delete_volume(self, pool: str, name: str) -> None:
        """Forget the volume, where nothing needs it."""
        with self.keeper.change() as node:
            volume = self._unused(node, volume_of(active_pool(node, pool), name), "deleted")
            volume.pool.element.remove(volume.element)

    @mutates
    def fetch_image(self, url: str, *, checksum: Optional[str] = None, timeout: float = 3600.0) -> str:
        """Return where it would be."""
        if "://" not in url:
            raise InvalidArgument(f"{url!r} is no URL.")
        return posixpath.join(CACHE, posixpath.basename(url.partition("?")[0]))

    def _held(self, content: Optional[Content]) -> Optional[Held]:
        if content is None:
            return None
        if content.volume is not None:
            found = self.lookup_volume(*content.volume)
            return Held(found.capacity, found.format)
        format = "qcow2" if str(content.path).endswith((".qcow2", ".img")) else "raw"
        return Held(IMAGE_SIZE, content.format or format)

    def _take_room(self, pool: SimulatedPool, size: int) -> None:
        room = pool.summary()
        if room.allocation > room.capacity:
            raise HostError(f"The pool {pool.name!r} has no room for {size} bytes.", hint="Ask for less.")

    def _unused(self, node: Node, volume: SimulatedVolume, what: str) -> SimulatedVolume:
        users = guests_of(node, volume)
        layers = [layer.name for layer in layers_above(node, volume)]
        if users or layers:
            raise OperationInvalid(
                f"The volume {volume.name!r} cannot be {what}: {', '.join([*users, *layers])} would lose it.",
                hint="Stop or delete those first.",
            )
        return volume


def _not_built(document: Element) -> HostError:
    place, name = document.findtext("target/path"), document.findtext("name")
    return HostError(f"{place} of the pool {name!r} is not there.", hint="Build the pool first (build: true).")

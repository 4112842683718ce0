# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pools of a <node> document: looking them up, completing and defining them, and who uses what lies in them."""

from __future__ import annotations

from typing import Iterator, List, Mapping, Optional

from ...errors import CorralError, NotFound, OperationInvalid
from ...values import parse_uuid
from ...xml.parse import Element, clone
from ..api import Expected
from .guest import Guest
from .kept import check_uuid, others_of
from .node import Node
from .normalise_pool import BUILDABLE, normalise_pool
from .pool import SimulatedPool, SimulatedVolume


def all_pools(node: Node) -> List[SimulatedPool]:
    """Every pool, in the order of the document."""
    return [SimulatedPool(element) for element in node.root.findall("pool")]


def find_pool(node: Node, name: str) -> Optional[SimulatedPool]:
    """The pool of exactly this name, or None."""
    return next((pool for pool in all_pools(node) if pool.name == name), None)


def pool_of(node: Node, name: str) -> SimulatedPool:
    """The pool of exactly this name; raises NotFound."""
    found = find_pool(node, name)
    if found is None:
        raise NotFound(f"There is no pool named {name!r}.", name=name)
    return found


def active_pool(node: Node, name: str) -> SimulatedPool:
    """An active pool; raises NotFound and OperationInvalid."""
    found = pool_of(node, name)
    if not found.active:
        raise OperationInvalid(f"The pool {name!r} is not active; start it first.", name=name)
    return found


def lookup_pool(node: Node, reference: str) -> SimulatedPool:
    """The pool of this name, else of this uuid; raises NotFound."""
    try:
        wanted = parse_uuid(reference)
    except CorralError:
        wanted = ""
    by_uuid = next((pool for pool in all_pools(node) if pool.uuid == wanted), None)
    found = find_pool(node, reference) or by_uuid
    if found is None:
        raise NotFound(f"There is no pool with the name or uuid {reference!r}.", reference=reference)
    return found


def complete_pool(node: Node, document: Element, expected: Optional[Mapping[str, Expected]] = None) -> Element:
    """The pool's document as defining it would store it; raises AlreadyExists for a uuid that is taken."""
    name = (document.findtext("name") or "").strip()
    existing = find_pool(node, name)
    others = others_of(all_pools(node), expected or {}, name)
    kept = existing.document(inactive=True) if existing else None
    done = normalise_pool(document, kept, others, seed=node.seed)
    check_uuid("pool", done, existing, others)
    return done


def define_pool(node: Node, document: Element) -> SimulatedPool:
    """Take a complete document: a new pool that is inactive, or another definition of the one of that name."""
    existing = find_pool(node, document.findtext("name") or "")
    if existing:
        if not existing.active and existing.view.path() != (document.findtext("target/path") or None):
            existing.facts().built = False
        existing.make_persistent(document)
        return existing
    pool = SimulatedPool(node.place(clone(document)))
    pool.set_active(False)
    pool.facts().built = None if document.get("type") not in BUILDABLE else False
    return pool


# volumes


def volume_of(pool: SimulatedPool, name: str) -> SimulatedVolume:
    """The volume of exactly this name; raises NotFound."""
    found = pool.find(name)
    if found is None:
        raise NotFound(f"There is no volume named {name!r} in the pool {pool.name!r}.", name=name)
    return found


def all_volumes(node: Node) -> Iterator[SimulatedVolume]:
    """The volumes of all active pools."""
    for pool in all_pools(node):
        if pool.active:
            yield from pool.volumes()


def layers_above(node: Node, volume: SimulatedVolume) -> List[SimulatedVolume]:
    """The volumes that stand on a volume."""
    return [other for other in all_volumes(node) if other.view.backing_path() == volume.path]


def guests_of(node: Node, volume: SimulatedVolume) -> List[str]:
    """The active guests that have a volume, or a layer above it, open."""
    found = [guest.name for guest in node.guests() if guest.active and _has(guest, volume)]
    for layer in layers_above(node, volume):
        found += [name for name in guests_of(node, layer) if name not in found]
    return found


def _has(guest: Guest, volume: SimulatedVolume) -> bool:
    for source in guest.running().findall("devices/disk/source"):
        by_name = (source.get("pool"), source.get("volume")) == (volume.pool.name, volume.name)
        if by_name or volume.path in (source.get("file"), source.get("dev")):
            return True
    return False

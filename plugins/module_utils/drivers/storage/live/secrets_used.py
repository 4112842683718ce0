# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which secrets pools and volumes need, whether the pools are active or not."""

from __future__ import annotations

from typing import Iterator, List, Optional, Sequence, Tuple

from ....errors import CorralError
from ....model.secret.core import named, plain
from ....model.storage.pool import Pool
from ....xml.parse import Element
from ...api import SecretUser, Volume
from ..site import Site
from ..volume.document import described
from ..volume.look import look_all
from . import document as block_document
from . import origins
from .find import found_volumes
from .scene import Scene, scene_of
from .seals import PURPOSE, Name, by_place, reference

# What the kinds of <auth> ask for; iSCSI calls its own chap.
SERVERS = {"ceph": "ceph", "chap": "iscsi"}
# A pool of this type is a directory whether it is active or not; the others may have to be mounted or attached.
ALWAYS_THERE = "dir"


def secrets_used(site: Site) -> List[SecretUser]:
    """Return what all pools and their volumes need secrets for; a pool with damaged files may need any."""
    return [user for name in site.names() for user in _of_pool(site, name)]


def _of_pool(site: Site, name: str) -> Iterator[SecretUser]:
    try:
        active, kept = site.active(name), site.persistent(name)
    except CorralError:
        yield SecretUser("pool", name)
        yield from _written(name, origins.recalled(site, name))
        return
    documents = [document for document in (active, kept) if document is not None]
    for document in documents:
        yield from _of_server(name, document)
    for document in documents[:1]:
        yield from _of_volumes(scene_of(site, document), active=active is not None)


def _of_server(name: str, document: Element) -> Iterator[SecretUser]:
    auth = Pool(document).given().auth
    use = None if auth is None else auth.secret
    if auth is not None and use is not None:
        usage = SERVERS.get(auth.type or "", "iscsi")
        yield SecretUser("pool", name, usage, (named(use.uuid, usage, use.usage),))


def _of_volumes(scene: Scene, *, active: bool) -> Iterator[SecretUser]:
    """The encrypted volumes; where the host does not show them now, those that have been written down."""
    rows = origins.recall(scene)
    seen = _seen(scene, rows) if active or scene.row.name == ALWAYS_THERE else None
    if seen is None:
        yield from _written(scene.name, rows)
        return
    for volume, sealed in seen:
        named = origins.past_of(scene, rows, volume).secret
        if named is not None:
            yield _user(scene.name, volume.name, [named])
        elif sealed:
            yield _user(scene.name, volume.name, by_place(scene, volume.name, volume.path))
    names = {volume.name for volume, _sealed in seen}
    yield from _written(
        scene.name, {name: row for name, row in rows.items() if name not in names and _comes(scene, name)}
    )


def _comes(scene: Scene, name: str) -> bool:
    """Whether a file is just being made, or a run that was killed has left its beginning."""
    return scene.row.files and scene.host.stat(scene.shelf().part(name)) is not None


def _seen(scene: Scene, rows: origins.Rows) -> Optional[List[Tuple[Volume, bool]]]:
    """The volumes as they are, each with whether it is encrypted; None where they cannot be looked at.

    Whether a device is encrypted is known of those alone that we have encrypted.
    """
    try:
        if scene.row.files:
            return [(described(scene.name, facts), bool(facts.image.encryption)) for facts in look_all(scene.shelf())]
        named = any(origins.named_in(row) for row in rows.values())
        return [(block_document.described(scene.name, each), False) for each in found_volumes(scene)] if named else []
    except CorralError:
        return None


def _written(pool: str, rows: origins.Rows) -> Iterator[SecretUser]:
    for name, row in sorted(rows.items()):
        named = origins.named_in(row)
        if named is not None:
            yield _user(pool, name, [named])


def _user(pool: str, name: str, names: Sequence[Name]) -> SecretUser:
    return SecretUser("volume", name, PURPOSE, tuple(plain(reference(each)) for each in names), pool)

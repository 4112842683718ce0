# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The volumes of a pool, whatever its type: files by ``volume/``, everything else by ``block.py``."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from dataclasses import replace
from typing import List, Optional, Sequence

from ....errors import AlreadyExists, CorralError, InvalidArgument, NotFound, OperationInvalid
from ....model.storage.volume import Volume as VolumeView
from ....xml.parse import Element
from ...api import Content, Volume
from ..passes.complete_volume import complete_volume
from ..types.base import SECTOR
from ..volume import change, make
from ..volume.content import Filling, from_path, from_volume
from ..volume.document import described, document
from ..volume.look import Facts, layers_above, look, look_all
from ..volume.shelf import Shelf
from . import block, origins
from . import document as block_document
from .find import found_volumes
from .guests import Use, uses
from .scene import Scene
from .steps import ask

# Of what the volumes of a type consist, in bytes, where that is no affair of the pool's.
GRAINS = {"disk": 1 << 20, "zfs": 16 << 10, "rbd": 1 << 10}


def list_all(scene: Scene) -> List[Volume]:
    """All volumes, by name."""
    if scene.row.files:
        found = [described(scene.name, facts) for facts in look_all(scene.shelf())]
    else:
        found = [block_document.described(scene.name, each) for each in found_volumes(scene)]
    rows = origins.recall(scene)
    return [_with_origin(scene, rows, volume) for volume in found] if rows else found


def find(scene: Scene, name: str) -> Volume:
    """One volume; raises NotFound."""
    return _with_origin(scene, origins.recall(scene), _find(scene, name))


def _find(scene: Scene, name: str) -> Volume:
    if scene.row.files:
        return described(scene.name, look(scene.shelf(), name))
    return block_document.described(scene.name, block.find(scene, name))


def _with_origin(scene: Scene, rows: origins.Rows, volume: Volume) -> Volume:
    return replace(volume, origin=origins.origin_of(scene, rows, volume))


def xml(scene: Scene, name: str) -> Element:
    """The document of a volume as it is on the host."""
    if scene.row.files:
        return document(look(scene.shelf(), name))
    return block_document.document(scene.host, block.find(scene, name))


def by_path(scenes: Sequence[Scene], path: str) -> Volume:
    """The volume of one of these pools with this path or key; pools that cannot be looked at have none."""
    for scene in scenes:
        with suppress(CorralError):
            found = _in_directory(scene, path) if scene.row.files else _in_list(scene, path)
            if found is not None:
                return found
    raise NotFound(f"No active pool has a volume with the path or key '{path}'.", path=path)


def _in_directory(scene: Scene, path: str) -> Optional[Volume]:
    """A file is looked for where it is, under whatever name its directory has."""
    directory, name = posixpath.split(path)
    if not path.startswith("/") or scene.host.resolve(directory) != scene.shelf().root():
        return None
    return find(scene, name)


def _in_list(scene: Scene, path: str) -> Optional[Volume]:
    real = scene.host.resolve(path) if path.startswith("/") else path
    volumes = list_all(scene)
    return next((each for each in volumes if path in (each.path, each.key) or _leads(scene, each, real)), None)


def _leads(scene: Scene, volume: Volume, real: str) -> bool:
    return volume.path.startswith("/") and scene.host.resolve(volume.path) == real


# making


def normalise(scene: Scene, wanted: Element, filling: Optional[Filling], *, new: bool = False) -> Element:
    """The complete document of a wanted volume; a volume of that name keeps what the document leaves open.

    One that is ``new`` is not looked for.
    """
    kept: Optional[Element] = None
    name = VolumeView(wanted).name
    if name and not new:
        with suppress(NotFound, InvalidArgument):
            kept = xml(scene, name)
    capacity, kind = (None, None) if filling is None else (_size(filling), filling.image.format)
    if kept is None and filling is None and VolumeView(wanted).size() is None:
        capacity = _size_below(scene, VolumeView(wanted))
    return complete_volume(wanted, scene.pool, kept=kept, capacity=capacity, image_format=kind, grain=grain_of(scene))


def _size(filling: Filling) -> int:
    return filling.found.size if filling.image.capacity is None else filling.image.capacity


def _size_below(scene: Scene, volume: VolumeView) -> Optional[int]:
    """A layer that says no size of its own has that of the image below."""
    path, backing = volume.backing_path(), volume.backing
    if path is None or backing is None or not path.startswith("/"):
        return None
    from ..volume.header import inspect
    from ..volume.look import asked, reader

    found = scene.host.stat(scene.host.resolve(path))
    if found is None:
        return None
    read = reader(scene.host, path)
    image = asked(scene.host, path, inspect(read, found.size, backing.format or "raw"))
    return found.size if image.capacity is None else image.capacity


def grain_of(scene: Scene) -> int:
    """The unit of which the sizes of the pool's volumes are multiples, in bytes."""
    if scene.row.name == "logical" and scene.row.looking is not None:
        from ..types.logical import read_extent_size

        return read_extent_size(ask(scene.host, scene.row.looking.room(scene.pool)), scene.pool)
    return GRAINS.get(scene.row.name, SECTOR)


def filling_of(scene: Scene, content: Optional[Content], source: Optional[Scene]) -> Optional[Filling]:
    """What a volume is filled with, looked at; ``source`` is the pool of a volume that is copied."""
    if content is None or (content.volume is None and content.path is None):
        return None
    shelf = Shelf(scene.host, scene.site.layout, scene.name, scene.target, scene.site.read_only)
    if content.volume is None or source is None:
        return from_path(shelf, content.path or "", content.format)
    if source.row.files:
        facts = look(source.shelf(), content.volume[1])
        return from_volume(source.shelf(), facts, _known_secret(source, facts))
    return from_path(shelf, find(source, content.volume[1]).path, "raw")


def create(
    scene: Scene,
    wanted: Element,
    filling: Optional[Filling],
    *,
    origin: Optional[str] = None,
    preallocation: Optional[str] = None,
) -> Volume:
    """Make the volume of a complete document; ``origin`` says what fills it, ``preallocation`` is for files."""
    volume = VolumeView(wanted)
    name, secret = volume.name or "", _wanted_secret(scene, volume)
    _check_new(scene, name, preallocation)
    with origins.coming(scene, name, origin, lambda: _find(scene, name)) as announce:
        if scene.row.files:
            announce()
            make.create(scene.shelf(), wanted, filling=filling, secret=secret, preallocation=preallocation)
        else:
            block.create(scene, volume, announce, filling=filling, secret=secret)
    return find(scene, name)


def _check_new(scene: Scene, name: str, preallocation: Optional[str]) -> None:
    """Asked before anything is written down of a volume that may be there already."""
    if scene.row.files:
        with suppress(NotFound):
            _find(scene, name)
            raise AlreadyExists(f"There is a volume named {name} in pool {scene.name} already.", name=name)
    elif preallocation is not None:
        raise InvalidArgument(f"Volumes of {scene.row.name} pools are no files: there is no preallocation for them.")


def _wanted_secret(scene: Scene, volume: VolumeView) -> Optional[bytes]:
    sealed = volume.given().encryption
    use = None if sealed is None else next(iter(sealed.secrets), None)
    return None if use is None else scene.secret(use, "volume")


def _known_secret(scene: Scene, facts: Facts) -> Optional[bytes]:
    """The secret of an encrypted volume that is there: the one whose usage is the volume, by its path or its name."""
    if not facts.image.encryption or scene.neighbours is None:
        return None
    for usage in (facts.path, f"{scene.name}/{facts.name}"):
        with suppress(NotFound):
            return scene.neighbours.secret.use_secret_value(f"volume:{usage}")
    raise OperationInvalid(
        f"Volume {facts.name} of pool {scene.name} is encrypted, and there is no secret for it.",
        hint=f"Define a secret with the usage volume: {facts.path}",
    )


# changing


def resize(scene: Scene, name: str, capacity: int, *, shrink: bool) -> None:
    """Change a volume's size; QEMU does it where a guest has it open, and the guest sees it at once."""
    found = find(scene, name)
    user = _user(scene, found)
    if user is not None and capacity < found.capacity:
        raise OperationInvalid(
            f"Guest {user.guest} has volume {name} open, so it cannot be made smaller.", hint="Stop the guest first."
        )
    if scene.row.files and user is None:
        shelf, facts = scene.shelf(), look(scene.shelf(), name)
        change.resize(shelf, name, capacity, shrink=shrink, secret=_known_secret(scene, facts))
        return
    if not scene.row.files:
        block.resize(scene, name, capacity, shrink=shrink)
    if user is not None and scene.hypervisor is not None and capacity != found.capacity:
        scene.hypervisor.resize_disk(user.guest, user.path or found.path, capacity)


def _user(scene: Scene, volume: Volume) -> Optional[Use]:
    """An active guest that has the volume itself open."""
    from .guests import among

    has = among(scene.host, [volume])
    for use in uses(scene.hypervisor):
        if has(use.path) or (use.pool, use.volume) == (scene.name, volume.name):
            return use
    return None


def update(scene: Scene, name: str, wanted: Element) -> None:
    """Give a volume the permissions of a document."""
    if scene.row.files:
        change.update(scene.shelf(), name, wanted)
    else:
        block.update(scene, name, VolumeView(wanted))


def wipe(scene: Scene, name: str, algorithm: str) -> None:
    """Overwrite a volume; what it was made from is nothing any more."""
    origins.change(scene, name, None)
    if scene.row.files:
        change.wipe(scene.shelf(), name, algorithm=algorithm)
    else:
        block.wipe(scene, name, algorithm)


def upload(scene: Scene, name: str, path: str) -> None:
    """Replace a volume's bytes."""
    origins.change(scene, name, None)
    if scene.row.files:
        change.upload(scene.shelf(), name, path)
    else:
        block.upload(scene, name, path)


def download(scene: Scene, name: str, path: str) -> None:
    """Copy a volume's bytes into a file."""
    if scene.row.files:
        change.download(scene.shelf(), name, path)
    else:
        block.download(scene, name, path)


def delete(scene: Scene, name: str, others: Sequence[Scene]) -> None:
    """Delete a volume on which no other stands, of any active pool."""
    above: List[Facts] = []
    for other in others:
        with suppress(CorralError):
            above += look_all(other.shelf()) if other.row.files and other.name != scene.name else []
    if scene.row.files:
        change.delete(scene.shelf(), name, others=above)
    else:
        _check_alone(scene, name, above)
        block.delete(scene, name)
    origins.change(scene, name, None)


def _check_alone(scene: Scene, name: str, others: Sequence[Facts]) -> None:
    found = find(scene, name)
    layers = layers_above(scene.host, others, found.path) if found.path.startswith("/") else []
    layers += [each.name for each in list_all(scene) if each.backing == found.path]
    if layers:
        raise OperationInvalid(
            f"Volume {name} of pool {scene.name} is not deleted: {', '.join(layers[:3])} stand on it.",
            hint="Delete those first, or make them whole copies.",
        )

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The volumes of a pool, whatever its type: files by ``volume/``, everything else by ``block.py``."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from dataclasses import replace
from typing import List, Optional, Sequence, Tuple

from ....errors import AlreadyExists, CorralError, InvalidArgument, NotFound, OperationInvalid
from ....model.storage.volume import Volume as VolumeView
from ....xml.parse import Element, add, clone
from ...api import Content, Volume
from ..passes.complete_volume import complete_volume
from ..types.base import LUKS_HEADER, SECTOR, Found
from ..volume import change, make
from ..volume.content import Filling, from_path, from_volume
from ..volume.document import described, document
from ..volume.look import Facts, layers_above, look, look_all
from ..volume.shelf import Shelf
from . import block, origins, seals
from . import document as block_document
from .find import found_volumes
from .guests import Use, uses
from .scene import Scene
from .steps import ask

# Of what the volumes of a type consist, in bytes, where that is no affair of the pool's.
GRAINS = {"disk": 1 << 20, "zfs": 16 << 10, "rbd": 1 << 10}


def list_all(scene: Scene) -> List[Volume]:
    """All volumes, by name."""
    rows = origins.recall(scene)
    if scene.row.files:
        found = [described(scene.name, facts) for facts in look_all(scene.shelf())]
    else:
        found = [block_document.described(scene.name, _seen(scene, rows, each)) for each in found_volumes(scene)]
    return [_with_origin(scene, rows, volume) for volume in found] if rows else found


def find(scene: Scene, name: str) -> Volume:
    """One volume; raises NotFound."""
    rows = origins.recall(scene)
    return _with_origin(scene, rows, _find(scene, rows, name))


def _find(scene: Scene, rows: origins.Rows, name: str) -> Volume:
    if scene.row.files:
        return described(scene.name, look(scene.shelf(), name))
    return block_document.described(scene.name, _seen(scene, rows, block.find(scene, name)))


def _seen(scene: Scene, rows: origins.Rows, found: Found) -> Found:
    """A device as it is for a guest: of one that we have encrypted, its header is no part."""
    if found.name not in rows or origins.past_of(scene, rows, _as_device(scene, found)).secret is None:
        return found
    return seals.as_sealed(found) if seals.is_sealed(scene, found) else found


def _as_device(scene: Scene, found: Found) -> Volume:
    return block_document.described(scene.name, found)


def _with_origin(scene: Scene, rows: origins.Rows, volume: Volume) -> Volume:
    return replace(volume, origin=origins.past_of(scene, rows, volume).origin)


def xml(scene: Scene, name: str) -> Element:
    """The document of a volume as it is on the host."""
    rows = origins.recall(scene)
    if scene.row.files:
        facts = look(scene.shelf(), name)
        found, volume = document(facts), described(scene.name, facts)
    else:
        device = block.find(scene, name)
        found, volume = block_document.document(scene.host, _seen(scene, rows, device)), _as_device(scene, device)
    seals.write_name(found, origins.past_of(scene, rows, volume).secret)
    return found


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

    One that is ``new`` is not looked for. Raises NotFound and OperationInvalid for a secret that cannot seal a new one.
    """
    kept: Optional[Element] = None
    name = VolumeView(wanted).name
    if name and not new:
        with suppress(NotFound, InvalidArgument):
            kept = xml(scene, name)
    capacity, kind = (None, None) if filling is None else (_size(filling), filling.image.format)
    if kept is None:
        _check_name(scene, name)
        wanted = _sealed_alike(wanted, filling)
        if filling is None and VolumeView(wanted).size() is None:
            capacity = _size_below(scene, VolumeView(wanted))
    done = complete_volume(wanted, scene.pool, kept=kept, capacity=capacity, image_format=kind, grain=grain_of(scene))
    seals.settle_name(scene, done, kept)
    if kept is None:
        seals.check_named(scene, done)
    else:
        _check_resize(scene, VolumeView(kept), VolumeView(done))
    return done


def _check_name(scene: Scene, name: Optional[str]) -> None:
    """Partitions have the names that the kernel gives them."""
    if scene.row.name == "disk" and name:
        from .partition import check_name

        check_name(scene, name)


def _check_resize(scene: Scene, kept: VolumeView, wanted: VolumeView) -> None:
    """Say before anything is done what a partition cannot become: what stands behind it decides."""
    had, size = kept.size(), wanted.size()
    if scene.row.name != "disk" or had is None or size is None or had == size:
        return
    from .partition import check_resize

    header = LUKS_HEADER if kept.given().encryption is not None else 0
    check_resize(scene, kept.name or "", size + header, shrink=size < had)


def _sealed_alike(wanted: Element, filling: Optional[Filling]) -> Element:
    """A copy of what is encrypted is encrypted, too, with the same secret where nothing else is said."""
    if filling is None or filling.named is None or wanted.find("target/encryption") is not None:
        return wanted
    copy = clone(wanted)
    holder = VolumeView(copy).need_target().element
    add(holder, "encryption", format="luks")
    seals.write_name(copy, filling.named)
    return copy


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
    return (_from_file if source.row.files else _from_device)(source, shelf, content.volume[1])


def _from_file(source: Scene, _shelf: Shelf, name: str) -> Filling:
    facts = look(source.shelf(), name)
    if not facts.image.encryption:
        return from_volume(source.shelf(), facts)
    secret, named = _opening(source, facts.name, facts.path)
    return from_volume(source.shelf(), facts, secret, named)


def _from_device(source: Scene, shelf: Shelf, name: str) -> Filling:
    """A device has no length for who asks a file system, so that is the volume's."""
    volume = find(source, name)
    plain = from_path(shelf, volume.path, "raw")
    image = replace(plain.image, capacity=volume.capacity)
    if xml(source, name).find("target/encryption") is None:
        return replace(plain, image=image)
    secret, named = _opening(source, name, volume.path)
    return replace(plain, image=replace(image, encryption="luks"), secret=secret, named=named)


def _opening(scene: Scene, name: str, path: str) -> Tuple[bytes, seals.Name]:
    """The value that opens an encrypted volume, and how its secret is named; raises OperationInvalid."""
    named = seals.opener(scene, name, path, seals.name_of(xml(scene, name)))
    return seals.value_of(scene, named), named


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
    _check_new(scene, volume, preallocation)
    past = origins.Past(origin, seals.name_of(wanted))
    source = ("", None) if filling is None else (f"The image {filling.path}", filling.named)
    with origins.coming(scene, name, past, lambda: _find(scene, {}, name)) as announce, seals.opening(*source):
        if scene.row.files:
            shelf = scene.shelf()
            make.create(shelf, wanted, filling=filling, secret=secret, preallocation=preallocation, announce=announce)
        else:
            block.create(scene, volume, announce, filling=filling, secret=secret)
    return find(scene, name)


def check_new(
    scene: Scene,
    wanted: Element,
    filling: Optional[Filling],
    *,
    preallocation: Optional[str] = None,
    beside: Sequence[Element] = (),
) -> None:
    """Raise what would keep the volume of a complete document from being made, once one of that name has gone.

    ``beside`` are the complete documents of volumes that are expected to be made before.
    """
    if scene.row.files:
        make.check_new(scene.shelf(), wanted, filling=filling, preallocation=preallocation)
    else:
        _check_preallocation(scene, preallocation)
        block.check_new(scene, VolumeView(wanted), filling, [VolumeView(each) for each in beside])


def _check_new(scene: Scene, volume: VolumeView, preallocation: Optional[str]) -> None:
    """Asked before anything is written down of a volume that may be there already."""
    name = volume.name or ""
    if scene.row.files:
        with suppress(NotFound):
            _find(scene, {}, name)
            raise AlreadyExists(f"There is a volume named {name} in pool {scene.name} already.", name=name)
    else:
        _check_preallocation(scene, preallocation)


def _check_preallocation(scene: Scene, preallocation: Optional[str]) -> None:
    if preallocation is not None:
        raise InvalidArgument(f"Volumes of {scene.row.name} pools are no files: there is no preallocation for them.")


def _wanted_secret(scene: Scene, volume: VolumeView) -> Optional[bytes]:
    sealed = volume.given().encryption
    use = None if sealed is None else next(iter(sealed.secrets), None)
    return None if use is None else scene.secret(use, "volume")


# changing


def resize(scene: Scene, name: str, capacity: int, *, shrink: bool) -> None:
    """Change a volume's size; QEMU does it where a guest has it open, and the guest sees it at once."""
    found = find(scene, name)
    user = user_of(scene, found)
    if user is not None and capacity < found.capacity:
        raise OperationInvalid(
            f"Guest {user.guest} has volume {name} open, so it cannot be made smaller.", hint="Stop the guest first."
        )
    if scene.row.files and user is None:
        shelf, facts = scene.shelf(), look(scene.shelf(), name)
        secret, named = _opening(scene, name, facts.path) if facts.image.encryption else (None, None)
        with seals.opening(f"Volume {name} of pool {scene.name}", named):
            change.resize(shelf, name, capacity, shrink=shrink, secret=secret)
        return
    if not scene.row.files:
        block.resize(scene, name, capacity, shrink=shrink, header=header_of(scene, name))
    if user is not None and scene.hypervisor is not None and capacity != found.capacity:
        scene.hypervisor.resize_disk(user.guest, user.path or found.path, capacity)


def header_of(scene: Scene, name: str) -> int:
    """The room that an encrypted device has beside its capacity, in bytes."""
    return LUKS_HEADER if xml(scene, name).find("target/encryption") is not None else 0


def user_of(scene: Scene, volume: Volume) -> Optional[Use]:
    """An active guest that has the volume itself open, and not only as a layer below."""
    from .guests import among

    has = among(scene.host, [volume])
    for use in uses(scene.hypervisor):
        if not use.below and (has(use.path) or (use.pool, use.volume) == (scene.name, volume.name)):
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
    if scene.row.files:
        change.wipe(scene.shelf(), name, algorithm=algorithm, begin=lambda: _forget(scene, name))
    else:
        block.wipe(scene, name, algorithm, lambda: _forget(scene, name))


def upload(scene: Scene, name: str, path: str) -> None:
    """Replace a volume's bytes."""
    if scene.row.files:
        change.upload(scene.shelf(), name, path, begin=lambda: _forget(scene, name))
    else:
        block.upload(scene, name, path, lambda: _forget(scene, name))


def _forget(scene: Scene, name: str) -> None:
    """What a volume was made from is nothing any more."""
    origins.change(scene, name, origins.NOTHING)


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
    origins.change(scene, name, origins.NOTHING)


def _check_alone(scene: Scene, name: str, others: Sequence[Facts]) -> None:
    found = find(scene, name)
    layers = layers_above(scene.host, others, found.path) if found.path.startswith("/") else []
    layers += [each.name for each in list_all(scene) if each.backing == found.path]
    if layers:
        raise OperationInvalid(
            f"Volume {name} of pool {scene.name} is not deleted: {', '.join(layers[:3])} stand on it.",
            hint="Delete those first, or make them whole copies.",
        )

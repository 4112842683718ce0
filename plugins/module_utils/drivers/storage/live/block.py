# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes that are no files: logical volumes, partitions, zvols, images of Ceph; made, filled, changed, deleted.

Whoever calls holds the lock of the pool. What can have another name is made under a name that is never listed, and
renamed when it is whole; a partition cannot, so its space is filled before it is one (``partition.py``).
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Callable, Iterator, List, Optional, Sequence

from ....errors import AlreadyExists, CorralError, HostError, InvalidArgument, NoSupport, NotFound, OperationInvalid
from ....host.api import Host
from ....model.storage.volume import Volume
from ..types.base import LUKS_HEADER, PART_PREFIX, Argv, Found, Making, Run, first_device
from ..types.devices import in_use
from ..volume.change import ALGORITHMS, SCRUBS, Begin, check_source, check_target
from ..volume.command import Key, NewImage, Original, convert_argvs, create_argv, new_image
from ..volume.content import Filling
from ..volume.make import set_permissions
from ..volume.users import check_free
from .find import everything, found_volumes, room_of
from .scene import Scene
from .steps import block_of, perform, run

# Seconds until the kernel, and udev, have made a device.
APPEARS = 15.0


def part_prefix(scene: Scene) -> str:
    """How the names of this host's unfinished volumes begin: a cluster may have those of others."""
    return f"{PART_PREFIX}{hashlib.sha256(scene.host.machine_id().encode()).hexdigest()[:8]}-"


def find(scene: Scene, name: str) -> Found:
    """One volume; raises NotFound."""
    found = next((each for each in found_volumes(scene) if each.name == name), None)
    if found is None:
        raise NotFound(f"There is no volume named '{name}' in pool {scene.name}.", name=name)
    return found


@contextmanager
def making_of(scene: Scene) -> Iterator[Making]:
    """How volumes of the pool are made, with the key of a cluster's user meanwhile; raises NoSupport."""
    if scene.row.name == "rbd":
        from .rbd import key_of

        with key_of(scene) as key:
            yield _of_cluster(key)
    elif scene.row.name == "disk":
        from .partition import making_of_disk

        yield making_of_disk(scene)
    elif scene.row.making is not None:
        yield scene.row.making
    else:
        raise NoSupport(f"Volumes of pool {scene.name}, which is of the type {scene.row.name}, are not made here.")


def _of_cluster(key: Optional[str]) -> Making:
    from ..types import rbd

    return Making(
        create=lambda pool, volume, name: [
            Run(rbd.create_argv(pool, volume, name, key), undo=rbd.delete_argv(pool, name, key))
        ],
        rename=lambda pool, old, new: [Run(rbd.rename_argv(pool, old, new, key))],
        delete=lambda pool, name: [Run(rbd.delete_argv(pool, name, key))],
        resize=lambda pool, name, size, shrink: [Run(rbd.resize_argv(pool, name, size, shrink, key))],
    )


# making


def create(
    scene: Scene,
    volume: Volume,
    announce: Callable[[], None],
    *,
    filling: Optional[Filling] = None,
    secret: Optional[bytes] = None,
) -> None:
    """Make the volume of a complete document; raises AlreadyExists, and nothing is left of what did not succeed.

    ``announce`` is called when nothing stands in the way any more, and before anybody sees the volume.
    """
    name = volume.name or ""
    _check(scene, volume, filling, secret)
    with making_of(scene) as making:
        _make_room(scene, making, name)
        if making.rename is None:
            _fill_and_make(scene, making, volume, announce, filling, secret)
        else:
            announce()
            _make_and_rename(scene, making, volume, filling, secret)
        device_of(scene, name)


def _fill_and_make(
    scene: Scene,
    making: Making,
    volume: Volume,
    announce: Callable[[], None],
    filling: Optional[Filling],
    secret: Optional[bytes],
) -> None:
    from .partition import fill

    fill(scene, volume, filling, secret)
    announce()
    perform(scene.host, making.create(scene.pool, volume, volume.name or ""))
    set_permissions(scene.host, device_of(scene, volume.name or ""), volume.given().permissions)


def _make_and_rename(
    scene: Scene, making: Making, volume: Volume, filling: Optional[Filling], secret: Optional[bytes]
) -> None:
    made = _part(scene, volume.name or "")
    perform(scene.host, making.create(scene.pool, volume, made))
    try:
        _finish(scene, volume, made, filling, secret)
        perform(scene.host, [] if making.rename is None else making.rename(scene.pool, made, volume.name or ""))
    except CorralError:
        with suppress(CorralError):
            perform(scene.host, making.delete(scene.pool, made))
        raise


def check_new(scene: Scene, volume: Volume, filling: Optional[Filling], beside: Sequence[Volume] = ()) -> None:
    """Raise what would keep a volume from being made, as far as looking tells; one of its name may be there.

    Those ``beside`` are expected to be made before.
    """
    _check_contents(scene, volume, filling)
    if scene.row.name == "disk":
        from .partition import check_new as check_partition

        check_partition(scene, volume, beside)
    elif scene.row.name == "logical":
        old = sum(each.allocation for each in found_volumes(scene) if each.name == volume.name)
        _check_room(scene, volume.name or "", _taken(volume), old - sum(_taken(each) for each in beside))
    path = "" if filling is None else filling.path
    if path and path in [scene.host.resolve(each.path) for each in found_volumes(scene) if each.name == volume.name]:
        raise InvalidArgument(
            f"Volume {volume.name} cannot be made anew from itself.", hint="Give the new volume another name."
        )


def check_resize(scene: Scene, found: Found, capacity: int) -> None:
    """Raise NoSupport for a volume that keeps its size, and HostError for one for which there is no room."""
    if not _resizes(scene):
        raise NoSupport(f"Volumes of {scene.row.name} pools keep their size.", hint="Make a new one.")
    if scene.row.name == "logical" and capacity > found.capacity:
        _check_room(scene, found.name, capacity - found.capacity)


def _resizes(scene: Scene) -> bool:
    """Of what has no row of its own here, ``making_of`` knows how."""
    making = scene.row.making
    return scene.row.name in ("disk", "rbd") or (making is not None and making.resize is not None)


def _check_room(scene: Scene, name: str, size: int, more: int = 0) -> None:
    """Raise HostError where a volume group has less than so many bytes; ``more`` of them are there by then."""
    free = room_of(scene).available + more
    if size > free:
        raise HostError(
            f"Volume {name} takes {size} bytes, and pool {scene.name} has {max(free, 0)} left.",
            hint="Ask for less, or delete what is not needed.",
        )


def _taken(volume: Volume) -> int:
    """What a logical volume takes of its group: a sparse one its allocation; what is not known counts for nothing."""
    size, allocation = volume.size() or 0, volume.allocated()
    if volume.backing_path() is None and allocation is not None and allocation < size:
        return allocation
    return size + (LUKS_HEADER if volume.given().encryption is not None else 0)


def _check(scene: Scene, volume: Volume, filling: Optional[Filling], secret: Optional[bytes]) -> None:
    if (volume.given().encryption is None) != (secret is None):
        raise InvalidArgument(f"Volume {volume.name} needs a secret where it is encrypted, and only there.")
    _check_contents(scene, volume, filling)


def _check_contents(scene: Scene, volume: Volume, filling: Optional[Filling]) -> None:
    if filling is not None and scene.row.name == "rbd":
        raise NoSupport("Volumes of rbd pools are made empty here.", hint="Fill it with rbd import or qemu-img.")
    if filling is not None and volume.backing_path() is not None:
        raise InvalidArgument(f"Volume {volume.name} is to be a layer above an image, and filled with another.")


def _part(scene: Scene, name: str) -> str:
    return f"{part_prefix(scene)}{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"


def _make_room(scene: Scene, making: Making, name: str) -> None:
    """Remove what killed runs of this host have left; raises AlreadyExists for a volume that is there."""
    there = [each.name for each in everything(scene)]
    if name in there:
        raise AlreadyExists(f"There is a volume named {name} in pool {scene.name} already.", name=name)
    for left in there:
        if left.startswith(part_prefix(scene)):
            perform(scene.host, making.delete(scene.pool, left))


def _finish(scene: Scene, volume: Volume, made: str, filling: Optional[Filling], secret: Optional[bytes]) -> None:
    """Seal it, fill it, and say whose it is."""
    if scene.row.name == "rbd":
        return
    path = device_of(scene, made)
    with scene.key_file(secret) as key, scene.key_file(filling.secret if filling else None, "content") as other:
        for argv in _contents(volume, path, filling, key_of(key, "key0"), key_of(other, "key1")):
            run(scene.host, argv)
    set_permissions(scene.host, scene.host.resolve(path), volume.given().permissions)


def key_of(path: Optional[str], name: str) -> Optional[Key]:
    return None if path is None else Key(name, path)


def _contents(
    volume: Volume, path: str, filling: Optional[Filling], key: Optional[Key], other: Optional[Key]
) -> List[Argv]:
    """What is written onto a device: a device is there already, and is never cut or made longer."""
    sealed = NewImage(path) if key is None else sealed_image(volume, path, key)
    if filling is None:
        return [] if key is None else [create_argv(sealed)]
    source = Original(filling.path, filling.image.format, other)
    if key is None and other is None:
        return [("qemu-img", "convert", "-n", "-f", source.driver, "-O", "raw", source.path, path)]
    argvs = convert_argvs(source, sealed)
    return argvs if key is not None else argvs[1:]


def sealed_image(volume: Volume, path: str, key: Key) -> NewImage:
    """An encrypted device, whatever its pool calls a format: of a partition that is a kind of partition."""
    return replace(new_image(volume, path, key=key), format="raw")


def device_of(scene: Scene, name: str) -> str:
    """The device of a volume that was just made, as soon as it is there."""
    host, directory = scene.host, scene.target
    if scene.row.name == "rbd":
        return ""
    if scene.row.name == "disk":
        directory = host.resolve(first_device(scene.pool)).rpartition("/")[0]
    path = f"{directory}/{name}"
    if not host.wait_for(lambda: host.stat(host.resolve(path)) is not None, timeout=APPEARS):
        raise HostError(f"The device {path} did not appear.", hint="Look at the system's log.", path=path)
    return path


# changing


def delete(scene: Scene, name: str) -> None:
    """Delete a volume that nobody has open."""
    _need_unused(scene, find(scene, name))
    with making_of(scene) as making:
        perform(scene.host, making.delete(scene.pool, name))


def resize(scene: Scene, name: str, capacity: int, *, shrink: bool = False, header: int = 0) -> None:
    """Change a volume's size, in bytes; raises OperationInvalid for a smaller one without ``shrink``, NoSupport.

    ``header`` is the room that the device needs beside it.
    """
    found = find(scene, name)
    found = replace(found, capacity=found.capacity - header)
    if capacity <= 0:
        raise InvalidArgument(f"Volume {name} cannot have a size of {capacity} bytes.")
    if capacity == found.capacity:
        return
    smaller = capacity < found.capacity
    if smaller and not shrink:
        raise OperationInvalid(
            f"Volume {name} has {found.capacity} bytes; making it {capacity} bytes would cut off what is beyond.",
            hint="Shrink the file systems in it first, then set shrink: true.",
        )
    if smaller:
        _need_unused(scene, found)
    with making_of(scene) as making:
        if making.resize is None:
            raise NoSupport(f"Volumes of {scene.row.name} pools keep their size.", hint="Make a new one.")
        perform(scene.host, making.resize(scene.pool, name, capacity + header, smaller))


def update(scene: Scene, name: str, wanted: Volume) -> None:
    """Give a volume the owner and the mode of a document."""
    set_permissions(scene.host, scene.host.resolve(local_path(scene, find(scene, name))), wanted.given().permissions)


def wipe(scene: Scene, name: str, algorithm: str, begin: Begin = lambda: None) -> None:
    """Overwrite a volume; ``begin`` is called when nothing stands in the way any more."""
    if algorithm not in ALGORITHMS:
        raise InvalidArgument(f"There is no algorithm {algorithm!r}; write one of {', '.join(ALGORITHMS)}.")
    found = find(scene, name)
    path = local_path(scene, found)
    _need_unused(scene, found)
    begin()
    run(scene.host, wipe_argv(path, found.capacity, algorithm))


def wipe_argv(path: str, size: int, algorithm: str) -> Argv:
    """The command that overwrites a device."""
    if algorithm in SCRUBS:
        return ("scrub", "-f", "-p", algorithm, path)
    if algorithm == "trim":
        return ("blkdiscard", path)
    zeros = ("dd", "if=/dev/zero", f"of={path}", "bs=4M", f"count={size}", "iflag=count_bytes,fullblock")
    return (*zeros, "conv=notrunc,fsync", "status=none")


def upload(scene: Scene, name: str, path: str, begin: Begin = lambda: None) -> None:
    """Write a file of this host over a volume's bytes; one that is larger is refused before anything is written.

    ``begin`` is called when nothing stands in the way any more.
    """
    found = find(scene, name)
    check_upload(scene.host, found, path)
    device = local_path(scene, found)
    _need_unused(scene, found)
    begin()
    run(scene.host, ("dd", f"if={path}", f"of={device}", "bs=4M", "conv=notrunc,fsync", "status=none"))


def check_upload(host: Host, found: Found, path: str) -> None:
    """Raise InvalidArgument for a file that does not fit into the volume."""
    size = check_source(host, path).size
    if size > found.capacity:
        raise InvalidArgument(
            f"{path} has {size} bytes, and volume {found.name} has {found.capacity}.",
            hint="Resize the volume first.",
            path=path,
        )


def download(scene: Scene, name: str, path: str) -> None:
    """Copy a volume's bytes into a file of this host, whole or not at all."""
    check_target(scene.host, path)
    found, host = find(scene, name), scene.host
    device = local_path(scene, found)
    _need_free(scene, found)
    part = f"{host.resolve(path.rpartition('/')[0] or '/')}/{_part(scene, name)}.part"
    try:
        host.write(part, b"", mode=0o600)
        run(host, ("dd", f"if={device}", f"of={part}", "bs=4M", "conv=notrunc,sparse,fsync", "status=none"))
        run(host, ("truncate", "--size", str(found.capacity), part))
        host.rename(part, path, replace=True)
    finally:
        host.remove(part)


def local_path(scene: Scene, found: Found) -> str:
    """Where a volume is a device of this host; raises NoSupport."""
    if not found.path.startswith("/"):
        raise NoSupport(f"Volume {found.name} of pool {scene.name} is no device of this host.")
    return found.path


def _need_unused(scene: Scene, found: Found) -> None:
    """Raise OperationInvalid while QEMU has a device open, or the host uses it: as a file system, swap space, ..."""
    _need_free(scene, found)
    node = scene.host.stat(scene.host.resolve(found.path)) if found.path.startswith("/") else None
    used = None if node is None or node.kind != "block" else in_use(block_of(scene.host, found.path))
    if used is not None:
        raise OperationInvalid(
            f"The device {found.path} of volume {found.name} of pool {scene.name} {used}.",
            hint="Unmount or deactivate that first.",
            path=found.path,
        )


def _need_free(scene: Scene, found: Found) -> None:
    """Raise OperationInvalid while QEMU has a device open."""
    node = scene.host.stat(scene.host.resolve(found.path)) if found.path.startswith("/") else None
    if node is not None:
        check_free(scene.host, node, f"Volume {found.name} of pool {scene.name}")

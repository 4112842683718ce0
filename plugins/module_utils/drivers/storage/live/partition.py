# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Partitions of a disk: filled while they are free space still, so that none is seen that is not whole.

A partition cannot be made under another name and renamed. What goes into it is written to where it will be, and then it
is made, at once: a run that is killed before leaves a table as it was. Whoever calls holds the lock of the pool.
"""

from __future__ import annotations

import posixpath
from contextlib import contextmanager
from dataclasses import replace
from typing import Iterator, List, Optional, Sequence

from ....model.storage.volume import Volume
from ..types.base import SECTOR, Making, Step, first_device
from ..types.disk import create_steps, delete_steps, new_place, partition_number, resize_steps
from ..types.partitions import Table, read_table, table_argv, with_part, without_part
from ..volume.command import Key, Original, create_argv, fill_argv
from ..volume.content import Filling
from .block import key_of, sealed_image
from .scene import Scene
from .steps import ask, run


def making_of_disk(scene: Scene) -> Making:
    """How partitions are made, removed and made larger."""
    pool, node = scene.pool, _node(scene)

    def create(_pool: object, volume: Volume, _name: str) -> List[Step]:
        return create_steps(pool, volume, _table(scene), node)

    def resize(_pool: object, name: str, size: int, shrink: bool) -> List[Step]:
        return resize_steps(pool, name, size, shrink, _table(scene), node)

    return Making(create, None, lambda _pool, name: delete_steps(pool, name, node), resize)


def check_resize(scene: Scene, name: str, size: int, *, shrink: bool) -> None:
    """Raise what keeps a partition from having this many bytes."""
    resize_steps(scene.pool, name, size, shrink, _table(scene), _node(scene))


def check_name(scene: Scene, name: str) -> None:
    """Raise InvalidArgument for a name that the kernel gives to no partition of the disk."""
    partition_number(scene.pool, name, _node(scene))


def check_new(scene: Scene, volume: Volume, beside: Sequence[Volume] = ()) -> None:
    """Raise what keeps a partition from being made where one of its name has gone, and those ``beside`` were made."""
    pool, node = scene.pool, _node(scene)
    table = without_part(_table(scene), partition_number(pool, volume.name or "", node))
    for other in beside:
        if other.size() is None:
            return  # it is as large as an image that nobody has yet, and nobody knows what is left
        table = with_part(table, new_place(pool, other, table, node))
    new_place(pool, volume, table, node)


def fill(scene: Scene, volume: Volume, filling: Optional[Filling], secret: Optional[bytes]) -> None:
    """Write what a new partition is to hold into the space that it will have; raises what ``new_place`` does."""
    place = new_place(scene.pool, volume, _table(scene), _node(scene))
    space = Original(_node(scene), "raw", part=(place.start, place.last + 1 - place.start))
    with scene.key_file(secret) as path, scene.key_file(filling.secret if filling else None, "content") as other:
        space = replace(space, key=key_of(path, "key0"))
        if space.key is not None:
            _seal(scene, volume, space.key, place.start)
        if filling is not None:
            source = Original(filling.path, filling.image.format, key_of(other, "key1"))
            run(scene.host, fill_argv(source, space))


def _seal(scene: Scene, volume: Volume, key: Key, start: int) -> None:
    """Write a header of LUKS: qemu-img makes one in a file, and it says nothing of how long what follows is."""
    with _header_file(scene) as header:
        run(scene.host, create_argv(replace(sealed_image(volume, header, key), capacity=SECTOR)))
        where = (f"of={_node(scene)}", f"seek={start}", "oflag=seek_bytes", "conv=notrunc,fsync")
        run(scene.host, ("dd", f"if={header}", *where, "bs=1M", "status=none"))


@contextmanager
def _header_file(scene: Scene) -> Iterator[str]:
    """A file beside the keys; one that a killed run has left goes with the next."""
    directory = scene.site.layout.keys_dir
    path = posixpath.join(directory, f"pool-header-{scene.name}")
    scene.host.make_directory(directory, mode=0o700)
    try:
        scene.host.write(path, b"", mode=0o600)
        yield path
    finally:
        scene.host.remove(path)


def _table(scene: Scene) -> Table:
    return read_table(ask(scene.host, table_argv(first_device(scene.pool)), check=False))


def _node(scene: Scene) -> str:
    return scene.host.resolve(first_device(scene.pool))

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools of a Gluster cluster: looked at through a mount in a directory of ours, which is there while one is active."""

from __future__ import annotations

import posixpath
from typing import List

from ....errors import HostError
from ..types import gluster
from ..types.base import Found, Room
from ..volume.look import Facts, look_all
from ..volume.shelf import Shelf
from .mounting import mount_at
from .scene import Scene
from .steps import run


def directory(scene: Scene) -> str:
    """Where the cluster's volume is mounted."""
    return posixpath.join(scene.site.layout.live_dir("pool"), f"{scene.name}.mount")


def attach(scene: Scene) -> None:
    """Mount it, unless it is."""
    place = directory(scene)
    if mount_at(scene, place) is None:
        scene.host.make_directory(place, mode=0o700)
        run(scene.host, gluster.mount_argv(scene.pool, place))


def detach(scene: Scene) -> None:
    """Take it away."""
    place = directory(scene)
    if mount_at(scene, place) is not None:
        run(scene.host, ("umount", place))
    if scene.host.stat(place) is not None:
        run(scene.host, ("rmdir", "--", place))


def files(scene: Scene) -> List[Found]:
    """The images in it, by the addresses under which QEMU opens them."""
    _need(scene)
    shelf = Shelf(scene.host, scene.site.layout, scene.name, directory(scene), scene.site.read_only)
    return [_found(scene, each) for each in look_all(shelf)]


def _found(scene: Scene, facts: Facts) -> Found:
    path, key = gluster.volume_path(scene.pool, facts.name), gluster.volume_key(scene.pool, facts.name)
    kind = facts.image.format
    return Found(facts.name, path, key, "network", facts.capacity, facts.allocation, kind, facts.backing)


def room(scene: Scene) -> Room:
    """What room the cluster's volume has."""
    _need(scene)
    found = scene.host.file_system(directory(scene))
    return Room(0, 0, 0) if found is None else Room(found.size, found.size - found.available, found.available)


def _need(scene: Scene) -> None:
    if mount_at(scene, directory(scene)) is None:
        raise HostError(f"The Gluster volume of pool {scene.name} is not mounted.", hint="Let the pool be mended.")

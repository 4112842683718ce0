# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools of a Ceph cluster: every command with the key of the user, which is in a file for as long as it runs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator, List, Optional

from ..types import rbd
from ..types.base import Found, Room
from .scene import Scene
from .steps import ask


@contextmanager
def key_of(scene: Scene) -> Iterator[Optional[str]]:
    """The file with the user's key, None for a cluster that asks nobody who he is."""
    auth = scene.pool.given().auth
    use = None if auth is None else auth.secret
    with scene.key_file(None if use is None else scene.secret(use, "ceph")) as path:
        yield path


def images(scene: Scene) -> List[Found]:
    """The images of the pool."""
    with key_of(scene) as key:
        listed = ask(scene.host, rbd.images_argv(scene.pool, key))
        use = ask(scene.host, rbd.use_argv(scene.pool, key)) if rbd.counts_use(scene.pool) else None
    return rbd.read_images(listed, use, scene.pool)


def room(scene: Scene) -> Room:
    """What the cluster has for the pool."""
    with key_of(scene) as key:
        return rbd.read_room(ask(scene.host, rbd.room_argv(scene.pool, key)), scene.pool)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is mounted on the target of a pool that mounts something."""

from __future__ import annotations

from typing import Callable, Dict, Optional

from ....model.storage.pool import Pool
from ..types.base import first_device
from ..types.mounts import Mount, mounted_on, read_mounts
from .scene import Scene

MOUNTS = "/proc/self/mountinfo"


def mount_at(scene: Scene, directory: str) -> Optional[Mount]:
    """What is mounted on a directory."""
    text = (scene.host.read(MOUNTS) or b"").decode("utf-8", "surrogateescape")
    return mounted_on(read_mounts(text), scene.host.resolve(directory))


def is_ours(scene: Scene, mount: Mount) -> bool:
    """Whether what is mounted there is the pool's source."""
    wanted = source(scene)
    if scene.row.name == "fs":
        return _is_device(scene, wanted, mount.source)
    return _bare(mount.source) == _bare(wanted)


def source(scene: Scene) -> str:
    """What mountinfo calls the pool's source."""
    return _SOURCES[scene.row.name](scene.pool)


def _is_device(scene: Scene, wanted: str, found: str) -> bool:
    """A file that holds a file system is mounted through a loop device."""
    real = scene.host.resolve(wanted)
    node = scene.host.stat(real)
    if node is not None and node.kind == "file":
        return found.startswith("/dev/loop")
    return scene.host.resolve(found) == real


def _bare(text: str) -> str:
    return text.rstrip("/").replace(":/", ":")


def _netfs(pool: Pool) -> str:
    from ..types.netfs import mount_source

    return mount_source(pool)


def _vstorage(pool: Pool) -> str:
    from ..types.vstorage import mount_source

    return mount_source(pool)


_SOURCES: Dict[str, Callable[[Pool], str]] = {"fs": first_device, "netfs": _netfs, "vstorage": _vstorage}

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The volumes and the room of active pools, as the host has them now.

Pools of files are looked at without a program. Of the others most have a row with what is to be run (``Looking``); what
needs several looks has a function here, a row in ``FINDERS``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Dict, List

from ....errors import HostError, OperationFailed
from ..types.base import PART_PREFIX, Found, Room
from .scene import Scene
from .steps import ask

Finder = Callable[[Scene], List[Found]]


def found_volumes(scene: Scene) -> List[Found]:
    """The volumes of a pool whose volumes are no files, by name; what is not whole yet is no volume."""
    found = everything(scene)
    return sorted((each for each in found if not each.name.startswith(PART_PREFIX)), key=lambda one: one.name)


def everything(scene: Scene) -> List[Found]:
    """The same with what is not whole."""
    return FINDERS.get(scene.row.name, _by_program)(scene)


def room_of(scene: Scene) -> Room:
    """What room a pool has; raises HostError where it cannot be looked at."""
    if scene.row.files:
        return _room_of_files(scene)
    special = ROOMS.get(scene.row.name)
    if special is not None:
        return special(scene)
    looking = scene.row.looking
    if looking is not None:
        return looking.read_room(ask(scene.host, looking.room(scene.pool), check=False), scene.pool)
    return _room_of_volumes(scene)


def _room_of_files(scene: Scene) -> Room:
    root = scene.shelf().root()
    found = scene.host.file_system(root)
    if found is None:
        raise HostError(f"The file system of {root} says nothing of its room.", path=root)
    return Room(found.size, found.size - found.available, found.available)


def _room_of_volumes(scene: Scene) -> Room:
    """Where the server made the volumes, all of it is theirs."""
    total = sum(volume.capacity for volume in found_volumes(scene))
    return Room(total, total, 0)


def _by_program(scene: Scene) -> List[Found]:
    looking = scene.row.looking
    if looking is None:
        return []
    return looking.read_volumes(ask(scene.host, looking.volumes(scene.pool)), scene.pool)


def _disk(scene: Scene) -> List[Found]:
    """The kernel names partitions after the disk itself, whatever link the document has to it."""
    from ..types.base import first_device
    from ..types.disk import volumes_of
    from ..types.partitions import read_table, table_argv

    device = first_device(scene.pool)
    table = read_table(ask(scene.host, table_argv(device), check=False))
    return volumes_of(table, scene.pool, scene.host.resolve(device))


def _scsi(scene: Scene) -> List[Found]:
    from .adapters import adapter_number

    number = adapter_number(scene)
    if number is None:
        raise OperationFailed(f"The SCSI host of pool {scene.name} is not there.", hint="Look at /sys/class/scsi_host.")
    return _units(scene, number)


def _iscsi(scene: Scene) -> List[Found]:
    from .iscsi import session_host

    return _units(scene, session_host(scene))


def _units(scene: Scene, number: int) -> List[Found]:
    """The disks of a SCSI host, under those of their names in the target directory that stay."""
    from ..types.devices import blocks_argv, read_blocks
    from ..types.scsi import units_of

    host, target = scene.host, scene.target
    found = units_of(read_blocks(ask(host, blocks_argv())), number)
    if target in ("", "/dev"):
        return found
    links = {host.resolve(f"{target}/{name}"): f"{target}/{name}" for name in reversed(host.entries(target))}
    return [replace(each, path=links.get(host.resolve(each.path), each.path)) for each in found]


def _rbd(scene: Scene) -> List[Found]:
    from .rbd import images

    return images(scene)


def _rbd_room(scene: Scene) -> Room:
    from .rbd import room

    return room(scene)


def _iscsi_direct(scene: Scene) -> List[Found]:
    from .iscsi import direct_units

    return direct_units(scene)


def _gluster(scene: Scene) -> List[Found]:
    from .gluster import files

    return files(scene)


def _gluster_room(scene: Scene) -> Room:
    from .gluster import room

    return room(scene)


FINDERS: Dict[str, Finder] = {
    "disk": _disk,
    "iscsi": _iscsi,
    "iscsi-direct": _iscsi_direct,
    "scsi": _scsi,
    "rbd": _rbd,
    "gluster": _gluster,
}
ROOMS: Dict[str, Callable[[Scene], Room]] = {"rbd": _rbd_room, "gluster": _gluster_room}

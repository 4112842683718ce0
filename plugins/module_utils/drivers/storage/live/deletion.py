# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deleting what a pool lies on: only what it lists and what we have left there ourselves, and nothing of others.

What cannot be told to be an image is somebody else's: a directory, a link out of the pool, a file that is no whole
number of sectors, as no disk is, or that begins as an archive, a database or a text does and was not made by us.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Callable, Dict, Iterator, List, NoReturn

from ....errors import OperationInvalid
from ..types.base import PART_PREFIX, SECTOR, first_device
from ..types.logical import members_argv, read_members
from ..volume.formats import recall_all, was_made
from ..volume.header import is_foreign
from ..volume.look import Facts, look_all, reader
from ..volume.users import check_free
from .find import found_volumes
from .groups import KIND, OPEN, POOLS, SNAPSHOTS, states
from .mounting import is_ours, mount_at
from .observe import has_data_set, has_table, is_built
from .scene import Scene
from .steps import ask, check_removable, check_unused, perform, run

# What every new file system of the ext family has at its root.
LOST_AND_FOUND = "lost+found"


def check_deletion(scene: Scene) -> List[str]:
    """Return what would be deleted, for people; raises OperationInvalid or OperationDenied for what is in the way."""
    look = _LOOKS.get(scene.row.name)
    if look is None:
        raise OperationInvalid(
            f"The data of pool {scene.name}, which is of the type {scene.row.name}, is not deleted from here.",
            hint="Undefine the pool; its data belongs to its server.",
        )
    return look(scene)


def delete(scene: Scene) -> None:
    """Delete it; what a run that was killed has deleted already is not missed."""
    check_deletion(scene)
    _DELETES[scene.row.name](scene)
    for path in (scene.site.layout.volume_formats(scene.name), scene.site.layout.volume_origins(scene.name)):
        scene.host.remove(path)


# files


def _directory(scene: Scene) -> List[str]:
    real = check_removable(scene.host, scene.target)
    if scene.host.stat(real) is None:
        return []
    if mount_at(scene, scene.target) is not None:
        raise OperationInvalid(f"Something is mounted on {scene.target}.", hint="Unmount it first.")
    return [*(facts.path for facts in images(scene)), scene.target]


def images(scene: Scene) -> List[Facts]:
    """The images in a pool's directory; raises OperationInvalid where it holds anything else, or one is in use."""
    found = {facts.name: facts for facts in look_all(scene.shelf())}
    rows = recall_all(scene.shelf())
    for name in scene.host.entries(scene.shelf().root()):
        facts = found.get(name)
        if facts is None and not (name.startswith(PART_PREFIX) or _is_empty_lost(scene, name)):
            _refuse(scene, name, "which is no volume")
        if facts is not None and not was_made(rows, name, facts.found):
            why = _why_foreign(scene, facts)
            if why:
                _refuse(scene, name, why)
    for facts in found.values():
        check_free(scene.host, facts.found, f"Volume {facts.name} of pool {scene.name}")
    return list(found.values())


def _why_foreign(scene: Scene, facts: Facts) -> str:
    """Why a file is not taken for an image, in words; empty for one that is.

    A raw image has no mark; it has whole sectors, and not the mark of something else.
    """
    if facts.image.format != "raw" or facts.image.encryption is not None:
        return ""
    size = facts.found.size
    if not size:
        return "which was not made here and is empty"
    if size % SECTOR:
        return f"which was not made here and is taken for no disk: {size} bytes are no whole sectors of {SECTOR}"
    if is_foreign(reader(scene.host, facts.real)):
        return "which was not made here and begins as an archive, a database, a program or a text does"
    return ""


def _is_empty_lost(scene: Scene, name: str) -> bool:
    path = f"{scene.target}/{name}"
    found = scene.host.stat(path) if name == LOST_AND_FOUND and scene.row.name == "fs" else None
    return found is not None and found.kind == "directory" and not scene.host.entries(path)


def _refuse(scene: Scene, name: str, why: str) -> NoReturn:
    raise OperationInvalid(
        f"The directory {scene.target} of pool {scene.name} is not deleted. It holds {name}, {why}.",
        hint="Move it away where it does not belong to the pool; else delete it first, as a volume or by hand.",
        path=f"{scene.target}/{name}",
    )


def _delete_directory(scene: Scene) -> None:
    """rmdir leaves a directory alone in which something has appeared meanwhile."""
    if scene.host.stat(scene.host.resolve(scene.target)) is None:
        return
    shelf = scene.shelf()
    shelf.sweep()
    for facts in images(scene):
        scene.host.remove(facts.path)
    perform(scene.host, scene.row.delete(scene.pool))


# file systems


def _file_system(scene: Scene) -> List[str]:
    device = first_device(scene.pool)
    check_removable(scene.host, scene.target)
    if scene.host.stat(scene.host.resolve(device)) is None:
        return []
    mount = mount_at(scene, scene.target)
    if mount is None:
        check_unused(scene.host, device)
        there = [scene.target] if scene.host.stat(scene.host.resolve(scene.target)) is not None else []
        return [*([f"everything in the file system on {device}"] if is_built(scene) else []), *there]
    if not is_ours(scene, mount):
        raise OperationInvalid(f"{mount.source} is mounted on {scene.target}.", hint="Unmount it first.")
    return [*(facts.path for facts in images(scene)), f"the file system on {device}"]


def _delete_file_system(scene: Scene) -> None:
    """It is mounted for a moment, to see whether there is anything else in it."""
    if is_built(scene):
        with _mounted(scene):
            images(scene)
        check_unused(scene.host, first_device(scene.pool))
    perform(scene.host, scene.row.delete(scene.pool))


@contextmanager
def _mounted(scene: Scene) -> Iterator[None]:
    if mount_at(scene, scene.target) is None:
        perform(scene.host, scene.row.start(scene.pool))
    try:
        yield
    finally:
        perform(scene.host, scene.row.stop(scene.pool))


def _mount_point(scene: Scene) -> List[str]:
    """Of a server's directory only the place where it is mounted is ours."""
    real = check_removable(scene.host, scene.target)
    if scene.host.stat(real) is None:
        return []
    if mount_at(scene, scene.target) is None and scene.host.entries(real):
        _refuse(scene, scene.host.entries(real)[0], "which is no volume")
    return [scene.target]


def _delete_by_steps(scene: Scene) -> None:
    perform(scene.host, scene.row.delete(scene.pool))


# volume groups


def _group(scene: Scene) -> List[str]:
    found, group = states(scene), scene.pool.given().name
    for name, attributes in sorted((found or {}).items()):
        if attributes[KIND] in POOLS:
            raise OperationInvalid(f"The thin pool {name} of volume group {group} is no volume of pool {scene.name}.")
        if attributes[OPEN] == "o":
            raise OperationInvalid(
                f"Volume {name} of pool {scene.name} is in use.", hint="Stop who uses it, or unmount it."
            )
    if found is None:
        return [f"the label of LVM on {device}" for device in _labelled(scene)]
    return [*(f"{group}/{name}" for name in sorted(found)), f"the volume group {group}"]


def _labelled(scene: Scene) -> List[str]:
    """The devices of the pool that LVM knows, and that are in no group: a killed run has left them."""
    host = scene.host
    loose = {host.resolve(device) for device in read_members(ask(host, members_argv())).get("", [])}
    return [device for device in scene.pool.given().device_paths() if host.resolve(device) in loose]


def _delete_group(scene: Scene) -> None:
    """Snapshots go before what they are of, with which they would vanish."""
    found, making = states(scene), scene.row.making
    if found is not None and making is not None:
        for name in sorted(found, key=lambda each: (found[each][KIND] not in SNAPSHOTS, each)):
            perform(scene.host, making.delete(scene.pool, name))
        _delete_by_steps(scene)
        return
    for device in _labelled(scene):
        run(scene.host, ("pvremove", device))


# disks


def _disk(scene: Scene) -> List[str]:
    device = first_device(scene.pool)
    check_unused(scene.host, device)
    if not has_table(scene):
        return []
    return [*(found.path for found in found_volumes(scene)), f"the partition table of {device}"]


def _delete_disk(scene: Scene) -> None:
    if has_table(scene):
        _delete_by_steps(scene)


# ZFS


def _data_set(scene: Scene) -> List[str]:
    name = scene.pool.given().name or ""
    if not has_data_set(scene):
        return []
    ours = [found.key for found in found_volumes(scene)]
    there = ask(scene.host, ("zfs", "list", "-H", "-r", "-t", "all", "-o", "name", name)).split()
    foreign = [each for each in there if each not in (name, *ours)]
    if foreign:
        raise OperationInvalid(f"{foreign[0]} is no volume of pool {scene.name}, and is not deleted.")
    return [*ours, name]


def _delete_data_set(scene: Scene) -> None:
    if not has_data_set(scene):
        return
    for found in found_volumes(scene):
        run(scene.host, ("zfs", "destroy", found.key))
    _delete_by_steps(scene)


_LOOKS: Dict[str, Callable[[Scene], List[str]]] = {
    "dir": _directory,
    "fs": _file_system,
    "netfs": _mount_point,
    "vstorage": _mount_point,
    "logical": _group,
    "disk": _disk,
    "zfs": _data_set,
}
_DELETES: Dict[str, Callable[[Scene], None]] = {
    "dir": _delete_directory,
    "fs": _delete_file_system,
    "netfs": _delete_by_steps,
    "vstorage": _delete_by_steps,
    "logical": _delete_group,
    "disk": _delete_disk,
    "zfs": _delete_data_set,
}

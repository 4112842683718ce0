# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an active pool lacks on the host: one function for each part; ``mend.py`` has a row for each word they use.

Servers of Ceph, and targets that QEMU speaks to by itself, are none of the host's, and not asked.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterator, List, Tuple

from ...api import Fault
from ..types.base import first_device, make_target
from .groups import inactive, is_there, states
from .mounting import is_ours, mount_at
from .scene import Scene
from .steps import ask, misfits, run

Look = Callable[[Scene], Iterator[Fault]]
# What only the host's owner can put right.
BEYOND = "device"


def observe(scene: Scene) -> List[Fault]:
    """Return everything that is wrong, in the order in which it is put right."""
    return [fault for look in LOOKS.get(scene.row.name, ()) for fault in look(scene)]


def _directory(scene: Scene) -> Iterator[Fault]:
    found = scene.host.stat(scene.host.resolve(scene.target))
    if found is None:
        yield Fault("directory", f"The directory {scene.target} is not there.")
    elif found.kind != "directory":
        yield Fault(BEYOND, f"{scene.target} is a {found.kind}, and no directory.")


def _permissions(scene: Scene) -> Iterator[Fault]:
    said = misfits(scene.host, make_target(scene.pool))
    if said:
        yield Fault("permissions", f"Of the directory {scene.target} {' and '.join(said)}.")


def _mount(scene: Scene) -> Iterator[Fault]:
    mount = mount_at(scene, scene.target)
    if mount is None:
        yield Fault("mount", f"Nothing is mounted on {scene.target}.")
    elif not is_ours(scene, mount):
        yield Fault(BEYOND, f"{mount.source} is mounted on {scene.target}, which is not the source of the pool.")


def _mounted_permissions(scene: Scene) -> Iterator[Fault]:
    """Of the file system's own root: what is below a mount is not seen."""
    if mount_at(scene, scene.target) is not None:
        yield from _permissions(scene)


def _group(scene: Scene) -> Iterator[Fault]:
    found = states(scene)
    if found is None:
        yield Fault(BEYOND, f"This host has no volume group {scene.pool.given().name}.")
    elif inactive(found):
        yield Fault("group", f"The volumes {', '.join(inactive(found)[:5])} of the group are not active.")


def _table(scene: Scene) -> Iterator[Fault]:
    if not has_table(scene):
        yield Fault(BEYOND, _no_table(scene))


def _no_table(scene: Scene) -> str:
    """What a disk has in place of the pool's table of partitions; "unknown" is libvirt's word for dos."""
    from ..types.partitions import LABELS, MSDOS
    from .steps import signatures

    device, kind = first_device(scene.pool), scene.pool.given().format or "unknown"
    wanted = "dos" if LABELS.get(kind, kind) == MSDOS else kind
    if scene.host.stat(scene.host.resolve(device)) is None:
        return f"The device {device} is not there."
    found = signatures(scene.host, device)
    if not found:
        return f"The disk {device} is empty: it has no partition table yet."
    return f"{device} has no partition table of the format '{wanted}'; it holds {' and '.join(found)}."


def has_table(scene: Scene) -> bool:
    """Whether the disk has a table of partitions of the pool's kind."""
    from ..types.disk import has_its_label
    from ..types.partitions import read_table, table_argv

    device = first_device(scene.pool)
    if scene.host.stat(scene.host.resolve(device)) is None:
        return False
    text = ask(scene.host, table_argv(device), check=False)
    return bool(text) and has_its_label(scene.pool, read_table(text))


def _zfs(scene: Scene) -> Iterator[Fault]:
    if not has_data_set(scene):
        yield Fault(BEYOND, f"This host has no ZFS pool or data set {scene.pool.given().name}.")


def has_data_set(scene: Scene) -> bool:
    """Whether the ZFS pool, or the data set in one, is there."""
    argv = ("zfs", "list", "-H", "-o", "name", scene.pool.given().name or "")
    return run(scene.host, argv, check=False).code == 0


def _session(scene: Scene) -> Iterator[Fault]:
    from .iscsi import session

    if session(scene) is None:
        yield Fault("session", f"The host has no session with {first_device(scene.pool)}.")


def _adapter(scene: Scene) -> Iterator[Fault]:
    from ..types.scsi import FC_HOST
    from .adapters import adapter_number

    adapter = scene.pool.given().adapter
    if adapter_number(scene) is None:
        ours = adapter is not None and adapter.type == FC_HOST
        yield Fault("adapter" if ours else BEYOND, "The SCSI host of the pool is not there.")


def _cluster(scene: Scene) -> Iterator[Fault]:
    from .gluster import directory

    if mount_at(scene, directory(scene)) is None:
        yield Fault("cluster", "The Gluster volume of the pool is not mounted.")


LOOKS: Dict[str, Tuple[Look, ...]] = {
    "dir": (_directory, _permissions),
    "fs": (_mount, _mounted_permissions),
    "netfs": (_mount,),
    "vstorage": (_mount,),
    "logical": (_group,),
    "disk": (_table,),
    "zfs": (_zfs,),
    "iscsi": (_session,),
    "scsi": (_adapter,),
    "gluster": (_cluster,),
}


# before a pool is active


def is_built(scene: Scene) -> bool:
    """Whether what the pool lies on is there; what a server has is."""
    look = BUILT.get(scene.row.name)
    return True if look is None else look(scene)


def _has_directory(scene: Scene) -> bool:
    return not list(_directory(scene))


def _has_file_system(scene: Scene) -> bool:
    from .steps import signatures

    device, kind = first_device(scene.pool), scene.pool.given().format
    if scene.host.stat(scene.host.resolve(device)) is None:
        return False
    found = signatures(scene.host, device)
    return bool(found) if kind == "auto" else kind in found


BUILT: Dict[str, Callable[[Scene], bool]] = {
    "dir": _has_directory,
    "fs": _has_file_system,
    "netfs": _has_directory,
    "vstorage": _has_directory,
    "logical": is_there,
    "disk": has_table,
    "zfs": has_data_set,
}

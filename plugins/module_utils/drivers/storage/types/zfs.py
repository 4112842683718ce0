# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools that are a ZFS pool, or a data set in one; volumes are its block devices (zvols).

Source of the rules: libvirt's storage_backend_zfs.c; zfs(8), zpool(8).
"""

from __future__ import annotations

import re
from typing import Dict, List

from ....errors import HostError, XmlError
from ....model.storage.pool import Pool
from ....model.storage.volume import Volume
from .base import DEVICE, NAME, Argv, Empty, Found, Looking, Making, PoolType, Room, Run, Step, kib, natural

# zpool-create(8): a pool's name begins with a letter, and words for kinds of devices begin none.
POOL_NAME = re.compile(r"(?!(?:mirror|raidz|draid|spare|log)|c[0-9])[A-Za-z][A-Za-z0-9_.:-]*")
PART_NAME = re.compile(r"[A-Za-z0-9_.:][A-Za-z0-9_.:-]*")


def _set(pool: Pool) -> str:
    return pool.given().name or ""


def _is_data_set(pool: Pool) -> bool:
    return "/" in _set(pool)


def _build(pool: Pool, overwrite: bool) -> List[Step]:
    if _is_data_set(pool):
        return [Run(("zfs", "create", "-o", "mountpoint=none", _set(pool)))]
    devices = pool.given().device_paths()
    if not devices:
        raise XmlError(f"pool {pool.name} has no <device> of which a ZFS pool could be made.", line=pool.line)
    force = ("-f",) if overwrite else ()
    empty: List[Step] = [Empty(device, "zfs_member") for device in devices]
    return [*empty, Run(("zpool", "create", *force, _set(pool), *devices))]


def _delete(pool: Pool) -> List[Step]:
    """A data set with others in it is refused; a ZFS pool goes with everything, as zpool knows no other way."""
    return [Run(("zfs", "destroy", _set(pool)) if _is_data_set(pool) else ("zpool", "destroy", _set(pool)))]


# looking


def _volumes(pool: Pool) -> Argv:
    return ("zfs", "list", "-Hp", "-t", "volume", "-r", "-o", "name,volsize,refreservation", _set(pool))


def _read_volumes(text: str, pool: Pool) -> List[Found]:
    """Those of data sets within this one belong to other pools: they could have the same names."""
    found, head = [], f"{_set(pool)}/"
    for line in text.splitlines():
        fields = line.split("\t")
        name = fields[0][len(head) :]
        if len(fields) == 3 and fields[0].startswith(head) and "/" not in name:
            size, used = natural("zfs", fields[1]), natural("zfs", fields[2])
            path = f"{pool.path()}/{name}"
            found.append(Found(name, path, fields[0], "block", size, used, sparse=used < size))
    return found


def _room(pool: Pool) -> Argv:
    return ("zpool", "get", "-Hp", "health,size,free,allocated", _set(pool).partition("/")[0])


def _read_room(text: str, pool: Pool) -> Room:
    values: Dict[str, str] = {}
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) == 4:
            values[fields[1]] = fields[2]
    if not {"size", "free", "allocated"} <= set(values):
        raise HostError(f"zpool says nothing of the room of {_set(pool)}.")
    size, used, free = (natural("zpool", values[name]) for name in ("size", "allocated", "free"))
    return Room(size, used, free)


# volumes


def _create(pool: Pool, volume: Volume, name: str) -> List[Step]:
    capacity = volume.size() or 0
    allocation = volume.allocated()
    sparse: Argv = ()
    if allocation is not None and allocation < capacity:
        sparse = ("-s", *(("-o", f"refreservation={kib(allocation)}") if allocation else ()))
    where = f"{_set(pool)}/{name}"
    return [Run(("zfs", "create", *sparse, "-V", kib(capacity), where), undo=("zfs", "destroy", where))]


def _rename(pool: Pool, old: str, new: str) -> List[Step]:
    return [Run(("zfs", "rename", f"{_set(pool)}/{old}", f"{_set(pool)}/{new}"))]


def _remove(pool: Pool, name: str) -> List[Step]:
    return [Run(("zfs", "destroy", f"{_set(pool)}/{name}"))]


def _resize(pool: Pool, name: str, size: int, shrink: bool) -> List[Step]:
    return [Run(("zfs", "set", f"volsize={kib(size)}", f"{_set(pool)}/{name}"))]


# rules


def _check(pool: Pool) -> None:
    head, *rest = _set(pool).split("/")
    if POOL_NAME.fullmatch(head) is None or not all(PART_NAME.fullmatch(part) for part in rest):
        raise XmlError(
            f"<name>{_set(pool)[:40]}</name> of the source is no name for a ZFS pool or data set.",
            line=pool.line_at("source/name"),
        )


def _check_volume(volume: Volume, pool: Pool) -> None:
    if PART_NAME.fullmatch(volume.name or "") is None:
        raise XmlError(
            f"volume {(volume.name or '')[:40]}: the name of a zvol has letters, digits and _.:- only.",
            line=volume.line_at("name"),
        )


def _target(pool: Pool) -> str:
    return f"/dev/zvol/{_set(pool)}"


ZFS = PoolType(
    "zfs",
    source=frozenset({NAME, DEVICE}),
    devices=(0, None),
    fixed_target=_target,
    encrypts=False,
    programs=("zfs", "zpool"),
    check=_check,
    check_volume=_check_volume,
    build=_build,
    delete=_delete,
    looking=Looking(_volumes, _read_volumes, _room, _read_room),
    making=Making(_create, _rename, _remove, _resize),
)

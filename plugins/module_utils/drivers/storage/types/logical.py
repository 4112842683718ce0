# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools that are an LVM volume group; volumes are its logical volumes.

Source of the rules: libvirt's storage_backend_logical.c; lvm(8), lvs(8), lvmreport(7).
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Tuple

from ....errors import HostError, UnsupportedConfig, XmlError
from ....model.storage.pool import Pool
from ....model.storage.volume import Volume
from .base import (
    DEVICE,
    FORMAT,
    LUKS_HEADER,
    NAME,
    Argv,
    Empty,
    Found,
    Looking,
    Making,
    PoolType,
    Room,
    Run,
    Step,
    kib,
    natural,
    rows_of,
    said_by,
)

# lvm(8), "Valid names"; a name of the mapper's, with VG and LV in it, has to fit into 127 bytes.
GROUP_NAME = re.compile(r"[A-Za-z0-9+_.][A-Za-z0-9+_.-]{0,126}")
RESERVED = re.compile(
    r"snapshot.*|pvmove.*|.*_(cdata|cmeta|corig|mlog|mimage|pmspare|rimage|rmeta|tdata|tmeta|vorigin|vdata|imeta|iorig).*"
)
_JSON: Argv = ("--reportformat", "json", "--units", "b", "--nosuffix")
_VOLUME_FIELDS = "lv_name,origin,lv_uuid,devices,segtype,stripes,seg_size,vg_extent_size,lv_size,lv_attr"


def _group(pool: Pool) -> str:
    return pool.given().name or ""


# the pool


def _build(pool: Pool, overwrite: bool) -> List[Step]:
    devices = pool.given().device_paths()
    if not devices:
        raise XmlError(f"pool {pool.name} has no <device> of which a volume group could be made.", line=pool.line)
    force = ("--force", "--yes") if overwrite else ()
    steps: List[Step] = [Empty(device, "LVM2_member") for device in devices]
    if overwrite:
        steps += [Run(("wipefs", "--all", "--force", device)) for device in devices]
    steps += [Run(("pvcreate", *force, device), undo=("pvremove", device)) for device in devices]
    return [*steps, Run(("vgcreate", _group(pool), *devices))]


def change_argv(pool: Pool, active: bool) -> Argv:
    """Return the command that makes the group's volumes seen on this host, or not."""
    return ("vgchange", "-aly" if active else "-aln", _group(pool))


def _start(pool: Pool) -> List[Step]:
    return [Run(change_argv(pool, True))]


def _stop(pool: Pool) -> List[Step]:
    return [Run(change_argv(pool, False))]


def _delete(pool: Pool) -> List[Step]:
    """Without force vgremove refuses a group that still has volumes: they are deleted first, or not at all."""
    devices = pool.given().device_paths()
    return [Run(("vgremove", _group(pool))), *(Run(("pvremove", device), lax=True) for device in devices)]


# looking


def members_argv() -> Argv:
    """Return the command that lists which devices are in which volume group."""
    return ("pvs", *_JSON, "--options", "pv_name,vg_name")


def read_members(text: str) -> Dict[str, List[str]]:
    """Return the devices of each volume group; those that are in none have the name ""."""
    found: Dict[str, List[str]] = {}
    for row in _report("pvs", text):
        found.setdefault(str(row.get("vg_name", "")), []).append(str(row.get("pv_name", "")))
    return found


def _volumes(pool: Pool) -> Argv:
    return ("lvs", *_JSON, "--options", _VOLUME_FIELDS, _group(pool))


def _read_volumes(text: str, pool: Pool) -> List[Found]:
    """One row is a part of a volume that lies on one set of devices; a volume can have many."""
    parts: Dict[str, List[Mapping[str, Any]]] = {}
    for row in _report("lvs", text):
        kind = str(row.get("lv_attr", "")).ljust(5)
        if kind[4] == "a" and kind[0] != "t":  # only what is active has a device, and a thin pool never has one
            parts.setdefault(str(row.get("lv_name", "")), []).append(row)
    return [_volume(name, rows, pool) for name, rows in sorted(parts.items())]


def _volume(name: str, rows: List[Mapping[str, Any]], pool: Pool) -> Found:
    first, directory = rows[0], pool.path() or ""
    size, origin = natural("lvs", first.get("lv_size")), str(first.get("origin", ""))
    return Found(
        name=name,
        path=f"{directory}/{name}",
        key=str(first.get("lv_uuid", "")),
        capacity=size,
        allocation=size,
        backing=f"{directory}/{origin}" if origin and not origin.startswith("[") else None,
        sparse=str(first.get("lv_attr", "")).startswith("s"),
        extents=tuple(extent for row in rows for extent in _extents(row)),
    )


def _extents(row: Mapping[str, Any]) -> List[Tuple[str, int, int]]:
    """The parts of devices under a row: DEVICE(NUMBER),..., the number counts extents from the device's beginning."""
    unit, length = natural("lvs", row.get("vg_extent_size")), natural("lvs", row.get("seg_size"))
    pairs = re.findall(r"([^,()]+)\(([0-9]{1,18})\)", str(row.get("devices", "")))
    return [(device, int(number) * unit, int(number) * unit + length) for device, number in pairs]


def _room(pool: Pool) -> Argv:
    return ("vgs", *_JSON, "--options", "vg_name,vg_size,vg_free,vg_extent_size", _group(pool))


def _read_room(text: str, pool: Pool) -> Room:
    row = _of_group(text, pool)
    size, free = natural("vgs", row.get("vg_size")), natural("vgs", row.get("vg_free"))
    return Room(size, size - free, free)


def read_extent_size(text: str, pool: Pool) -> int:
    """Return the unit of which all volumes of the group are multiples, from what the command for the room printed."""
    return natural("vgs", _of_group(text, pool).get("vg_extent_size"))


def _of_group(text: str, pool: Pool) -> Dict[str, Any]:
    for row in _report("vgs", text):
        if row.get("vg_name") == _group(pool):
            return row
    raise HostError(f"vgs knows no volume group {_group(pool)}.")


def _report(program: str, text: str) -> List[Dict[str, Any]]:
    """The rows of a report, whatever it is called ("lv", "seg", ...): it depends on the fields that were asked for."""
    reports = rows_of(program, said_by(program, text).get("report", []))
    return [row for report in reports for rows in report.values() for row in rows_of(program, rows)]


# volumes


def _create(pool: Pool, volume: Volume, name: str) -> List[Step]:
    capacity = volume.size() or 0
    allocation = volume.allocated()
    sealed = volume.given().encryption is not None
    backing = volume.backing_path()
    whole = kib(capacity + (LUKS_HEADER if sealed else 0))
    sparse = backing is None and allocation is not None and allocation < capacity
    size = (
        ("-L", kib(max(allocation or 0, 1)), "--type", "snapshot", "--virtualsize", whole) if sparse else ("-L", whole)
    )
    where = (_group(pool),) if backing is None else ("-s", backing)
    return [Run(("lvcreate", "--name", name, *size, *where, "--yes"), undo=_remove_argv(pool, name))]


def _remove_argv(pool: Pool, name: str) -> Argv:
    return ("lvremove", "-f", f"{_group(pool)}/{name}")


def _rename(pool: Pool, old: str, new: str) -> List[Step]:
    return [Run(("lvrename", _group(pool), old, new))]


def _remove(pool: Pool, name: str) -> List[Step]:
    return [Run(_remove_argv(pool, name))]


def _resize(pool: Pool, name: str, size: int, shrink: bool) -> List[Step]:
    change = ("lvreduce", "--force") if shrink else ("lvextend",)
    return [Run((*change, "--size", kib(size), f"{_group(pool)}/{name}"))]


# rules


def _check(pool: Pool) -> None:
    name = _group(pool)
    if not GROUP_NAME.fullmatch(name) or name in (".", ".."):
        raise XmlError(
            f"<name>{name[:40]}</name> of the source is no name for a volume group: letters, digits and +_.- only.",
            line=pool.line_at("source/name"),
        )


def _check_volume(volume: Volume, pool: Pool) -> None:
    name, line = volume.name or "", volume.line_at("name")
    if not GROUP_NAME.fullmatch(name) or name in (".", ".."):
        raise XmlError(f"volume {name[:40]}: a logical volume's name has letters, digits and +_.- only.", line=line)
    if RESERVED.fullmatch(name):
        raise XmlError(f"volume {name[:40]}: LVM keeps such names for volumes of its own.", line=line)
    backing, directory = volume.backing_path(), f"{pool.path()}/"
    if backing is not None and not (backing.startswith(directory) and "/" not in backing[len(directory) :]):
        raise UnsupportedConfig(
            f"volume {name}: only a volume of pool {pool.name} can be below it, and not {backing}.",
            line=volume.line_at("backingStore/path"),
        )


def _target(pool: Pool) -> str:
    return f"/dev/{_group(pool)}"


LOGICAL = PoolType(
    "logical",
    source=frozenset({NAME, DEVICE, FORMAT}),
    devices=(0, None),
    formats=("lvm2", "unknown"),
    fixed_target=_target,
    layers=True,
    programs=("vgs", "lvs", "pvs", "vgchange", "vgcreate", "pvcreate", "lvcreate", "lvremove", "wipefs"),
    check=_check,
    check_volume=_check_volume,
    build=_build,
    start=_start,
    stop=_stop,
    delete=_delete,
    looking=Looking(_volumes, _read_volumes, _room, _read_room),
    making=Making(_create, _rename, _remove, _resize),
)

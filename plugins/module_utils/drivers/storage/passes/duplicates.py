# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two pools on one source: they would take each other's storage, so the second is refused.

Source of the rules: libvirt's virstorageobj.c (virStoragePoolObjSourceFindDuplicate). What libvirt looks up on the
host comes in as a value: ``real`` says where links lead, so that one disk under two names is one disk.
"""

from __future__ import annotations

from typing import Callable, Dict, Mapping, Optional, Sequence

from ....model.storage.pool import Pool
from ....model.storage.source import Adapter
from ....xml.parse import Element
from ..types.scsi import FC_HOST, SCSI_HOST, host_number
from ..types.table import pool_type

Real = Mapping[str, str]
# Types whose devices are block devices of this host: no two pools of any of them share one.
BLOCK_DEVICES = ("fs", "logical", "disk", "zfs")


def conflict(pool: Pool, others: Sequence[Element], *, real: Optional[Real] = None) -> Optional[Pool]:
    """Return the first other pool that has the source of this one, or mounts something on its target; else None.

    All documents are complete ones. Documents of the same name are of the same pool, and left out.
    """
    for other in map(Pool, others):
        if other.name != pool.name and _meet(pool, other, real or {}):
            return other
    return None


def _meet(pool: Pool, other: Pool, real: Real) -> bool:
    if pool.type == other.type and pool.type in _SAME_TYPE and _SAME_TYPE[pool.type](pool, other):
        return True
    if pool.type in BLOCK_DEVICES and other.type in BLOCK_DEVICES:
        return bool(_devices(pool, real) & _devices(other, real)) or _cover(pool, other)
    return _cover(pool, other)


def _devices(pool: Pool, real: Real) -> set[str]:
    return {real.get(path, path) for path in pool.given().device_paths()}


def _cover(pool: Pool, other: Pool) -> bool:
    """Of two mounts on one directory only the later is seen. libvirt does not look for that."""
    rows = pool_type(pool.type), pool_type(other.type)
    return all(row is not None and row.mounts for row in rows) and pool.path() == other.path()


def _same_target(pool: Pool, other: Pool) -> bool:
    return pool.path() == other.path()


def _same_server(pool: Pool, other: Pool) -> bool:
    """Of several servers the first counts; a port that is not given is any."""
    ours, theirs = pool.given().hosts, other.given().hosts
    if not ours or not theirs or (len(ours) != 1 and len(theirs) != 1):
        return False
    same_port = not ours[0].port or ours[0].port == theirs[0].port
    return same_port and ours[0].name == theirs[0].name


def _same_directory(pool: Pool, other: Pool) -> bool:
    return pool.given().dir == other.given().dir and _same_server(pool, other)


def _same_gluster(pool: Pool, other: Pool) -> bool:
    return pool.given().name == other.given().name and _same_directory(pool, other)


def _same_target_name(pool: Pool, other: Pool) -> bool:
    """The server does not count: targets have names that are theirs in all the world."""
    ours, theirs = pool.given(), other.given()
    return bool(set(ours.device_paths()) & set(theirs.device_paths())) and ours.initiator == theirs.initiator


def _same_name(pool: Pool, other: Pool) -> bool:
    return pool.given().name == other.given().name


def _always(pool: Pool, other: Pool) -> bool:
    return True


def _same_adapter(pool: Pool, other: Pool) -> bool:
    ours, theirs = pool.given().adapter, other.given().adapter
    if ours is None or theirs is None:
        return False
    if ours.type == theirs.type == FC_HOST:
        return (ours.wwnn, ours.wwpn) == (theirs.wwnn, theirs.wwpn)
    if ours.has_place() and theirs.has_place():
        return _place(ours) == _place(theirs)
    numbers = _number(ours), _number(theirs)
    return None not in numbers and numbers[0] == numbers[1]


def _place(adapter: Adapter) -> tuple[object, ...]:
    address = adapter.address
    return (None if address is None else address.pci(), adapter.unique_id)


def _number(adapter: Adapter) -> Optional[int]:
    """The host that an adapter is, or that its virtual one is made on."""
    return host_number(adapter.name if adapter.type == SCSI_HOST else adapter.parent)


_SAME_TYPE: Dict[str, Callable[[Pool, Pool], bool]] = {
    "dir": _same_target,
    "netfs": _same_directory,
    "gluster": _same_gluster,
    "logical": _same_name,  # libvirt compares the devices only, which need not be said
    "zfs": _same_name,
    "iscsi": _same_target_name,
    "scsi": _same_adapter,
    "mpath": _always,
    "vstorage": _same_name,
}

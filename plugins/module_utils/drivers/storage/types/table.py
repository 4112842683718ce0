# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All types of pool, each imported when it is asked for."""

from __future__ import annotations

from typing import Callable, Dict, Optional

from .base import PoolType


def _dir() -> PoolType:
    from .directory import DIR

    return DIR


def _fs() -> PoolType:
    from .fs import FS

    return FS


def _netfs() -> PoolType:
    from .netfs import NETFS

    return NETFS


def _logical() -> PoolType:
    from .logical import LOGICAL

    return LOGICAL


def _disk() -> PoolType:
    from .disk import DISK

    return DISK


def _iscsi() -> PoolType:
    from .iscsi import ISCSI

    return ISCSI


def _iscsi_direct() -> PoolType:
    from .iscsi_direct import ISCSI_DIRECT

    return ISCSI_DIRECT


def _scsi() -> PoolType:
    from .scsi import SCSI

    return SCSI


def _mpath() -> PoolType:
    from .mpath import MPATH

    return MPATH


def _rbd() -> PoolType:
    from .rbd import RBD

    return RBD


def _gluster() -> PoolType:
    from .gluster import GLUSTER

    return GLUSTER


def _zfs() -> PoolType:
    from .zfs import ZFS

    return ZFS


def _vstorage() -> PoolType:
    from .vstorage import VSTORAGE

    return VSTORAGE


# In libvirt's order. Its sheepdog is gone, from there as well.
TYPES: Dict[str, Callable[[], PoolType]] = {
    "dir": _dir,
    "fs": _fs,
    "netfs": _netfs,
    "logical": _logical,
    "disk": _disk,
    "iscsi": _iscsi,
    "iscsi-direct": _iscsi_direct,
    "scsi": _scsi,
    "mpath": _mpath,
    "rbd": _rbd,
    "gluster": _gluster,
    "zfs": _zfs,
    "vstorage": _vstorage,
}


def pool_type(name: Optional[str]) -> Optional[PoolType]:
    """Return the row of a type, None where there is none."""
    found = TYPES.get(name or "")
    return None if found is None else found()

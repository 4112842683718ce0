# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools that are a file system on a block device, mounted on the target.

Source of the rules: libvirt's storage_backend_fs.c.
"""

from __future__ import annotations

from typing import List, Tuple

from ....errors import UnsupportedConfig, XmlError
from ....model.storage.pool import Pool
from .base import (
    DEVICE,
    FILE_FORMATS,
    FORMAT,
    Argv,
    Empty,
    PoolType,
    RemoveDirectory,
    Run,
    Step,
    first_device,
    make_target,
)
from .mounts import mount_argv, umount_argv

FORMATS: Tuple[str, ...] = (
    *("auto", "ext2", "ext3", "ext4", "ufs", "iso9660", "udf", "gfs", "gfs2"),
    *("vfat", "hfs+", "xfs", "ocfs2", "vmfs", "btrfs"),
)
# What each mkfs wants to be told before it writes over what is there.
FORCE = {"xfs": "-f", "ext2": "-F", "ext3": "-F", "ext4": "-F", "vfat": "-I", "btrfs": "-f"}
# There is nothing that would make these on Linux.
UNMAKEABLE = ("auto", "ufs", "iso9660", "hfs+", "vmfs")


def mkfs_argv(kind: str, device: str) -> Argv:
    """Return the command that makes a file system, over whatever is there."""
    force = (FORCE[kind],) if kind in FORCE else ()
    return ("mkfs", "-t", kind, *force, device)


def _build(pool: Pool, overwrite: bool) -> List[Step]:
    kind, device = pool.given().format or "auto", first_device(pool)
    if kind in UNMAKEABLE:
        raise UnsupportedConfig(
            f"pool {pool.name}: no file system of the format '{kind}' can be made.",
            line=pool.line_at("source/format"),
            hint="Name the file system to be made in <format>, such as ext4 or xfs.",
        )
    return [make_target(pool), Empty(device, kind), Run(mkfs_argv(kind, device))]


def _start(pool: Pool) -> List[Step]:
    return [make_target(pool), Run(mount_argv(pool, first_device(pool), pool.given().format or "auto"))]


def _stop(pool: Pool) -> List[Step]:
    return [Run(umount_argv(pool))]


def _delete(pool: Pool) -> List[Step]:
    """The data is on the device: its file system is made unknown, and the empty directory goes."""
    wipe = ("wipefs", "--all", first_device(pool))
    return [Run(wipe), RemoveDirectory(pool.path() or "")]


def _check(pool: Pool) -> None:
    if not first_device(pool).startswith("/"):
        raise XmlError(
            f"<device path='{first_device(pool)}'> is not an absolute path.", line=pool.line_at("source/device")
        )


FS = PoolType(
    "fs",
    source=frozenset({DEVICE, FORMAT}),
    devices=(1, 1),
    formats=FORMATS,
    mounts=True,
    volume_type="file",
    volume_formats=FILE_FORMATS,
    files=True,
    layers=True,
    programs=("mount", "umount", "mkfs", "wipefs", "qemu-img"),
    check=_check,
    build=_build,
    start=_start,
    stop=_stop,
    delete=_delete,
)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools that are a Virtuozzo storage cluster, mounted on the target.

Source of the rules: libvirt's storage_backend_vstorage.c. vstorage-mount takes names of users and groups, so whoever
runs it looks them up; numbers stand where they have none.
"""

from __future__ import annotations

import re
from typing import List

from ....errors import XmlError
from ....model.storage.pool import Pool
from .base import DIRECTORY_MODE, FILE_FORMATS, NAME, Argv, PoolType, RemoveDirectory, Run, Step, make_target
from .mounts import umount_argv


def mount_argv(pool: Pool, user: str, group: str) -> Argv:
    """Return the command that mounts the cluster for a user and a group."""
    permissions = pool.permissions()
    mode = DIRECTORY_MODE if permissions is None or permissions.mode is None else permissions.mode
    where = ("-c", pool.given().name or "", pool.path() or "")
    return ("vstorage-mount", *where, "-m", f"{mode:o}", "-g", group, "-u", user)


def mount_source(pool: Pool) -> str:
    """What is mounted, as mountinfo shows it."""
    return f"vstorage://{pool.given().name}"


def _start(pool: Pool) -> List[Step]:
    permissions = pool.permissions()
    user = 0 if permissions is None else permissions.owner_id() or 0
    group = 0 if permissions is None else permissions.group_id() or 0
    return [make_target(pool), Run(mount_argv(pool, str(user) if user else "root", str(group) if group else "root"))]


def _stop(pool: Pool) -> List[Step]:
    return [Run(umount_argv(pool))]


def _build(pool: Pool, overwrite: bool) -> List[Step]:
    return [make_target(pool)]


def _delete(pool: Pool) -> List[Step]:
    return [RemoveDirectory(pool.path() or "")]


def _check(pool: Pool) -> None:
    name = pool.given().name or ""
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name) is None:
        raise XmlError(
            f"<name>{name[:40]}</name> of the source is no name for a cluster.", line=pool.line_at("source/name")
        )


VSTORAGE = PoolType(
    "vstorage",
    source=frozenset({NAME}),
    mounts=True,
    volume_type="file",
    volume_formats=FILE_FORMATS,
    files=True,
    layers=True,
    programs=("vstorage-mount", "umount", "qemu-img"),
    check=_check,
    build=_build,
    start=_start,
    stop=_stop,
    delete=_delete,
)

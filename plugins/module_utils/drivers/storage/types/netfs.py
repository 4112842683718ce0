# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools that are a directory of a server, mounted on the target: NFS, CIFS, GlusterFS.

Source of the rules: libvirt's storage_backend_fs.c and storage_util.c.
"""

from __future__ import annotations

from typing import List, Optional, Tuple

from ....errors import UnsupportedConfig, XmlError
from ....model.storage.pool import Pool
from .base import DIR, FILE_FORMATS, FORMAT, HOST, PROTOCOL, PoolType, RemoveDirectory, Run, Step, make_target
from .mounts import mount_argv, umount_argv

FORMATS: Tuple[str, ...] = ("auto", "nfs", "glusterfs", "cifs")
# What the drivers of these file systems need to be told so that images can lie there.
NEEDED = {"glusterfs": ("direct-io-mode=1",), "cifs": ("guest",)}


def mount_source(pool: Pool) -> str:
    """What is mounted, as mountinfo shows it later; an IPv6 address is in brackets, as nfs(5) wants it."""
    source = pool.given()
    host, path = source.host_name() or "", source.dir or ""
    shown = f"[{host}]" if ":" in host else host
    return f"//{host}/{path}" if source.format == "cifs" else f"{shown}:{path}"


def _kind(pool: Pool) -> Optional[str]:
    """``mount -t auto`` knows local file systems only, and mount without a type knows NFS by its source."""
    kind = pool.given().format
    return None if kind == "auto" else kind


def _start(pool: Pool) -> List[Step]:
    source = pool.given()
    version = () if source.protocol is None else (f"nfsvers={source.protocol}",)
    extra = (*NEEDED.get(source.format or "", ()), *version)
    return [make_target(pool), Run(mount_argv(pool, mount_source(pool), _kind(pool), extra))]


def _stop(pool: Pool) -> List[Step]:
    return [Run(umount_argv(pool))]


def _build(pool: Pool, overwrite: bool) -> List[Step]:
    return [make_target(pool)]


def _delete(pool: Pool) -> List[Step]:
    """What is on the server belongs to others as well, and stays there."""
    return [RemoveDirectory(pool.path() or "")]


def _check(pool: Pool) -> None:
    source = pool.given()
    line, path = pool.line_at("source/dir"), source.dir or ""
    if source.format == "cifs" and path.startswith("/"):
        raise XmlError(f"<dir path='{path}'>: the name of a CIFS share has no slash before it.", line=line)
    if source.format in ("auto", "nfs") and not path.startswith("/"):
        raise XmlError(f"<dir path='{path}'> is not an absolute path.", line=line)
    if source.protocol is not None and source.format not in ("auto", "nfs"):
        raise UnsupportedConfig(
            f"<protocol ver='{source.protocol}'> is for NFS, and not for the format '{source.format}'.",
            line=pool.line_at("source/protocol"),
        )


NETFS = PoolType(
    "netfs",
    source=frozenset({HOST, DIR, FORMAT, PROTOCOL}),
    hosts=(1, 1),
    formats=FORMATS,
    mounts=True,
    volume_type="file",
    volume_formats=FILE_FORMATS,
    files=True,
    layers=True,
    programs=("mount", "umount", "qemu-img"),
    check=_check,
    build=_build,
    start=_start,
    stop=_stop,
    delete=_delete,
)

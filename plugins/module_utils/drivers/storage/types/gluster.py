# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools that are a volume of a Gluster cluster, or a directory in it; volumes are its files, which QEMU opens itself.

libvirt calls libgfapi. Here the files are looked at through a mount in a directory of ours (``mount_argv``), while
guests keep to addresses that begin with gluster://.

Source of the rules: libvirt's storage_backend_gluster.c.
"""

from __future__ import annotations

from ....errors import XmlError
from ....model.storage.pool import Pool
from .base import DIR, FILE_FORMATS, HOST, NAME, Argv, PoolType
from .mounts import SAFE


def mount_source(pool: Pool) -> str:
    """What is mounted, as mountinfo shows it later."""
    source = pool.given()
    below = (source.dir or "/").rstrip("/")
    return f"{source.host_name()}:/{source.name}{below}"


def mount_argv(pool: Pool, directory: str) -> Argv:
    """Return the command that mounts the pool in a directory of ours."""
    return ("mount", "-o", ",".join((*SAFE, "direct-io-mode=1")), "-t", "glusterfs", mount_source(pool), directory)


def volume_path(pool: Pool, name: str) -> str:
    """Return the address under which QEMU opens a file of the pool."""
    source = pool.given()
    host = next(iter(source.hosts), None)
    port = "" if host is None or host.port is None else f":{host.port}"
    return f"gluster://{source.host_name()}{port}/{volume_key(pool, name)}"


def volume_key(pool: Pool, name: str) -> str:
    """Return what a file is called in the whole cluster."""
    source = pool.given()
    return f"{source.name}{(source.dir or '/').rstrip('/')}/{name}"


def _check(pool: Pool) -> None:
    source = pool.given()
    name, path = source.name or "", source.dir or "/"
    if "/" in name or name.startswith("-"):
        raise XmlError(
            f"<name>{name[:40]}</name> of the source is no name for a Gluster volume.",
            line=pool.line_at("source/name"),
        )
    if not path.startswith("/"):
        raise XmlError(f"<dir path='{path[:40]}'> does not begin with a slash.", line=pool.line_at("source/dir"))


GLUSTER = PoolType(
    "gluster",
    source=frozenset({HOST, NAME, DIR}),
    hosts=(1, 1),
    has_target=False,
    volume_type="network",
    volume_formats=FILE_FORMATS,
    makes_volumes=False,
    programs=("mount", "umount"),
    check=_check,
)

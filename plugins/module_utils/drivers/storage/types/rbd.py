# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools that are a pool of a Ceph cluster; volumes are its RBD images, which QEMU opens by itself.

libvirt calls librbd; here the cluster's own programs are run, ``rbd`` and ``ceph``. The key of the user is in a file
that is made for the time of a command (``keyfile``).

Source of the rules: libvirt's storage_backend_rbd.c; rbd(8), ceph(8).
"""

from __future__ import annotations

import re
from typing import List, Optional

from ....errors import HostError, XmlError
from ....model.storage.options import rbd_options
from ....model.storage.pool import Pool
from ....model.storage.volume import Volume
from .base import AUTH, HOST, NAME, Argv, Found, PoolType, Room, kib, natural, rows_of, said_by

CAPACITY = "capacity"  # what <refresh> says for: the whole size is taken for what an image takes


def access(program: str, pool: Pool, keyfile: Optional[str]) -> Argv:
    """Return the beginning of a command: the program, where the monitors are, who asks, and the pool's settings."""
    source = pool.given()
    auth = source.auth
    monitors = ",".join(_monitor(host.name or "", host.port) for host in source.hosts)
    user = () if auth is None else ("--id", auth.username or "")
    key = () if keyfile is None else ("--keyfile", keyfile)
    settings = (f"--{name}={value}" for name, value in rbd_options(pool.element))
    return (program, "-m", monitors, *user, *key, *settings)


def _monitor(name: str, port: Optional[int]) -> str:
    shown = f"[{name}]" if ":" in name else name
    return shown if port is None else f"{shown}:{port}"


def image(pool: Pool, name: str) -> str:
    """What an image is called in the whole cluster; it is the volume's path and its key."""
    return f"{pool.given().name}/{name}"


# looking


def images_argv(pool: Pool, keyfile: Optional[str]) -> Argv:
    """Return the command that lists the images."""
    return (*access("rbd", pool, keyfile), "ls", "--long", "--format", "json", pool.given().name or "")


def use_argv(pool: Pool, keyfile: Optional[str]) -> Argv:
    """Return the command that says what each image takes; slow for images that keep no map of their objects."""
    return (*access("rbd", pool, keyfile), "du", "--format", "json", "--pool", pool.given().name or "")


def room_argv(pool: Pool, keyfile: Optional[str]) -> Argv:
    """Return the command that says what room the cluster has for its pools."""
    return (*access("ceph", pool, keyfile), "df", "--format", "json")


def counts_use(pool: Pool) -> bool:
    """Whether it is to be found out what the images take."""
    return pool.refresh_allocation != CAPACITY


def read_images(images: str, use: Optional[str], pool: Pool) -> List[Found]:
    """Return the images as volumes, from what the two commands printed; snapshots are none."""
    taken = {} if use is None else _use(use)
    rows = [row for row in rows_of("rbd", _list(images)) if not row.get("snapshot")]
    found = []
    for row in rows:
        name, size = str(row.get("image") or ""), natural("rbd", row.get("size"))
        path = image(pool, name)
        used = taken.get(name, size)
        found.append(Found(name, path, path, "network", size, used, "raw", _parent(row), sparse=used < size))
    return sorted(found, key=lambda one: one.name)


def _list(text: str) -> object:
    """rbd prints a bare list where everybody else prints an object."""
    return said_by("rbd", f'{{"images": {text.strip() or "[]"}}}')["images"]


def _use(text: str) -> dict[str, int]:
    taken: dict[str, int] = {}
    for row in rows_of("rbd", said_by("rbd", text).get("images", [])):
        name = str(row.get("name"))
        taken[name] = taken.get(name, 0) + natural("rbd", row.get("used_size"))
    return taken


def _parent(row: dict[str, object]) -> Optional[str]:
    parent = row.get("parent")
    if not isinstance(parent, dict):
        return None
    return f"{parent.get('pool')}/{parent.get('image')}@{parent.get('snapshot')}"


def read_room(text: str, pool: Pool) -> Room:
    """Return the room of the pool from what the cluster says of all; raises HostError where it is not there."""
    for row in rows_of("ceph", said_by("ceph", text).get("pools", [])):
        stats = row.get("stats")
        if row.get("name") == pool.given().name and isinstance(stats, dict):
            used = natural("ceph", stats.get("stored", stats.get("bytes_used", 0)))
            free = natural("ceph", stats.get("max_avail", 0))
            return Room(used + free, used, free)
    raise HostError(f"The Ceph cluster has no pool named {pool.given().name}.")


# volumes


def create_argv(pool: Pool, volume: Volume, name: str, keyfile: Optional[str]) -> Argv:
    """Return the command that makes an empty image; it takes room only when it is written to."""
    return (*access("rbd", pool, keyfile), "create", "--size", kib(volume.size() or 0), image(pool, name))


def rename_argv(pool: Pool, old: str, new: str, keyfile: Optional[str]) -> Argv:
    """Return the command that gives an image another name."""
    return (*access("rbd", pool, keyfile), "rename", image(pool, old), image(pool, new))


def delete_argv(pool: Pool, name: str, keyfile: Optional[str]) -> Argv:
    """Return the command that deletes an image; one with snapshots is refused."""
    return (*access("rbd", pool, keyfile), "rm", "--no-progress", image(pool, name))


def resize_argv(pool: Pool, name: str, size: int, shrink: bool, keyfile: Optional[str]) -> Argv:
    """Return the command that changes an image's size, in bytes."""
    less = ("--allow-shrink",) if shrink else ()
    base = access("rbd", pool, keyfile)
    return (*base, "resize", "--no-progress", "--size", kib(size), *less, image(pool, name))


# rules


def _check(pool: Pool) -> None:
    name, line = pool.given().name or "", pool.line_at("source/name")
    if re.fullmatch(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*", name) is None:
        raise XmlError(f"<name>{name[:40]}</name> of the source is no name for a pool of Ceph.", line=line)
    auth = pool.given().auth
    if auth is not None and re.fullmatch(r"[A-Za-z0-9_.-]+", auth.username or "") is None:
        raise XmlError(f"<auth username='{(auth.username or '')[:40]}'> is no name for a user of Ceph.", line=auth.line)
    for option, value in rbd_options(pool.element):
        if re.fullmatch(r"[a-z][a-z0-9_]*", option) is None or not value or not value.isprintable():
            raise XmlError(f"the RBD option '{option[:40]}' needs a name and a value of one line.", line=pool.line)


def _check_volume(volume: Volume, pool: Pool) -> None:
    if "@" in (volume.name or ""):
        raise XmlError(f"volume {volume.name}: in names of RBD images @ is for snapshots.", line=volume.line_at("name"))


RBD = PoolType(
    "rbd",
    source=frozenset({HOST, NAME, AUTH}),
    hosts=(1, None),
    has_target=False,
    volume_type="network",
    volume_formats=("raw",),
    encrypts=False,
    programs=("rbd", "ceph"),
    check=_check,
    check_volume=_check_volume,
)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused: pools that could not be started, or that are not what was meant, said before anything is kept.

Source of the rules: libvirt's formatstorage, and its storage_conf.c and storage backends.
"""

from __future__ import annotations

import re
from typing import Callable, Tuple

from ....errors import InvalidArgument, UnsupportedConfig, XmlError
from ....host.layout import check_name
from ....model.storage.options import mount_options
from ....model.storage.pool import Pool
from ....xml.views import View, check_choice
from ..types.base import PoolType
from ..types.table import TYPES, pool_type
from .check_source import check_source
from .parts import check_permissions, check_single
from .texts import check_path, check_text, check_uuid

COW = ("dir", "fs")
ALLOCATIONS = ("default", "capacity")
# What no pool may cover: the host itself would be gone from sight, or be taken for volumes. These are the directories
# that a system consists of (Filesystem Hierarchy Standard 3.0), and not those that are there for local data: /srv,
# /mnt, /media, /opt; nor /tmp and /var/tmp, of which virt-install makes pools for images that lie there.
NOT_COVERED = frozenset(
    f"/{name}"
    for name in (
        *("", "bin", "boot", "boot/efi", "dev", "dev/disk", "dev/mapper", "dev/shm", "efi", "etc", "home", "root"),
        *("lib", "lib32", "lib64", "libx32", "lost+found", "proc", "run", "run/lock", "run/user", "sbin", "sys"),
        *("usr", "usr/bin", "usr/games", "usr/include", "usr/lib", "usr/lib32", "usr/lib64", "usr/libexec"),
        *("usr/libx32", "usr/local", "usr/sbin", "usr/share", "usr/src"),
        *("usr/local/bin", "usr/local/etc", "usr/local/lib", "usr/local/sbin", "usr/local/share"),
        *("var", "var/cache", "var/lib", "var/lock", "var/log", "var/mail", "var/run", "var/spool"),
    )
)
BESIDE = "Write a directory that is for this pool only, such as {path}."


def below(path: str) -> str:
    """Return what to write in place of a directory of the host, as a hint."""
    return BESIDE.format(path="/srv/images" if path in ("", "/") else f"{path}/images")


def need_type(pool: Pool) -> PoolType:
    """Return the row of the pool's type; raises XmlError where the document names none, or one that is not known."""
    row = pool_type(pool.type)
    if row is None:
        check_choice(pool, "type", pool.type, TYPES)
        raise XmlError(f"<pool type='{pool.type}'> is not known.", line=pool.line)
    return row


def check_once(pool: Pool) -> None:
    """Raise XmlError where something stands twice; asked before one of the two is made the one that counts."""
    check_single(pool, ("name", "uuid", "metadata", "features", "source", "target", "refresh"))
    for holder, tags in ((pool.source, _SOURCE_ONCE), (pool.target, ("path", "permissions"))):
        if holder is not None:
            check_single(holder, tags)


_SOURCE_ONCE = ("dir", "adapter", "name", "initiator", "format", "auth", "protocol", "vendor", "product")


def check_pool(pool: Pool, row: PoolType) -> None:
    """Raise XmlError, UnsupportedConfig or InvalidArgument for the first thing that is wrong in a settled document."""
    for rule in RULES:
        rule(pool, row)


def _name(pool: Pool, row: PoolType) -> None:
    if not pool.name:
        raise XmlError("the pool has no <name>; write one.", line=pool.line)
    try:
        check_name("pool", pool.name)
    except InvalidArgument as error:
        raise XmlError(error.message, line=pool.line_at("name")) from None
    check_uuid(_part(pool, "uuid"), "<uuid>", pool.uuid)


def _source(pool: Pool, row: PoolType) -> None:
    check_source(pool, row)


def _of_its_type(pool: Pool, row: PoolType) -> None:
    row.check(pool)


def _target(pool: Pool, row: PoolType) -> None:
    if not row.has_target:
        return
    path = pool.path()
    if path is None:
        raise XmlError("the pool has no path in <target>; write one.", line=_part(pool, "target").line)
    check_path(_part(pool, "target/path"), "the path of <target>", path)
    if (row.files or row.mounts) and path in NOT_COVERED:
        raise XmlError(
            f"the target {path} is a directory of the host itself, and can be no pool.",
            line=_part(pool, "target/path").line,
            hint=below(path),
        )
    check_permissions(pool.permissions())


def _features(pool: Pool, row: PoolType) -> None:
    if pool.cow is not None and row.name not in COW:
        raise UnsupportedConfig(
            f"the feature cow is for pools of the types {' and '.join(COW)}, and not for {row.name}.",
            line=pool.line_at("features/cow"),
        )
    if pool.refresh_allocation is not None:
        check_choice(_part(pool, "refresh/volume"), "allocation", pool.refresh_allocation, ALLOCATIONS)


def _mount_options(pool: Pool, row: PoolType) -> None:
    """An option is one word; what it means is between the user and mount."""
    for option in mount_options(pool.element):
        check_text(pool, "a mount option", option)
        if re.search(r"[\s,]", option):
            raise XmlError(f"the mount option '{option[:40]}' holds a space or a comma.", line=pool.line)


def _part(pool: Pool, path: str) -> View:
    """The part at a path where it is there, else the pool, for the line of a complaint."""
    found = pool.element.find(path)
    return View(pool.element if found is None else found)


RULES: Tuple[Callable[[Pool, PoolType], None], ...] = (
    _name,
    _source,
    _of_its_type,
    _target,
    _features,
    _mount_options,
)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused: volumes that could not be made, or that are not what was meant, said before anything is made.

Source of the rules: libvirt's formatstorage, and its storage_conf.c and storage_util.c; qemu-img(1) for qcow2.
"""

from __future__ import annotations

import re
from typing import Callable, Optional, Tuple

from ....errors import UnsupportedConfig, XmlError
from ....model.storage.parts import Encryption
from ....model.storage.pool import Pool
from ....model.storage.volume import FEATURES, Volume, VolumeTarget
from ..types.base import CREATABLE, LAYERED, PART_PREFIX, PoolType
from .parts import check_permissions, check_secret, check_single
from .texts import check_path, shown

LONGEST_NAME = 200  # bytes: a file name has 255, and a volume that is not whole yet has a longer one
COMPAT = ("0.10", "1.1")
CLUSTER_SIZES = (512, 2 * 1024 * 1024)
SMALLEST_SUBCLUSTERED = 16 * 1024
ENCRYPTED = ("raw", "qcow2")
_TARGET_ONCE = (
    "path",
    "format",
    "permissions",
    "timestamps",
    "encryption",
    "compat",
    "nocow",
    "clusterSize",
    "features",
)


def check_volume_name(name: Optional[str], *, line: Optional[int] = None) -> str:
    """Return a volume's name when a file can be called so; raises XmlError that says which rule it breaks.

    It is one part of a path, and never an option; names that begin with .corral- are those of volumes that are not
    whole yet.
    """
    broken = next((rule for rule, holds in _NAME_RULES if not holds(name or "")), None)
    if broken:
        raise XmlError(f"a volume cannot be named {shown(name or '')!r}: a name {broken}.", line=line)
    return name or ""


def _size_of(name: str) -> int:
    return len(name.encode("utf-8", "surrogatepass"))


_NAME_RULES: Tuple[Tuple[str, Callable[[str], bool]], ...] = (
    ("must not be empty", bool),
    ("must not contain a slash", lambda name: "/" not in name),
    ("must not be . or ..", lambda name: name not in (".", "..")),
    ("must not begin with a dash", lambda name: not name.startswith("-")),
    (f"must not begin with {PART_PREFIX}", lambda name: not name.startswith(PART_PREFIX)),
    ("must not contain control characters", lambda name: not any(ord(char) < 32 or ord(char) == 127 for char in name)),
    ("must be UTF-8", lambda name: not any(0xD800 <= ord(char) <= 0xDFFF for char in name)),
    (f"takes at most {LONGEST_NAME} bytes", lambda name: _size_of(name) <= LONGEST_NAME),
)


def check_volume_once(volume: Volume) -> None:
    """Raise XmlError where something stands twice; asked before one of the two is made the one that counts."""
    check_single(volume, ("name", "key", "source", "capacity", "allocation", "target", "backingStore"))
    if volume.target is not None:
        check_single(volume.target, _TARGET_ONCE)
    if volume.backing is not None:
        check_single(volume.backing, ("path", "format", "permissions"))


def check_volume(volume: Volume, pool: Pool, row: PoolType, *, new: bool) -> None:
    """Raise XmlError or UnsupportedConfig for the first thing that is wrong in a settled document.

    One that is there already need not be of a kind that could be made.
    """
    if new:
        _makeable(volume, pool, row)
    for rule in (*RULES, *(NEW_RULES if new else ())):
        rule(volume, row)
    row.check_volume(volume, pool)


def _makeable(volume: Volume, pool: Pool, row: PoolType) -> None:
    if not row.makes_volumes:
        raise UnsupportedConfig(
            f"volumes of pool {pool.name}, which is of the type {row.name}, are not made here.",
            line=volume.line,
            hint="Make them where they are served from, and refresh the pool.",
        )
    kind = volume.given().format
    if row.files and kind in row.volume_formats and kind not in CREATABLE:
        raise UnsupportedConfig(
            f"images of the format '{kind}' can be used, and not made.", line=volume.line_at("target/format")
        )


def _name(volume: Volume, row: PoolType) -> None:
    check_volume_name(volume.name, line=volume.line_at("name"))


def _size(volume: Volume, row: PoolType) -> None:
    size = volume.size()
    if size is None:
        raise XmlError(f"volume {volume.name} has no <capacity>; write one.", line=volume.line)


def check_not_empty(volume: Volume) -> None:
    """Raise XmlError for a size of 0: nothing could be stored there, and what is there would be gone."""
    if volume.size() == 0:
        raise XmlError(f"volume {volume.name} has a <capacity> of 0.", line=volume.line_at("capacity"))


def _format(volume: Volume, row: PoolType) -> None:
    target, line = volume.given(), volume.line_at("target/format")
    kind = target.format
    if not row.volume_formats:
        if kind not in (None, "raw"):
            raise UnsupportedConfig(
                f"volume {volume.name} has the format '{shown(kind or '')}', and those of {row.name} pools have none.",
                line=line,
            )
        return
    if kind not in row.volume_formats:
        known = ", ".join(row.volume_formats)
        raise UnsupportedConfig(f"<format type='{shown(kind or '')}'> is not one of {known}.", line=line)


def _details(volume: Volume, row: PoolType) -> None:
    target = volume.given()
    given = [tag for tag in ("compat", "clusterSize", "features") if target.element.find(tag) is not None]
    if not given:
        return
    if not row.files or target.format != "qcow2":
        raise UnsupportedConfig(
            f"<{given[0]}> is for images of the format qcow2, and not for '{target.format or 'raw'}'.",
            line=volume.line_at(f"target/{given[0]}"),
        )
    _compat(target)
    _clusters(target)


def _compat(target: VolumeTarget) -> None:
    if target.compat is not None and target.compat not in COMPAT:
        raise XmlError(f"<compat>{shown(target.compat)}</compat> is not one of {', '.join(COMPAT)}.", line=target.line)
    for element in target.element.findall("features/*"):
        if element.tag not in FEATURES:
            raise UnsupportedConfig(f"the feature {element.tag} is not known.", line=element.sourceline)
        if target.compat == "0.10":
            raise UnsupportedConfig(
                f"the feature {element.tag} needs <compat>1.1</compat>, and the volume has 0.10.",
                line=element.sourceline,
            )


def _clusters(target: VolumeTarget) -> None:
    size = target.cluster_bytes()
    least = SMALLEST_SUBCLUSTERED if target.extended_l2 else CLUSTER_SIZES[0]
    if size is not None and (size & (size - 1) or not least <= size <= CLUSTER_SIZES[1]):
        raise XmlError(
            f"<clusterSize> is {size} bytes, and must be a power of two from {least} to {CLUSTER_SIZES[1]}.",
            line=target.line_at("clusterSize"),
        )


def _nocow(volume: Volume, row: PoolType) -> None:
    if volume.given().nocow and not row.files:
        raise UnsupportedConfig(
            f"<nocow/> is for files, and volumes of {row.name} pools are none.", line=volume.line_at("target/nocow")
        )


def _backing(volume: Volume, row: PoolType) -> None:
    path, line = volume.backing_path(), volume.line_at("backingStore")
    if path is None or volume.backing is None:
        return
    check_path(volume.backing, "the path of <backingStore>", path)
    kind, below = volume.given().format, volume.backing.format
    if not row.layers or (row.files and kind not in LAYERED):
        what = f"images of the format '{kind}'" if row.files else f"volumes of {row.name} pools"
        raise UnsupportedConfig(
            f"volume {volume.name}: {what} cannot be a layer above another.", line=line, hint="Take the format qcow2."
        )
    if row.files and below not in row.volume_formats:
        raise UnsupportedConfig(f"<format type='{shown(below or '')}'> of <backingStore> is not known.", line=line)


def _encryption(volume: Volume, row: PoolType) -> None:
    target = volume.given()
    sealed = target.encryption
    if sealed is None:
        return
    if not row.encrypts:
        raise UnsupportedConfig(f"volumes of {row.name} pools cannot be encrypted here.", line=sealed.line)
    if row.files and target.format not in ENCRYPTED:
        raise UnsupportedConfig(
            f"images of the format '{target.format}' cannot be encrypted; take raw or qcow2.", line=sealed.line
        )
    _seal(sealed)


def _seal(sealed: Encryption) -> None:
    if sealed.format != "luks":
        raise UnsupportedConfig(
            f"<encryption format='{shown(sealed.format or '')}'> cannot be made; write luks.", line=sealed.line
        )
    if sealed.engine not in (None, "qemu"):
        raise UnsupportedConfig(f"<encryption engine='{shown(sealed.engine)}'> is not qemu.", line=sealed.line)
    secrets = sealed.secrets
    if len(secrets) > 1:
        raise UnsupportedConfig("<encryption> names more than one <secret>.", line=secrets[1].line)
    check_secret(sealed, next(iter(secrets), None))
    if secrets[0].type != "passphrase":
        raise UnsupportedConfig("the <secret> of <encryption> must be of the type passphrase.", line=secrets[0].line)
    _cipher(sealed)


def _cipher(sealed: Encryption) -> None:
    names = (sealed.cipher_name, sealed.cipher_mode, sealed.cipher_hash, sealed.ivgen_name, sealed.ivgen_hash)
    for name in names:
        if name is not None and re.fullmatch("[a-z0-9]{1,32}", name) is None:
            raise XmlError(f"<encryption>: '{shown(name)}' is no name of a cipher, mode or hash.", line=sealed.line)
    if (sealed.cipher_name is None) != (sealed.cipher_size is None):
        raise XmlError("<cipher> needs a name and a size.", line=sealed.line_at("cipher"))


def _permissions(volume: Volume, row: PoolType) -> None:
    check_permissions(volume.given().permissions)


RULES: Tuple[Callable[[Volume, PoolType], None], ...] = (
    _name,
    _size,
    _format,
    _details,
    _nocow,
    _backing,
    _permissions,
)
# Of one that is there nobody knows which secret opens it.
NEW_RULES: Tuple[Callable[[Volume, PoolType], None], ...] = (_encryption,)

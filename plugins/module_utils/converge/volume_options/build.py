# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The document of a volume: its size, how it is stored, who may read it.

Source of the meanings: libvirt's formatstorage, "Storage volume XML", and formatstorageencryption.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

from ...errors import InvalidArgument
from ...xml.parse import Element, add
from ..options.forms import Form, one_of, words
from ..options.write import Builder, Options, part, put, size_of, text
from ..pool_options.secrets import secret_use
from ..pool_options.target import permissions

QCOW2_DETAILS = ("compat", "cluster_size", "lazy_refcounts", "extended_l2")


def cipher(value: Any, what: str) -> tuple[str, str]:
    """Read a cipher and the size of its key in bits, such as aes-256."""
    name, dash, size = words(value, what).rpartition("-")
    if not dash or not name or not size.isdigit():
        raise InvalidArgument(f"{what}: {value!r} is no cipher with the size of its key; write one such as aes-256.")
    return name, size


ENCRYPTION = Form(
    "encryption",
    "secret",
    {
        "format": one_of("luks"),
        "secret": words,
        "cipher": cipher,
        "mode": words,
        "hash": words,
        "ivgen": words,
        "ivgen_hash": words,
    },
)
# What of it counts when a volume is made.
MAKING_OF_KEY = ("cipher", "mode", "hash", "ivgen", "ivgen_hash")


def size(volume: Element, options: Options) -> None:
    """Capacity and allocation, in bytes."""
    for name in ("capacity", "allocation"):
        if options.get(name) is not None:
            text(volume, name, str(_size(options[name], name)), unit="bytes")


def _size(value: Any, name: str) -> int:
    found = size_of(value, name)
    if not found and name == "capacity":
        raise InvalidArgument("capacity: a volume of no bytes is none; write its size with a unit, such as 20GiB.")
    return found


def storing(volume: Element, options: Options) -> None:
    """The format, and what a qcow2 is told."""
    if options.get("format"):
        add(part(volume, "target"), "format", type=options["format"])
    if options.get("compat"):
        text(part(volume, "target"), "compat", options["compat"])
    if options.get("cluster_size") is not None:
        text(part(volume, "target"), "clusterSize", str(size_of(options["cluster_size"], "cluster_size")), unit="B")
    for name in ("lazy_refcounts", "extended_l2"):
        if options.get(name) is not None:
            features = part(volume, "target/features")
            if options[name]:
                add(features, name)
    if options.get("nocow"):
        add(part(volume, "target"), "nocow")


def read_encryption(value: Any, what: str = "encryption") -> Optional[dict[str, Any]]:
    """Return what the option says, None where it is not given; raises InvalidArgument that calls it ``what``."""
    said = replace(ENCRYPTION, option=what).read(value)
    if said is None:
        return None
    if "secret" not in said:
        raise InvalidArgument(f"{what}: secret is missing; write the uuid or the usage_id of a secret.")
    if "cipher" not in said and ("mode" in said or "hash" in said):
        raise InvalidArgument(f"{what}: mode and hash are those of a cipher; write one such as cipher: aes-256.")
    if "ivgen_hash" in said and "ivgen" not in said:
        raise InvalidArgument(f"{what}: ivgen_hash is that of an ivgen; write one such as ivgen: essiv.")
    return said


def encryption(volume: Element, options: Options) -> None:
    """LUKS, and the secret that opens it."""
    said = read_encryption(options.get("encryption"))
    if said is None:
        return
    element = add(part(volume, "target"), "encryption", format="luks")
    secret_use(element, said["secret"], type="passphrase")
    if "cipher" in said:
        name, bits = said["cipher"]
        put(add(element, "cipher", name=name, size=bits), {"mode": said.get("mode"), "hash": said.get("hash")})
    if "ivgen" in said:
        put(add(element, "ivgen", name=said["ivgen"]), {"hash": said.get("ivgen_hash")})


BUILDERS: tuple[Builder, ...] = (size, storing, permissions, encryption)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The document of a volume: its size, how it is stored, who may read it.

Source of the meanings: libvirt's formatstorage, "Storage volume XML", and formatstorageencryption.
"""

from __future__ import annotations

from typing import Any

from ...errors import InvalidArgument
from ...xml.parse import Element, add
from ..options.forms import Form, words
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
    {"secret": words, "cipher": cipher, "mode": words, "hash": words, "ivgen": words, "ivgen_hash": words},
)


def size(volume: Element, options: Options) -> None:
    """Capacity and allocation, in bytes."""
    for name in ("capacity", "allocation"):
        if options.get(name) is not None:
            text(volume, name, str(size_of(options[name], name)), unit="bytes")


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


def encryption(volume: Element, options: Options) -> None:
    """LUKS, and the secret that opens it."""
    said = ENCRYPTION.read(options.get("encryption"))
    if said is None:
        return
    if "secret" not in said:
        raise InvalidArgument("encryption: secret is missing; write the uuid or the usage_id of a secret.")
    if "cipher" not in said and ("mode" in said or "hash" in said):
        raise InvalidArgument("encryption: mode and hash are those of a cipher; write one such as cipher: aes-256.")
    element = add(part(volume, "target"), "encryption", format="luks")
    secret_use(element, said["secret"], type="passphrase")
    if "cipher" in said:
        name, bits = said["cipher"]
        put(add(element, "cipher", name=name, size=bits), {"mode": said.get("mode"), "hash": said.get("hash")})
    if "ivgen" in said:
        put(add(element, "ivgen", name=said["ivgen"]), {"hash": said.get("ivgen_hash")})


BUILDERS: tuple[Builder, ...] = (size, storing, permissions, encryption)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects that images need beside their nodes: secrets, TLS credentials, reservation helpers.

A secret's value is never written: it comes sealed with the guest's master key (QEMU's docs/system/secrets.rst).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, List, Optional, Tuple

from ....errors import UnsupportedConfig
from ....model.domain.storage import SecretUse
from ..context import Context
from ..images import Image
from ..options import Option, properties
from .blockdev_protocols import auth_secret, cookie_secret, cookie_text, encryption_secret, pr_manager, tls_object

MASTER_KEY = "masterKey0"


@dataclass(frozen=True)
class SecretNeed:
    """A secret object that an image needs: ``id`` in QEMU, ``key`` in Context.secrets, ``line`` in the document.

    ``usage`` is what a secret must be for to be taken.
    """

    id: str
    key: Tuple[str, str]
    line: Optional[int] = None
    usage: str = "tls"


def secret_key(use: Optional[SecretUse], usage: str) -> Tuple[str, str]:
    """How a <secret> is found in Context.secrets, and with the secret driver: a uuid, or what it is for."""
    if use is not None and use.uuid:
        return ("uuid", use.uuid)
    return ("usage", f"{usage}:{use.usage or '' if use is not None else ''}")


def secret_needs(image: Image) -> List[SecretNeed]:
    """Every secret of one image: what the server asks for, the cookies, the keys of the encryption."""
    needs = []
    if image.auth is not None:
        usage = "ceph" if image.source.protocol == "rbd" else "iscsi"
        needs.append(SecretNeed(auth_secret(image), secret_key(image.auth.secret, usage), image.auth.line, usage))
    if image.source.cookies:
        needs.append(SecretNeed(cookie_secret(image), ("text", cookie_text(image)), image.source.line))
    if image.encryption is not None:
        for index, use in enumerate(image.encryption.secrets):
            needs.append(SecretNeed(encryption_secret(image, index), secret_key(use, "volume"), use.line, "volume"))
    return needs


def master_key(path: str) -> Option:
    """The object that opens all the others; it stands before them. ``path`` holds the key."""
    return Option("-object", {"qom-type": "secret", "id": MASTER_KEY, "format": "raw", "file": path})


def secret_object(need: SecretNeed, context: Context) -> Option:
    """The object that holds a sealed secret; raises UnsupportedConfig where the value is not known."""
    sealed = context.secrets.get(need.key)
    if sealed is None:
        kind, name = need.key
        what = "value for its cookies" if kind == "text" else f"secret with the {kind} '{name}'"
        raise UnsupportedConfig(f"there is no {what}.", line=need.line, hint="Define it and set its value first.")
    return Option(
        "-object",
        {
            "qom-type": "secret",
            "id": need.id,
            "data": sealed.data,
            "keyid": MASTER_KEY,
            "iv": sealed.iv,
            "format": "base64",
        },
    )


def helper_objects(image: Image, context: Context) -> Iterator[Option]:
    """The objects of one image, in front of its nodes."""
    for need in secret_needs(image):
        yield secret_object(need, context)
    if image.type == "network" and image.source.tls:
        yield _tls(image, context)
    reservations = image.source.reservations
    if reservations is not None and not reservations.managed:
        yield Option("-object", {"qom-type": "pr-manager-helper", "id": pr_manager(image), "path": reservations.path})


def managed_helper(context: Context) -> Option:
    """The reservation helper that all disks share which leave it to us."""
    path = f"{context.directory}/pr-helper0.sock"
    return Option("-object", {"qom-type": "pr-manager-helper", "id": "pr-helper0", "path": path})


def _tls(image: Image, context: Context) -> Option:
    defaults = context.defaults
    return Option(
        "-object",
        properties(
            {
                "qom-type": "tls-creds-x509",
                "id": tls_object(image),
                "dir": defaults.nbd_tls_directory if image.source.protocol == "nbd" else defaults.vxhs_tls_directory,
                "endpoint": "client",
                "verify-peer": True,
            }
        ),
    )

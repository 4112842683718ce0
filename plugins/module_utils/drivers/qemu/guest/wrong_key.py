# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""QEMU's words about a key that opens no image, told with the disk and the secret that they are about."""

from __future__ import annotations

from typing import Iterator, Optional, Tuple

from ....errors import OperationFailed
from ....model.domain.core import Domain
from ....model.domain.disk import Disk
from ....model.domain.storage import Source
from ..command.blockdev_protocols import encryption_secret
from ..command.blockdev_secrets import secret_key
from ..context import Context
from ..images import top_image

# What QEMU says of a value that opens none of the key slots (its crypto/block-luks.c).
WRONG_KEY = "Invalid password"


def wrong_key(said: str, domain: Domain, context: Context, *, whose: str) -> Optional[OperationFailed]:
    """Return the error for a disk whose secret has another value than it was encrypted with, None for other words.

    ``said`` are QEMU's words with the options that they are about, ``whose`` is what stands before the disk.
    """
    if WRONG_KEY not in said:
        return None
    found = next((row for row in _keys(domain, context) if row[0] in said), None)
    if found is None:
        return None
    _id, what, reference = found
    return OperationFailed(
        f"{whose} {what} cannot be opened with the value of the secret {reference}: it was encrypted with another.",
        hint="Give that secret the value that it had (corral.virt.secret with force: true). Without it, what is in"
        " there is lost: give the guest another disk.",
        secret=reference,
    )


def _keys(domain: Domain, context: Context) -> Iterator[Tuple[str, str, str]]:
    """The secrets of all images: their ids in QEMU, with the images for people, and how the secrets are referred to."""
    for disk in domain.all(Disk):
        top = top_image(disk, context) if disk.type != "vhostuser" else None
        for image in () if top is None else top.chain():
            for index, use in enumerate(image.encryption.secrets if image.encryption is not None else ()):
                # the source that the document names: that of a volume is translated in the image
                source = disk.source if image is top and disk.source is not None else image.source
                where = f"disk {disk.target} ({_place(source)})"
                yield encryption_secret(image, index), where, secret_key(use, "volume")[1]


def _place(source: Source) -> str:
    if source.pool and source.volume:
        return f"volume {source.volume} of pool {source.pool}"
    return source.file or source.dev or source.name or "its image"

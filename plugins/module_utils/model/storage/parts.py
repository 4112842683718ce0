# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pools and volumes have in common: permissions, credentials, sizes with a unit.

Source of the rules: libvirt's formatstorage and formatstorageencryption.
"""

from __future__ import annotations

import re
from typing import Optional

from ...errors import InvalidArgument, XmlError
from ...values import LARGEST, scale
from ...xml.views import INT, NATURAL, TEXT, Child, Children, Field, Kind, View

MODE_BITS = 0o777
# How an owner or group that is nobody's choice was written once: -1, and that as 32 bits without a sign.
NOBODY = (-1, 0xFFFFFFFF)


def _octal(text: str) -> int:
    if re.fullmatch(r"[0-7]{1,8}", text.strip()) is None or int(text, 8) & ~MODE_BITS:
        raise ValueError(text)
    return int(text, 8)


OCTAL: Kind[int] = Kind(_octal, lambda value: f"0{value:o}", "octal digits from 0 to 0777")


class Permissions(View):
    """A <permissions>: mode bits, numeric owner and group, and the label of the security module."""

    mode = Field("mode", OCTAL)
    owner = Field("owner", INT)
    group = Field("group", INT)
    label = Field("label", TEXT)

    def owner_id(self) -> Optional[int]:
        """The user's number, None where it is left open."""
        return None if self.owner in NOBODY else self.owner

    def group_id(self) -> Optional[int]:
        """The group's number, None where it is left open."""
        return None if self.group in NOBODY else self.group


class SecretUse(View):
    """A <secret>: the value is with the secret driver, under a uuid or a usage."""

    type = Field("@type", TEXT)
    uuid = Field("@uuid", TEXT)
    usage = Field("@usage", TEXT)


class Auth(View):
    """An <auth> of a pool: chap (iSCSI) or ceph, who asks, and the secret that proves it."""

    type = Field("@type", TEXT)
    username = Field("@username", TEXT)
    secret = Child("secret", SecretUse)


class Encryption(View):
    """An <encryption>: its format, the secret that opens it, and, for a new volume, how its contents are sealed."""

    format = Field("@format", TEXT)
    engine = Field("@engine", TEXT)
    secrets = Children("secret", SecretUse)
    cipher_name = Field("cipher/@name", TEXT)
    cipher_size = Field("cipher/@size", NATURAL)
    cipher_mode = Field("cipher/@mode", TEXT)
    cipher_hash = Field("cipher/@hash", TEXT)
    ivgen_name = Field("ivgen/@name", TEXT)
    ivgen_hash = Field("ivgen/@hash", TEXT)


def bytes_at(view: View, tag: str) -> Optional[int]:
    """Return the size in a child element in bytes, whatever its unit (none: bytes); None where it is not there.

    Raises XmlError for what is no size, and for one beyond 2**63 - 1, which no file can have.
    """
    element = view.element.find(tag)
    if element is None:
        return None
    text, unit = (element.text or "").strip(), element.get("unit") or "bytes"
    if re.fullmatch(r"[0-9]{1,30}", text) is None:
        raise XmlError(f"<{tag}> is {text[:40]!r}, and must be a whole number from 0 on.", line=element.sourceline)
    try:
        return scale(int(text), unit, what=f"<{tag}>")
    except InvalidArgument as error:
        raise XmlError(error.message, line=element.sourceline) from None


def set_bytes(view: View, tag: str, size: int, *, unit: str = "bytes") -> None:
    """Write a size in bytes under the name that the element gives the unit."""
    if not 0 <= size <= LARGEST:
        raise InvalidArgument(f"<{tag}>: {size} is not a number of bytes that a file can have.")
    Field(tag, NATURAL).__set__(view, size)
    Field(f"{tag}/@unit", TEXT).__set__(view, unit)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a pool is found on the host, and what its directory is to look like.

Source of the meanings: libvirt's formatstorage, "Storage pool target elements" and "Storage pool features elements".
"""

from __future__ import annotations

from typing import Any

from ...errors import InvalidArgument
from ...xml.parse import Element
from ..options.write import Builder, Options, absolute, part, put, text

LARGEST_MODE = 0o777


def target(pool: Element, options: Options) -> None:
    """The path and the permissions of the <target>."""
    if options.get("target"):
        text(part(pool, "target"), "path", absolute(options["target"], "target"))
    permissions(pool, options)


def features(pool: Element, options: Options) -> None:
    """Whether a file system that copies on each write does so for the pool's files."""
    if options.get("cow") is not None:
        put(part(pool, "features/cow"), {"state": options["cow"]})


def permissions(document: Element, options: Options) -> None:
    """The <permissions> of a <target>, that of a pool or of a volume."""
    said = options.get("permissions") or {}
    if not any(value is not None for value in said.values()):
        return
    element = part(document, "target/permissions")
    if said.get("mode") is not None:
        text(element, "mode", f"0{mode_of(said['mode'], 'permissions.mode'):o}")
    for name in ("owner", "group"):
        if said.get(name) is not None:
            text(element, name, str(_id(said[name], f"permissions.{name}")))
    if said.get("label"):
        text(element, "label", said["label"])


def mode_of(value: Any, what: str) -> int:
    """Read permission bits: octal digits as a text, or the number that YAML has made of 0711."""
    digits = str(value).strip()
    octal = isinstance(value, str) and digits.isascii() and digits.isdigit() and not set(digits) & {"8", "9"}
    number = int(digits, 8) if octal else value
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= LARGEST_MODE:
        raise InvalidArgument(
            f"{what}: {value!r} is no mode; write octal digits in quotes, such as '0711', without setuid and the like."
        )
    return number


def _id(value: int, what: str) -> int:
    if value < 0:
        raise InvalidArgument(f"{what}: {value} is no number of a user or group; leave it out to leave that open.")
    return value


BUILDERS: tuple[Builder, ...] = (target, features)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What texts of a document may hold: they end in paths and on command lines of programs that run as root.

Every check takes the view and what the text is called, for its sentence, and does nothing for a value of None.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Optional

from ....errors import InvalidArgument, XmlError
from ....values import parse_uuid
from ....xml.views import View

LONGEST_PATH = 4095  # bytes: the kernel's PATH_MAX, less its NUL
LONGEST_PART = 255  # bytes of one name in a path
LONGEST_HOST = 255  # RFC 1035
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
# RFC 3720, 3.2.6.3, and what targets in the field are called.
_TARGET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,222}")


def shown(value: str) -> str:
    """A text as far as it fits into a sentence."""
    return value if len(value) <= 40 else value[:40] + "..."


def refuse(view: View, what: str, value: str, why: str) -> XmlError:
    """Return the error for a value: what it is, and what is wrong with it."""
    return XmlError(f"{what} is '{shown(value)}', which {why}.", line=view.line)


def check_text(view: View, what: str, value: Optional[str]) -> None:
    """Raise XmlError for a text with control characters, or one that a program would take for an option."""
    if value is None:
        return
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise refuse(view, what, value, "holds a line break or another control character")
    if value.startswith("-"):
        raise refuse(view, what, value, "begins with a dash")
    if not value:
        raise XmlError(f"{what} is empty.", line=view.line)


def check_path(view: View, what: str, value: Optional[str]) -> None:
    """Raise XmlError for what is not an absolute path, or one that goes up again."""
    if value is None:
        return
    check_text(view, what, value)
    if not value.startswith("/"):
        raise refuse(view, what, value, "is not an absolute path")
    parts = value.split("/")
    if ".." in parts:
        raise refuse(view, what, value, "goes up with '..': write where it leads to")
    lengths = [len(part.encode("utf-8", "surrogatepass")) for part in parts]
    if max(lengths) > LONGEST_PART or sum(lengths) + len(parts) - 1 > LONGEST_PATH:
        raise refuse(view, what, value, "is longer than a path can be")


def check_host(view: View, what: str, value: Optional[str]) -> None:
    """Raise XmlError for what can be neither the name of a host nor an IP address."""
    if value is None:
        return
    check_text(view, what, value)
    name = value[:-1] if value.endswith(".") else value
    if len(value) <= LONGEST_HOST and re.fullmatch(rf"{_LABEL}(?:\.{_LABEL})*", name):
        return
    try:
        ip_address(value)
    except ValueError:
        raise refuse(view, what, value, "is neither the name of a host nor an IP address") from None


def check_target_name(view: View, what: str, value: Optional[str]) -> None:
    """Raise XmlError for what cannot be the name of an iSCSI target or initiator."""
    if value is not None and not _TARGET_NAME.fullmatch(value):
        raise refuse(view, what, value, "is no iSCSI name such as iqn.2026-01.example:disks")


def check_uuid(view: View, what: str, value: Optional[str]) -> None:
    """Raise XmlError for what is not a uuid."""
    if value is None:
        return
    try:
        parse_uuid(value)
    except InvalidArgument:
        raise refuse(view, what, value, "is not a uuid of 32 hexadecimal digits") from None


def clean_path(path: str) -> str:
    """Return a path with single slashes and none at its end; two at its beginning stay, as POSIX lets them mean more.

    Source of the rule: libvirt's virFileSanitizePath.
    """
    head = re.match("/*", path)
    count = 0 if head is None else head.end()
    start = "//" if count == 2 else "/" if count else ""
    return start + "/".join(part for part in path.split("/") if part)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What texts of a document may hold: they end in files whose lines mean something, and on command lines.

Every check takes the view and the name of the attribute for its sentence, and does nothing for a value of None.
"""

from __future__ import annotations

import re
from typing import Optional

from ....errors import InvalidArgument, XmlError
from ....values import parse_mac, parse_uuid
from ....xml.views import View

LONGEST_TEXT = 900  # bytes: what still fits into one line of dnsmasq's configuration
LONGEST_NAME = 255  # RFC 1035, of a domain name
LONGEST_DEVICE = 15  # the kernel's IFNAMSIZ, less its NUL

_DEVICE = r"[A-Za-z0-9_.@+][A-Za-z0-9_.@+-]*"
# What separates fields, begins a comment or hides either in dnsmasq's files.
_NOT_IN_NAMES = re.compile(r"[\s/,#\"'\\;=]")


def refuse(view: View, attribute: str, value: str, why: str) -> XmlError:
    """Return the error for a value: where it stands, and what is wrong with it."""
    shown = value if len(value) <= 40 else value[:40] + "..."
    return XmlError(f"<{view.element.tag} {attribute}='{shown}'> {why}.", line=view.line)


def check_text(view: View, attribute: str, value: Optional[str]) -> None:
    """Raise XmlError for a text with control characters, or one that is too long for a line."""
    if value is None:
        return
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise refuse(view, attribute, value, "holds a line break or another control character")
    if len(value.encode("utf-8", "surrogatepass")) > LONGEST_TEXT:
        raise refuse(view, attribute, value, f"has more than {LONGEST_TEXT} bytes")


def check_quotes(view: View, attribute: str, value: Optional[str]) -> None:
    """Raise XmlError for a text whose quotes do not come in pairs: dnsmasq would not start with it."""
    check_text(view, attribute, value)
    if value is not None and len(re.findall(r'(?<!\\)"', value)) % 2:
        raise refuse(view, attribute, value, 'opens a " and does not close it')


def check_domain(view: View, attribute: str, value: Optional[str]) -> None:
    """Raise XmlError for what cannot be the name of a host or a domain."""
    if value is None:
        return
    check_text(view, attribute, value)
    if not value or _NOT_IN_NAMES.search(value) or len(value.encode()) > LONGEST_NAME:
        raise refuse(view, attribute, value, "is not a name that DNS can have")


def check_device(view: View, attribute: str, value: Optional[str]) -> None:
    """Raise XmlError for what cannot be the name of a network interface on Linux."""
    if value is None:
        return
    if not re.fullmatch(_DEVICE, value) or len(value) > LONGEST_DEVICE or value in (".", ".."):
        why = f"is not a name for a network interface: 1 to {LONGEST_DEVICE} letters, digits and _.@+-"
        raise refuse(view, attribute, value, why)


def check_mac(view: View, attribute: str, value: Optional[str]) -> None:
    """Raise XmlError for what is not the MAC address of one machine."""
    if value is None:
        return
    try:
        number = int(parse_mac(value).replace(":", ""), 16)
    except InvalidArgument:
        raise refuse(view, attribute, value, "is not a MAC address such as 52:54:00:12:34:56") from None
    if not number:
        raise refuse(view, attribute, value, "is the MAC address of nobody")
    if number >> 40 & 1:
        raise refuse(view, attribute, value, "is the MAC address of a group, and not of one machine")


def check_uuid(view: View, attribute: str, value: Optional[str]) -> None:
    """Raise XmlError for what is not a uuid."""
    if value is None:
        return
    try:
        parse_uuid(value)
    except InvalidArgument:
        raise refuse(view, attribute, value, "is not a uuid of 32 hexadecimal digits") from None

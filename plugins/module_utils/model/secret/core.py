# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secret document: what a value is for, and who may see it. The value itself is never part of it.

Source of the rules: libvirt's formatsecret.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Dict, Optional

from ...errors import InvalidArgument
from ...values import parse_uuid
from ...xml.parse import Element, add
from ...xml.views import TEXT, YES_NO, Child, Field, View

# What a secret can be for, and the element that says for which of these.
USAGES: Dict[str, str] = {"volume": "volume", "ceph": "name", "iscsi": "target", "tls": "name", "vtpm": "name"}
# A secret that is for nothing in particular may say so.
NOTHING = "none"


class Usage(View):
    """The <usage>."""

    type = Field("@type", TEXT)
    volume = Field("volume", TEXT)
    name = Field("name", TEXT)
    target = Field("target", TEXT)

    @property
    def holder(self) -> Optional[str]:
        """The tag of the element that the type asks for, None for a type that is not known."""
        return USAGES.get(self.type or "")

    @property
    def id(self) -> Optional[str]:
        """For which volume, client, target or purpose."""
        return (self.element.findtext(self.holder) or "").strip() or None if self.holder else None


class Secret(View):
    """The <secret> itself."""

    ephemeral = Field("@ephemeral", YES_NO)
    private = Field("@private", YES_NO)
    uuid = Field("uuid", TEXT)
    description = Field("description", TEXT)
    usage = Child("usage", Usage)

    @property
    def purpose(self) -> Optional[str]:
        """Type and id of the usage in one text, such as ``ceph:client.admin``: no two secrets have the same."""
        usage = self.usage
        return None if usage is None or usage.type == NOTHING else reference(usage.type or "", usage.id or "")


def reference(usage: str, usage_id: str) -> str:
    """How a secret is referred to by what it is for."""
    return f"{usage}:{usage_id}"


def named(uuid: Optional[str], usage: str, usage_id: Optional[str] = None) -> str:
    """How a document that names a secret by its uuid, or by what it is for, refers to it."""
    return plain(uuid) if uuid else reference(usage, usage_id or "")


def plain(text: str) -> str:
    """A uuid as secrets have it; what is none stays as it is, and is that of no secret."""
    with suppress(InvalidArgument):
        return parse_uuid(text)
    return text


def write_usage(secret: Element, usage: str, usage_id: str) -> None:
    """Say what a secret is for; the type is one of USAGES."""
    add(add(secret, "usage", type=usage), USAGES[usage]).text = usage_id

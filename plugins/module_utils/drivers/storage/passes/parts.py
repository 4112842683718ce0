# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts that pools and volumes share, checked: permissions, and secrets that are named."""

from __future__ import annotations

from typing import Iterable, Optional

from ....errors import XmlError
from ....model.storage.parts import Permissions, SecretUse
from ....xml.views import View
from .texts import check_text, check_uuid

LARGEST_ID = 0xFFFFFFFE  # the kernel's largest user or group; one more means "nobody's choice"


def check_single(view: View, tags: Iterable[str]) -> None:
    """Raise XmlError where a child that can be there once is there twice: of two, one would be passed over."""
    for tag in tags:
        second = view.element.findall(tag)[1:]
        if second:
            raise XmlError(
                f"there is more than one <{second[0].tag}> in <{view.element.tag}>.", line=second[0].sourceline
            )


def check_permissions(permissions: Optional[Permissions]) -> None:
    """Raise XmlError for modes, owners, groups and labels that no file can have."""
    if permissions is None:
        return
    check_single(permissions, ("mode", "owner", "group", "label"))
    for what, number in (("owner", permissions.owner_id()), ("group", permissions.group_id())):
        if number is not None and not 0 <= number <= LARGEST_ID:
            raise XmlError(
                f"<{what}> is {number}, and must be a number from 0 to {LARGEST_ID}.", line=permissions.line_at(what)
            )
    if permissions.label is not None:
        check_text(permissions, "<label>", permissions.label)


def check_secret(holder: View, secret: Optional[SecretUse]) -> None:
    """Raise XmlError unless a secret is named in one of its two ways: by uuid or by usage."""
    tag = holder.element.tag
    if secret is None:
        raise XmlError(f"<{tag}> names no <secret>.", line=holder.line, hint="Define one, and name it by its usage.")
    if (secret.uuid is None) == (secret.usage is None):
        raise XmlError(f"the <secret> of <{tag}> needs either a uuid or a usage.", line=secret.line)
    check_uuid(secret, f"the uuid of the <secret> of <{tag}>", secret.uuid)
    check_text(secret, f"the usage of the <secret> of <{tag}>", secret.usage)

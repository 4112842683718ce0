# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that a document names: by their uuid, or by what they are for."""

from __future__ import annotations

from ...errors import InvalidArgument
from ...values import parse_uuid
from ...xml.parse import Element, add


def secret_use(holder: Element, reference: str, **attributes: str) -> None:
    """Append the <secret> of a uuid or of a usage; its value is with the secret driver."""
    words = reference.strip()
    if not words:
        raise InvalidArgument("secret is empty; write the uuid of a secret, or the usage_id that it was defined with.")
    try:
        add(holder, "secret", **attributes, uuid=parse_uuid(words))
    except InvalidArgument:
        add(holder, "secret", **attributes, usage=words)

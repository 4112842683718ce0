# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people call a guest or a network: title, description, tags; and its uuid.

Tags are an element of our own in <metadata>, so that they are kept by whatever else reads the document.
"""

from __future__ import annotations

import re

from ...errors import InvalidArgument
from ...model.tags import write_tags
from ...values import parse_uuid
from ...xml.parse import Element
from .write import Builder, Options, text

_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:=/+-]*")


def about(document: Element, options: Options) -> None:
    """Title, description, tags and uuid."""
    if options.get("uuid"):
        text(document, "uuid", parse_uuid(options["uuid"]))
    for name in ("title", "description"):
        words = (options.get(name) or "").strip()
        if name == "title" and "\n" in words:
            raise InvalidArgument("title: a title is one line; write the rest into description.")
        if words:
            text(document, name, words)
    tags = options.get("tags") or []
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise InvalidArgument(
                f"tags: {tag!r} is no tag; write letters, digits and any of . _ : = / + - without blanks."
            )
    write_tags(document, tags)


BUILDERS: tuple[Builder, ...] = (about,)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules as nft reads them: a statement with a comment that tells which it is."""

from __future__ import annotations

import hashlib
import re

# nft takes 128 bytes.
_LONGEST = 120
_UNFIT = re.compile(r"[^ !#-\[\]-~]")
_COMMENT = re.compile(r' comment "([^"]*)"$')


def with_comment(statement: str, about: str, said: str = "") -> str:
    """Return a rule: its comment is a digest of the statement, what it is ``about``, and what its author has said.

    Quotes, escapes and what is not ASCII become question marks, for nft knows no way to have them.
    """
    comment = f"{digest(statement)} {about}: {said}" if said else f"{digest(statement)} {about}"
    return f'{statement} comment "{_UNFIT.sub("?", comment)[:_LONGEST].rstrip()}"'.lstrip()


def digest(text: str) -> str:
    """Return eight digits that tell a text from others."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]


def comment_of(rule: str) -> str:
    """Return the comment of a rule that ``with_comment`` has made."""
    match = _COMMENT.search(rule)
    return match.group(1) if match else ""

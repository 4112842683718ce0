# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a part of a document may hold: attributes and children that are not known are refused, not passed over.

In a packet filter a word that nobody reads makes a rule wider than it was meant.
"""

from __future__ import annotations

from typing import Iterable, Optional

from ....errors import XmlError
from ....xml.parse import Element

LONGEST_SHOWN = 40


def shown(text: str) -> str:
    """Return a value of the document as a message shows it."""
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "..."


def check_attributes(element: Element, known: Iterable[str]) -> None:
    """Raise XmlError for the first attribute that is not one of those."""
    names = tuple(known)
    for name in element.attrib:
        if name not in names:
            raise XmlError(
                f"<{element.tag}> has no attribute {shown(name)}.",
                line=element.sourceline,
                hint=advice(name, names),
            )


def check_children(element: Element, known: Iterable[str], *, what: str = "") -> None:
    """Raise XmlError for the first child that is not one of those; ``what`` is said of them in the hint."""
    tags = tuple(known)
    for child in element:
        if child.tag not in tags:
            raise XmlError(
                f"<{element.tag}> has no <{shown(str(child.tag))}> in it.",
                line=child.sourceline,
                hint=advice(str(child.tag), tags, what),
            )


def advice(word: str, known: Iterable[str], what: str = "") -> Optional[str]:
    """Return a hint: the word that was probably meant, else all that there are."""
    from difflib import get_close_matches

    words = tuple(known)
    begun = [each for each in words if len(word) > 2 and each.startswith(word)]
    near = begun or get_close_matches(word[:LONGEST_SHOWN], words, n=1)
    if near:
        return f"Did you mean {near[0]}?"
    return f"{what or 'There are'}: {', '.join(words)}." if words else "Leave it out."

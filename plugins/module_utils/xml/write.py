# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing documents: the one form in which every document is shown, stored and compared by eye."""

from __future__ import annotations

from .parse import Element, clone, etree


def to_text(element: Element) -> str:
    """Return the document with two spaces a level and a newline at its end; the element is left as it is."""
    copy = clone(element)
    copy.tail = None
    etree.indent(copy, space="  ")
    return etree.tostring(copy, encoding="unicode") + "\n"

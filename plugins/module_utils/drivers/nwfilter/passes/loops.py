# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters that come back to themselves by way of what they refer to: refused, with the way that leads back."""

from __future__ import annotations

from typing import Callable, List, Optional, Set

from ....errors import XmlError
from ....model.nwfilter.core import Filter, Reference
from ....xml.parse import Element

Lookup = Callable[[str], Optional[Element]]


def check_loops(document: Element, lookup: Lookup) -> None:
    """Raise XmlError when a filter takes itself in, directly or by way of others.

    ``lookup`` gives the document of a filter by its name, None where there is none (which is allowed until a guest
    wants it); the filter that is checked is not asked for. The line is that of the reference in the document.
    """
    filter_ = Filter(document)
    clean: Set[str] = set()
    for reference in filter_.references:
        way = _way_to(filter_.name or "", reference.filter or "", lookup, clean)
        if way is not None:
            raise _loop(filter_, reference, way)


def _way_to(goal: str, start: str, lookup: Lookup, clean: Set[str]) -> Optional[List[str]]:
    """The names from ``start`` to ``goal``, None where none leads there. ``clean`` are those known not to."""
    if start == goal:
        return [start]
    came: List[List[str]] = [[start]]
    while came:
        way = came.pop()
        found = None if way[-1] in clean else lookup(way[-1])
        clean.add(way[-1])
        for name in [] if found is None else reversed(Filter(found).needs()):
            if name == goal:
                return [*way, name]
            if name not in clean:
                came.append([*way, name])
    return None


def _loop(filter_: Filter, reference: Reference, way: List[str]) -> XmlError:
    names = [filter_.name or "", *way]
    itself = len(way) == 1
    said = "refers to itself" if itself else f"would take itself in: {' -> '.join(names)}"
    return XmlError(
        f"filter {filter_.name} {said}.",
        line=reference.line,
        hint="Leave this <filterref> out." if itself else "Take one of these references away.",
        loop=names,
    )

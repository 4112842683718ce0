# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a document back into options: what every family of readers needs.

A reader returns the options of its family as vm takes them, each as explicitly as it can be said. It reads what the
builders in ``options/`` write, and passes over everything else: whether that loses anything is found by building again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable, Optional

from ...xml.parse import Element

Options = dict[str, Any]
Reader = Callable[[Element], Options]
TRUTHS = {"yes": True, "on": True, "no": False, "off": False}
UNITS = ("TiB", "GiB", "MiB", "KiB")
STEP = 1024


def at(element: Optional[Element], path: str, name: str = "") -> Optional[str]:
    """Return the text at a path below the element, or an attribute there; None where it is missing or empty."""
    found = element if element is None or not path else element.find(path)
    if found is None:
        return None
    return (found.get(name) if name else (found.text or "").strip()) or None


def truth_at(element: Optional[Element], path: str, name: str) -> Optional[bool]:
    """Return the truth in an attribute."""
    return TRUTHS.get(at(element, path, name) or "")


def number_at(element: Optional[Element], path: str, name: str = "") -> Optional[int]:
    """Return the whole number at a path."""
    found = at(element, path, name)
    return int(found) if found is not None and found.lstrip("-").isdigit() else None


def given(options: Options) -> Options:
    """Return the options that say something."""
    return {name: value for name, value in options.items() if value is not None and value != [] and value != {}}


def size(number: int) -> str:
    """Return a size in bytes with the largest unit that leaves a whole number."""
    for power, unit in enumerate(UNITS):
        factor = STEP ** (len(UNITS) - power)
        if number and number % factor == 0:
            return f"{number // factor}{unit}"
    return f"{number}B"


def kib(element: Optional[Element], path: str) -> Optional[int]:
    """Return the bytes that an element says with its unit, KiB where it has none."""
    from ...values import scale

    number = number_at(element, path)
    return None if number is None else scale(number, at(element, path, "unit") or "KiB", what=path)


def short(options: Options, name: str) -> Any:
    """Return the bare value of an option that says nothing but this field."""
    return options[name] if list(options) == [name] else options


def merged(readers: Iterable[Reader], document: Element) -> Options:
    """Return what these readers find."""
    found: Options = {}
    for read in readers:
        found.update(given(read(document)))
    return found

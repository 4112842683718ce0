# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables of rules: $NAME, $NAME[1] and $NAME[@2], and the parameters that give them values.

Source of the rules: libvirt's formatnwfilter, "Usage of variables in filters", and its nwfilter_params.c.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Optional

MOST_ITERATORS = 1000
_PLACE = r"(?:\[\s{0,9}(@)?([0-9]{1,9})\s{0,9}\]\s{0,9})?"
_VARIABLE = rf"\$([A-Za-z0-9_]{{1,64}}){_PLACE}"
SAYS = "$NAME, $NAME[0] for its first value, or $NAME[@1] for each in turn"
NAME_SAYS = "1 to 64 letters, digits and _"
VALUE_SAYS = "1 to 128 letters, digits and _.:+/-"


class Variable(NamedTuple):
    """A variable as a rule uses it: one of its values where ``place`` is set, else each of them in turn.

    Variables of one ``iterator`` go through their values side by side, those of different ones in all combinations.
    """

    name: str
    iterator: int = 0
    place: Optional[int] = None

    def __str__(self) -> str:
        if self.place is not None:
            return f"${self.name}[{self.place}]"
        return f"${self.name}[@{self.iterator}]" if self.iterator else f"${self.name}"


def is_variable(text: str) -> bool:
    """Return whether a text is meant as a variable."""
    return text.startswith("$")


def parse_variable(text: str) -> Variable:
    """Return the variable that a text such as $IP[@1] is; raises ValueError."""
    found = re.fullmatch(_VARIABLE, text, re.ASCII)
    if found is None:
        raise ValueError(text)
    name, mark, number = found.groups()
    if mark and int(number) > MOST_ITERATORS:
        raise ValueError(text)
    if number is None or mark:
        return Variable(name, iterator=int(number or 0))
    return Variable(name, place=int(number))


def is_name(text: str) -> bool:
    """Return whether a parameter can be called so."""
    return re.fullmatch(r"[A-Za-z0-9_]{1,64}", text) is not None


def is_value(text: str) -> bool:
    """Return whether a parameter can have this value, whatever uses it."""
    return re.fullmatch(r"[A-Za-z0-9_.:+/-]{1,128}", text) is not None


def misnamed(name: str, value: str) -> str:
    """Return what is wrong with a parameter by itself, as words for a message; "" for one that a filter can use."""
    if not is_name(name):
        return f"the name {name[:40]!r}, which is not {NAME_SAYS}"
    return "" if is_value(value) else f"the value {value[:40]!r}, which is not {VALUE_SAYS}"

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables of an inventory whose names are almost those of a role.

Ansible has no declared variables: a list under a mistyped name is there, and nobody reads it. Whoever writes an
inventory may have names of his own that begin as those of a role do, so only what looks like a slip of the fingers is
told.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Optional

# How many slips a name may have, without the prefix and by the length of what was meant. In a short word one letter
# makes another word (site_url is no slip of site_uri, and host_env none of host_venv).
SLIPS = ((8, 2), (4, 1))
SHORTEST = SLIPS[-1][0]


def mistyped(variables: Mapping[str, Any], known: Collection[str], own: Collection[str] = ()) -> Iterator[str]:
    """Yield a sentence for each variable that was likely meant to be one of the role.

    ``known`` are the role's variables, which begin with one word and an underscore; ``own`` are names that the
    inventory says are its own. What the value of one of the role's variables mentions is used there, so it is no slip.
    """
    prefix = f"{min(known, default='').partition('_')[0]}_"
    words = [name[len(prefix) :] for name in known]
    for name in sorted(str(each) for each in variables if str(each).startswith(prefix)):
        meant = None if name in known or name in own else nearest(name[len(prefix) :], words)
        if meant and not _is_mentioned(name, [variables.get(each) for each in known]):
            yield f"{name} is no variable of this role; did you mean {prefix}{meant}?"


def nearest(word: str, known: Collection[str]) -> Optional[str]:
    """Return the word that was likely meant; None where there is none.

    A number in a word is no slip, as no variable of ours has one: site_guests_2 is a part of somebody's site_guests.
    """
    if len(word) < SHORTEST or any(letter.isdigit() for letter in word):
        return None
    rows = [(slips(word.lower(), meant, _allowed(meant)), meant) for meant in known]
    found = [(count, meant) for count, meant in rows if count <= _allowed(meant)]
    return min(found)[1] if found else None


def slips(word: str, meant: str, most: int) -> int:
    """Return how many letters are missing, too many, wrong, or swapped with their neighbour; above ``most`` any number.

    It is the distance of optimal string alignment: a pair that was swapped is not touched again.
    """
    if abs(len(word) - len(meant)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(meant) + 1))
    for row, letter in enumerate(word, 1):
        now = [row]
        for column, wanted in enumerate(meant, 1):
            best = min(last[column] + 1, now[column - 1] + 1, last[column - 1] + (letter != wanted))
            if row > 1 and column > 1 and (letter, word[row - 2]) == (meant[column - 2], wanted):
                best = min(best, before[column - 2] + 1)
            now.append(best)
        if min(now) > most and min(last) > most:
            return most + 1
        before, last = last, now
    return last[-1]


def _allowed(meant: str) -> int:
    return next((count for length, count in SLIPS if len(meant) >= length), 0)


def _is_mentioned(name: str, values: Collection[Any]) -> bool:
    word = re.compile(rf"\b{re.escape(name)}\b")
    return any(word.search(str(value)) for value in values)

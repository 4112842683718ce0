# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rule is once its variables have values: concrete, checked, and free of XML.

What a value is in Python follows from the kind of its attribute:

- numbers, and words that stand for numbers (protocols, opcodes): int
- MAC addresses and masks: text in lower case with two digits each, ``52:54:00:00:00:01``
- IPv4 and IPv6 addresses: text as ``ipaddress`` writes it; their masks: the length of the prefix, an int
- connection states: the words in capitals, ``("NEW", "ESTABLISHED")``; NONE says that no state is matched
- TCP flags: mask and flags, two ints
- the flags of an ipset: the words, ``("src", "dst")``
- truth values: bool; everything else: text
"""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple, Union

OUT = "out"
IN = "in"
INOUT = "inout"
ANY = "any"
DHCP = "dhcp"


class Learnt(NamedTuple):
    """A variable whose addresses nftables learns: the set that keeps them, and how they come there.

    ``family`` is 4 or 6. ``method`` is any (the first source address that the guest sends) or dhcp (what a
    server acknowledges). learnt.py says what kind of set that is.
    """

    name: str
    family: int = 4
    method: str = ANY


class Ipset(NamedTuple):
    """An ipset of this host that was copied into a set of ours, ``name``; ipsets.py makes it.

    ``family`` is 4 or 6, None where the elements are no IP addresses. ``parts`` are what an element consists of:
    ip, port (with its protocol), mac, mark.
    """

    name: str
    family: Optional[int]
    parts: Tuple[str, ...]


Concrete = Union[int, str, Tuple[str, ...], Tuple[int, int], Learnt, Ipset]


class Value(NamedTuple):
    """One attribute of a rule; ``negate`` says that it must not be so. Truth values are ints too."""

    attribute: str
    value: Concrete
    negate: bool = False


class ConcreteRule(NamedTuple):
    """One rule with all its values, and where it comes from.

    ``number`` counts the rules of the filter from 1. ``direction`` is as the guest sees it: out, in, inout.
    ``protocol`` is None for a rule that matches everything. ``own_set`` names the set that the rule keeps what it
    counts in: sets.py says which rules need one.
    """

    filter: str
    number: int
    action: str
    direction: str
    priority: int = 500
    statematch: bool = True
    protocol: Optional[str] = None
    values: Tuple[Value, ...] = ()
    comment: str = ""
    own_set: str = ""
    line: Optional[int] = None

    def get(self, attribute: str) -> Optional[Value]:
        """Return the value of this attribute, None when the rule does not speak of it."""
        return next((value for value in self.values if value.attribute == attribute), None)

    def says(self, *attributes: str) -> bool:
        """Return whether the rule speaks of any of these attributes."""
        return any(value.attribute in attributes for value in self.values)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documents of a folder, and what people make of them: one value that is odd, one part that is missing or twice."""

from __future__ import annotations

import re
from functools import cached_property
from itertools import cycle
from pathlib import Path
from typing import Callable, Dict, FrozenSet, Iterator, List, Set, Tuple

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.context import Context
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, clone, parse
from ansible_collections.corral.virt.tests.unit.drivers.qemu.able import arguments

# What somebody may write in place of a value.
ODD = ("", " ", "zz", "-1", "0", "1", "0x", "1_0", "4294967296", "9" * 25, "é", "a,b=c", "../x", "on", "x\ny")

# What was done to a document, and what has become of it.
Variation = Tuple[str, Element]


class Documents:
    """The documents NAME.xml of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: List[str] = sorted(path.stem for path in folder.glob("*.xml"))

    def read(self, name: str) -> Element:
        """A document of its own."""
        return parse((self.folder / f"{name}.xml").read_text(encoding="utf-8"), root="domain")

    @cached_property
    def unlike(self) -> Dict[str, FrozenSet[int]]:
        """The numbers of those elements of each document that stand in none before it: each is tried once."""
        seen: Set[str] = set()
        found: Dict[str, FrozenSet[int]] = {}
        for name in self.names:
            numbers = {_signature(element): number for number, element in enumerate(self.read(name).iter())}
            found[name] = frozenset(number for signature, number in numbers.items() if signature not in seen)
            seen.update(numbers)
        return found

    def odd_values(self, name: str) -> Iterator[Variation]:
        """Each attribute and each text in turn with odd values: one that never fits, and the next of ODD."""
        values = cycle(ODD)
        for number, element in self._tried(name):
            for attribute in (*element.attrib, *(() if len(element) else ("",))):
                for value in ("zz", next(values)):
                    odd, place = _copy(element, number)
                    if attribute:
                        place.set(str(attribute), value)
                    else:
                        place.text = value
                    yield f"{element.tag}/@{attribute} = {value!r}", odd

    def missing_or_twice(self, name: str) -> Iterator[Variation]:
        """Each attribute left out, and each element left out or written twice."""
        for number, element in self._tried(name):
            for attribute in element.attrib:
                less, place = _copy(element, number)
                del place.attrib[attribute]
                yield f"{element.tag} without {attribute!r}", less
            if number:
                less, place = _copy(element, number)
                _parent(place).remove(place)
                yield f"{element.tag} missing", less
                more, place = _copy(element, number)
                _parent(place).append(clone(place))
                yield f"{element.tag} twice", more

    def _tried(self, name: str) -> Iterator[Tuple[int, Element]]:
        return ((number, each) for number, each in enumerate(self.read(name).iter()) if number in self.unlike[name])


def refused_in_words(variations: Iterator[Variation], host: Callable[[], Context]) -> None:
    """Each becomes a command line or an error of ours, in words, whatever the document says."""
    for what, document in variations:
        try:
            arguments(document, host())
        except CorralError as error:
            assert error.message.endswith(".") and "\n" not in error.message, f"{what}: {error.message}"
            assert not re.search(r"\bNone\b", error.message), f"{what}: {error.message}"
        except Exception as error:
            raise AssertionError(f"{what}: {error!r}") from error


def _signature(element: Element) -> str:
    """Where an element stands in any document, and of which type what it belongs to is."""
    above = [element, *element.iterancestors()]
    return " ".join(f"{each.tag}:{each.get('type', '')}" for each in above if each.tag != "domain")


def _copy(element: Element, number: int) -> Tuple[Element, Element]:
    """A copy of the document, and its element of that number."""
    document = clone(element.getroottree().getroot())
    return document, list(document.iter())[number]


def _parent(element: Element) -> Element:
    parent = element.getparent()
    assert parent is not None
    return parent

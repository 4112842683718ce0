# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Golden command lines: golden/NAME.xml as a user writes it, golden/NAME.txt with what becomes of it.

After a change that is meant, CORRAL_REGENERATE=1 writes the texts anew; look at the difference before it is committed.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Callable, Dict, FrozenSet, Iterable, Set

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.run import complete
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, clone, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.drivers.qemu.able import able, arguments

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.stem for path in GOLDEN.glob("*.xml"))

# What somebody may write in place of a value.
ODD = ("", " ", "zz", "-1", "0", "1", "0x", "1_0", "4294967296", "9" * 25, "é", "a,b=c", "../x", "on", "x\ny")


def read(case: str) -> Element:
    return parse((GOLDEN / f"{case}.xml").read_text(encoding="utf-8"), root="domain")


@pytest.mark.parametrize("case", CASES)
def test_command_line(case: str, golden: Callable[[str, Iterable[str]], None]) -> None:
    golden(case, arguments(read(case), able()))


@pytest.mark.parametrize("case", CASES)
def test_a_second_completion_changes_nothing(case: str) -> None:
    once = complete(read(case), able())
    assert to_text(complete(once, able())) == to_text(once)
    assert to_text(complete(once, able(), once)) == to_text(once)


@pytest.mark.parametrize("case", CASES)
def test_a_document_is_left_as_it_is(case: str) -> None:
    document = read(case)
    before = to_text(document)
    complete(document, able())
    assert to_text(document) == before


def signature(element: Element) -> str:
    """Where an element stands in any document, and of which type what it belongs to is."""
    above = [element, *element.iterancestors()]
    return " ".join(f"{each.tag}:{each.get('type', '')}" for each in above if each.tag != "domain")


@cache
def unlike() -> Dict[str, FrozenSet[int]]:
    """The elements of each document that stand in no document before it, by their number: enough to be tried once."""
    seen: Set[str] = set()
    found: Dict[str, FrozenSet[int]] = {}
    for case in CASES:
        names = {signature(element): number for number, element in enumerate(read(case).iter())}
        found[case] = frozenset(number for name, number in names.items() if name not in seen)
        seen.update(names)
    return found


@pytest.mark.parametrize("case", CASES)
def test_any_value_is_taken_or_refused_in_words(case: str) -> None:
    """No value in a document, however odd, ends in anything but a command line or an error of ours."""
    document = read(case)
    values = cycle(ODD)
    for number, element in enumerate(document.iter()):
        names = (*element.attrib, *(() if len(element) else ("",)))
        for name in names if number in unlike()[case] else ():
            for value in ("zz", next(values)):
                odd = clone(document)
                place = list(odd.iter())[number]
                if name:
                    place.set(str(name), value)
                else:
                    place.text = value
                check(odd, f"{element.tag}/@{name} = {value!r}")


@pytest.mark.parametrize("case", CASES)
def test_any_part_may_be_missing_or_twice(case: str) -> None:
    document = read(case)
    for number, element in enumerate(document.iter()):
        if number not in unlike()[case]:
            continue
        for name in element.attrib:
            less = clone(document)
            del list(less.iter())[number].attrib[name]
            check(less, f"{element.tag} without {name!r}")
        if number:
            less, more = clone(document), clone(document)
            _parent(less, number).remove(list(less.iter())[number])
            _parent(more, number).append(clone(list(more.iter())[number]))
            check(less, f"{element.tag} missing")
            check(more, f"{element.tag} twice")


def _parent(document: Element, number: int) -> Element:
    parent = list(document.iter())[number].getparent()
    assert parent is not None
    return parent


def check(document: Element, what: str) -> None:
    try:
        arguments(document, able())
    except CorralError as error:
        assert error.message.endswith(".") and "\n" not in error.message, f"{what}: {error.message}"
        assert not re.search(r"\bNone\b", error.message), f"{what}: {error.message}"
    except Exception as error:
        raise AssertionError(f"{what}: {error!r}") from error

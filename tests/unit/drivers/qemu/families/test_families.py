# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Golden command lines of the device families that need facts of the host: golden/NAME.xml, golden/NAME.txt.

After a change that is meant, CORRAL_REGENERATE=1 writes the texts anew; look at the difference before it is committed.
"""

from __future__ import annotations

import os
from itertools import cycle
from pathlib import Path

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.ignored import ignored_parts
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.run import complete
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, clone, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.drivers.qemu.able import arguments
from ansible_collections.corral.virt.tests.unit.drivers.qemu.families.host import host

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.stem for path in GOLDEN.glob("*.xml"))
ODD = ("", "zz", "-1", "0", "0x", "9" * 25, "a,b=c", "x\ny")


def read(case: str) -> Element:
    return parse((GOLDEN / f"{case}.xml").read_text(encoding="utf-8"), root="domain")


@pytest.mark.parametrize("case", CASES)
def test_command_line(case: str) -> None:
    text = "\n".join(arguments(read(case), host())) + "\n"
    golden = GOLDEN / f"{case}.txt"
    if os.environ.get("CORRAL_REGENERATE"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES)
def test_a_second_completion_changes_nothing(case: str) -> None:
    once = complete(read(case), host())
    assert to_text(complete(once, host())) == to_text(once)
    assert to_text(complete(once, host(), once)) == to_text(once)


@pytest.mark.parametrize("case", CASES)
def test_any_value_is_taken_or_refused_in_words(case: str) -> None:
    document, values = read(case), cycle(ODD)
    for number, element in enumerate(document.iter()):
        for name in (*element.attrib, *(() if len(element) else ("",))):
            odd, value = clone(document), next(values)
            place = list(odd.iter())[number]
            if name:
                place.set(str(name), value)
            else:
                place.text = value
            check(odd, f"{element.tag}/@{name} = {value!r}")


@pytest.mark.parametrize("case", CASES)
def test_any_part_may_be_missing(case: str) -> None:
    document = read(case)
    for number, element in enumerate(document.iter()):
        for name in element.attrib:
            less = clone(document)
            del list(less.iter())[number].attrib[name]
            check(less, f"{element.tag} without {name!r}")
        if number:
            less = clone(document)
            place = list(less.iter())[number]
            parent = place.getparent()
            assert parent is not None
            parent.remove(place)
            check(less, f"{element.tag} missing")


def check(document: Element, what: str) -> None:
    """A command line or an error of ours, in words, whatever the document says."""
    try:
        arguments(document, host())
    except CorralError as error:
        assert error.message.endswith(".") and "\n" not in error.message, f"{what}: {error.message}"
        assert "None" not in error.message, f"{what}: {error.message}"
    except Exception as error:
        raise AssertionError(f"{what}: {error!r}") from error


@pytest.mark.parametrize("case", CASES)
def test_nothing_that_is_written_for_qemu_is_called_ignored(case: str) -> None:
    left = [part for part in ignored_parts(read(case)) if "logFile" not in part]
    assert left == []

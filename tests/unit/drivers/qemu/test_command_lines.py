# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Golden command lines: golden/NAME.xml as a user writes it, golden/NAME.txt with what becomes of it.

After a change that is meant, CORRAL_REGENERATE=1 writes the texts anew; look at the difference before it is committed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.run import complete
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.drivers.qemu.able import able, arguments
from ansible_collections.corral.virt.tests.unit.drivers.qemu.variations import Documents, refused_in_words

DOCUMENTS = Documents(Path(__file__).parent / "golden")


@pytest.mark.parametrize("case", DOCUMENTS.names)
def test_command_line(case: str, golden: Callable[[str, Iterable[str]], None]) -> None:
    golden(case, arguments(DOCUMENTS.read(case), able()))


@pytest.mark.parametrize("case", DOCUMENTS.names)
def test_a_second_completion_changes_nothing(case: str) -> None:
    once = complete(DOCUMENTS.read(case), able())
    assert to_text(complete(once, able())) == to_text(once)
    assert to_text(complete(once, able(), once)) == to_text(once)


@pytest.mark.parametrize("case", DOCUMENTS.names)
def test_a_document_is_left_as_it_is(case: str) -> None:
    document = DOCUMENTS.read(case)
    before = to_text(document)
    complete(document, able())
    assert to_text(document) == before


@pytest.mark.parametrize("case", DOCUMENTS.names)
def test_any_value_is_taken_or_refused_in_words(case: str) -> None:
    """No value in a document, however odd, ends in anything but a command line or an error of ours."""
    refused_in_words(DOCUMENTS.odd_values(case), able)


@pytest.mark.parametrize("case", DOCUMENTS.names)
def test_any_part_may_be_missing_or_twice(case: str) -> None:
    refused_in_words(DOCUMENTS.missing_or_twice(case), able)

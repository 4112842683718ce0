# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Golden command lines of the device families that need facts of the host: golden/NAME.xml, golden/NAME.txt.

After a change that is meant, CORRAL_REGENERATE=1 writes the texts anew; look at the difference before it is committed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.ignored import ignored_parts
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.run import complete
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.drivers.qemu.able import arguments
from ansible_collections.corral.virt.tests.unit.drivers.qemu.families.host import host
from ansible_collections.corral.virt.tests.unit.drivers.qemu.variations import Documents, refused_in_words

DOCUMENTS = Documents(Path(__file__).parent / "golden")


@pytest.mark.parametrize("case", DOCUMENTS.names)
def test_command_line(case: str, golden: Callable[[str, Iterable[str]], None]) -> None:
    golden(case, arguments(DOCUMENTS.read(case), host()))


@pytest.mark.parametrize("case", DOCUMENTS.names)
def test_a_second_completion_changes_nothing(case: str) -> None:
    once = complete(DOCUMENTS.read(case), host())
    assert to_text(complete(once, host())) == to_text(once)
    assert to_text(complete(once, host(), once)) == to_text(once)


@pytest.mark.parametrize("case", DOCUMENTS.names)
def test_any_value_is_taken_or_refused_in_words(case: str) -> None:
    refused_in_words(DOCUMENTS.odd_values(case), host)


@pytest.mark.parametrize("case", DOCUMENTS.names)
def test_any_part_may_be_missing_or_twice(case: str) -> None:
    refused_in_words(DOCUMENTS.missing_or_twice(case), host)


@pytest.mark.parametrize("case", DOCUMENTS.names)
def test_nothing_that_is_written_for_qemu_is_called_ignored(case: str) -> None:
    left = [part for part in ignored_parts(DOCUMENTS.read(case)) if "logFile" not in part]
    assert left == []

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Golden command lines: golden/NAME.xml, and what its disks become in golden/NAME.txt.

After a change that is meant, CORRAL_REGENERATE=1 writes the files anew; look at the difference before it is committed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterable, List

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.command.throttle import throttle_options
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.options import argv
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.run import complete
from ansible_collections.corral.virt.plugins.module_utils.model.domain.core import Domain
from ansible_collections.corral.virt.plugins.module_utils.model.domain.disk import Disk
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.views import undeclared
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.drivers.qemu.disks.disk_facts import facts, options_of

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.stem for path in GOLDEN.glob("*.xml"))


def read(case: str) -> Element:
    return parse((GOLDEN / f"{case}.xml").read_text(encoding="utf-8"), root="domain")


def lines(words: List[str]) -> List[str]:
    pairs: List[str] = []
    for word in words:
        if word.startswith("-"):
            pairs.append(word)
        else:
            pairs[-1] += f" {word}"
    return pairs


@pytest.mark.parametrize("case", CASES)
def test_disks_become_these_options(case: str, golden: Callable[[str, Iterable[str]], None]) -> None:
    document, context = read(case), facts()
    found = [*throttle_options(Domain(document), context), *options_of(document, context)]
    golden(case, lines(argv(found, context.caps)))


@pytest.mark.parametrize("case", CASES)
def test_a_second_completion_changes_nothing(case: str) -> None:
    context = facts()
    once = complete(read(case), context)
    assert to_text(complete(once, context)) == to_text(once)


@pytest.mark.parametrize("case", CASES)
def test_nothing_of_a_disk_is_undeclared(case: str) -> None:
    for disk in Domain(complete(read(case), facts())).all(Disk):
        assert undeclared(disk) == []

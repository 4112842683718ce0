# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has no effect is said part by part, as long as somebody can read that."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.converge.job import MOST_WARNINGS, Job


@pytest.mark.parametrize(
    ("count", "last"),
    [
        (1, "domain/x0 is kept in the definition"),
        (MOST_WARNINGS, f"domain/x{MOST_WARNINGS - 1} is kept"),
        (MOST_WARNINGS + 1, "And 1 more part of the definition"),
        (1000, "And 980 more parts of the definition"),
    ],
)
def test_many_parts_without_effect_are_few_warnings(count: int, last: str) -> None:
    said: list[str] = []
    with open_connection("test:///default", read_only=True) as connection:
        Job(connection, {}, warn=said.append).warn_ignored([f"domain/x{number}" for number in range(count)])
    assert len(said) == min(count, MOST_WARNINGS + 1) and said[-1].startswith(last)

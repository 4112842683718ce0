# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many guests start at the same time."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.service.turns import PATIENCE, turn


@pytest.mark.parametrize(("processors", "most"), [(1, 4), (2, 4), (8, 16)])
def test_so_many_start_at_the_same_time(processors: int, most: int) -> None:
    host, layout = FakeHost(), Layout.system()
    with ExitStack() as stack:
        for _number in range(most):
            stack.enter_context(turn(host, layout, processors))
        assert host.monotonic() == 1000.0
        host.on_sleep = stack.close  # the others have started by now
        with turn(host, layout, processors):
            assert host.monotonic() < 1002.0


def test_who_waits_for_very_long_starts_without() -> None:
    host, layout = FakeHost(), Layout.system()
    with ExitStack() as stack:
        for _number in range(4):
            stack.enter_context(turn(host, layout, 1))
        with turn(host, layout, 1):
            assert host.monotonic() >= 1000.0 + PATIENCE


def test_a_turn_ends_with_an_error() -> None:
    host, layout = FakeHost(), Layout.system()
    for _number in range(9):
        with pytest.raises(ValueError, match="no"), turn(host, layout, 1):
            raise ValueError("no")
    assert host.monotonic() == 1000.0

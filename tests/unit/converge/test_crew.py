# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work in several threads: each piece once, not more at a time than allowed, and none before those it waits for."""

from __future__ import annotations

import threading
from itertools import combinations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.crew import in_order

PATIENCE = 20


class Watched:
    """Work that writes down when it begins and ends."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now: set[int] = set()
        self.most = 0
        self.said: list[tuple[str, int]] = []

    def __call__(self, number: int) -> None:
        with self.lock:
            self.now.add(number)
            self.most = max(self.most, len(self.now))
            self.said.append(("begin", number))
        threading.Event().wait(0.005)
        with self.lock:
            self.now.remove(number)
            self.said.append(("end", number))


def test_one_at_a_time_is_the_order_of_the_numbers_and_takes_no_thread() -> None:
    threads, order = [], []

    def work(number: int) -> None:
        threads.append(threading.current_thread())
        order.append(number)

    in_order([set(), {0}, set(), {0, 1, 2}], work, parallel=1)
    assert order == [0, 1, 2, 3]
    assert set(threads) == {threading.main_thread()}


def test_all_of_them_can_be_at_work_at_once() -> None:
    """Each waits until all have begun, so fewer than four threads would never get through."""
    meeting = threading.Barrier(4, timeout=PATIENCE)
    in_order([set()] * 4, lambda number: meeting.wait(), parallel=4)
    assert not meeting.broken


@pytest.mark.parametrize("parallel", [2, 3, 8])
def test_no_more_than_allowed_and_each_once(parallel: int) -> None:
    work = Watched()
    in_order([set()] * 12, work, parallel=parallel)
    assert work.most <= parallel
    assert sorted(number for what, number in work.said if what == "begin") == list(range(12))
    assert not work.now


@pytest.mark.parametrize("parallel", [1, 2, 5])
def test_what_is_waited_for_has_ended(parallel: int) -> None:
    ties: list[set[int]] = [set(), set(), {0}, {2}, set(), {1, 4}, set(), {6, 3}]
    work = Watched()
    in_order(ties, work, parallel=parallel)
    for number, earlier in enumerate(ties):
        for before in earlier:
            assert work.said.index(("end", before)) < work.said.index(("begin", number))


def test_a_chain_is_one_after_the_other_whatever_is_allowed() -> None:
    work = Watched()
    in_order([set(range(number)) for number in range(6)], work, parallel=6)
    assert work.most == 1
    order = [number for what, number in work.said if what == "begin"]
    assert all(early < late for early, late in combinations(order, 2))


@pytest.mark.parametrize("parallel", [1, 3])
def test_what_breaks_is_raised_and_nothing_is_begun_after_it(parallel: int) -> None:
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        if number == 0:
            raise KeyError("broken")
        threading.Event().wait(0.05)

    with pytest.raises(KeyError, match="broken"):
        in_order([set()] * 20, work, parallel=parallel)
    assert len(begun) <= parallel + 1


def test_nothing_to_do() -> None:
    in_order([], lambda number: pytest.fail("called"), parallel=4)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Doing several pieces of work in a few threads, where some have to wait for others.

What takes time is waiting: for QEMU, for a program, for a guest. So threads of one process are enough, and the open
connection, what is imported and what is known of the host are shared by all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from threading import Condition, Thread
from typing import Callable, Optional


def in_order(ties: Sequence[AbstractSet[int]], work: Callable[[int], object], *, parallel: int) -> None:
    """Do ``work`` for the numbers 0, 1, ... in at most so many threads, each number once.

    ``ties`` has a row for each number: those before it that have to be done first. With one thread it is the order of
    the numbers. The first exception that ``work`` raises is raised here, and what was not begun by then is left undone.
    """
    workers = min(parallel, len(ties))
    if workers <= 1:
        for number in range(len(ties)):
            work(number)
        return
    crew = _Crew(ties, work)
    threads = [Thread(target=crew.work_through, daemon=True) for _worker in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if crew.broken is not None:
        raise crew.broken


class _Crew:
    """Who has begun what, and what is done."""

    def __init__(self, ties: Sequence[AbstractSet[int]], work: Callable[[int], object]) -> None:
        self.ties, self.work = ties, work
        self.left = list(range(len(ties)))
        self.done: set[int] = set()
        self.broken: Optional[BaseException] = None
        self.changed = Condition()

    def work_through(self) -> None:
        """Take what is free until nothing is left."""
        number = self._take()
        while number is not None:
            try:
                self.work(number)
            except BaseException as error:
                self._stop(error)
            number = self._finished(number)

    def _take(self) -> Optional[int]:
        with self.changed:
            return self._next()

    def _finished(self, number: int) -> Optional[int]:
        with self.changed:
            self.done.add(number)
            self.changed.notify_all()
            return self._next()

    def _next(self) -> Optional[int]:
        """The first number that need not wait for another; None when all have been begun. Rows name earlier ones."""
        while self.left:
            for number in self.left:
                if self.ties[number] <= self.done:
                    self.left.remove(number)
                    return number
            self.changed.wait()
        return None

    def _stop(self, error: BaseException) -> None:
        with self.changed:
            self.broken = self.broken or error
            self.left.clear()

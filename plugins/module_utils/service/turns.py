# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests start a few at a time: a host that comes up has all of them to start at once, and each takes its time of it.

systemd starts what it may at the same time. Without a bound, fifty launchers share the processors and the disk, and
each of them gets so little that a QEMU does not greet in its time. A turn is a lock, so it goes with its launcher.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import Iterator, List

from ..errors import LockBusy
from ..host.api import Host
from ..host.layout import Layout

# How many guests start at the same time, for each processor and at least; who starts waits much for others.
EACH, LEAST = 2, 4
# Seconds between two looks for a turn, and until one is started without.
LOOK, PATIENCE = 0.2, 1200.0


@contextmanager
def turn(host: Host, layout: Layout, processors: int) -> Iterator[None]:
    """Hold one of the turns; who has waited for very long starts all the same."""
    layout.prepare(host)
    paths = [layout.turn_lock(number) for number in range(max(processors * EACH, LEAST))]
    with ExitStack() as stack:
        host.wait_for(lambda: _taken(stack, host, paths), timeout=PATIENCE)
        yield


def _taken(stack: ExitStack, host: Host, paths: List[str]) -> bool:
    """Take the first turn that is free."""
    for path in paths:
        try:
            stack.enter_context(host.lock(path, timeout=0))
        except LockBusy:
            continue
        return True
    host.sleep(LOOK)
    return False

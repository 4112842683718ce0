# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Long pieces of work, each with a key: a lock that its worker's death opens, and what killed workers have left.

The key stands in the name of everything that is unfinished. What lies there without its lock being held is left over.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Callable, Iterable, Iterator

from ....errors import LockBusy
from ....host.api import Host
from ....host.layout import Layout

# Seconds that another run may take for the same piece of work.
WORK_TIMEOUT = 3600.0
# What a key looks like, and how the names of what is unfinished end.
KEY = "[0-9a-f]{24}"
KEY_LENGTH = 24
PART_SUFFIX = ".part"


@contextmanager
def holding(host: Host, layout: Layout, key: str, *, timeout: float = WORK_TIMEOUT) -> Iterator[None]:
    """Hold the lock of a piece of work; raises LockBusy. The file of the lock goes while it is held."""
    lock = layout.work_lock(key)
    with host.lock(lock, timeout=timeout):
        try:
            yield
        finally:
            host.remove(lock)


def sweep(host: Host, layout: Layout, keys: Iterable[str], clear: Callable[[str], None]) -> None:
    """Clear what is left over of each piece of work that nobody is at."""
    for key in sorted(set(keys)):
        try:
            with holding(host, layout, key, timeout=0):
                clear(key)
        except LockBusy:
            continue

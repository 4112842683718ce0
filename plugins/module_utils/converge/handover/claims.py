# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which run hands a guest over, for each of the two hosts.

A run may be ended on the controller while what it has ordered goes on, or be believed to have ended. So each one claims
the guest on both hosts before it looks at it, which waits for what is being done; after that the claims of those before
it are void.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import OperationInvalid
from ...host.layout import short_name
from .side import Side

# Seconds that something that is being done may take: a guest shuts down, or a large file is compared.
PATIENCE = 900.0


@contextmanager
def held(side: Side, name: str, run: str, *, claiming: bool) -> Iterator[None]:
    """Do something for a run while no other does; raises OperationInvalid when a later one has claimed the guest."""
    side.layout.prepare(side.host)
    path = side.layout.work_lock(f"hand-over-{short_name(name)}")
    with side.host.lock(path, timeout=PATIENCE):
        claim = f"{path}.run"
        if claiming:
            side.host.write(claim, run.encode(), lasting=False)
        elif side.host.read(claim) != run.encode():
            raise OperationInvalid(f"Another run hands the guest {name} over by now.", hint="Let it end.")
        yield

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a hypervisor driver lets one do inside a guest: run programs, write and read files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, Sequence, Tuple


@dataclass(frozen=True)
class Ended:
    """How a program inside a guest ended: ``code`` is its exit status, or 128 and the signal that killed it."""

    code: int
    stdout: bytes = field(default=b"", repr=False)
    stderr: bytes = field(default=b"", repr=False)


class Inside(Protocol):
    """A way into one guest. Every call raises a CorralError that says what to do in the guest."""

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float = 0) -> Ended:
        """Run a program to its end; raises TimedOut after ``timeout`` seconds, where that is not 0."""

    def write(self, path: str, data: bytes, *, append: bool = False) -> None:
        """Write to a file, from its beginning or from its end on; a file that is not there is made."""

    def read(self, path: str, *, offset: int, size: int) -> Tuple[bytes, bool]:
        """Return at most ``size`` bytes of a file from ``offset`` on, and whether this was the last of it."""

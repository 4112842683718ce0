# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module run is about: the open connection and the options of the user."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Optional

if TYPE_CHECKING:
    from ..connect.connection import Connection


# More warnings of one kind than these are read by nobody.
MOST_WARNINGS = 20


def _nothing(_text: str) -> None:
    """Do nothing: where nobody listens."""


@dataclass(frozen=True)
class Job:
    """One run of a module. In check mode the connection is read-only.

    ``hide`` takes a secret value out of everything that the module says, the options that Ansible repeats included.
    ``warn`` says something to the user beside the result. ``expected`` is what the earlier elements of a list would
    have made in a check, where a run finds it on the host; None outside of a list.
    """

    connection: Connection
    options: Mapping[str, Any]
    check_mode: bool = False
    diff: bool = False
    hide: Callable[[str], None] = _nothing
    warn: Callable[[str], None] = _nothing
    expected: Optional[dict[Hashable, Any]] = None

    def warn_ignored(self, parts: Sequence[str]) -> None:
        """Say which parts of a document have no effect: some of them one by one, and how many more there are."""
        for part in parts[:MOST_WARNINGS]:
            self.warn(f"{part} is kept in the definition, and has no effect: this driver does not read it.")
        more = len(parts) - MOST_WARNINGS
        if more > 0:
            self.warn(f"And {more} more part{'s' if more > 1 else ''} of the definition, without effect as well.")

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The values of a plan, the same for guests, networks and pools: what is wanted, the steps, and what comes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional

from ...drivers.api import Fault, Summary
from ...xml.compare import Change
from ...xml.parse import Element
from .effects import LIVE


@dataclass(frozen=True)
class Wanted:
    """What the user asks for beside the document. ``autostart`` None leaves it alone.

    ``apply`` is live, next_boot or restart.
    """

    name: str
    state: str = "present"
    autostart: Optional[bool] = None
    apply: str = "live"
    force: bool = False
    transient: bool = False


@dataclass(frozen=True)
class Current:
    """An object as it is: ``persistent`` is None for a transient one, ``live`` for one that is not active.

    ``faults`` are what an active one lacks to work, ``users`` the names of the active guests that it serves.
    """

    summary: Summary
    persistent: Optional[Element] = None
    live: Optional[Element] = None
    faults: tuple[Fault, ...] = ()
    users: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One thing to do: ``action`` is a row of the apply table, ``detail`` says for people what it is about."""

    action: str
    target: str
    effect: str = LIVE
    detail: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the step as a module returns it."""
        return {"action": self.action, "target": self.target, "effect": self.effect, "detail": list(self.detail)}


@dataclass(frozen=True)
class Plan:
    """Steps in their order, and what waits for the next start once they are done.

    ``live`` are the differences that the step ``update`` makes in what is active, ``state`` is the state that the
    object has in the end ("absent" when there is none), ``document`` the completed definition that it then has.
    """

    steps: tuple[Step, ...] = ()
    pending: tuple[Change, ...] = ()
    live: tuple[Change, ...] = ()
    state: str = "absent"
    autostart: bool = False
    document: Optional[Element] = field(default=None, compare=False, repr=False)

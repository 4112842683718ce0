# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one loop over the steps of a plan, and what the error of a step says about those before it."""

from __future__ import annotations

from typing import Callable

from ...errors import CorralError
from .values import Plan, Step


def take_steps(plan: Plan, do: Callable[[Step], object], left: Callable[[list[str], Step], str]) -> None:
    """Do every step of the plan in its order; raises what ``do`` raises.

    The error of a step has the actions that were done before it in its details, as ``done``, and its own as ``failed``.
    Its hint begins with what ``left`` says: what has become of the object by the actions before.
    """
    for number, step in enumerate(plan.steps):
        try:
            do(step)
        except CorralError as error:
            done = [before.action for before in plan.steps[:number]]
            error.details.update(done=done, failed=step.action)
            error.hint = " ".join(part for part in (left(done, step), error.hint) if part) or None
            raise

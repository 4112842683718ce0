# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Doing the plan of a network or pool: a table of actions and the one loop over the steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Callable

from ...errors import CorralError
from ...xml.parse import Element, clone
from .face import Face
from .values import Plan, Step, Wanted

Action = Callable[[Face, Plan, Wanted], object]


def apply(plan: Plan, face: Face, wanted: Wanted) -> None:
    """Do every step of the plan in its order; raises what the driver raises.

    The error of a step has the actions that were done before it in its details, as ``done``, and its own as ``failed``.
    """
    for number, step in enumerate(plan.steps):
        try:
            ACTIONS[step.action](face, plan, wanted)
        except CorralError as error:
            error.details.update(done=_names(plan.steps[:number]), failed=step.action)
            raise


def _names(steps: tuple[Step, ...]) -> list[str]:
    return [step.action for step in steps]


def _document(plan: Plan) -> Element:
    """The plan's document for one call, which may change it."""
    if plan.document is None:
        raise ValueError("a plan with this step has a document")
    return clone(plan.document)


ACTIONS: Mapping[str, Action] = {
    "define": lambda face, plan, wanted: face.define(_document(plan)),
    "undefine": lambda face, plan, wanted: face.undefine(wanted.name),
    "create": lambda face, plan, wanted: face.create(_document(plan)),
    "start": lambda face, plan, wanted: face.start(wanted.name),
    "destroy": lambda face, plan, wanted: face.destroy(wanted.name),
    "update": lambda face, plan, wanted: face.update(wanted.name, _document(plan), plan.live),
    "mend": lambda face, plan, wanted: face.mend(wanted.name),
    "enable_autostart": lambda face, plan, wanted: face.set_autostart(wanted.name, True),
    "disable_autostart": lambda face, plan, wanted: face.set_autostart(wanted.name, False),
}

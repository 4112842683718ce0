# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Doing the plan of a network or pool: a table of actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Callable

from ...xml.parse import Element, clone
from .face import Face
from .steps import take_steps
from .values import Plan, Step, Wanted

Action = Callable[[Face, Plan, Wanted], object]
STARTS = ("start", "create")


def apply(plan: Plan, face: Face, wanted: Wanted) -> None:
    """Do every step of the plan in its order, as ``take_steps`` says; raises what the driver raises."""
    actions = {**ACTIONS, **face.nature.actions}
    take_steps(
        plan,
        lambda step: actions[step.action](face, plan, wanted),
        lambda done, step: _left(face.nature.noun, done, step),
    )


def _left(noun: str, done: list[str], failed: Step) -> str:
    """What the steps before have made of an object that could not be started."""
    if failed.action not in STARTS:
        return ""
    if "define" in done:
        return f"Its definition was kept, and the {noun} is inactive: correct what is wrong and run this again."
    return f"The {noun} was taken down, and is inactive now." if "destroy" in done else ""


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

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing a network or pool to what is wanted: look, plan, do, look again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Optional

from ...drivers.api import Expected
from ...errors import AlreadyExists, InvalidArgument
from ...values import parse_uuid
from ...xml.parse import Element, clone
from ..job import Job
from .apply import STARTS, apply
from .differences import own_definition
from .face import Face, find, gather
from .plan import ABSENT, ACTIVE, make_plan, state_of
from .result import changed_result, cut_off, diff_parts, state_text
from .values import Current, Plan, Wanted

# Seconds that another run may work on the same object before we give up.
OTHERS = 120
# How often a name or a subnet is chosen anew, when others choose at the same time.
TRIES = 32


@dataclass(frozen=True)
class Outcome:
    """What a run has found, planned and left; in check mode it leaves what it has found."""

    wanted: Wanted
    before: Optional[Current]
    plan: Plan
    after: Optional[Current]

    def result(self) -> dict[str, Any]:
        """Return what every module returns of a plan, and the guests that are cut off."""
        return {**changed_result(self.plan), "cut_off": cut_off(self.before, self.plan)}


def converge(job: Job, face: Face, wanted: Wanted, document: Optional[Element]) -> Outcome:
    """Bring one object to what is wanted; in check mode say what that would take. Raises CorralError."""
    with _alone(job, face, wanted):
        before, plan = _done(job, face, wanted, document)
    if job.check_mode and job.expected is not None and plan.steps:
        face.expect(wanted.name, _expected(before, plan))
    after = before if job.check_mode or not plan.steps else gather(face, wanted.name)
    return Outcome(wanted, before, plan, after)


def _expected(before: Optional[Current], plan: Plan) -> Expected:
    """The object as it would be after the plan, for the later elements of a list."""
    actions = {step.action for step in plan.steps}
    kept, runs = (before.persistent, before.live) if before else (None, None)
    if "define" in actions:
        kept = plan.document
    elif "undefine" in actions:
        kept = None
    if not actions.isdisjoint((*STARTS, "update")):
        runs = plan.document
    return Expected(kept, runs if plan.state == ACTIVE else None)


def check_options(noun: str, wanted: Wanted) -> None:
    """Raise InvalidArgument for options that contradict the wanted state."""
    if wanted.transient and wanted.state not in (ACTIVE, ABSENT):
        raise InvalidArgument(
            f"transient and state {wanted.state} contradict each other: a transient {noun} is there only while it is"
            " active.",
            hint="Set state: active, or leave transient out.",
        )
    if wanted.transient and wanted.autostart:
        raise InvalidArgument(
            f"transient and autostart contradict each other: only a {noun} with a definition can start with the host.",
            hint="Leave one of them out.",
        )


def difference(face: Face, outcome: Outcome) -> list[dict[str, str]]:
    """Return the parts of ``--diff``."""
    before, plan, nature = outcome.before, outcome.plan, face.nature
    old = own_definition(nature, before.persistent, before.live) if before else None
    new = None if plan.state == ABSENT else plan.document
    autostart = bool(before and before.summary.autostart)
    states = (state_text(state_of(before), autostart), state_text(plan.state, plan.autostart))
    return diff_parts(outcome.wanted.name, nature.identity, (old, new), states)


@contextmanager
def _alone(job: Job, face: Face, wanted: Wanted) -> Iterator[None]:
    """Let no other run come between our look and what we do."""
    if job.check_mode:
        yield
        return
    with face.exclusive(wanted.name, timeout=OTHERS):
        yield


def _done(job: Job, face: Face, wanted: Wanted, document: Optional[Element]) -> tuple[Optional[Current], Plan]:
    """Plan and do. What a document leaves open is chosen in the plan, and another run may be faster to take it."""
    left = TRIES
    while True:
        before, plan = _planned(job, face, wanted, document)
        try:
            if not job.check_mode:
                apply(plan, face, wanted)
            return before, plan
        except AlreadyExists as error:
            left -= 1
            if error.details.get("done") or not left:
                raise


def _planned(job: Job, face: Face, wanted: Wanted, document: Optional[Element]) -> tuple[Optional[Current], Plan]:
    current = gather(face, wanted.name)
    if document is not None:
        _check_uuid(face, document, wanted.name)
        job.warn_ignored(face.ignored_parts(document))
        document = face.normalise(document)
    plan = make_plan(face.nature, current, document, wanted, hint=face.hint)
    plan = face.nature.own_steps(face, current, plan, wanted)
    _check_plan(face, plan)
    return current, plan


def _check_plan(face: Face, plan: Plan) -> None:
    """Raise what would keep the plan from being done, before its first step: a check says what a run would say."""
    actions = {step.action for step in plan.steps}
    # what a step of the plan builds is not there before it
    start = not actions.isdisjoint(STARTS) and "build" not in actions
    if plan.document is not None and (start or "define" in actions):
        face.check(clone(plan.document), start=start)
    for step in plan.steps:
        if step.action == "mend":
            face.check_mend(step.target)


def _check_uuid(face: Face, document: Element, name: str) -> None:
    """Say in check mode too that a uuid is taken."""
    text = (document.findtext("uuid") or "").strip()
    other = find(face, parse_uuid(text)) if text else None
    if other is not None and other.name != name:
        raise AlreadyExists(
            f"The uuid {text} belongs to the {face.nature.noun} {other.name}; leave it out, or write another."
        )

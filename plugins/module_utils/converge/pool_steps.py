# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps that only pools have: building what they lie on, looking at it again, and deleting it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Callable, Optional

from ..errors import OperationInvalid
from ..model.storage.identity import POOL
from ..xml.compare import compare
from ..xml.parse import clone
from .resource.apply import STARTS
from .resource.plan import ABSENT, INACTIVE
from .resource.values import Current, Plan, Step, Wanted

if TYPE_CHECKING:
    from .pool_face import PoolFace

# The types whose building is no more than a directory: started without having been built they would only fail. All
# others format a device, and that is done by those who ask for it.
BUILT_TO_START = ("dir",)
# A pool with a difference at one of these places lies on something else.
GROUND = ("@type", "source", "source/*", "target", "target/path")


@dataclass(frozen=True)
class PoolWanted(Wanted):
    """What is asked for of a pool beside the rest. ``build`` None leaves it to the type, ``built`` is the state."""

    built: bool = False
    build: Optional[bool] = None
    overwrite: bool = False
    delete: bool = False
    refresh: bool = False


def own_steps(face: PoolFace, current: Optional[Current], plan: Plan, wanted: Wanted) -> Plan:
    """Return the plan with what has to be built, looked at or deleted; raises what stands in the way of either."""
    if not isinstance(wanted, PoolWanted):
        return plan
    if wanted.state == ABSENT:
        return _with_deletion(face, current, plan, wanted) if wanted.delete and current else plan
    if _must_build(face, current, plan, wanted):
        plan = with_build(plan, wanted)
        if plan.document is not None:
            face.check_build(clone(plan.document), overwrite=wanted.overwrite)
    if wanted.refresh and not {step.action for step in plan.steps} & {"start", "create"}:
        plan = replace(plan, steps=(*plan.steps, Step("refresh", wanted.name)))
    return plan


def with_build(plan: Plan, wanted: PoolWanted) -> Plan:
    """Return the plan with the step that builds: before the start, and after the definition."""
    places = [place for place, step in enumerate(plan.steps) if step.action in STARTS]
    place = places[0] if places else len(plan.steps)
    detail = ("overwrites what lies there",) if wanted.overwrite else ()
    step = Step("build", wanted.name, detail=detail)
    return replace(plan, steps=(*plan.steps[:place], step, *plan.steps[place:]))


def _must_build(face: PoolFace, current: Optional[Current], plan: Plan, wanted: PoolWanted) -> bool:
    actions = {step.action for step in plan.steps}
    starts = "start" in actions
    if plan.document is None or "create" in actions or not (starts or wanted.built):
        return False
    asked = wanted.build
    if asked is None:
        asked = wanted.built or plan.document.get("type") in BUILT_TO_START
    if not asked:
        return False
    if current is None or current.persistent is None or _lies_elsewhere(current, plan):
        return plan.state == INACTIVE or starts
    # an active pool is built, or it would not be
    return (starts or not current.summary.active) and not face.is_built(wanted.name)


def _lies_elsewhere(current: Current, plan: Plan) -> bool:
    if current.persistent is None or plan.document is None:
        return True
    changes = compare(current.persistent, plan.document, POOL)
    return any(fnmatchcase(change.place, place) for change in changes for place in GROUND)


def _with_deletion(face: PoolFace, current: Optional[Current], plan: Plan, wanted: PoolWanted) -> Plan:
    """The data goes when the pool is inactive and still known: a run that is killed is gone on with by the next."""
    if current is not None and not current.summary.persistent:
        raise OperationInvalid(
            f"The pool {wanted.name} is transient: once it is inactive nobody knows of it and its data.",
            hint="Define it first (state: present), then remove it with its data.",
        )
    goes = tuple(face.deleted_with(wanted.name))
    if not goes:
        return plan
    place = next(number for number, step in enumerate(plan.steps) if step.action == "undefine")
    step = Step("delete", wanted.name, detail=goes)
    return replace(plan, steps=(*plan.steps[:place], step, *plan.steps[place:]))


def _overwrites(wanted: Wanted) -> bool:
    return isinstance(wanted, PoolWanted) and wanted.overwrite


OWN_ACTIONS: Mapping[str, Callable[[Any, Plan, Wanted], object]] = {
    "build": lambda face, plan, wanted: face.build(wanted.name, overwrite=_overwrites(wanted)),
    "refresh": lambda face, plan, wanted: face.refresh(wanted.name),
    "delete": lambda face, plan, wanted: face.delete(wanted.name),
}

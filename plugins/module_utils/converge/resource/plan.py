# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a network or pool: what has to be done so that it is as wanted. A pure function, its result a value.

Check mode returns the plan, a real run returns the same plan and does it.
"""

from __future__ import annotations

from typing import Optional

from ...errors import NotFound, OperationInvalid
from ...xml.parse import Element
from . import differences
from .differences import Nature
from .values import Current, Plan, Step, Wanted

ACTIVE, INACTIVE, ABSENT = "active", "inactive", "absent"


def make_plan(
    nature: Nature, current: Optional[Current], document: Optional[Element], wanted: Wanted, *, hint: str = ""
) -> Plan:
    """Return what leads from ``current`` (None: there is none) to what is wanted.

    ``document`` is the completed wanted definition, None to leave the definition alone. What an active object lacks to
    work is mended, whatever is wanted but that it ends. Raises NotFound, with the ``hint``, when there is neither an
    object nor a definition; OperationInvalid when guests would be cut off without ``force``; InvalidArgument for a
    difference that cannot be made.
    """
    if current is not None:
        _refuse_cut(nature, current, wanted)
    if wanted.state == ABSENT:
        return Plan() if current is None else _removal(current, wanted)
    if current is None and document is None:
        raise NotFound(f"There is no {nature.noun} named {wanted.name}, so it cannot be {wanted.state}.", hint=hint)
    return _settled(nature, current, document, wanted)


def state_of(current: Optional[Current]) -> str:
    """Return active, inactive or absent."""
    if current is None:
        return ABSENT
    return ACTIVE if current.summary.active else INACTIVE


def _refuse_cut(nature: Nature, current: Current, wanted: Wanted) -> None:
    """What guests use is neither ended nor removed, unless that is asked for with force."""
    ends = wanted.state == ABSENT or (wanted.state == INACTIVE and current.summary.active)
    if not ends or not current.users or wanted.force:
        return
    one = len(current.users) == 1
    raise OperationInvalid(
        f"The {nature.noun} {wanted.name} is used by the guest{'' if one else 's'} {', '.join(current.users)}, and"
        f" cannot be {wanted.state}.",
        hint=f"Stop {'it' if one else 'them'} first, or set force: true to cut {'it' if one else 'them'} off.",
        guests=list(current.users),
    )


def _removal(current: Current, wanted: Wanted) -> Plan:
    ends = _path(current, ("destroy",) if current.summary.active else (), wanted)
    undefine = (Step("undefine", wanted.name),) if current.summary.persistent else ()
    return Plan(steps=(*ends, *undefine))


def _settled(nature: Nature, current: Optional[Current], document: Optional[Element], wanted: Wanted) -> Plan:
    now, end = state_of(current), _end(current, wanted)
    old = current.persistent if current else None
    runs = current.live if current else None
    kept = document if document is not None else differences.own_definition(nature, old, runs)
    waiting = differences.waiting_changes(nature, runs, kept, wanted.name)
    at_once = differences.made_at_once(waiting, document, wanted)
    later = tuple(change for change in waiting if change not in at_once)
    actions = _actions(now, end, restart=wanted.apply == "restart" and bool(later))
    transient = wanted.transient or (old is None and document is None)
    actions = tuple("create" if action == "start" and transient else action for action in actions)
    goes_on = end == now == ACTIVE and not actions
    live = at_once if goes_on else ()
    autostart = bool(current and current.summary.autostart)
    steps = (
        *differences.definition_steps(nature, old, document, wanted, waiting, active=now == ACTIVE),
        *differences.autostart_steps(autostart, wanted),
        *(differences.mending(wanted.name, current.faults) if current and goes_on else ()),
        *differences.update_steps(live, waiting, wanted),
        *_path(current, actions, wanted),
    )
    return Plan(
        steps=steps,
        pending=later if goes_on else (),
        live=live,
        state=ABSENT if transient and end == INACTIVE else end,
        autostart=autostart if wanted.autostart is None else wanted.autostart,
        document=kept,
    )


def _end(current: Optional[Current], wanted: Wanted) -> str:
    """The state in the end: ``present`` leaves it as it is, and a new object inactive."""
    if wanted.state in (ACTIVE, INACTIVE):
        return wanted.state
    return ACTIVE if current is not None and current.summary.active else INACTIVE


def _actions(now: str, end: str, *, restart: bool) -> tuple[str, ...]:
    if end == INACTIVE:
        return ("destroy",) if now == ACTIVE else ()
    if now != ACTIVE:
        return ("start",)
    return ("destroy", "start") if restart else ()


def _path(current: Optional[Current], actions: tuple[str, ...], wanted: Wanted) -> tuple[Step, ...]:
    """The steps from a state to another; those that end an object name the guests that it served."""
    names = ", ".join(current.users) if current else ""
    cut = (f"cuts off {names}",) if names else ()
    again = (f"connects {names} again",) if names and "destroy" in actions else ()
    details = {"destroy": cut, "start": again, "create": again}
    return tuple(Step(action, wanted.name, detail=details[action]) for action in actions)

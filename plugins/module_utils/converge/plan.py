# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan: what has to be done to a guest so that it is as wanted. A pure function, its result a frozen value.

Check mode returns the plan, a real run returns the same plan and does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Optional

from ..drivers.api import Domain
from ..errors import InvalidArgument, NotFound
from ..model.domain.identity import DOMAIN, persistent_form, running_form
from ..xml.compare import Change, compare
from ..xml.parse import Element
from .effects import AT_ONCE, LIVE, NEXT_BOOT, REFUSE, effect_of, hardest


@dataclass(frozen=True)
class Current:
    """A guest as it is: ``persistent`` is None for a transient one, ``live`` for one that is off.

    ``live`` is what runs, drift included, and not what was once written down about it. ``deletes`` are the paths that
    go with the definition when the guest is removed. ``domain`` has another name than the wanted one for a guest that
    is to be renamed.
    """

    domain: Domain
    persistent: Optional[Element] = None
    live: Optional[Element] = None
    deletes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """What the user asks for beside the document. ``timeout`` is in seconds, ``autostart`` None leaves it alone.

    ``storage`` is keep or owned, and counts when the guest is removed.
    """

    name: str
    state: str = "present"
    autostart: Optional[bool] = None
    apply: str = "live"
    force: bool = False
    timeout: int = 60
    transient: bool = False
    storage: str = "keep"


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
    """Steps in their order, and what waits for the next boot once they are done.

    ``live`` are the differences that the step ``update`` makes in the guest that runs, ``state`` is the state that it
    has in the end ("absent" when there is none), ``document`` the completed definition that it then has.
    """

    steps: tuple[Step, ...] = ()
    pending: tuple[Change, ...] = ()
    live: tuple[Change, ...] = ()
    state: str = "absent"
    autostart: bool = False
    document: Optional[Element] = field(default=None, compare=False, repr=False)


# What leads from a phase to a wanted state. A paused guest cannot hear the power button, so it runs on for that.
TRANSITIONS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("running", "off"): ("start",),
    ("running", "paused"): ("resume",),
    ("running", "stopping"): ("await_end", "start"),
    ("running", "crashed"): ("destroy", "start"),
    ("paused", "off"): ("start_paused",),
    ("paused", "running"): ("suspend",),
    ("paused", "stopping"): ("await_end", "start_paused"),
    ("paused", "crashed"): ("destroy", "start_paused"),
    ("stopped", "running"): ("shutdown",),
    ("stopped", "paused"): ("resume", "shutdown"),
    ("stopped", "stopping"): ("await_end",),
    ("stopped", "crashed"): ("destroy",),
}
# The phase that a wanted state ends in; ``present`` ends in the phase that it began in.
ENDS = {
    "running": "running",
    "paused": "paused",
    "stopped": "off",
    "restarted": "running",
    "rebooted": "running",
    "reset": "running",
    "absent": "off",
}
# States that are something to be done in each run.
AGAIN = ("restarted", "rebooted", "reset")
# After these the guest is the machine that it was before; any other way gives it what has waited for a start.
SAME_MACHINE = ("resume", "suspend", "reboot", "reset")
# How a guest without a definition is started.
CREATED = {"start": "create", "start_paused": "create_paused"}
STATES = {"off": "shut off", "running": "running", "paused": "paused", "stopping": "in shutdown", "crashed": "crashed"}
_PHASES = {"paused": "paused", "in shutdown": "stopping", "crashed": "crashed"}


def make_plan(current: Optional[Current], document: Optional[Element], wanted: Wanted) -> Plan:
    """Return what leads from ``current`` (None: no such guest) to what is wanted.

    ``document`` is the completed wanted definition, None to leave the definition alone. Raises NotFound when there is
    neither a guest nor a definition, and InvalidArgument for a difference that cannot be made.
    """
    if wanted.state == "absent":
        return Plan() if current is None else _removal(current, wanted)
    if current is None and document is None:
        raise NotFound(
            f"There is no guest named {wanted.name}, so it cannot be {wanted.state}.",
            hint="Say what it is to be: give xml, or memory and the rest.",
        )
    return _settled(current, document, wanted)


def phase(current: Optional[Current]) -> str:
    """Return off, running, paused, stopping or crashed (it is kept to be looked at); pmsuspended counts as running."""
    if current is None or not current.domain.active:
        return "off"
    return _PHASES.get(current.domain.state, "running")


def _removal(current: Current, wanted: Wanted) -> Plan:
    actions = _stopping(phase(current), wanted)
    deletes = tuple(f"deletes {path}" for path in current.deletes)
    undefine = (Step("undefine", wanted.name, detail=deletes),) if current.domain.persistent else ()
    return Plan(steps=(*_steps(actions, wanted), *undefine))


def _settled(current: Optional[Current], document: Optional[Element], wanted: Wanted) -> Plan:
    now = phase(current)
    old = current.persistent if current else None
    kept = document if document is not None else _own(current)
    waiting = _waiting(current, kept, wanted)
    at_once = _at_once(waiting, now, document, wanted)
    later = tuple(change for change in waiting if change not in at_once)
    agent = bool(current and current.domain.runtime.get("agent"))
    path, end = _lifecycle(now, wanted, restart=wanted.apply == "restart" and bool(later), agent=agent)
    anew = end == "off" or any(action not in SAME_MACHINE for action in path)
    transient = wanted.transient or (old is None and document is None)
    path = tuple(CREATED.get(action, action) for action in path) if transient else path
    live = () if anew else at_once
    autostart = bool(current and current.domain.autostart)
    steps = (
        *_renaming(current, wanted),
        *_definition(old, document, wanted, waiting, active=now != "off"),
        *_autostart(autostart, wanted),
        *_with_update(_steps(path, wanted), _update(live, waiting, wanted)),
    )
    return Plan(
        steps=steps,
        pending=() if anew else later,
        live=live,
        state="absent" if transient and end == "off" else STATES[end],
        autostart=autostart if wanted.autostart is None else wanted.autostart,
        document=kept,
    )


def _own(current: Optional[Current]) -> Optional[Element]:
    """The definition of a guest that is there; of a transient one that of what runs."""
    if current is None or current.persistent is not None:
        return current.persistent if current else None
    return None if current.live is None else persistent_form(current.live)


def _renaming(current: Optional[Current], wanted: Wanted) -> tuple[Step, ...]:
    if current is None or current.domain.name == wanted.name:
        return ()
    return (Step("rename", current.domain.name, detail=(f"to {wanted.name}",)),)


def _waiting(current: Optional[Current], kept: Optional[Element], wanted: Wanted) -> Mapping[Change, str]:
    """What an active guest does not have yet of the definition that is, or will be, kept; each with its effect."""
    if current is None or current.live is None or kept is None:
        return {}
    live = running_form(current.live, kept)
    rest = persistent_form(kept)
    changes = compare(live, rest, DOMAIN)
    effects = {change: effect_of(change, active=True, live=live, wanted=rest) for change in changes}
    if REFUSE in effects.values():
        raise _refusal(next(change for change, effect in effects.items() if effect == REFUSE), wanted.name)
    return effects


def _at_once(
    waiting: Mapping[Change, str], now: str, document: Optional[Element], wanted: Wanted
) -> tuple[Change, ...]:
    """What the guest gets while it runs: nothing where the user has not described it, or wants it left alone."""
    if document is None or wanted.apply == "next_boot" or now not in ("running", "paused"):
        return ()
    return tuple(change for change, effect in waiting.items() if effect in AT_ONCE)


def _update(live: tuple[Change, ...], waiting: Mapping[Change, str], wanted: Wanted) -> tuple[Step, ...]:
    if not live:
        return ()
    effect = hardest(waiting[change] for change in live)
    return (Step("update", wanted.name, effect, tuple(str(change) for change in live)),)


def _with_update(path: tuple[Step, ...], update: tuple[Step, ...]) -> tuple[Step, ...]:
    """Some changes need the guest's help: they are made while it can give it, before a pause and after one."""
    first = tuple(takewhile(lambda step: step.action == "resume", path))
    return (*first, *update, *path[len(first) :])


def _lifecycle(now: str, wanted: Wanted, *, restart: bool, agent: bool) -> tuple[tuple[str, ...], str]:
    """Return the actions and the phase that they end in; ``agent`` says that the guest's agent listens."""
    end = ENDS.get(wanted.state, now)
    if end == "off":
        return _stopping(now, wanted), end
    if wanted.state in AGAIN:
        return _again(now, wanted, restart=restart, agent=agent), end
    if restart and now in ("running", "paused"):
        return (*_stopping(now, wanted), *TRANSITIONS[(end, "off")]), end
    return TRANSITIONS.get((end, now), ()), end


def _again(now: str, wanted: Wanted, *, restart: bool, agent: bool) -> tuple[str, ...]:
    """What is done in each run. Without an agent a guest cannot be asked to reboot, so it is stopped and started."""
    at_once = wanted.force and wanted.timeout <= 0
    reset = wanted.state == "reset" or (wanted.state == "rebooted" and (at_once or now == "crashed"))
    if restart or now in ("off", "stopping") or not (reset or (wanted.state == "rebooted" and agent)):
        return (*_stopping(now, wanted), "start")
    if reset:
        return ("reset",) if now == "running" else ("reset", "resume")
    return ("reboot",) if now == "running" else ("resume", "reboot")


def _stopping(now: str, wanted: Wanted) -> tuple[str, ...]:
    if now != "off" and wanted.force and wanted.timeout <= 0:
        return ("destroy",)
    return TRANSITIONS.get(("stopped", now), ())


def _definition(
    old: Optional[Element],
    document: Optional[Element],
    wanted: Wanted,
    waiting: Mapping[Change, str],
    *,
    active: bool,
) -> tuple[Step, ...]:
    if wanted.transient:
        return () if old is None else (Step("undefine", wanted.name),)
    if document is None:
        return ()
    if old is None:
        return (Step("define", wanted.name),)
    changes = compare(old, document, DOMAIN)
    if not changes:
        return ()
    effects = [effect_of(change, active=active) for change in changes]
    if REFUSE in effects:
        raise _refusal(changes[effects.index(REFUSE)], wanted.name)
    at_paths = {change.path: _effect_for(effect, wanted) for change, effect in waiting.items()}
    inside = [at_paths.get(change.path, LIVE) for change in changes]
    return (Step("define", wanted.name, hardest(inside), tuple(str(change) for change in changes)),)


def _effect_for(effect: str, wanted: Wanted) -> str:
    """The effect that the user lets a difference have."""
    return NEXT_BOOT if wanted.apply == "next_boot" and effect in AT_ONCE else effect


def _refusal(change: Change, name: str) -> InvalidArgument:
    return InvalidArgument(
        f"The guest {name} has the {change.place} {change.before}, and that cannot become {change.after}.",
        hint=f"Leave the {change.place} out to keep it, or remove the guest first (state: absent).",
    )


def _autostart(now: bool, wanted: Wanted) -> tuple[Step, ...]:
    if wanted.autostart is None or wanted.autostart == now:
        return ()
    return (Step("enable_autostart" if wanted.autostart else "disable_autostart", wanted.name, NEXT_BOOT),)


def _steps(actions: tuple[str, ...], wanted: Wanted) -> tuple[Step, ...]:
    limit = f"within {wanted.timeout} s" + (", else by force" if wanted.force else "")
    return tuple(
        Step(action, wanted.name, detail=(limit,) if action in ("shutdown", "await_end", "reboot") else ())
        for action in actions
    )

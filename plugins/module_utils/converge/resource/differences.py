# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs, and the steps that follow from it whatever the object is: its definition, what runs, its autostart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

from ...drivers.api import Fault
from ...errors import InvalidArgument
from ...xml.canonical import Identity
from ...xml.compare import Change, compare
from ...xml.parse import Element
from .effects import AT_ONCE, LIVE, NEXT_BOOT, REFUSE, Table, effect_in, hardest
from .values import Current, Plan, Step, Wanted

Waiting = Mapping[Change, str]


def _as_it_is(document: Element) -> Element:
    return document


def _as_it_runs(live: Element, kept: Element) -> Element:
    return live


def _nothing_more(_face: Any, _current: Optional[Current], plan: Plan, _wanted: Wanted) -> Plan:
    return plan


@dataclass(frozen=True)
class Nature:
    """What tells one kind of object from another in a comparison; ``noun`` is what people call it.

    ``persistent`` takes out of a document what only that of an active object has, and ``running`` makes the document
    of what is active comparable with its definition. ``own_steps`` gives a plan the steps that only this kind of object
    has (from the ``Face``, what there is, the plan and what is wanted), and ``actions`` does them.
    """

    noun: str
    identity: Identity
    effects: Table
    persistent: Callable[[Element], Element] = _as_it_is
    running: Callable[[Element, Element], Element] = _as_it_runs
    own_steps: Callable[[Any, Optional[Current], Plan, Wanted], Plan] = _nothing_more
    actions: Mapping[str, Callable[[Any, Plan, Wanted], object]] = field(default_factory=dict)


def own_definition(nature: Nature, persistent: Optional[Element], live: Optional[Element]) -> Optional[Element]:
    """Return the definition of an object that is there; of a transient one that of what runs."""
    if persistent is not None:
        return persistent
    return None if live is None else nature.persistent(live)


def not_yet(nature: Nature, live: Element, kept: Element) -> tuple[Change, ...]:
    """Return what is active does not have of its definition."""
    return compare(nature.running(live, kept), nature.persistent(kept), nature.identity)


def waiting_changes(nature: Nature, live: Optional[Element], kept: Optional[Element], name: str) -> Waiting:
    """Return what is active does not have yet of the definition that is, or will be, kept; each with its effect.

    Raises InvalidArgument for a difference that cannot be made.
    """
    if live is None or kept is None:
        return {}
    running, rest = nature.running(live, kept), nature.persistent(kept)
    changes = not_yet(nature, live, kept)
    effects = {change: effect_in(nature.effects, change, active=True, live=running, wanted=rest) for change in changes}
    _check(nature, effects, name)
    return effects


def made_at_once(waiting: Waiting, document: Optional[Element], wanted: Wanted) -> tuple[Change, ...]:
    """Return what is active gets now: nothing where the user has not described it, or wants it left alone."""
    if document is None or wanted.apply == "next_boot":
        return ()
    return tuple(change for change, effect in waiting.items() if effect in AT_ONCE)


def definition_steps(
    nature: Nature,
    old: Optional[Element],
    document: Optional[Element],
    wanted: Wanted,
    waiting: Waiting,
    *,
    active: bool,
) -> tuple[Step, ...]:
    """Return the step that keeps the document, or that forgets it for a transient object; none where nothing differs.

    Raises InvalidArgument for a difference that cannot be made.
    """
    if wanted.transient:
        return () if old is None else (Step("undefine", wanted.name),)
    if document is None:
        return ()
    if old is None:
        return (Step("define", wanted.name),)
    changes = compare(old, document, nature.identity)
    if not changes:
        return ()
    _check(nature, {change: effect_in(nature.effects, change, active=active) for change in changes}, wanted.name)
    at_paths = {change.path: _effect_for(effect, wanted) for change, effect in waiting.items()}
    inside = [at_paths.get(change.path, LIVE) for change in changes]
    return (Step("define", wanted.name, hardest(inside), tuple(str(change) for change in changes)),)


def mending(name: str, faults: Sequence[Fault]) -> tuple[Step, ...]:
    """Return the step that puts right what an active object lacks to work."""
    return (Step("mend", name, detail=tuple(f"{each.what}: {each.detail}" for each in faults)),) if faults else ()


def update_steps(live: tuple[Change, ...], waiting: Waiting, wanted: Wanted) -> tuple[Step, ...]:
    """Return the step that gives what is active these differences."""
    if not live:
        return ()
    effect = hardest(waiting[change] for change in live)
    return (Step("update", wanted.name, effect, tuple(str(change) for change in live)),)


def autostart_steps(now: bool, wanted: Wanted) -> tuple[Step, ...]:
    """Return the step that switches the start with the host on or off."""
    if wanted.autostart is None or wanted.autostart == now:
        return ()
    return (Step("enable_autostart" if wanted.autostart else "disable_autostart", wanted.name, NEXT_BOOT),)


def _effect_for(effect: str, wanted: Wanted) -> str:
    """The effect that the user lets a difference have."""
    return NEXT_BOOT if wanted.apply == "next_boot" and effect in AT_ONCE else effect


def _check(nature: Nature, effects: Waiting, name: str) -> None:
    refused = next((change for change, effect in effects.items() if effect == REFUSE), None)
    if refused is not None:
        raise InvalidArgument(
            f"The {nature.noun} {name} has the {refused.place} {refused.before}, and that cannot become"
            f" {refused.after}.",
            hint=f"Leave the {refused.place} out to keep it, or remove the {nature.noun} first (state: absent).",
        )

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan: what has to be done to a guest so that it is as wanted. A pure function, its result a frozen value.

Check mode returns the plan, a real run returns the same plan and does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Callable, Optional

from ..drivers.api import Domain, Fault, Seed
from ..errors import NotFound
from ..xml.compare import Change
from ..xml.parse import Element, clone
from .effects import GUEST
from .resource import differences, values
from .resource.differences import Waiting
from .resource.effects import LIVE, NEXT_BOOT
from .resource.values import Plan, Step


@dataclass(frozen=True)
class Current:
    """A guest as it is: ``persistent`` is None for a transient one, ``live`` for one that is off.

    ``live`` is what runs, drift included, and not what was once written down about it. ``deletes`` are the paths that
    go with the definition when the guest is removed, ``lacks_seed`` says that the wanted seed is not there, ``faults``
    what it lacks on the host. ``domain`` has another name than the wanted one for a guest that is to be renamed.
    """

    domain: Domain
    persistent: Optional[Element] = None
    live: Optional[Element] = None
    deletes: tuple[str, ...] = ()
    lacks_seed: bool = False
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Wanted(values.Wanted):
    """What the user asks for beside the document. ``timeout`` is in seconds.

    ``storage`` is keep or owned, and counts when the guest is removed. ``seed`` is what the guest is to read at its
    first boot, ``volumes`` what there is to do about the volumes of its disks, each with how it is done.
    """

    timeout: int = 60
    storage: str = "keep"
    seed: Optional[Seed] = field(default=None, compare=False, repr=False)
    volumes: tuple[tuple[Step, Callable[[], object]], ...] = field(default=(), compare=False, repr=False)


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
# The reason of a guest that is off and goes on where it was, when it is started.
SAVED = "saved"
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
    undefine = Step("undefine", wanted.name, detail=deletes)
    if current.domain.persistent:
        return Plan(steps=(*_steps(actions, wanted), undefine))
    if not deletes:
        return Plan(steps=_steps(actions, wanted))
    # what is deleted goes with a definition: one that has none gets it when it has ended, so that nothing is lost of it
    kept = differences.own_definition(GUEST, None, current.live)
    return Plan(steps=(*_steps(actions, wanted), Step("define", wanted.name), undefine), document=kept)


def _settled(current: Optional[Current], document: Optional[Element], wanted: Wanted) -> Plan:
    now = phase(current)
    old = current.persistent if current else None
    runs = current.live if current else None
    kept = document if document is not None else differences.own_definition(GUEST, old, runs)
    waiting = differences.waiting_changes(GUEST, runs, kept, wanted.name)
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
        *differences.definition_steps(GUEST, old, document, wanted, waiting, active=now != "off"),
        *(step for step, _done in wanted.volumes),
        *_seeding(current, wanted, runs_on=now != "off" and not anew),
        *differences.autostart_steps(autostart, wanted),
        *(() if anew or current is None else differences.mending(wanted.name, current.faults)),
        *_forgetting(current, wanted),
        *_with_update(_steps(path, wanted), differences.update_steps(live, waiting, wanted)),
    )
    return Plan(
        steps=steps,
        pending=() if anew else later,
        live=live,
        state="absent" if transient and end == "off" else STATES[end],
        autostart=autostart if wanted.autostart is None else wanted.autostart,
        document=kept,
    )


def _renaming(current: Optional[Current], wanted: Wanted) -> tuple[Step, ...]:
    if current is None or current.domain.name == wanted.name:
        return ()
    return (Step("rename", current.domain.name, detail=(f"to {wanted.name}",)),)


def _forgetting(current: Optional[Current], wanted: Wanted) -> tuple[Step, ...]:
    """With force a guest that is off is off in earnest: it does not go on where it was saved."""
    saved = current is not None and current.domain.reason == SAVED and not current.domain.active
    return (Step("forget_saved", wanted.name),) if saved and wanted.force and wanted.state == "stopped" else ()


def _seeding(current: Optional[Current], wanted: Wanted, *, runs_on: bool) -> tuple[Step, ...]:
    """A guest that goes on has the old seed open; it finds the new one when it is started the next time."""
    if wanted.seed is None or (current is not None and not current.lacks_seed):
        return ()
    return (Step("write_seed", wanted.name, NEXT_BOOT if runs_on else LIVE, (wanted.seed.kind,)),)


def _at_once(waiting: Waiting, now: str, document: Optional[Element], wanted: Wanted) -> tuple[Change, ...]:
    """What the guest gets while it runs: one that is on its way to its end gets nothing."""
    return differences.made_at_once(waiting, document, wanted) if now in ("running", "paused") else ()


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


def _steps(actions: tuple[str, ...], wanted: Wanted) -> tuple[Step, ...]:
    limit = f"within {wanted.timeout} s" + (", else by force" if wanted.force else "")
    return tuple(
        Step(action, wanted.name, detail=(limit,) if action in ("shutdown", "await_end", "reboot") else ())
        for action in actions
    )


def without_missing(document: Element, missing: AbstractSet[tuple[str, str]]) -> Element:
    """A copy without the disks whose volumes are not there yet, fit to see what else keeps the guest from starting."""
    copy = clone(document)
    for source in copy.findall("devices/disk[@type='volume']/source"):
        disk = source.getparent()
        devices = None if disk is None else disk.getparent()
        if disk is not None and devices is not None and (source.get("pool"), source.get("volume")) in missing:
            devices.remove(disk)
    return copy

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan is a pure function of what is and what is wanted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.apply import ACTIONS
from ansible_collections.corral.virt.plugins.module_utils.converge.effects import effect_of
from ansible_collections.corral.virt.plugins.module_utils.converge.plan import (
    TRANSITIONS,
    Current,
    Wanted,
    make_plan,
    phase,
)
from ansible_collections.corral.virt.plugins.module_utils.converge.resource.effects import EFFECTS, hardest
from ansible_collections.corral.virt.plugins.module_utils.converge.resource.values import Plan, Step
from ansible_collections.corral.virt.plugins.module_utils.converge.result import guest_diff
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Domain
from ansible_collections.corral.virt.plugins.module_utils.errors import InvalidArgument, NotFound
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import Change
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

ACTIVE = ("running", "paused", "in shutdown", "pmsuspended")


def text(vcpus: int = 1, uuid: str = "u") -> str:
    return f"<domain><name>a</name><uuid>{uuid}</uuid><vcpu>{vcpus}</vcpu></domain>"


def guest(
    state: str,
    *,
    crashed: bool = False,
    kept: Optional[str] = text(),
    live: Optional[str] = None,
    autostart: bool = False,
    agent: bool = False,
) -> Current:
    active = state in ACTIVE or crashed
    runtime = {"agent": agent}
    domain = Domain("a", "u", active, kept is not None, autostart, state=state, runtime=runtime)
    running = parse(live or kept or text()) if active else None
    return Current(domain, parse(kept) if kept else None, running)


def actions(plan: Plan) -> list[str]:
    return [step.action for step in plan.steps]


def planned(current: Optional[Current], document: Optional[Element] = None, **wanted: Any) -> Plan:
    return make_plan(current, document, Wanted("a", **wanted))


@pytest.mark.parametrize(
    ("state", "now", "expected"),
    [
        ("present", "shut off", []),
        ("present", "running", []),
        ("present", "paused", []),
        ("running", "shut off", ["start"]),
        ("running", "crashed", ["start"]),
        ("running", "running", []),
        ("running", "pmsuspended", []),
        ("running", "paused", ["resume"]),
        ("running", "in shutdown", ["await_end", "start"]),
        ("paused", "shut off", ["start_paused"]),
        ("paused", "running", ["suspend"]),
        ("paused", "paused", []),
        ("paused", "in shutdown", ["await_end", "start_paused"]),
        ("stopped", "shut off", []),
        ("stopped", "running", ["shutdown"]),
        ("stopped", "paused", ["resume", "shutdown"]),
        ("stopped", "in shutdown", ["await_end"]),
        ("absent", "shut off", ["undefine"]),
        ("absent", "running", ["shutdown", "undefine"]),
        ("absent", "paused", ["resume", "shutdown", "undefine"]),
    ],
)
def test_every_way_from_a_state_to_another(state: str, now: str, expected: list[str]) -> None:
    assert actions(planned(guest(now), state=state)) == expected


@pytest.mark.parametrize(
    ("state", "now", "expected"),
    [
        ("restarted", "shut off", ["start"]),
        ("restarted", "running", ["shutdown", "start"]),
        ("restarted", "paused", ["resume", "shutdown", "start"]),
        ("restarted", "in shutdown", ["await_end", "start"]),
        ("rebooted", "shut off", ["start"]),
        ("rebooted", "running", ["reboot"]),
        ("rebooted", "paused", ["resume", "reboot"]),
        ("rebooted", "in shutdown", ["await_end", "start"]),
        ("reset", "shut off", ["start"]),
        ("reset", "running", ["reset"]),
        ("reset", "paused", ["reset", "resume"]),
        ("reset", "in shutdown", ["await_end", "start"]),
    ],
)
def test_what_is_done_in_each_run(state: str, now: str, expected: list[str]) -> None:
    plan = planned(guest(now, agent=True), parse(text()), state=state)
    assert (actions(plan), plan.state) == (expected, "running")


@pytest.mark.parametrize(
    ("state", "expected"),
    [("restarted", ["destroy", "start"]), ("rebooted", ["reset", "resume"]), ("reset", ["reset", "resume"])],
)
def test_a_crashed_guest_that_is_kept_is_brought_back(state: str, expected: list[str]) -> None:
    assert actions(planned(guest("crashed", crashed=True), state=state)) == expected


@pytest.mark.parametrize(
    ("state", "expected"), [("restarted", ["destroy", "start"]), ("rebooted", ["reset"]), ("reset", ["reset"])]
)
def test_without_asking(state: str, expected: list[str]) -> None:
    assert actions(planned(guest("running", agent=True), state=state, force=True, timeout=0)) == expected


def test_a_guest_without_an_agent_cannot_be_asked_to_reboot() -> None:
    assert actions(planned(guest("running"), state="rebooted")) == ["shutdown", "start"]


def test_a_reboot_leaves_pending_what_is_pending_and_a_restart_does_not() -> None:
    waiting = guest("running", kept=text(2), live=text(1), agent=True)
    for state in ("rebooted", "reset"):
        assert len(planned(waiting, state=state).pending) == 1
    assert planned(waiting, state="restarted").pending == ()
    both = planned(waiting, state="rebooted", apply="restart")
    assert (actions(both), both.pending) == (["shutdown", "start"], ())


@pytest.mark.parametrize(
    ("now", "kept", "expected"),
    [
        (None, None, ["create"]),
        ("shut off", text(), ["undefine", "create"]),
        ("running", text(), ["undefine"]),
        ("running", None, []),
        ("paused", None, ["resume"]),
    ],
)
def test_a_transient_guest_has_no_definition(now: Optional[str], kept: Optional[str], expected: list[str]) -> None:
    current = guest(now, kept=kept) if now else None
    plan = planned(current, parse(text()), state="running", transient=True)
    assert (actions(plan), plan.state) == (expected, "running")


def test_a_transient_guest_is_restarted_as_what_it_is() -> None:
    plan = planned(guest("running", kept=None, live=text(2)), state="restarted")
    assert actions(plan) == ["shutdown", "create"]
    assert plan.document is not None and plan.document.findtext("vcpu") == "2"


def test_a_transient_guest_that_ends_is_gone() -> None:
    assert planned(guest("running", kept=None), state="stopped").state == "absent"


def test_a_guest_with_its_old_name_is_renamed_first() -> None:
    old = guest("shut off")
    plan = make_plan(old, parse(text(2)), Wanted("b", state="running"))
    assert plan.steps[0] == Step("rename", "a", detail=("to b",))
    assert actions(plan) == ["rename", "define", "start"]


def test_what_goes_with_a_guest_is_said() -> None:
    going = replace(guest("running"), deletes=("/x/a.qcow2",))
    assert planned(going, state="absent").steps[-1] == Step("undefine", "a", detail=("deletes /x/a.qcow2",))


def test_what_goes_with_a_transient_guest_is_deleted_when_it_has_ended() -> None:
    going = replace(guest("running", kept=None), deletes=("/x/a.qcow2",))
    plan = planned(going, state="absent")
    assert actions(plan) == ["shutdown", "define", "undefine"] and plan.document is not None
    assert plan.steps[-1].detail == ("deletes /x/a.qcow2",)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("present", ["define"]),
        ("running", ["define", "start"]),
        ("paused", ["define", "start_paused"]),
        ("stopped", ["define"]),
    ],
)
def test_a_new_guest(state: str, expected: list[str]) -> None:
    assert actions(planned(None, parse(text()), state=state)) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("present", []),
        ("running", ["destroy", "start"]),
        ("paused", ["destroy", "start_paused"]),
        ("stopped", ["destroy"]),
    ],
)
def test_a_crashed_guest_that_is_kept_hears_nothing(state: str, expected: list[str]) -> None:
    assert actions(planned(guest("crashed", crashed=True), state=state)) == expected


def test_an_absent_guest_that_is_to_be_absent() -> None:
    assert planned(None, state="absent") == Plan()


@pytest.mark.parametrize("state", ["present", "running", "paused", "stopped"])
def test_no_guest_and_no_definition(state: str) -> None:
    with pytest.raises(NotFound, match=r"no guest named a.*give xml, or memory"):
        planned(None, state=state)


@pytest.mark.parametrize("now", ["shut off", "running", "paused"])
def test_the_same_definition_changes_nothing(now: str) -> None:
    assert planned(guest(now), parse(text())).steps == ()


def test_another_definition_of_a_guest_that_is_off_is_in_force_at_once() -> None:
    plan = planned(guest("shut off"), parse(text(2)))
    assert plan.steps == (Step("define", "a", "live", ("/domain/vcpu: 1 -> 2",)),)
    assert plan.pending == ()


def test_another_definition_of_a_running_guest_waits_for_the_next_boot() -> None:
    plan = planned(guest("running"), parse(text(2)))
    assert plan.steps == (Step("define", "a", "next_boot", ("/domain/vcpu: 1 -> 2",)),)
    assert [str(change) for change in plan.pending] == ["/domain/vcpu: 1 -> 2"]


def test_what_waits_is_said_again_by_a_run_that_changes_nothing() -> None:
    plan = planned(guest("running", kept=text(2), live=text(1)), parse(text(2)))
    assert plan.steps == ()
    assert len(plan.pending) == 1
    assert planned(guest("running", kept=text(2), live=text(1))).pending == plan.pending


@pytest.mark.parametrize(
    ("now", "expected"), [("running", ["shutdown", "start"]), ("paused", ["resume", "shutdown", "start_paused"])]
)
def test_restart_puts_what_waits_in_force(now: str, expected: list[str]) -> None:
    plan = planned(guest(now), parse(text(2)), apply="restart")
    assert actions(plan) == ["define", *expected]
    assert plan.pending == ()
    waiting = planned(guest(now, kept=text(2), live=text(1)), apply="restart")
    assert actions(waiting) == expected


def test_restart_without_a_difference_does_nothing() -> None:
    assert planned(guest("running"), parse(text()), apply="restart", state="running").steps == ()


def test_a_stopped_guest_has_nothing_pending() -> None:
    plan = planned(guest("running"), parse(text(2)), state="stopped", apply="restart")
    assert actions(plan) == ["define", "shutdown"]
    assert plan.pending == ()


@pytest.mark.parametrize("now", ["shut off", "running"])
def test_a_uuid_cannot_change(now: str) -> None:
    with pytest.raises(InvalidArgument, match=r"has the uuid u, and that cannot become v\.") as caught:
        planned(guest(now), parse(text(uuid="v")))
    assert "state: absent" in str(caught.value)


def test_a_transient_guest_becomes_persistent() -> None:
    assert actions(planned(guest("running", kept=None), parse(text()))) == ["define"]


def test_a_transient_guest_has_no_definition_to_remove() -> None:
    assert actions(planned(guest("running", kept=None), state="absent")) == ["shutdown"]


def test_force_without_time_cuts_the_power_at_once() -> None:
    assert actions(planned(guest("paused"), state="absent", force=True, timeout=0)) == ["destroy", "undefine"]
    assert actions(planned(guest("shut off"), state="stopped", force=True, timeout=0)) == []


def test_the_time_to_shut_down_is_a_part_of_the_plan() -> None:
    (step,) = planned(guest("running"), state="stopped", force=True, timeout=7).steps
    assert step.detail == ("within 7 s, else by force",)


@pytest.mark.parametrize(
    ("now", "wanted", "expected"),
    [
        (False, None, []),
        (True, None, []),
        (False, True, ["enable_autostart"]),
        (True, False, ["disable_autostart"]),
        (True, True, []),
    ],
)
def test_autostart(now: bool, wanted: Optional[bool], expected: list[str]) -> None:
    assert actions(planned(guest("running", autostart=now), autostart=wanted)) == expected


def test_autostart_comes_after_the_definition_and_before_the_start() -> None:
    plan = planned(None, parse(text()), autostart=True, state="running")
    assert actions(plan) == ["define", "enable_autostart", "start"]


def test_a_plan_is_a_value() -> None:
    one, two = (planned(guest("running"), parse(text(2)), state="running") for _run in range(2))
    assert one == two
    assert hash(one) == hash(two)


def test_every_action_of_a_transition_can_be_applied() -> None:
    assert {action for way in TRANSITIONS.values() for action in way} <= set(ACTIONS)


def test_no_guest_is_off() -> None:
    assert phase(None) == "off"


def test_effects_are_rows_of_a_table() -> None:
    change = Change("vcpu", "/domain/vcpu", "1", "2")
    assert (effect_of(change, active=True), effect_of(change, active=False)) == ("next_boot", "live")
    assert effect_of(Change("uuid", "", "", ""), active=False) == "refuse"
    assert hardest([]) == "live"
    assert hardest(EFFECTS) == "refuse"


def test_the_diff_shows_the_state_and_the_definition_apart() -> None:
    current = guest("running")
    wanted = Wanted("a", state="stopped", autostart=True)
    (part,) = guest_diff(current, make_plan(current, None, wanted), wanted)
    assert part["before"] == "state: running\nautostart: false\n"
    assert part["after"] == "state: shut off\nautostart: true\n"
    wanted = Wanted("a", state="absent")
    removed = guest_diff(current, make_plan(current, None, wanted), wanted)
    assert [part["after"] for part in removed] == ["", "state: absent\n"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"state": "stopped"}, []),
        ({"state": "stopped", "force": True}, ["forget_saved"]),
        ({"state": "running", "force": True}, ["start"]),
        ({"state": "present", "force": True}, []),
        ({"state": "absent", "force": True}, ["undefine"]),
    ],
)
def test_what_a_guest_was_saved_as_is_let_go_by_force(wanted: dict[str, Any], expected: list[str]) -> None:
    off = guest("shut off")
    saved = replace(off, domain=replace(off.domain, reason="saved"))
    assert actions(planned(saved, **wanted)) == expected
    assert "forget_saved" not in actions(planned(off, **wanted))

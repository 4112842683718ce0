# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of what has a definition and is active or not, with networks as the example; doing it; its diff."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.network_effects import (
    NETWORK_EFFECTS,
    NETWORK_NATURE,
)
from ansible_collections.corral.virt.plugins.module_utils.converge.resource.apply import ACTIONS, apply
from ansible_collections.corral.virt.plugins.module_utils.converge.resource.effects import REFUSE, Row, effect_in
from ansible_collections.corral.virt.plugins.module_utils.converge.resource.plan import make_plan, state_of
from ansible_collections.corral.virt.plugins.module_utils.converge.resource.result import changed_result, cut_off
from ansible_collections.corral.virt.plugins.module_utils.converge.resource.run import check_options
from ansible_collections.corral.virt.plugins.module_utils.converge.resource.values import Current, Plan, Step, Wanted
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Fault, Summary
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.live.update import LIVE as LIVE_PLACES
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.live.update import is_live
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CorralError,
    InvalidArgument,
    NotFound,
    OperationFailed,
    OperationInvalid,
)
from ansible_collections.corral.virt.plugins.module_utils.model.network.identity import NETWORK
from ansible_collections.corral.virt.plugins.module_utils.model.network.options import NAMESPACE
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import Change, compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

FAULTS = (Fault("bridge", "the bridge virbr0 is missing"), Fault("dnsmasq", "it is not running"))


def text(mtu: int = 1500, title: str = "t", uuid: str = "u", forward: str = "nat", more: str = "") -> str:
    return (
        f"<network><name>a</name><uuid>{uuid}</uuid><title>{title}</title><forward mode='{forward}'/>"
        f"<bridge name='virbr0'/><mtu size='{mtu}'/>{more}</network>"
    )


def network(
    active: bool,
    *,
    kept: Optional[str] = text(),
    live: Optional[str] = None,
    autostart: bool = False,
    faults: tuple[Fault, ...] = (),
    users: tuple[str, ...] = (),
) -> Current:
    summary = Summary("a", "u", active, kept is not None, autostart)
    running = parse(live or kept or text()) if active else None
    return Current(summary, parse(kept) if kept else None, running, faults, users)


def planned(current: Optional[Current], document: Optional[Element] = None, **wanted: Any) -> Plan:
    return make_plan(NETWORK_NATURE, current, document, Wanted("a", **wanted), hint="Say what it is to be.")


def actions(plan: Plan) -> list[str]:
    return [step.action for step in plan.steps]


ON, OFF = network(True), network(False)


@pytest.mark.parametrize(
    ("state", "now", "expected"),
    [
        ("present", OFF, []),
        ("present", ON, []),
        ("active", OFF, ["start"]),
        ("active", ON, []),
        ("inactive", OFF, []),
        ("inactive", ON, ["destroy"]),
        ("absent", None, []),
        ("absent", OFF, ["undefine"]),
        ("absent", ON, ["destroy", "undefine"]),
        ("absent", network(True, kept=None), ["destroy"]),
    ],
)
def test_every_way_from_a_state_to_another(state: str, now: Optional[Current], expected: list[str]) -> None:
    assert actions(planned(now, state=state)) == expected


@pytest.mark.parametrize(
    ("state", "expected", "end"),
    [
        ("present", ["define"], "inactive"),
        ("active", ["define", "start"], "active"),
        ("inactive", ["define"], "inactive"),
    ],
)
def test_a_new_one(state: str, expected: list[str], end: str) -> None:
    plan = planned(None, parse(text()), state=state)
    assert (actions(plan), plan.state) == (expected, end)


@pytest.mark.parametrize("state", ["present", "active", "inactive"])
def test_neither_an_object_nor_a_definition(state: str) -> None:
    with pytest.raises(NotFound, match=rf"no network named a, so it cannot be {state}\. Say what it is to be"):
        planned(None, state=state)


@pytest.mark.parametrize("now", [ON, OFF])
@pytest.mark.parametrize("apply", ["live", "next_boot", "restart"])
def test_the_same_definition_changes_nothing(now: Current, apply: str) -> None:
    plan = planned(now, parse(text()), apply=apply)
    assert (plan.steps, plan.pending, plan.state) == ((), (), state_of(now))


def test_what_cuts_nobody_off_goes_in_at_once() -> None:
    plan = planned(ON, parse(text(title="new")))
    change = "/network/title: t -> new"
    assert plan.steps == (Step("define", "a", "live", (change,)), Step("update", "a", "live", (change,)))
    assert [str(found) for found in plan.live] == [change]
    assert plan.pending == ()


def test_what_needs_a_restart_waits_for_it_and_says_whom_it_would_cut_off() -> None:
    current = network(True, users=("b", "c"))
    plan = planned(current, parse(text(mtu=9000, title="new")))
    assert [(step.action, step.effect) for step in plan.steps] == [("define", "next_boot"), ("update", "live")]
    assert [str(change) for change in plan.pending] == ["/network/mtu/@size: 1500 -> 9000"]
    assert changed_result(plan)["restart_required"] is True
    assert cut_off(current, plan) == ["b", "c"]


def test_a_second_run_says_again_what_waits_and_changes_nothing() -> None:
    current = network(True, kept=text(mtu=9000), live=text(), users=("b",))
    for document in (parse(text(mtu=9000)), None):
        plan = planned(current, document)
        assert (plan.steps, len(plan.pending)) == ((), 1)
        assert cut_off(current, plan) == ["b"]


def test_restart_takes_it_down_and_up_and_names_the_guests() -> None:
    plan = planned(network(True, users=("b", "c")), parse(text(mtu=9000, title="new")), apply="restart")
    assert actions(plan) == ["define", "destroy", "start"]
    assert plan.steps[1:] == (
        Step("destroy", "a", detail=("cuts off b, c",)),
        Step("start", "a", detail=("connects b, c again",)),
    )
    assert (plan.pending, plan.live, plan.state) == ((), (), "active")


def test_restart_does_not_restart_for_what_goes_in_at_once() -> None:
    assert actions(planned(ON, parse(text(title="new")), apply="restart")) == ["define", "update"]


def test_restart_puts_in_force_what_waits_from_earlier() -> None:
    current = network(True, kept=text(mtu=9000), live=text())
    assert actions(planned(current, apply="restart")) == ["destroy", "start"]
    assert actions(planned(current, apply="restart", state="inactive")) == ["destroy"]


def test_next_boot_leaves_alone_what_is_active() -> None:
    plan = planned(ON, parse(text(title="new")), apply="next_boot")
    assert plan.steps == (Step("define", "a", "next_boot", ("/network/title: t -> new",)),)
    assert len(plan.pending) == 1


def test_a_run_that_describes_nothing_leaves_alone_what_waits() -> None:
    plan = planned(network(True, kept=text(title="new"), live=text()))
    assert (plan.steps, len(plan.pending)) == ((), 1)


@pytest.mark.parametrize("state", ["present", "active"])
@pytest.mark.parametrize("document", [None, text()])
def test_what_is_broken_is_mended_and_each_fault_named(state: str, document: Optional[str]) -> None:
    plan = planned(network(True, faults=FAULTS), parse(document) if document else None, state=state)
    detail = ("bridge: the bridge virbr0 is missing", "dnsmasq: it is not running")
    assert plan.steps == (Step("mend", "a", "live", detail),)


def test_it_is_mended_before_it_is_changed() -> None:
    plan = planned(network(True, faults=FAULTS), parse(text(title="new")))
    assert actions(plan) == ["define", "mend", "update"]


def test_what_is_restarted_or_ended_need_not_be_mended() -> None:
    broken = network(True, faults=FAULTS)
    assert actions(planned(broken, parse(text(mtu=9000)), apply="restart")) == ["define", "destroy", "start"]
    assert actions(planned(broken, state="inactive")) == ["destroy"]
    assert actions(planned(broken, state="absent")) == ["destroy", "undefine"]


@pytest.mark.parametrize("state", ["inactive", "absent"])
def test_what_guests_use_is_not_taken_away(state: str) -> None:
    with pytest.raises(OperationInvalid, match=f"used by the guests b, c, and cannot be {state}. Stop them") as caught:
        planned(network(True, users=("b", "c")), state=state)
    assert caught.value.details["guests"] == ["b", "c"]
    plan = planned(network(True, users=("b",)), state=state, force=True)
    assert plan.steps[0] == Step("destroy", "a", detail=("cuts off b",))


def test_the_guests_of_an_inactive_one_are_still_its_guests() -> None:
    left = network(False, users=("b",))
    with pytest.raises(OperationInvalid, match="used by the guest b, and cannot be absent"):
        planned(left, state="absent")
    assert planned(left, state="inactive").steps == ()
    assert actions(planned(left, state="absent", force=True)) == ["undefine"]


@pytest.mark.parametrize("now", [ON, OFF])
def test_a_uuid_cannot_change(now: Current) -> None:
    with pytest.raises(InvalidArgument, match=r"network a has the uuid u, and that cannot become v\."):
        planned(now, parse(text(uuid="v")))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (None, ["create"]),
        (OFF, ["undefine", "create"]),
        (ON, ["undefine"]),
        (network(True, kept=None), []),
    ],
)
def test_a_transient_one_has_no_definition(now: Optional[Current], expected: list[str]) -> None:
    plan = planned(now, parse(text()), state="active", transient=True)
    assert (actions(plan), plan.state) == (expected, "active")


def test_a_transient_one_is_changed_and_restarted_as_what_it_is() -> None:
    now = network(True, kept=None)
    assert actions(planned(now, parse(text(title="n")), state="active", transient=True)) == ["update"]
    plan = planned(now, parse(text(mtu=9000)), state="active", transient=True, apply="restart")
    assert actions(plan) == ["destroy", "create"]


def test_a_transient_one_gets_a_definition_or_is_gone() -> None:
    assert actions(planned(network(True, kept=None), parse(text()))) == ["define"]
    assert planned(network(True, kept=None), state="inactive").state == "absent"


@pytest.mark.parametrize(
    ("now", "wanted", "expected"),
    [(False, True, ["enable_autostart"]), (True, False, ["disable_autostart"]), (True, True, []), (True, None, [])],
)
def test_autostart(now: bool, wanted: Optional[bool], expected: list[str]) -> None:
    assert actions(planned(network(True, autostart=now), autostart=wanted)) == expected


def test_a_plan_is_a_value() -> None:
    one, two = (planned(ON, parse(text(2))) for _run in range(2))
    assert one == two
    assert hash(one) == hash(two)


def test_options_that_contradict_each_other() -> None:
    with pytest.raises(InvalidArgument, match="transient and state present contradict each other"):
        check_options("network", Wanted("a", transient=True))
    with pytest.raises(InvalidArgument, match="transient and autostart contradict each other: only a network"):
        check_options("network", Wanted("a", state="active", transient=True, autostart=True))


# --- the effects of networks ----------------------------------------------------------------------------------------

DHCP = "<ip address='10.0.0.1'><dhcp><range start='10.0.0.2' end='10.0.0.9'/>{}</dhcp></ip>"
ONE, TWO = (f"<host mac='52:54:00:00:00:0{n}' ip='10.0.0.{n}'/>" for n in (2, 3))
CASES: list[tuple[dict[str, Any], dict[str, Any], set[str]]] = [
    ({}, {"title": "x"}, {"live"}),
    ({}, {"more": "<metadata><x xmlns='urn:x'/></metadata>"}, {"live"}),
    ({}, {"more": "<description>x</description>"}, {"live"}),
    ({}, {"forward": "route"}, {"live"}),
    ({"forward": "open"}, {"forward": "none"}, {"live"}),
    ({}, {"forward": "bridge"}, {"next_boot"}),
    ({"forward": "bridge"}, {}, {"next_boot"}),
    ({"forward": "bridge"}, {"forward": "private"}, {"next_boot"}),
    ({}, {"mtu": 9000}, {"next_boot"}),
    ({"more": DHCP.format("")}, {"more": DHCP.format(ONE)}, {"live"}),
    ({"more": DHCP.format(ONE)}, {"more": DHCP.format(TWO)}, {"live"}),
    ({"more": DHCP.format("")}, {"more": DHCP.format("").replace(".9'", ".8'")}, {"live"}),
    ({"more": DHCP.format("")}, {"more": "<ip address='10.0.0.1'/>"}, {"live"}),
    ({}, {"more": DHCP.format("")}, {"next_boot"}),
    ({"more": DHCP.format("")}, {"more": DHCP.format("").replace("0.1'", "0.254'")}, {"next_boot"}),
    ({"more": "<ip address='10.0.0.1'/>"}, {"more": "<ip address='10.0.0.1' prefix='8'/>"}, {"next_boot"}),
    ({"more": "<ip address='10.0.0.1'/>"}, {"more": "<ip address='10.0.0.1'><tftp root='/x'/></ip>"}, {"live"}),
    ({}, {"more": "<dns><host ip='10.0.0.9'><hostname>x</hostname></host></dns>"}, {"live"}),
    ({"more": "<dns><txt name='x' value='1'/></dns>"}, {"more": "<dns><txt name='x' value='2'/></dns>"}, {"live"}),
    ({"more": "<dns/>"}, {"more": "<dns><srv service='x' protocol='tcp'/></dns>"}, {"live"}),
    ({"more": "<dns/>"}, {"more": "<dns><forwarder addr='192.0.2.1'/></dns>"}, {"live"}),
    ({}, {"more": "<domain name='x'/>"}, {"live"}),
    ({}, {"more": "<portgroup name='x'/>"}, {"live"}),
    ({"more": "<portgroup name='x'/>"}, {"more": "<portgroup name='x' default='yes'/>"}, {"live"}),
    ({}, {"more": "<bandwidth><inbound average='1'/></bandwidth>"}, {"live"}),
    ({}, {"more": f"<d:options xmlns:d='{NAMESPACE}'><d:option value='x'/></d:options>"}, {"live"}),
    ({}, {"more": "<vlan><tag id='1'/></vlan>"}, {"next_boot"}),
    ({}, {"more": "<mac address='52:54:00:00:00:01'/>"}, {"next_boot"}),
    ({}, {"more": "<port isolated='yes'/>"}, {"live"}),
    ({"more": "<port isolated='yes'/>"}, {"more": "<port isolated='no'/>"}, {"live"}),
    ({}, {"more": "<route address='10.9.0.0' prefix='16' gateway='10.0.0.2'/>"}, {"next_boot"}),
]


@pytest.mark.parametrize(("has", "wants", "effects"), CASES)
def test_the_effect_of_each_difference(has: dict[str, Any], wants: dict[str, Any], effects: set[str]) -> None:
    live, wanted = parse(text(**has)), parse(text(**wants))
    changes = compare(live, wanted, NETWORK)
    assert {effect_in(NETWORK_EFFECTS, found, active=True, live=live, wanted=wanted) for found in changes} == effects
    assert {effect_in(NETWORK_EFFECTS, found, active=False) for found in changes} == {"live"}


def test_ports_of_nat_go_in_at_once_and_devices_of_a_pool_do_not() -> None:
    def effects(mode: str, inner: str) -> set[str]:
        before, after = (parse(f"<network><forward mode='{mode}'>{part}</forward></network>") for part in ("", inner))
        changes = compare(before, after, NETWORK)
        return {effect_in(NETWORK_EFFECTS, found, active=True, live=before, wanted=after) for found in changes}

    assert effects("nat", "<nat><port start='1024' end='2048'/></nat>") == {"live"}
    assert effects("private", "<interface dev='eth1'/>") == {"next_boot"}


def test_a_table_ends_with_a_row_that_fits_everything() -> None:
    assert NETWORK_EFFECTS[-1].place == "*"
    assert [row for row in NETWORK_EFFECTS if row.off == REFUSE] == [Row("uuid", REFUSE, REFUSE)]


@pytest.mark.parametrize("place", [row.place for row in NETWORK_EFFECTS if row.active == "live"])
def test_every_row_that_is_live_can_be_done_by_the_driver(place: str) -> None:
    """The table of effects promises nothing that the driver's table lacks."""
    assert is_live(place.removesuffix("/*"))


@pytest.mark.parametrize("place", LIVE_PLACES)
def test_the_driver_has_nothing_that_is_not_used(place: str) -> None:
    document = parse("<network/>")
    change = Change(place, "", None, "")
    assert effect_in(NETWORK_EFFECTS, change, active=True, live=document, wanted=document) == "live"


# --- doing it -------------------------------------------------------------------------------------------------------


class Recorder:
    """Notes what it is asked, and refuses one of the calls."""

    nature = NETWORK_NATURE
    hint = ""

    def __init__(self, refuses: str = "") -> None:
        self.calls: list[Any] = []
        self.refuses = refuses

    def __getattr__(self, call: str) -> Callable[..., None]:
        def note(*arguments: Any) -> None:
            if call == self.refuses:
                raise OperationFailed("no", hint="Look.")
            shown = [found.findtext("name") if hasattr(found, "findtext") else found for found in arguments]
            self.calls.append((call, *shown))

        return note


def done(plan: Plan, refuses: str = "") -> list[Any]:
    face: Any = Recorder(refuses)
    apply(plan, face, Wanted("a"))
    return face.calls  # type: ignore[no-any-return]


def test_each_action_is_one_call() -> None:
    document = parse(text(title="new"))
    plan = planned(ON, document)
    assert done(plan) == [("define", "a"), ("update", "a", "a", plan.live)]
    every = Plan(tuple(Step(action, "a") for action in ACTIONS), document=document)
    assert {call[0] for call in done(every)} == {*ACTIONS, "set_autostart"} - {"enable_autostart", "disable_autostart"}


def test_an_error_says_what_was_done_before_and_what_is_left() -> None:
    with pytest.raises(CorralError) as caught:
        done(planned(OFF, parse(text(title="new")), state="active"), "start")
    assert caught.value.details == {"done": ["define"], "failed": "start"}
    assert str(caught.value) == (
        "no Its definition was kept, and the network is inactive: correct what is wrong and run this again. Look."
    )
    with pytest.raises(CorralError, match=r"no The network was taken down, and is inactive now\. Look\."):
        done(planned(network(True, kept=text(9000), live=text()), apply="restart"), "start")
    with pytest.raises(CorralError, match=r"^no Look\.$"):
        done(planned(OFF, state="active"), "start")


def test_a_plan_that_defines_has_a_document() -> None:
    with pytest.raises(ValueError, match="has a document"):
        done(Plan((Step("define", "a"),)))

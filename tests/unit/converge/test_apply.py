# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Doing a plan: each action is one call, and ending a guest has a limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.apply import ACTIONS, apply
from ansible_collections.corral.virt.plugins.module_utils.converge.plan import Wanted
from ansible_collections.corral.virt.plugins.module_utils.converge.resource.values import Plan, Step
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Domain, HypervisorDriver, Seed, contract
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CorralError,
    MonitorClosed,
    NotFound,
    OperationInvalid,
    TimedOut,
)
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import Change
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

SEED = Seed("ignition", {"config": "{}"})


class Recorder(HypervisorDriver):
    """Notes what it is asked; the guest ends once its power button was pressed ``deaf`` times in vain."""

    def __init__(self, deaf: int = 0, gone: bool = False, hung: Optional[CorralError] = None) -> None:
        self.calls: list[Any] = []
        self.hung = hung
        self.deaf = deaf
        self.gone = gone

    def define_domain(self, document: Element) -> Domain:
        self.calls.append(("define", document.findtext("name")))
        return Domain("a", "u", False)

    def undefine_domain(self, name: str, *, storage: str = "keep") -> None:
        self.calls.append(("undefine", storage))

    def update_domain(self, name: str, wanted: Element, changes: Sequence[Change], *, force: bool = False) -> None:
        self.calls.append(("update", force))

    def rename_domain(self, name: str, new_name: str) -> Domain:
        self.calls.append(("rename", name, new_name))
        return Domain(new_name, "u", False)

    def create_domain(self, document: Element, *, paused: bool = False) -> Domain:
        self.calls.append(("create", paused))
        return Domain("a", "u", True)

    def reboot_domain(self, name: str, *, timeout: float) -> None:
        self.calls.append(("reboot", timeout))
        if self.deaf:
            raise TimedOut("it did not reboot")

    def write_seed(self, document: Element, seed: Seed) -> None:
        self.calls.append(("seed", document.findtext("name"), seed))

    def reset_domain(self, name: str) -> None:
        self.calls.append(("reset", name))

    def start_domain(self, name: str, *, paused: bool = False) -> Domain:
        self.calls.append(("start", paused))
        return Domain(name, "u", True)

    def resume_domain(self, name: str) -> None:
        self.calls.append(("resume", name))

    def suspend_domain(self, name: str) -> None:
        self.calls.append(("suspend", name))

    def destroy_domain(self, name: str) -> None:
        self.calls.append(("destroy", name))

    def forget_saved(self, name: str) -> None:
        self.calls.append(("forget", name))

    def set_domain_autostart(self, name: str, autostart: bool) -> None:
        self.calls.append(("autostart", autostart))

    def shutdown_domain(self, name: str, *, again: bool = False) -> None:
        self.calls.append(("shutdown", again))
        if self.hung is not None:
            raise self.hung

    def wait_domain(self, name: str, states: Sequence[str], *, timeout: float) -> Domain:
        self.calls.append(("wait", timeout))
        if self.gone:
            raise NotFound("gone")
        self.deaf -= 1
        if self.deaf >= 0:
            raise TimedOut("still running")
        return Domain(name, "u", False)


def done(driver: Recorder, *names: str, **wanted: Any) -> list[Any]:
    wanted = {"seed": SEED, **wanted}
    plan = Plan(
        tuple(Step(name, "old" if name == "rename" else "a") for name in names),
        document=parse("<domain><name>a</name></domain>"),
    )
    apply(plan, driver, Wanted("a", **wanted))
    return driver.calls


# Actions on volumes, which are the storage driver's.
VOLUMES = ("create_volume", "resize_volume", "update_volume")
# Actions that are another one with another argument, or wait for what another one began; calls that no action makes.
SAME_CALL = ("create_paused", "start_paused", "await_end", "disable_autostart", *VOLUMES)
NO_ACTION = ("exclusive", "resize_disk", "settle_domain", "guard_links", "inside", "save_domain")


def test_each_action_is_one_call() -> None:
    plain = [name for name in ACTIONS if name not in ("shutdown", "await_end", *VOLUMES)]
    assert done(Recorder(), *plain) == [
        *(("define", "a"), ("update", False), ("seed", "a", SEED), ("undefine", "keep")),
        ("rename", "old", "a"),
        *(("create", False), ("create", True), ("start", False), ("start", True), ("resume", "a"), ("suspend", "a")),
        *(("reboot", 60), ("reset", "a"), ("forget", "a"), ("destroy", "a"), ("autostart", True), ("autostart", False)),
    ]


def test_every_changing_call_of_a_guest_has_an_action() -> None:
    assert sum(contract(HypervisorDriver).values()) == len(ACTIONS) - len(SAME_CALL) + len(NO_ACTION)


def test_what_goes_with_a_definition_goes_with_the_guest_only() -> None:
    assert done(Recorder(), "undefine", state="absent", storage="owned") == [("undefine", "owned")]
    assert done(Recorder(), "undefine", state="running", storage="owned") == [("undefine", "keep")]


def test_a_guest_that_does_not_reboot() -> None:
    with pytest.raises(TimedOut, match="it did not reboot Give it more time with timeout"):
        done(Recorder(deaf=1), "reboot", timeout=5)
    assert done(Recorder(deaf=1), "reboot", timeout=5, force=True) == [("reboot", 5), ("reset", "a")]


def test_a_guest_that_hears_the_button() -> None:
    assert done(Recorder(), "shutdown", timeout=60) == [("shutdown", False), ("wait", 10)]


def test_the_button_is_pressed_again() -> None:
    assert done(Recorder(deaf=2), "shutdown", timeout=25) == [
        *(("shutdown", False), ("wait", 10), ("shutdown", True), ("wait", 10), ("shutdown", True), ("wait", 5)),
    ]


@pytest.mark.parametrize("error", [TimedOut("it hangs"), MonitorClosed("system_powerdown")])
def test_a_qemu_that_cannot_even_be_asked_is_ended_by_force_only(error: CorralError) -> None:
    with pytest.raises(type(error)):
        done(Recorder(hung=error), "shutdown", timeout=60)
    assert done(Recorder(deaf=1, hung=error), "shutdown", timeout=60, force=True) == [
        *(("shutdown", False), ("wait", 0), ("destroy", "a")),
    ]
    assert done(Recorder(hung=error), "shutdown", timeout=60, force=True) == [("shutdown", False), ("wait", 0)]


def test_out_of_time_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(TimedOut, match=r"did not shut down within 15 s\..*force: true"):
        done(Recorder(deaf=9), "shutdown", timeout=15)
    with pytest.raises(TimedOut, match="within 5 s"):
        done(Recorder(deaf=9), "await_end", timeout=5)


def test_force_cuts_the_power_when_the_time_is_over() -> None:
    assert done(Recorder(deaf=9), "shutdown", timeout=5, force=True)[-1] == ("destroy", "a")
    assert done(Recorder(deaf=9), "await_end", timeout=5, force=True)[-1] == ("destroy", "a")


def test_a_transient_guest_that_is_gone_has_ended() -> None:
    assert done(Recorder(gone=True), "shutdown") == [("shutdown", False), ("wait", 10)]


class Refusing(Recorder):
    """Refuses the second press, as a guest does that has ended in between."""

    def shutdown_domain(self, name: str, *, again: bool = False) -> None:
        super().shutdown_domain(name, again=again)
        if again:
            raise OperationInvalid("it is not running")


def test_a_guest_that_ends_between_two_presses() -> None:
    assert done(Refusing(deaf=1), "shutdown", timeout=60)[-1] == ("wait", 10)
    with pytest.raises(OperationInvalid):
        done(Refusing(deaf=9), "shutdown", timeout=60)

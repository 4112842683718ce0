# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Doing a plan: each action is one call, and ending a guest has a limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.apply import ACTIONS, apply
from ansible_collections.corral.virt.plugins.module_utils.converge.plan import Plan, Step, Wanted
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Domain, HypervisorDriver, contract
from ansible_collections.corral.virt.plugins.module_utils.errors import NotFound, OperationInvalid, TimedOut
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse


class Recorder(HypervisorDriver):
    """Notes what it is asked; the guest ends once its power button was pressed ``deaf`` times in vain."""

    def __init__(self, deaf: int = 0, gone: bool = False) -> None:
        self.calls: list[Any] = []
        self.deaf = deaf
        self.gone = gone

    def define_domain(self, document: Element) -> Domain:
        self.calls.append(("define", document.findtext("name")))
        return Domain("a", "u", False)

    def undefine_domain(self, name: str) -> None:
        self.calls.append(("undefine", name))

    def start_domain(self, name: str, *, paused: bool = False) -> Domain:
        self.calls.append(("start", paused))
        return Domain(name, "u", True)

    def resume_domain(self, name: str) -> None:
        self.calls.append(("resume", name))

    def suspend_domain(self, name: str) -> None:
        self.calls.append(("suspend", name))

    def destroy_domain(self, name: str) -> None:
        self.calls.append(("destroy", name))

    def set_domain_autostart(self, name: str, autostart: bool) -> None:
        self.calls.append(("autostart", autostart))

    def shutdown_domain(self, name: str) -> None:
        self.calls.append(("shutdown", name))

    def wait_domain(self, name: str, states: Sequence[str], *, timeout: float) -> Domain:
        self.calls.append(("wait", timeout))
        if self.gone:
            raise NotFound("gone")
        self.deaf -= 1
        if self.deaf >= 0:
            raise TimedOut("still running")
        return Domain(name, "u", False)


def done(driver: Recorder, *names: str, **wanted: Any) -> list[Any]:
    plan = Plan(tuple(Step(name, "a") for name in names), document=parse("<domain><name>a</name></domain>"))
    apply(plan, driver, Wanted("a", **wanted))
    return driver.calls


def test_each_action_is_one_call() -> None:
    plain = [name for name in ACTIONS if name not in ("shutdown", "await_end")]
    assert done(Recorder(), *plain) == [
        *(("define", "a"), ("undefine", "a"), ("start", False), ("start", True), ("resume", "a"), ("suspend", "a")),
        *(("destroy", "a"), ("autostart", True), ("autostart", False)),
    ]


def test_every_changing_call_of_a_guest_has_an_action() -> None:
    assert sum(contract(HypervisorDriver).values()) == 8
    assert len(ACTIONS) == 11


def test_a_guest_that_hears_the_button() -> None:
    assert done(Recorder(), "shutdown", timeout=60) == [("shutdown", "a"), ("wait", 10)]


def test_the_button_is_pressed_again() -> None:
    assert done(Recorder(deaf=2), "shutdown", timeout=25) == [
        *(("shutdown", "a"), ("wait", 10), ("shutdown", "a"), ("wait", 10), ("shutdown", "a"), ("wait", 5)),
    ]


def test_out_of_time_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(TimedOut, match=r"did not shut down within 15 s\..*force: true"):
        done(Recorder(deaf=9), "shutdown", timeout=15)
    with pytest.raises(TimedOut, match="within 5 s"):
        done(Recorder(deaf=9), "await_end", timeout=5)


def test_force_cuts_the_power_when_the_time_is_over() -> None:
    assert done(Recorder(deaf=9), "shutdown", timeout=5, force=True)[-1] == ("destroy", "a")
    assert done(Recorder(deaf=9), "await_end", timeout=5, force=True)[-1] == ("destroy", "a")


def test_a_transient_guest_that_is_gone_has_ended() -> None:
    assert done(Recorder(gone=True), "shutdown") == [("shutdown", "a"), ("wait", 10)]


class Refusing(Recorder):
    """Refuses the second press, as a guest does that has ended in between."""

    def shutdown_domain(self, name: str) -> None:
        super().shutdown_domain(name)
        if self.calls.count(("shutdown", name)) > 1:
            raise OperationInvalid("it is not running")


def test_a_guest_that_ends_between_two_presses() -> None:
    assert done(Refusing(deaf=1), "shutdown", timeout=60)[-1] == ("wait", 10)
    with pytest.raises(OperationInvalid):
        done(Refusing(deaf=9), "shutdown", timeout=60)

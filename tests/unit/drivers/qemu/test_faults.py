# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that are killed, and calls that fail, at every step: the old state or the new one, and the next run goes on."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Callable, Dict, Tuple

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError, HostError, NotFound
from ansible_collections.corral.virt.plugins.module_utils.host.fake import Killed
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import IMAGE, RUNNER, document
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_links import LinkedHost
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_links import connected_on as driver_on

Action = Callable[[QemuDriver], object]
KERNEL = "/root/vmlinuz"
MOST = 200

OFF = "shut off"
CARDS = (
    "<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/></interface>"
    "<interface type='network'><mac address='52:54:00:00:00:02'/><source network='default'/></interface>"
    "<interface type='direct'><mac address='52:54:00:00:00:03'/><source dev='eth0' mode='passthrough'/></interface>"
)
LOWER_MAC = "52:54:00:ee:ee:ee"
DIRECT = f"<vcpu>1</vcpu><os><type>hvm</type><kernel>{KERNEL}</kernel></os>"


def new_host() -> LinkedHost:
    """A host with a secret kernel and another guest, which shares the image and runs."""
    host = LinkedHost()
    host.files["/root"] = host.files["/root"].__class__("directory", mode=0o700)
    host.add_file(KERNEL, b"kernel", mode=0o600)
    host.rows["eth0"]["address"] = LOWER_MAC
    driver = driver_on(host)
    driver.define_domain(document("other", disk=""))
    driver.start_domain("other")
    return host


def guest(more: str = "") -> object:
    found = document(devices=CARDS, more=more)
    kernel = found.makeelement("kernel", {})
    kernel.text = KERNEL
    holder = found.find("os")
    assert holder is not None
    holder.append(kernel)
    return found


def define(driver: QemuDriver) -> object:
    return driver.define_domain(guest())  # type: ignore[arg-type]


def redefine(driver: QemuDriver) -> object:
    return driver.define_domain(guest("<vcpu>2</vcpu>"))  # type: ignore[arg-type]


def start(driver: QemuDriver) -> object:
    return driver.start_domain("a")


def start_paused(driver: QemuDriver) -> object:
    return driver.start_domain("a", paused=True)


def destroy(driver: QemuDriver) -> None:
    driver.destroy_domain("a")


def undefine(driver: QemuDriver) -> None:
    driver.undefine_domain("a")


def autostart(driver: QemuDriver) -> None:
    driver.set_domain_autostart("a", True)


# what was there before, what is done, what it leads to
CASES: Dict[str, Tuple[Tuple[Action, ...], Action]] = {
    "define": ((), define),
    "define again": ((define,), redefine),
    "define while it runs": ((define, start), redefine),
    "start": ((define,), start),
    "start after an end": ((define, start, destroy), start),
    "start paused": ((define,), start_paused),
    "destroy": ((define, start), destroy),
    "undefine": ((define, autostart), undefine),
    "undefine after an end": ((define, autostart, start, destroy), undefine),
    "undefine while it runs": ((define, autostart, start), undefine),
    "destroy a transient one": ((define, start, undefine), destroy),
    "autostart": ((define,), autostart),
}


@cache
def _prepared(actions: Tuple[Action, ...]) -> LinkedHost:
    host = new_host()
    for action in actions:
        action(driver_on(host))
    return host


def prepared(name: str) -> LinkedHost:
    """A host on which everything before the case's own action was done."""
    return deepcopy(_prepared(CASES[name][0]))


def state(host: LinkedHost) -> object:
    """All that a user can see of the guest."""
    driver = driver_on(host, read_only=True)
    try:
        found = driver.lookup_domain("a")
    except NotFound:
        return "absent"
    vcpus = driver.domain_xml("a", inactive=True).findtext("vcpu")
    return found.state, found.persistent, found.autostart, vcpus


def finish(host: LinkedHost, name: str, wanted: object) -> None:
    """What a next run does: look, and do what is missing."""
    driver = driver_on(host)
    if state(host) != wanted:
        CASES[name][1](driver)


def assert_tidy(host: LinkedHost) -> None:
    """Everything on the host belongs to a guest that is there, and every image to whom it should."""
    found = state(host)
    runs = found != "absent" and found[0] != OFF  # type: ignore[index]
    assert {guest.name for guest in host.guests.values()} == ({"a", "other"} if runs else {"other"})
    assert len(host.processes) == (2 if runs else 1)
    assert host.locks == set()
    assert host.owner(IMAGE) == (RUNNER if runs else (0, 0))
    assert (host.stat("/run/corral/guests/a") is not None) == runs
    assert (host.stat("/run/corral/domains/a.xml") is not None) == runs
    made = {"vnet0", "vnet1", "macvtap0"} if runs else set()
    assert set(host.links) == {"br0", "virbr0", "eth0"} | made
    assert all(host.link(name).get("master") for name in made if name.startswith("vnet"))
    assert runs or host.link("eth0")["address"] == LOWER_MAC
    if found == "absent":
        assert [path for path in host.below("/run/corral/domains") if "/a." in path] == []
        assert host.stat("/etc/corral/domains/a.xml") is None
    assert driver_on(host).lookup_domain("other").state == "running"


@pytest.mark.parametrize("name", CASES)
def test_a_run_that_is_killed_at_any_step(name: str) -> None:
    host = prepared(name)
    old = state(host)
    CASES[name][1](driver_on(host))
    new = state(host)
    for step in range(1, MOST):
        host = prepared(name)
        host.kill_at(step)
        try:
            CASES[name][1](driver_on(host))
        except Killed:
            host.revive()
            assert state(host) in (old, new), f"killed at step {step}"
            finish(host, name, new)
            assert state(host) == new, f"killed at step {step}"
            assert_tidy(host)
            continue
        assert step > 2
        return
    pytest.fail(f"more than {MOST} steps")


@pytest.mark.parametrize("name", CASES)
def test_a_call_that_fails_at_any_step(name: str) -> None:
    host = prepared(name)
    old = state(host)
    CASES[name][1](driver_on(host))
    new = state(host)
    for step in range(1, MOST):
        host = prepared(name)
        last = host.mutations + step
        host.fail_at(step, HostError("The disk is full."))
        try:
            CASES[name][1](driver_on(host))
        except CorralError as error:
            assert "disk is full" in str(error), f"failed at step {step}"
            assert state(host) in (old, new), f"failed at step {step}"
        done = host.mutations < last
        host.revive()
        finish(host, name, new)
        assert state(host) == new, f"failed at step {step}"
        assert_tidy(host)
        if done:
            return
    pytest.fail(f"more than {MOST} steps")


@pytest.mark.parametrize("name", ["start", "destroy", "undefine while it runs"])
def test_a_run_that_is_killed_and_whose_host_then_boots(name: str) -> None:
    for step in range(1, MOST):
        host = prepared(name)
        host.kill_at(step)
        try:
            CASES[name][1](driver_on(host))
        except Killed:
            host.revive()
            host.reboot()
            driver = driver_on(host)
            names = [found.name for found in driver.list_domains()]
            assert all(not found.active for found in driver.list_domains())
            if "a" in names:
                assert driver.start_domain("a").state == "running"
            continue
        return
    pytest.fail(f"more than {MOST} steps")

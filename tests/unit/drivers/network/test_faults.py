# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that are killed, and calls that fail, at every step: nothing of a network is lost or left over."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Callable, Dict, Tuple

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.network.driver import BridgeDriver
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CorralError,
    HostError,
    NotFound,
    OperationInvalid,
)
from ansible_collections.corral.virt.plugins.module_utils.host.fake import Killed
from ansible_collections.corral.virt.plugins.module_utils.model.network.identity import NETWORK
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.tests.unit.drivers.network.small_host import NetHost, document, driver_on

Action = Callable[[BridgeDriver], object]
MOST = 300
MORE = """
<bandwidth><inbound average='1000'/></bandwidth>
<ip family='ipv6' address='2001:db8:1::1' prefix='64'/>
<route address='203.0.113.0' prefix='24' gateway='192.0.2.2'/>
"""
RESERVED = "<host mac='52:54:00:00:00:01' ip='192.0.2.11'/>"


def new_host() -> NetHost:
    """A host on which another network is active."""
    host = NetHost()
    driver = driver_on(host)
    driver.define_network(document(name="other", bridge="virbr8", net="198.51.100"))
    driver.start_network("other")
    return host


def define(driver: BridgeDriver) -> object:
    return driver.define_network(document(more=MORE))


def start(driver: BridgeDriver) -> object:
    return driver.start_network("a")


def create(driver: BridgeDriver) -> object:
    return driver.create_network(document(more=MORE))


def destroy(driver: BridgeDriver) -> None:
    driver.destroy_network("a")


def restart(driver: BridgeDriver) -> None:
    driver.destroy_network("a", again=True)
    start(driver)


def undefine(driver: BridgeDriver) -> None:
    driver.undefine_network("a")


def update(driver: BridgeDriver, *, hosts: str = RESERVED, more: str = MORE) -> None:
    wanted = driver.normalise_network(document(more=more, hosts=hosts))
    driver.update_network("a", wanted, compare(driver.network_xml("a"), wanted, NETWORK))


def update_more(driver: BridgeDriver) -> None:
    more = MORE.replace("1000", "2000") + "<dns><forwarder addr='203.0.113.53'/></dns>"
    update(driver, more=more)


# what was there before, what is done
CASES: Dict[str, Tuple[Tuple[Action, ...], Action]] = {
    "define": ((), define),
    "start": ((define,), start),
    "start again": ((define, start, destroy), start),
    "create": ((), create),
    "destroy": ((define, start), destroy),
    "destroy a transient one": ((create,), destroy),
    "undefine": ((define,), undefine),
    "update": ((define, start), update),
    "update what needs another dnsmasq": ((define, start), update_more),
}


@cache
def _prepared(actions: Tuple[Action, ...]) -> NetHost:
    host = new_host()
    for action in actions:
        action(driver_on(host))
    return host


def prepared(name: str) -> NetHost:
    """A host on which everything before the case's own action was done."""
    return deepcopy(_prepared(CASES[name][0]))


def state(host: NetHost) -> object:
    """All that a user can see of the network."""
    driver = driver_on(host, read_only=True)
    try:
        found = driver.lookup_network("a")
    except NotFound:
        return "absent"
    hosts = len(driver.network_xml("a").findall("ip/dhcp/host"))
    return found.active, found.persistent, hosts, driver.network_xml("a").find("dns") is not None


def finish(host: NetHost, name: str, wanted: object) -> None:
    """What a next run does: look, do what is missing, mend."""
    if state(host) != wanted:
        CASES[name][1](driver_on(host))
    driver = driver_on(host)
    if wanted != "absent" and driver.lookup_network("a").active and driver.network_faults("a"):
        driver.mend_network("a")


def assert_whole(host: NetHost) -> None:
    """Everything on the host belongs to an active network, which works."""
    driver = driver_on(host)
    active = [found.name for found in driver.list_networks() if found.active]
    for name in active:
        assert driver.network_faults(name) == []
    bridges = {"virbr8", *(["virbr7"] if "a" in active else [])}
    assert set(host.nodes) == bridges
    assert len(host.servers()) == len(bridges)
    assert ("virbr7" in host.tables["corral"]) == ("virbr7" in bridges)
    assert {link for link, _address in host.addresses} == bridges
    assert host.locks == set()
    if "a" not in active:
        left = {path for path in host.files if path.startswith("/run/corral/networks/a.")}
        assert left <= {"/run/corral/networks/a.xml"}  # which means nothing without a status


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
            assert_whole(host)
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
        assert_whole(host)
        if done:
            return
    pytest.fail(f"more than {MOST} steps")


def test_a_restart_that_is_killed_at_any_step_leaves_an_active_network() -> None:
    for step in range(1, MOST):
        host = deepcopy(_prepared((define, start)))
        host.kill_at(step)
        try:
            restart(driver_on(host))
        except Killed:
            host.revive()
            driver = driver_on(host)
            assert driver.lookup_network("a").active, f"killed at step {step}"
            driver.mend_network("a")
            assert_whole(host)
            with pytest.raises(OperationInvalid, match="already active"):
                driver.start_network("a")
            restart(driver)
            assert_whole(host)
            continue
        assert step > 10
        host.revive()
        assert_whole(host)
        return
    pytest.fail(f"more than {MOST} steps")


def test_a_restart_that_fails_leaves_an_inactive_network() -> None:
    host = deepcopy(_prepared((define, start)))
    driver_on(host).destroy_network("a", again=True)
    host.add_link("virbr7", "veth")
    with pytest.raises(CorralError, match="cannot have the bridge virbr7"):
        start(driver_on(host))
    assert not driver_on(host).lookup_network("a").active


def test_a_dnsmasq_that_nobody_wrote_down_is_found_by_its_command_line() -> None:
    host = prepared("start")
    start(driver_on(host))
    (server,) = [each for each in host.servers() if "a.conf" in str(each.command)]
    driver = driver_on(host)
    status = driver.store.read_status("a") or {}
    driver.store.write_status("a", {**status, "pid": 0, "start": 0})
    assert [fault.what for fault in driver.network_faults("a")] == ["dnsmasq"]
    driver.mend_network("a")
    assert server.process.pid not in host.processes
    assert_whole(host)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that are killed, and calls that fail, at every step: nothing of a pool is lost or left over."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Callable, Dict, Tuple

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.driver import HostStorage
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError, HostError, NotFound
from ansible_collections.corral.virt.plugins.module_utils.host.fake import Killed
from ansible_collections.corral.virt.plugins.module_utils.model.storage.identity import POOL
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.tests.unit.drivers.storage.small_pools import PoolHost, driver_on, pool, volume

Action = Callable[[HostStorage], object]
MOST = 300
MODE = "<permissions><mode>0750</mode><owner>7</owner><group>8</group></permissions>"


def define(kind: str) -> Action:
    return _define[kind]


# one function object each, so that what was prepared can be remembered
_define: Dict[str, Action] = {
    "dir": lambda driver: driver.define_pool(pool("dir")),
    "fs": lambda driver: driver.define_pool(pool("fs")),
    "logical": lambda driver: driver.define_pool(pool("logical")),
    "disk": lambda driver: driver.define_pool(pool("disk")),
}


def build(driver: HostStorage) -> None:
    driver.build_pool("a")


def start(driver: HostStorage) -> object:
    return driver.start_pool("a")


def create(driver: HostStorage) -> object:
    return driver.create_pool(pool("dir", path="/var/lib/corral/images"))


def destroy(driver: HostStorage) -> None:
    driver.destroy_pool("a")


def undefine(driver: HostStorage) -> None:
    driver.undefine_pool("a")


def delete(driver: HostStorage) -> None:
    driver.delete_pool("a")


def make(driver: HostStorage) -> object:
    return driver.create_volume("a", volume())


def drop(driver: HostStorage) -> None:
    driver.delete_volume("a", "one")


def update(driver: HostStorage) -> None:
    wanted = driver.normalise_pool(pool("dir", more=MODE))
    driver.update_pool("a", wanted, compare(driver.pool_xml("a", inactive=True), wanted, POOL))


# what was there before, what is done
CASES: Dict[str, Tuple[Tuple[Action, ...], Action]] = {
    "define": ((), define("dir")),
    "undefine": ((define("dir"),), undefine),
    "create": ((), create),
    "destroy a transient one": ((create,), destroy),
    "update": ((define("dir"), build, start), update),
}
for _kind in ("dir", "fs", "logical", "disk"):
    CASES[f"build {_kind}"] = ((define(_kind),), build)
    CASES[f"start {_kind}"] = ((define(_kind), build), start)
    CASES[f"destroy {_kind}"] = ((define(_kind), build, start), destroy)
    CASES[f"delete {_kind}"] = ((define(_kind), build), delete)
for _kind in ("dir", "fs", "logical"):
    CASES[f"volume {_kind}"] = ((define(_kind), build, start), make)
    CASES[f"no volume {_kind}"] = ((define(_kind), build, start, make), drop)
    CASES[f"delete {_kind} with a volume"] = ((define(_kind), build, start, make, destroy), delete)


@cache
def _prepared(actions: Tuple[Action, ...]) -> PoolHost:
    host = PoolHost()
    for action in actions:
        action(driver_on(host))
    return host


def prepared(name: str) -> PoolHost:
    """A host on which everything before the case's own action was done."""
    return copied(_prepared(CASES[name][0]))


def copied(host: PoolHost) -> PoolHost:
    """A host of its own, whose programs work on it and not on the first."""
    return deepcopy(host)


def state(host: PoolHost) -> object:
    """All that a user can see of the pool."""
    driver = driver_on(host, read_only=True)
    try:
        found = driver.lookup_pool("a")
    except NotFound:
        return "absent"
    works = found.active and not driver.pool_faults("a")
    volumes = tuple(each.name for each in driver.list_volumes("a")) if works else ()
    return found.active, found.persistent, driver.pool_is_built("a"), volumes


def finish(host: PoolHost, name: str, wanted: object) -> None:
    """What a next run does: look, do what is missing, mend."""
    action, driver = CASES[name][1], driver_on(host)
    if driver_on(host).site.store.is_live("a") and driver.pool_faults("a"):
        driver.mend_pool("a")
    if state(host) != wanted or (action is delete and driver.check_pool_deletion("a")):
        action(driver_on(host))
    if wanted != "absent" and driver.lookup_pool("a").active and driver.pool_faults("a"):
        driver.mend_pool("a")
    if wanted != "absent" and driver.lookup_pool("a").active:
        driver.refresh_pool("a")


def assert_whole(host: PoolHost) -> None:
    """Everything on the host belongs to the pool, which works."""
    driver = driver_on(host)
    active = [found.name for found in driver.list_pools() if found.active]
    for name in active:
        assert driver.pool_faults(name) == []
    if "a" not in active:
        assert host.mounts == {}
        assert not any(live for group in host.groups.values() for live in group.volumes.values())
        left = {path for path in host.files if path.startswith("/run/corral/pools/a.")}
        assert left <= {"/run/corral/pools/a.xml"}  # which means nothing without a status
    inside = [path for path in host.files if path.startswith("/srv/a/")]
    parts = [path for path in inside if ".corral-" in path]
    parts += [name for group in host.groups.values() for name in group.volumes if name.startswith(".corral-")]
    assert parts == []
    assert [path for path in host.files if path.startswith("/run/corral/keys/")] == []
    assert host.locks == set()


@pytest.mark.parametrize("name", CASES)
def test_a_run_that_is_killed_at_any_step(name: str) -> None:
    host = prepared(name)
    old = state(host)
    CASES[name][1](driver_on(host))
    new = state(host)
    between = _without_faults(old), _without_faults(new)
    for step in range(1, MOST):
        host = prepared(name)
        host.kill_at(step)
        try:
            CASES[name][1](driver_on(host))
        except Killed:
            host.revive()
            assert _without_faults(state(host)) in between, f"killed at step {step}"
            finish(host, name, new)
            assert state(host) == new, f"killed at step {step}"
            assert_whole(host)
            continue
        assert step > 2
        return
    pytest.fail(f"more than {MOST} steps")


def _without_faults(found: object) -> object:
    """Whether it is there, active and defined; the rest may be on its way."""
    return found[:2] if isinstance(found, tuple) else found


@pytest.mark.parametrize("name", CASES)
def test_a_call_that_fails_at_any_step(name: str) -> None:
    host = prepared(name)
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
        done = host.mutations < last
        host.revive()
        finish(host, name, new)
        assert state(host) == new, f"failed at step {step}"
        assert_whole(host)
        if done:
            return
    pytest.fail(f"more than {MOST} steps")

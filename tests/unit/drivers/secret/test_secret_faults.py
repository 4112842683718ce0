# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that are killed, and calls that fail, at every step: no secret is lost, and none is where it must not be."""

from __future__ import annotations

from copy import deepcopy
from typing import Callable, Dict, Tuple

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.secret.driver import KeptSecrets
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError, HostError, NotFound
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost, Killed
from ansible_collections.corral.virt.tests.unit.drivers.secret.small_host import (
    UUID,
    VALUE,
    document,
    driver_on,
    secret_host,
)

Action = Callable[[KeptSecrets], object]
MOST = 100
FRESH = b"another value"


def define(driver: KeptSecrets) -> object:
    return driver.define_secret(document())


def define_passing(driver: KeptSecrets) -> object:
    return driver.define_secret(document(ephemeral="yes"))


def set_value(driver: KeptSecrets) -> None:
    driver.set_secret_value(UUID, VALUE)


def rotate(driver: KeptSecrets) -> None:
    driver.set_secret_value(UUID, FRESH)


def undefine(driver: KeptSecrets) -> None:
    driver.undefine_secret(UUID)


# what was there before, what is done, the values that the secret may have in between
CASES: Dict[str, Tuple[Tuple[Action, ...], Action, Tuple[object, ...]]] = {
    "define": ((), define, ("absent", None)),
    "define an ephemeral one": ((), define_passing, ("absent", None)),
    "set": ((define,), set_value, (None, VALUE)),
    "rotate": ((define, set_value), rotate, (VALUE, FRESH)),
    "rotate an ephemeral one": ((define_passing, set_value), rotate, (VALUE, FRESH)),
    "let it stay": ((define_passing, set_value), define, (VALUE,)),
    "let it end": ((define, set_value), define_passing, (VALUE,)),
    "undefine": ((define, set_value), undefine, (VALUE, None, "absent")),
    "undefine an ephemeral one": ((define_passing, set_value), undefine, (VALUE, None, "absent")),
}


def prepared(name: str, *, encrypts: bool) -> FakeHost:
    host = secret_host(encrypts=encrypts)
    for action in CASES[name][0]:
        action(driver_on(host))
    return host


def value(host: FakeHost) -> object:
    """What a guest would get."""
    try:
        found = driver_on(host).lookup_secret(UUID)
        return driver_on(host).use_secret_value(UUID) if found.has_value else None
    except NotFound:
        return "absent"


def assert_whole(host: FakeHost) -> None:
    """What is there of the secret is where it belongs."""
    paths = [path for path in host.files if UUID in path]
    try:
        ephemeral = driver_on(host).lookup_secret(UUID).ephemeral
    except NotFound:
        # a document in the runtime directory means nothing without a status
        assert set(paths) <= {f"/run/corral/secrets/{UUID}.xml"}
        return
    assert {path.startswith("/run/") for path in paths} == {ephemeral}
    assert host.locks == set()


def finished(host: FakeHost, name: str) -> None:
    """Do again what was not done."""
    if value(host) != "absent" or CASES[name][1] is not undefine:
        CASES[name][1](driver_on(host))


@pytest.mark.parametrize("encrypts", [False, True])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("killed", [False, True])
def test_a_run_that_ends_at_any_step(name: str, encrypts: bool, killed: bool) -> None:
    start = prepared(name, encrypts=encrypts)
    for step in range(1, MOST):
        host = deepcopy(start)
        last = host.mutations + step
        if killed:
            host.kill_at(step)
        else:
            host.fail_at(step, HostError("The disk is full."))
        try:
            CASES[name][1](driver_on(host))
        except Killed:
            pass
        except CorralError as error:
            assert "disk is full" in str(error)
        reached = host.mutations >= last
        host.revive()
        assert value(host) in CASES[name][2], f"ended at step {step}"
        finished(host, name)
        assert value(host) == CASES[name][2][-1]
        assert_whole(host)
        if not reached:
            return
    pytest.fail(f"more than {MOST} steps")

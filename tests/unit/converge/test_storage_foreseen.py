# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools and volumes that cannot be made: a check says it in the words of a run, and neither has done anything."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Callable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.elements import reader
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.module_utils.converge.pool import converge_pool
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CorralError,
    HostError,
    MissingProgram,
    OperationDenied,
    OperationInvalid,
    UnsupportedConfig,
)
from ansible_collections.corral.virt.plugins.modules import pool
from ansible_collections.corral.virt.tests.unit.drivers.storage.small_pools import Guests, PoolHost, driver_on

Options = dict[str, Any]
DEVICE = "/dev/sdb"
DISK: Options = {"name": "p", "type": "disk", "source": {"device": DEVICE, "format": "gpt"}}
FS: Options = {"name": "p", "type": "fs", "source": {"device": DEVICE, "format": "ext4"}, "target": "/srv/p"}
LVM: Options = {"name": "p", "type": "logical", "source": {"device": DEVICE, "name": "vg"}}
FORMATTED = [DISK, FS, LVM]


@pytest.fixture
def host() -> PoolHost:
    return PoolHost()


def told(module: Any, work: Callable[[Job], Any], host: PoolHost, options: Options, check: bool, guests: Any) -> Any:
    """What a module says of its options on this host."""
    parts = [part for part in vars(module).values() if type(part).__name__ == "Spec" and part.options]
    read, wrong = reader([part for part in parts if "uri" not in part.options], lambda _text: None)(options)
    assert not wrong
    connection = SimpleNamespace(storage=driver_on(host, guests=guests, read_only=check))
    return work(Job(connection, read, check_mode=check))  # type: ignore[arg-type]


def refused(
    module: Any, work: Callable[[Job], Any], host: PoolHost, options: Options, guests: Any = None
) -> CorralError:
    """The error of a check, which a run raises too; neither changes anything."""
    before, found = dict(host.files), []
    for check in (True, False):
        with pytest.raises(CorralError) as failure:
            told(module, work, host, options, check, guests or Guests())
        assert "done" not in failure.value.details, "a step was done before"
        assert {path: node.data for path, node in host.files.items() if node.kind == "file"} == {
            path: node.data for path, node in before.items() if node.kind == "file"
        }
        found.append(failure.value)
    assert (str(found[0]), type(found[0]), found[0].hint) == (str(found[1]), type(found[1]), found[1].hint)
    return found[1]


def no_pool(host: PoolHost, options: Options) -> CorralError:
    """Why a pool cannot be made."""
    error = refused(pool, converge_pool, host, options)
    assert not driver_on(host).list_pools()
    return error


def made(host: PoolHost, options: Options, **rest: Any) -> list[str]:
    """The steps of a check, which are those of the run."""
    steps = [
        [step["action"] for step in told(pool, converge_pool, host, {**options, **rest}, check, Guests())["actions"]]
        for check in (True, False)
    ]
    assert steps[0] == steps[1]
    return steps[1]


# pools that are built


@pytest.mark.parametrize("state", [{"state": "built"}, {"state": "active", "build": True}])
@pytest.mark.parametrize("options", FORMATTED)
def test_a_device_that_holds_something_is_no_pool(host: PoolHost, options: Options, state: Options) -> None:
    host.marks[DEVICE] = "xfs"
    error = no_pool(host, {**options, **state})
    assert isinstance(error, OperationInvalid) and "holds xfs already" in str(error)
    assert made(host, options, **state, overwrite=True)[:2] == ["define", "build"]


@pytest.mark.parametrize("options", FORMATTED)
def test_what_a_build_needs(host: PoolHost, options: Options) -> None:
    missing: Options = {**options, "source": {**options["source"], "device": "/dev/sdx"}}
    assert isinstance(no_pool(host, {**missing, "state": "built"}), HostError)
    host.mounts["/mnt"] = DEVICE
    assert isinstance(no_pool(host, {**options, "state": "built", "overwrite": True}), OperationDenied)


@pytest.mark.parametrize(("options", "program"), [(FS, "mkfs.ext4"), (LVM, "vgcreate"), (DISK, "wipefs")])
def test_a_program_that_builds_and_is_not_there(host: PoolHost, options: Options, program: str) -> None:
    del host.programs[program]
    error = no_pool(host, {**options, "state": "built"})
    assert isinstance(error, MissingProgram) and error.hint


def test_a_file_system_that_nothing_can_make(host: PoolHost) -> None:
    auto = {**FS, "source": {"device": DEVICE, "format": "auto"}, "state": "built"}
    assert isinstance(no_pool(host, auto), UnsupportedConfig)


def test_a_file_in_the_place_of_the_directory(host: PoolHost) -> None:
    host.write("/srv/p", b"")
    assert "is a file" in str(no_pool(host, {"name": "p", "target": "/srv/p", "state": "built"}))


def test_a_device_that_the_pool_itself_has_now(host: PoolHost) -> None:
    assert made(host, FS, state="active", build=True) == ["define", "build", "start"]
    again = {**FS, "target": "/srv/q", "state": "active", "build": True, "overwrite": True, "apply": "restart"}
    assert "build" in made(host, again)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module pool on nodes of the test driver: check mode says what a run does, a second run changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.plugins.modules import pool, pool_info, vm, volume

Run = Callable[..., "dict[str, Any]"]

DIR = {"name": "a", "target": "/srv/a"}
DISK = {"name": "a", "type": "fs", "source": {"device": "/dev/sdx"}, "target": "/srv/a"}
LOGIN = {"name": "a", "type": "iscsi", "source": {"host": "san.example", "device": "iqn.2026-01.example:a"}}
ACTIVE: dict[str, Any] = {"state": "active"}


def actions(result: dict[str, Any]) -> list[str]:
    assert not result.get("failed"), result.get("msg")
    return [action["action"] for action in result["actions"]]


def fill(run: Run, node: str, *, guest: bool = False) -> None:
    """A volume, and a guest that has it open."""
    assert run(volume, uri=node, pool="a", name="v.img", capacity="64MiB")["changed"]
    if guest:
        disks = [{"path": "/srv/a/v.img", "format": "raw"}]
        result = run(vm, uri=node, name="web", memory="64MiB", disks=disks, state="running")
        assert not result.get("failed"), result.get("msg")


WAYS: list[tuple[list[dict[str, Any]], list[str]]] = [
    ([DIR], ["define"]),
    ([{**DIR, "state": "built"}], ["define", "build"]),
    ([{**DIR, **ACTIVE}], ["define", "build", "start"]),
    ([{**DIR, **ACTIVE, "autostart": True}], ["define", "enable_autostart", "build", "start"]),
    ([{**DIR, "state": "refreshed"}, DIR], []),
    ([DIR, {"name": "a", "state": "built"}], ["build"]),
    ([DIR, {"name": "a", **ACTIVE}], ["build", "start"]),
    ([{**DIR, "state": "built"}, {"name": "a", **ACTIVE}], ["start"]),
    ([{**DIR, "state": "built"}, {**DIR, "target": "/srv/b", **ACTIVE}], ["define", "build", "start"]),
    ([{**DIR, "state": "built"}, {**DIR, "tags": ["x"], **ACTIVE}], ["define", "start"]),
    ([{**DISK, **ACTIVE, "build": True}], ["define", "build", "start"]),
    ([{**DISK, "state": "built", "overwrite": True}], ["define", "build"]),
    ([{**LOGIN, **ACTIVE}], ["define", "start"]),
    ([{**DIR, **ACTIVE}, {**DIR, "tags": ["x"]}], ["define", "update"]),
    ([{**DIR, **ACTIVE}, {**DIR, "permissions": {"mode": "0700"}}], ["define", "update"]),
    ([{**DIR, **ACTIVE}, {**DIR, "tags": ["x"], "apply": "next_boot"}], ["define"]),
    ([{**DIR, **ACTIVE}, {**DIR, "target": "/srv/b"}], ["define"]),
    (
        [{**DIR, **ACTIVE}, {**DIR, "target": "/srv/b", "apply": "restart"}],
        ["define", "destroy", "build", "start"],
    ),
    ([{**DIR, **ACTIVE}, {"name": "a", "state": "inactive"}], ["destroy"]),
    ([{**DIR, **ACTIVE}, {"name": "a", "state": "absent"}], ["destroy", "undefine"]),
    ([{**DIR, **ACTIVE}, {"name": "a", "state": "absent", "delete": True}], ["destroy", "delete", "undefine"]),
    ([DIR, {"name": "a", "state": "absent", "delete": True}], ["undefine"]),
    ([{"name": "default", **ACTIVE}], ["define", "build", "start"]),
]


@pytest.mark.parametrize(("runs", "expected"), WAYS)
def test_check_mode_says_what_a_run_does_and_a_second_run_changes_nothing(
    run: Run, node: str, runs: list[dict[str, Any]], expected: list[str]
) -> None:
    for options in runs[:-1]:
        actions(run(pool, uri=node, **options))
    before = run(pool_info, uri=node, xml="live")
    foreseen = run(pool, uri=node, check=True, diff=True, **runs[-1])
    assert run(pool_info, uri=node, xml="live") == before
    done = run(pool, uri=node, diff=True, **runs[-1])
    assert actions(foreseen) == actions(done) == expected
    assert (foreseen["actions"], foreseen["diff"]) == (done["actions"], done["diff"])
    again = run(pool, uri=node, diff=True, **runs[-1])
    assert (again["changed"], again["actions"], again["diff"]) == (False, [], [])
    assert again["pool"] == done["pool"]


def test_refreshed_looks_again_in_each_run(run: Run, node: str) -> None:
    assert actions(run(pool, uri=node, **DIR, state="refreshed")) == ["define", "build", "start"]
    for _again in range(2):
        assert actions(run(pool, uri=node, name="a", state="refreshed")) == ["refresh"]


def test_nothing_is_formatted_that_nobody_has_asked_for(run: Run, node: str) -> None:
    for check in (True, False):
        result = run(pool, uri=node, check=check, **DISK, **ACTIVE)
        assert (result["error"], result["details"]) == ("HostError", {})
    assert actions(run(pool, uri=node, **DISK, **ACTIVE, build=True)) == ["define", "build", "start"]
    assert run(pool, uri=node, **{**DIR, "name": "b", "target": "/srv/b"}, **ACTIVE, build=False)["failed"]


def test_overwriting_is_said_in_the_plan(run: Run, node: str) -> None:
    result = run(pool, uri=node, check=True, **DISK, state="built", overwrite=True)
    assert result["actions"][1] == {
        "action": "build",
        "target": "a",
        "effect": "live",
        "detail": ["overwrites what lies there"],
    }


def test_data_goes_only_where_that_is_said(run: Run, node: str) -> None:
    run(pool, uri=node, **DIR, **ACTIVE)
    fill(run, node)
    (found,) = run(pool_info, uri=node)["pools"]
    assert (found["volumes"], found["allocation"], found["built"]) == (1, 64 << 20, True)
    result = run(pool, uri=node, name="a", state="absent", delete=True, check=True)
    assert result["actions"][1]["detail"] == ["/srv/a/v.img", "/srv/a"]
    result = run(pool, uri=node, name="a", state="inactive")
    assert (result["pool"]["capacity"], result["pool"]["state"]) == (None, "inactive")
    assert run(pool, uri=node, name="a", state="active")["pool"]["allocation"] == 64 << 20
    assert run(pool, uri=node, name="a", state="absent", delete=True)["pool"] is None


def test_what_guests_use_is_not_let_go(run: Run, node: str) -> None:
    run(pool, uri=node, **DIR, **ACTIVE)
    fill(run, node, guest=True)
    for state in ("inactive", "absent"):
        result = run(pool, uri=node, name="a", state=state)
        assert (result["error"], result["details"]["guests"]) == ("OperationInvalid", ["web"])
        assert result["msg"].startswith(f"The pool a is used by the guest web, and cannot be {state}.")
    result = run(pool, uri=node, name="a", state="inactive", force=True)
    assert (actions(result), result["cut_off"]) == (["destroy"], ["web"])


def test_what_needs_a_restart_waits(run: Run, node: str) -> None:
    run(pool, uri=node, **DIR, **ACTIVE)
    for changed in (True, False):
        result = run(pool, uri=node, **{**DIR, "target": "/srv/b"})
        assert (result["changed"], result["restart_required"]) == (changed, True)
        assert result["pending"] == ["/pool/target/path: /srv/a -> /srv/b"]
    assert actions(run(pool, uri=node, name="a", apply="restart")) == ["destroy", "build", "start"]


@pytest.mark.parametrize("state", ["present", "active", "built"])
def test_a_broken_pool_is_mended(run: Run, node: str, state: str) -> None:
    run(pool, uri=node, **DIR, **ACTIVE)
    path = Path(node[len("test://") :])
    fault = '<corral:runtime><corral:fault what="directory" detail="/srv/a is missing"/></corral:runtime>'
    text = path.read_text(encoding="utf-8")
    assert "<corral:runtime/>" in text
    path.write_text(text.replace("<corral:runtime/>", fault), encoding="utf-8")
    for check in (True, False):
        result = run(pool, uri=node, name="a", state=state, check=check)
        assert actions(result) == ["mend"]
        assert result["actions"][0]["detail"] == ["directory: /srv/a is missing"]
    assert not run(pool, uri=node, name="a", state=state)["changed"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "a"}, "There is no pool named a, so it cannot be present. Say what it is to be"),
        ({}, "one of the following is required: name, xml"),
        ({"name": "a/b", "type": "dir"}, "a slash"),
        ({**DIR, "delete": True}, "delete goes with state absent, and the state is present"),
        ({**DIR, "overwrite": True, **ACTIVE}, "overwrite is about building"),
        ({**DIR, "build": False, "state": "built"}, "contradict each other"),
        ({**DIR, "xml": "<pool/>"}, "xml cannot be given together with target"),
        ({"name": "a", "type": "dir"}, "the pool has no <path> in <target>; write one"),
        ({"name": "a", "type": "floppy"}, "value of type must be one of"),
        ({"name": "a", "source": {"devise": "x"}}, "Unsupported parameters"),
    ],
)
def test_what_is_refused(run: Run, node: str, options: dict[str, Any], said: str) -> None:
    result = run(pool, uri=node, **options)
    assert result["failed"]
    assert said in result["msg"]
    assert run(pool_info, uri=node)["pools"] == []


def test_identities_that_are_taken(run: Run, node: str) -> None:
    first = run(pool, uri=node, **DIR)["pool"]
    for check in (True, False):
        result = run(pool, uri=node, check=check, name="b", target="/srv/b", uuid=first["uuid"])
        assert result["msg"].startswith(f"The uuid {first['uuid']} belongs to the pool a;")
    result = run(pool, uri=node, name="b", target="/srv/a")
    assert (result["error"], result["msg"]) == ("AlreadyExists", "The pool a has the directory /srv/a already.")


def test_a_transient_pool_has_no_data_to_be_deleted_with_it(run: Run, node: str) -> None:
    document = parse("<pool type='dir'><name>a</name><target><path>/srv/a</path></target></pool>")
    with open_connection(node, host=LocalHost()) as connection:
        connection.storage.create_pool(document)
    for check in (True, False):
        result = run(pool, uri=node, name="a", state="absent", delete=True, check=check)
        assert result["msg"].startswith("The pool a is transient")
    assert actions(run(pool, uri=node, name="a", state="absent")) == ["destroy"]


# pool_info


def test_info_of_all_of_some_and_of_none(run: Run, node: str) -> None:
    for name in ("c", "a"):
        run(pool, uri=node, name=name, target=f"/srv/{name}")
    everything = run(pool_info, uri=node)["pools"]
    assert [found["name"] for found in everything] == ["a", "c"]
    result = run(pool_info, uri=node, name=["c", "nobody", everything[1]["uuid"]])
    assert ([found["name"] for found in result["pools"]], result["missing"]) == (["c"], ["nobody"])
    assert run(pool_info, uri=node, name=[])["pools"] == []
    assert (everything[0]["built"], everything[0]["volumes"]) == (False, None)


def test_info_documents_what_it_returns(run: Run, node: str) -> None:
    import yaml

    run(pool, uri=node, **DIR)
    (found,) = run(pool_info, uri=node, xml="inactive")["pools"]
    documented = yaml.safe_load(pool_info.RETURN)["pools"]["contains"]
    assert set(found) == set(documented)
    assert set(found) - set(run(pool, uri=node, **DIR)["pool"]) == {"xml", "built", "volumes"}

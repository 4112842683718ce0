# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module volume on nodes of the test driver: check mode says what a run does, a second run changes nothing."""

from __future__ import annotations

from typing import Any, Callable, Optional

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.corral.virt.plugins.module_utils.drivers.test.storage import SimulatedStorage
from ansible_collections.corral.virt.plugins.module_utils.errors import AlreadyExists, InvalidArgument, OperationFailed
from ansible_collections.corral.virt.plugins.modules import pool, vm, volume, volume_info

Run = Callable[..., "dict[str, Any]"]

SIZED = {"pool": "a", "name": "v", "capacity": "1GiB"}
QCOW2 = {**SIZED, "format": "qcow2"}
SMALLER = {**SIZED, "capacity": "512MiB"}
NAMED: dict[str, Any] = {"pool": "a", "name": "v"}
BASE = {**QCOW2, "name": "base"}
URL = "https://cloud.example/debian.qcow2"
SHA = f"sha256:{'a' * 64}"
IMAGE = {**NAMED, "image": {"url": URL, "checksum": SHA}}
OTHER = {**NAMED, "image": {"url": URL, "checksum": f"sha256:{'b' * 64}"}}


@pytest.fixture
def node(run: Run, node: str) -> str:
    """A node with an active pool."""
    assert run(pool, uri=node, name="a", target="/srv/a", state="active")["changed"]
    return node


def actions(result: dict[str, Any]) -> list[str]:
    assert not result.get("failed"), result.get("msg")
    return [action["action"] for action in result["actions"]]


def with_guest(run: Run, node: str, path: str = "/srv/a/v") -> None:
    disks = [{"path": path, "format": "raw"}]
    result = run(vm, uri=node, name="web", memory="64MiB", disks=disks, state="running")
    assert not result.get("failed"), result.get("msg")


WAYS: list[tuple[list[dict[str, Any]], list[str]]] = [
    ([SIZED], ["create"]),
    ([{**QCOW2, "preallocation": "falloc", "lazy_refcounts": True}], ["create"]),
    ([BASE, {**NAMED, "format": "qcow2", "backing": "base"}], ["create"]),
    ([BASE, {**NAMED, "image": "base"}], ["create"]),
    ([IMAGE], ["create"]),
    ([{**NAMED, "image": "/srv/golden.qcow2"}], ["create"]),
    ([{**NAMED, "image": "/srv/golden.img.xz", "capacity": "8GiB"}], ["create"]),
    ([{**SIZED, "encryption": "vault"}], ["create"]),
    ([{**NAMED, "xml": "<volume><name>v</name><capacity>512</capacity></volume>"}], ["create"]),
    ([SIZED, {**SIZED, "capacity": "2GiB"}], ["resize"]),
    ([SIZED, {**SMALLER, "shrink": True}], ["resize"]),
    ([SIZED, {**NAMED, "permissions": {"mode": "0640"}}], ["update"]),
    ([SIZED, {**NAMED, "capacity": "2GiB", "permissions": {"owner": 7}}], ["resize", "update"]),
    ([SIZED, {**QCOW2, "force": True}], ["delete", "create"]),
    ([IMAGE, {**OTHER, "force": True}], ["delete", "create"]),
    ([SIZED, {**NAMED, "state": "absent"}], ["delete"]),
    ([SIZED, {**NAMED, "state": "absent", "wipe": "random"}], ["wipe", "delete"]),
    ([{**SIZED, "state": "wiped"}], ["create"]),
]


@pytest.mark.parametrize(("runs", "expected"), WAYS)
def test_check_mode_says_what_a_run_does_and_a_second_run_changes_nothing(
    run: Run, node: str, runs: list[dict[str, Any]], expected: list[str]
) -> None:
    for options in runs[:-1]:
        actions(run(volume, uri=node, **options))
    before = run(volume_info, uri=node, xml=True)
    foreseen = run(volume, uri=node, check=True, diff=True, **runs[-1])
    assert run(volume_info, uri=node, xml=True) == before
    done = run(volume, uri=node, diff=True, **runs[-1])
    assert actions(foreseen) == actions(done) == expected
    assert (foreseen["actions"], foreseen["diff"]) == (done["actions"], done["diff"])
    assert done["diff"] or runs[-1].get("state") == "wiped"
    if runs[-1].get("state") != "wiped":
        again = run(volume, uri=node, diff=True, **runs[-1])
        assert (again["changed"], again["actions"], again["diff"]) == (False, [], [])
        assert again["volume"] == done["volume"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"state": "wiped"}, ["wipe"]),
        ({"upload_from": "/srv/x"}, ["upload"]),
        ({"download_to": "/srv/x"}, ["download"]),
        ({"state": "wiped", "wipe": "trim", "download_to": "/srv/x"}, ["wipe", "download"]),
    ],
)
def test_what_is_done_in_each_run(run: Run, node: str, options: dict[str, Any], expected: list[str]) -> None:
    run(volume, uri=node, **SIZED)
    for check in (True, False, False):
        assert actions(run(volume, uri=node, check=check, **NAMED, **options)) == expected


def test_a_layer_is_as_large_as_what_it_stands_on(run: Run, node: str) -> None:
    run(volume, uri=node, **BASE)
    found = run(volume, uri=node, **NAMED, format="qcow2", backing={"path": "/srv/a/base"})["volume"]
    assert (found["capacity"], found["backing"]) == (1 << 30, {"path": "/srv/a/base", "format": "qcow2"})
    assert actions(run(volume, uri=node, **NAMED, format="qcow2", backing="base", capacity="2GiB")) == ["resize"]
    assert actions(run(volume, uri=node, **NAMED, format="qcow2", backing="base")) == []
    assert actions(run(volume, uri=node, **QCOW2, shrink=True)) == ["resize"]  # what is not said stays


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    "options",
    [{"state": "absent"}, {"state": "wiped"}, {"upload_from": "/srv/x"}, {"capacity": "512MiB", "shrink": True}],
)
def test_what_another_volume_stands_on_is_left_alone(run: Run, node: str, options: dict[str, Any], check: bool) -> None:
    run(volume, uri=node, **BASE)
    run(volume, uri=node, **NAMED, format="qcow2", backing="base")
    result = run(volume, uri=node, **{**NAMED, "name": "base", **options}, check=check)
    assert (result["error"], result["changed"]) == ("OperationInvalid", False)
    assert "below v of pool a" in result["msg"]
    assert run(volume, uri=node, **BASE)["changed"] is False


def test_what_it_was_made_from_is_kept(run: Run, node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda module, text: said.append(text))
    found = run(volume, uri=node, **IMAGE)
    assert (found["volume"]["origin"], found["actions"][0]["detail"]) == (f"{URL} {SHA}", [f"a copy of {URL}"])
    assert (
        actions(run(volume, uri=node, **{**IMAGE, "image": {"url": "http://b/x", "checksum": f"sha256:{'A' * 64}"}}))
        == []
    )
    for check in (True, False):
        result = run(volume, uri=node, check=check, **OTHER)
        assert result["msg"].startswith(f"The volume v of pool a was made from {URL} {SHA}, and its contents")
        assert "set force: true" in result["hint"]
    assert said == []
    assert run(volume, uri=node, **NAMED, state="wiped")["volume"]["origin"] is None
    assert actions(run(volume, uri=node, **OTHER, force=True)) == []
    assert said == ["What the volume v was made from is not known, so its contents are left as they are."]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (SMALLER, "has 1073741824 bytes, and with 536870912 what is beyond would be cut off"),
        (QCOW2, "has the format raw, and cannot get qcow2. Leave it as it is"),
        ({**SIZED, "encryption": "x"}, "was made without encryption, and cannot get"),
    ],
)
def test_what_cannot_change_is_refused_by_its_name(run: Run, node: str, options: dict[str, Any], said: str) -> None:
    run(volume, uri=node, **SIZED)
    for check in (True, False):
        result = run(volume, uri=node, check=check, **options)
        assert (result["error"], result["changed"]) == ("InvalidArgument", False)
        assert said in result["msg"]


def test_other_layers_and_details_are_refused(run: Run, node: str) -> None:
    for name in ("base", "other"):
        run(volume, uri=node, **{**BASE, "name": name})
    run(volume, uri=node, **NAMED, format="qcow2", backing="base")
    result = run(volume, uri=node, **NAMED, backing="other")
    assert "has the backing /srv/a/base, and cannot get /srv/a/other" in result["msg"]
    result = run(volume, uri=node, **NAMED, lazy_refcounts=True)
    assert "was made without features, and cannot get" in result["msg"]
    assert actions(run(volume, uri=node, **NAMED, lazy_refcounts=False)) == []
    result = run(volume, uri=node, **NAMED, cluster_size="2MiB")
    assert "has the cluster_size 65536, and cannot get 2097152" in result["msg"]
    xml = "<volume><name>v</name><capacity unit='GiB'>1</capacity></volume>"
    result = run(volume, uri=node, pool="a", xml=xml)
    assert "has the backing <backingStore>" in result["msg"]


def test_what_a_guest_has_open_is_left_alone(run: Run, node: str) -> None:
    run(volume, uri=node, **SIZED)
    with_guest(run, node)
    assert run(volume_info, uri=node)["volumes"][0]["guests"] == ["web"]
    for options, word in (
        ({**NAMED, "state": "absent"}, "absent"),
        ({**NAMED, "state": "wiped"}, "wiped"),
        ({**NAMED, "upload_from": "/srv/x"}, "replaced"),
        ({**NAMED, "download_to": "/srv/x"}, "downloaded"),
        ({**QCOW2, "force": True}, "made anew"),
        ({**SMALLER, "shrink": True}, "made smaller"),
    ):
        result = run(volume, uri=node, **options)
        assert (result["error"], result["details"]["guests"]) == ("OperationInvalid", ["web"])
        assert f"is open in the guest web, and cannot be {word}" in result["msg"]
    assert actions(run(volume, uri=node, **NAMED, capacity="2GiB")) == ["resize"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (NAMED, "There is no volume named v in pool a. Say what it is to be"),
        (
            {**SIZED, "pool": "b"},
            "There is no pool with the name or uuid 'b'. Make the pool with corral.virt.pool first",
        ),
        ({"pool": "a"}, "one of the following is required: name, xml"),
        ({**NAMED, "format": "raw"}, "nothing says how large it is to be. Write capacity, or"),
        ({"pool": "a", "xml": "<volume><name>v</name></volume>"}, "has no <capacity>"),
        ({**NAMED, "backing": "/elsewhere"}, "backing: /elsewhere is no volume of an active pool, so its format"),
        ({**NAMED, "backing": "nobody"}, "There is no volume named 'nobody'"),
        ({**NAMED, "image": "nobody"}, "There is no volume named 'nobody'"),
        ({**SIZED, "backing": {"path": "/b", "format": "raw"}}, "cannot be a layer above another"),
        ({**SIZED, "compat": "1.1"}, "<compat> is for images of the format qcow2"),
        ({**NAMED, "image": "/srv/x.img", "capacity": "1MiB"}, "what it is made from has"),
        ({**SIZED, "capacity": "0B"}, "capacity: a volume of no bytes is none"),
        ({**SIZED, "capacity": "1000GiB"}, "has no room"),
    ],
)
def test_what_is_refused(run: Run, node: str, options: dict[str, Any], said: str) -> None:
    result = run(volume, uri=node, **options)
    assert result["failed"]
    assert said in result["msg"]
    assert run(volume_info, uri=node)["volumes"] == []


def test_a_volume_that_is_to_go_and_whose_pool_has_gone(run: Run, node: str) -> None:
    assert actions(run(volume, uri=node, **NAMED, state="absent")) == []
    assert actions(run(volume, uri=node, pool="gone", name="v", state="absent")) == []
    run(pool, uri=node, name="a", state="inactive")
    result = run(volume, uri=node, **NAMED, state="absent")
    assert result["error"] == "OperationInvalid"


def test_another_run_was_faster(run: Run, node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = SimulatedStorage.create_volume

    def late(driver: SimulatedStorage, *arguments: Any, **named: Any) -> Any:
        real(driver, *arguments, **named)
        raise AlreadyExists("There is a volume named 'v' already.")

    monkeypatch.setattr(SimulatedStorage, "create_volume", late)
    assert actions(run(volume, uri=node, **SIZED)) == []


def test_a_password_in_a_url_is_shown_to_nobody(run: Run, node: str) -> None:
    url = "https://me:hush-hush@cloud.example/x.qcow2?token=quiet-please"
    for options in ({"image": url}, {"image": {"url": url}}, {"image": {"url": url, "format": "?"}, "backing": "x"}):
        result = run(volume, uri=node, **NAMED, diff=True, **options)
        assert "hush-hush" not in str(result)
        assert "quiet-please" not in str(result)


def test_files_that_cannot_be_copied_are_known_before_the_first_step(
    run: Run, node: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Optional[str]] = []

    def refuse(driver: SimulatedStorage, pool: str, name: Optional[str], **files: Optional[str]) -> None:
        asked.append(name)
        raise InvalidArgument(f"There is no {files}.")

    monkeypatch.setattr(SimulatedStorage, "check_transfer", refuse)
    for options in ({"upload_from": "/srv/x"}, {"download_to": "/srv/x"}):
        for check in (True, False):
            result = run(volume, uri=node, check=check, **SIZED, **options)
            assert (result["error"], result["changed"]) == ("InvalidArgument", False)
    assert run(volume_info, uri=node)["volumes"] == []
    run(volume, uri=node, **SIZED)
    run(volume, uri=node, **SIZED, upload_from="/srv/x")
    run(volume, uri=node, **{**SIZED, "capacity": "2GiB"}, upload_from="/srv/x")
    assert asked == [None, None, None, None, "v", None]


def test_nothing_is_deleted_for_an_image_that_does_not_come(
    run: Run, node: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(volume, uri=node, **IMAGE)

    def refuse(driver: SimulatedStorage, url: str, **_named: Any) -> str:
        raise OperationFailed(f"{url} is not there.")

    monkeypatch.setattr(SimulatedStorage, "fetch_image", refuse)
    result = run(volume, uri=node, **OTHER, force=True)
    assert (result["error"], result["changed"]) == ("OperationFailed", False)
    assert run(volume_info, uri=node)["volumes"][0]["origin"] == f"{URL} {SHA}"


@pytest.mark.parametrize("check", [True, False])
def test_nothing_is_deleted_for_what_could_not_be_made(
    run: Run, node: str, monkeypatch: pytest.MonkeyPatch, check: bool
) -> None:
    run(volume, uri=node, **SIZED)

    def refuse(driver: SimulatedStorage, *_arguments: Any, **_named: Any) -> None:
        raise OperationFailed("There is no room for it.")

    monkeypatch.setattr(SimulatedStorage, "check_new_volume", refuse)
    result = run(volume, uri=node, **QCOW2, force=True, check=check)
    assert (result["msg"], result["changed"]) == ("There is no room for it.", False)
    assert run(volume_info, uri=node)["volumes"][0]["format"] == "raw"


def test_a_volume_that_could_not_be_made_anew(run: Run, node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run(volume, uri=node, **SIZED)

    def refuse(driver: SimulatedStorage, *_arguments: Any, **_named: Any) -> Any:
        raise OperationFailed("The disk is full.")

    monkeypatch.setattr(SimulatedStorage, "create_volume", refuse)
    result = run(volume, uri=node, **QCOW2, force=True)
    assert (result["changed"], result["details"]["done"]) == (True, ["delete"])
    assert "The old volume is gone" in result["msg"]


# volume_info


def test_info_of_all_of_some_and_of_none(run: Run, node: str) -> None:
    run(pool, uri=node, name="b", target="/srv/b", state="active")
    for place, name in (("b", "z"), ("a", "y"), ("a", "x")):
        run(volume, uri=node, **{**SIZED, "pool": place, "name": name})
    found = run(volume_info, uri=node)["volumes"]
    assert [(each["pool"], each["name"]) for each in found] == [("a", "x"), ("a", "y"), ("b", "z")]
    result = run(volume_info, uri=node, name=["z", "nobody"])
    assert ([each["name"] for each in result["volumes"]], result["missing"]) == (["z"], ["nobody"])
    assert run(volume_info, uri=node, pool="a", name=["z"])["missing"] == ["z"]
    assert run(volume_info, uri=node, name=[])["volumes"] == []
    assert run(volume_info, uri=node, pool="c")["error"] == "NotFound"


def test_info_documents_what_it_returns(run: Run, node: str) -> None:
    import yaml

    result = run(volume, uri=node, **QCOW2)
    (found,) = run(volume_info, uri=node, xml=True)["volumes"]
    assert set(found) == set(yaml.safe_load(volume_info.RETURN)["volumes"]["contains"])
    assert set(found) - set(result["volume"]) == {"xml"}


# texts


def test_names_that_are_no_utf_8_are_written_so_that_ansible_takes_them(
    run: Run, node: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(volume, uri=node, **SIZED)
    odd = "/srv/a/\udcff\udcfe"
    monkeypatch.setattr(SimulatedStorage, "volume_guests", lambda *_arguments: [odd])
    found = run(volume_info, uri=node)["volumes"][0]
    assert found["guests"] == ["/srv/a/\\udcff\\udcfe"]

    def refuse(driver: SimulatedStorage, *_arguments: Any, **_named: Any) -> Any:
        raise OperationFailed(f"{odd} is in the way.", hint=f"Move {odd} away.", path=odd)

    monkeypatch.setattr(SimulatedStorage, "lookup_volume", refuse)
    result = run(volume, uri=node, **SIZED)
    for text in (result["msg"], result["hint"], result["details"]["path"]):
        assert "\\udcff" in text
        text.encode()

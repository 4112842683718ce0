# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the modules secret and secret_info on a host in memory."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any, Optional

import pytest
import yaml

from ansible_collections.corral.virt.plugins.module_utils.connect.connection import Connection
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.module_utils.converge.secret import converge_secret
from ansible_collections.corral.virt.plugins.module_utils.converge.secret_definition import SECRET_DEFINITION
from ansible_collections.corral.virt.plugins.module_utils.converge.secret_look import show_secrets
from ansible_collections.corral.virt.plugins.module_utils.drivers.secret.driver import KeptSecrets
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    AlreadyExists,
    CorralError,
    HostError,
    InvalidArgument,
    OperationDenied,
    OperationInvalid,
)
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.modules import secret, secret_info

UUID = "7f1f1e9e-6d5b-4a4e-9d9f-3d8c5c7f5a10"
OTHER = "22e1353d-c27e-4d6d-bf15-465053e6ba0b"
VALUE = "correct horse battery staple"
DISK = {"usage": "volume", "usage_id": "/images/a.img"}


class World:
    """A host in memory on which the modules work; ``hidden`` and ``warned`` are what a module was told."""

    def __init__(self) -> None:
        self.host = FakeHost()
        self.hidden: list[str] = []
        self.warned: list[str] = []
        self.seen: list[Any] = []

    def connection(self, *, read_only: bool = False) -> Connection:
        driver = KeptSecrets(self.host, Layout.system())
        return Connection("qemu:///system", {"secret": driver}, read_only=read_only)

    def job(self, options: dict[str, Any], check: bool, diff: bool, *, read_only: bool = False) -> Job:
        connection = self.connection(read_only=check or read_only)
        return Job(connection, options, check, diff, self.hidden.append, self.warned.append)

    def run(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run secret with --diff; what it returns is plain, and holds no value."""
        every = {**dict.fromkeys(SECRET_DEFINITION.options), "state": "present", **options}
        result = converge_secret(self.job(every, check, True), self.read)
        self.seen.append(result)
        assert VALUE not in json.dumps(result)
        return result

    def show(self, **options: Any) -> dict[str, Any]:
        result = show_secrets(self.job(options, False, False, read_only=True))
        assert VALUE not in json.dumps(result)
        return result

    def read(self, path: str, limit: int) -> Optional[bytes]:
        return self.host.read(path, limit=limit)

    def value(self, reference: str) -> bytes:
        return self.connection().secret.use_secret_value(reference)


@pytest.fixture
def world() -> World:
    return World()


def actions(result: dict[str, Any]) -> list[str]:
    return [action["action"] for action in result["actions"]]


def test_a_secret_is_made_with_its_value_and_then_left_alone(world: World) -> None:
    wanted = {**DISK, "value": VALUE, "private": True, "description": "the disk of a"}
    expected = world.run(check=True, **wanted)
    assert expected["secret"] is None and world.show()["secrets"] == []
    made = world.run(**wanted)
    assert made["actions"] == expected["actions"] and actions(made) == ["define", "set_value"]
    assert made["diff"] == expected["diff"]
    assert made["secret"]["private"] and made["secret"]["has_value"] and made["secret"]["usage_id"] == "/images/a.img"
    for again in (world.run(**wanted), world.run(check=True, **wanted)):
        assert not again["changed"] and again["diff"] == [] and again["actions"] == []
    assert VALUE in world.hidden
    assert world.value("volume:/images/a.img") == VALUE.encode()


def test_a_value_is_rotated_without_being_shown(world: World) -> None:
    world.run(**DISK, value="the first one")
    for check in (True, False):
        changed = world.run(check=check, **DISK, value=VALUE)
        assert actions(changed) == ["set_value"]
        assert changed["actions"][0]["detail"] == ["value: (secret) -> (secret, changed)"]
        assert [part["after"] for part in changed["diff"]] == ["value: (secret, changed)\n"]
        assert "the first one" not in json.dumps(changed)


def test_what_is_not_said_is_left_as_it_is(world: World) -> None:
    world.run(**DISK, value=VALUE, private=True, ephemeral=True, description="first")
    assert not world.run(**DISK)["changed"]
    changed = world.run(**DISK, description="second")
    assert actions(changed) == ["define"]
    assert changed["actions"][0]["detail"] == ["/secret/description: first -> second"]
    assert changed["secret"]["private"] and changed["secret"]["ephemeral"] and changed["secret"]["has_value"]
    assert not world.run(uuid=changed["secret"]["uuid"])["changed"]
    assert actions(world.run(**DISK, description="")) == ["define"]


def test_the_uuid_of_a_new_secret_is_the_same_each_time(world: World) -> None:
    uuid = world.run(**DISK)["secret"]["uuid"]
    assert world.run(**DISK, state="absent")["secret"] is None
    assert world.run(**DISK)["secret"]["uuid"] == uuid
    assert World().run(**DISK)["secret"]["uuid"] == uuid


def test_a_made_value_is_kept_once_made(world: World) -> None:
    assert actions(world.run(check=True, **DISK, generate=32)) == ["define", "set_value"]
    assert actions(world.run(**DISK, generate=32)) == ["define", "set_value"]
    made = world.value("volume:/images/a.img")
    assert len(made) == 32 and made.isalnum()
    assert not world.run(**DISK, generate=48)["changed"]
    assert world.value("volume:/images/a.img") == made
    assert made.decode() not in json.dumps(world.seen)


def test_values_from_base64_and_from_a_file(world: World) -> None:
    world.host.add_file("/root/key", f"{VALUE}\n".encode())
    world.run(**DISK, value_base64=b64encode(b"\0\xff").decode())
    assert world.value("volume:/images/a.img") == b"\0\xff"
    assert actions(world.run(**DISK, value_file="/root/key")) == ["set_value"]
    assert world.value("volume:/images/a.img") == f"{VALUE}\n".encode()
    assert not world.run(**DISK, value_file="/root/key")["changed"]
    assert VALUE in world.hidden


def test_a_definition_as_xml(world: World) -> None:
    xml = f"<secret private='yes'><uuid>{UUID}</uuid><usage type='ceph'><name>client.a b</name></usage></secret>"
    assert actions(world.run(xml=xml, value=VALUE)) == ["define", "set_value"]
    assert not world.run(xml=xml, value=VALUE)["changed"]
    assert not world.run(usage="ceph", usage_id="client.a b")["changed"]
    shown = world.show(uuid=[UUID, OTHER], xml=True)
    assert shown["missing"] == [OTHER] and "client.a b" in shown["secrets"][0]["xml"]
    assert actions(world.run(xml=xml, state="absent")) == ["undefine"]


def test_parts_that_nobody_reads_are_told(world: World) -> None:
    world.run(xml=f"<secret><uuid>{UUID}</uuid><colour>red</colour></secret>")
    assert len(world.warned) == 1 and "secret/colour (line 1)" in world.warned[0]


def test_a_secret_that_goes_is_named_only(world: World) -> None:
    world.run(**DISK, value=VALUE)
    assert actions(world.run(check=True, **DISK, state="absent", value_file="/nowhere")) == ["undefine"]
    gone = world.run(**DISK, state="absent", value_base64="%")
    assert actions(gone) == ["undefine"] and gone["secret"] is None
    assert [part["after"] for part in gone["diff"]] == ["", "value: none\n"]
    assert not world.run(**DISK, state="absent")["changed"]


def test_a_value_that_cannot_be_read_is_set_again_with_force(world: World) -> None:
    made = world.run(**DISK, value="the first one")
    world.host.add_file(Layout.system().secret_value(made["secret"]["uuid"]), b"{}")
    for check in (True, False):
        with pytest.raises(HostError, match="damaged") as caught:
            world.run(check=check, **DISK, value=VALUE)
        assert caught.value.hint == "Set the value again, with force: true."
    assert actions(world.run(**DISK, value=VALUE, force=True)) == ["set_value"]
    assert world.value("volume:/images/a.img") == VALUE.encode()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"usage": "ceph"}, InvalidArgument, "usage_id"),
        ({}, InvalidArgument, "which secret"),
        ({"uuid": "x"}, InvalidArgument, "not a uuid"),
        ({**DISK, "xml": "<secret/>"}, InvalidArgument, "xml cannot be given together"),
        ({"xml": "<secret/>"}, InvalidArgument, "found again"),
        ({**DISK, "value": "a", "generate": 20}, InvalidArgument, "contradict"),
        ({**DISK, "value": ""}, InvalidArgument, "empty"),
        ({**DISK, "value": "x" * (2**20 + 1)}, InvalidArgument, "more than"),
        ({**DISK, "value_base64": "%%"}, InvalidArgument, "no base64"),
        ({**DISK, "value_file": "key"}, InvalidArgument, "relative"),
        ({**DISK, "value_file": "/nowhere"}, HostError, "no /nowhere"),
        ({**DISK, "generate": 4}, InvalidArgument, "from 16"),
        ({**DISK, "uuid": OTHER}, AlreadyExists, "already"),
        ({"uuid": UUID, "usage": "tls", "usage_id": "a"}, AlreadyExists, "is for volume:/images/a.img already"),
        ({"uuid": UUID, "usage": "tls", "usage_id": "a", "state": "absent"}, InvalidArgument, "and not for"),
        ({**DISK, "private": False}, OperationInvalid, "private"),
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_refused(world: World, options: dict[str, Any], error: type[CorralError], words: str, check: bool) -> None:
    world.run(uuid=UUID, **DISK, private=True)
    with pytest.raises(error, match=words):
        world.run(check=check, **options)


def test_a_read_only_connection_reads_no_value(world: World) -> None:
    world.run(uuid=UUID, **DISK, value=VALUE)
    slot = world.connection(read_only=True).secret
    for call in (slot.read_secret_value, slot.use_secret_value):
        with pytest.raises(OperationDenied):
            call(UUID)


def test_filters(world: World) -> None:
    world.run(**DISK)
    world.run(usage="tls", usage_id="a")
    assert len(world.show()["secrets"]) == 2
    assert [found["usage"] for found in world.show(usage="tls")["secrets"]] == ["tls"]
    assert world.show(usage="tls", usage_id="b")["secrets"] == [] == world.show(uuid=[])["secrets"]
    with pytest.raises(InvalidArgument):
        world.show(usage_id="b")


def _elements(task: dict[str, Any]) -> list[dict[str, Any]]:
    beside = {name: value for name, value in task.items() if name != "secrets"}
    return [{**beside, **element} for element in task.get("secrets", [{}])]


def test_the_examples_run_and_a_second_run_changes_nothing(world: World) -> None:
    examples = [task["corral.virt.secret"] for task in yaml.safe_load(secret.EXAMPLES)]
    assert len(examples) >= 6
    for options in (each for task in examples for each in _elements(task)):
        plain = {name: "c2VjcmV0" if "{{" in str(value) else value for name, value in options.items()}
        assert world.run(check=True, **plain)["changed"] and world.run(**plain)["changed"]
        assert not world.run(**plain)["changed"]
    for task in yaml.safe_load(secret_info.EXAMPLES):
        if "corral.virt.secret_info" in task:
            options = task["corral.virt.secret_info"] or {}
            world.show(**{**options, **({"uuid": [options["uuid"]]} if "uuid" in options else {})})


def test_no_log_where_a_value_can_stand() -> None:
    assert [name for name, option in SECRET_DEFINITION.options.items() if option.get("no_log")] == [
        "value",
        "value_base64",
    ]

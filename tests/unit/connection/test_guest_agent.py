# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection plugin: what it asks of a guest, and how what comes back is told to Ansible."""

from __future__ import annotations

from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader

from ansible_collections.corral.virt.plugins.connection import guest_agent

NAME = "corral.virt.guest_agent"


class Way:
    """A way to a guest with files, whose commands end as they are told to."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.ended: dict[str, Any] = {"code": 0, "stdout": "", "stderr": ""}
        self.batch = 4

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        self.orders.append(order)
        return getattr(self, order["call"])(order)

    def run(self, order: dict[str, Any]) -> dict[str, Any]:
        return self.ended

    def write(self, order: dict[str, Any]) -> dict[str, Any]:
        had = self.files.get(order["path"], b"") if order["append"] else b""
        self.files[order["path"]] = had + b64decode(order["data"])
        return {}

    def read(self, order: dict[str, Any]) -> dict[str, Any]:
        data = self.files[order["path"]]
        end = order["offset"] + min(order["size"], self.batch)
        return {"data": b64encode(data[order["offset"] : end]).decode(), "last": end >= len(data)}


def connection(monkeypatch: pytest.MonkeyPatch, **variables: Any) -> tuple[Any, Way]:
    way = Way()
    monkeypatch.setattr(guest_agent, "Here", lambda: way)
    made = connection_loader.get(NAME, PlayContext())
    made.set_options(var_options={"inventory_hostname": "web1", **variables})
    return made, way


def test_a_command_is_given_to_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    made, way = connection(monkeypatch, ansible_guest_agent_uri="qemu:///system")
    way.ended = {"code": 3, "stdout": "/w==", "stderr": "ZQ=="}
    assert made.exec_command("echo 'x'", in_data=b"in") == (3, b"\xff", b"e")
    (order,) = way.orders
    assert order["argv"][:2] == ["/bin/sh", "-c"] and order["argv"][2].endswith("\necho 'x'")
    assert "HOME=~root" in order["argv"][2]
    assert {name: order[name] for name in ("guest", "uri", "stdin", "timeout", "patience")} == {
        "guest": "web1",
        "uri": "qemu:///system",
        "stdin": "aW4=",
        "timeout": 0,
        "patience": 30,
    }


def test_variables_of_the_guest(monkeypatch: pytest.MonkeyPatch) -> None:
    more = {"guest": "other", "executable": "/bin/ash", "timeout": 7, "command_timeout": 60, "user": "app"}
    made, way = connection(monkeypatch, **{f"ansible_guest_agent_{name}": value for name, value in more.items()})
    made.exec_command("id")
    (order,) = way.orders
    assert (order["guest"], order["argv"][0], order["patience"], order["timeout"]) == ("other", "/bin/ash", 7, 60)
    assert "HOME=~app" in order["argv"][2] and order["uri"] is None


def test_pipelining_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _way = connection(monkeypatch)
    assert made.has_pipelining and made.get_option("pipelining") is True
    made, _way = connection(monkeypatch, ansible_pipelining=False)
    assert made.get_option("pipelining") is False


@pytest.mark.parametrize("size", [0, 1, 8, 9])
def test_files_go_there_and_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: int) -> None:
    monkeypatch.setattr(guest_agent, "BATCH", 4)
    made, way = connection(monkeypatch)
    way.files["/x y"] = b"what was there before"
    (tmp_path / "in").write_bytes(b"012345678"[:size])
    made.put_file(str(tmp_path / "in"), "/x y")
    assert way.orders[0]["argv"][2].endswith("\numask 077 && : > '/x y'")
    if size:
        assert way.files["/x y"] == b"012345678"[:size]
        assert [order["append"] for order in way.orders[1:]] == [number > 0 for number in range((size + 3) // 4)]
    way.files["/x y"] = b"012345678"[:size]
    made.fetch_file("/x y", str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == b"012345678"[:size]


def test_a_file_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made, way = connection(monkeypatch)
    way.ended = {"code": 2, "stdout": "", "stderr": b64encode(b"cannot create /x: Read-only file system").decode()}
    with pytest.raises(AnsibleError, match="Read-only file system"):
        made.put_file(str(tmp_path), "/x")
    way.ended["code"] = 0
    with pytest.raises(AnsibleError, match="cannot be read"):
        made.put_file(str(tmp_path / "none"), "/x")
    way.files["/x"] = b"x"
    with pytest.raises(AnsibleError, match="cannot be written"):
        made.fetch_file("/x", str(tmp_path / "none" / "x"))


@pytest.mark.parametrize(
    ("kind", "unreachable"),
    [("OperationDenied", True), ("TimedOut", True), ("OperationInvalid", True), ("OperationFailed", False)],
)
def test_failures_of_the_way_are_unreachable_guests(
    monkeypatch: pytest.MonkeyPatch, kind: str, unreachable: bool
) -> None:
    made, way = connection(monkeypatch)
    way.ended = {"error": {"type": kind, "message": "It failed.", "hint": "Mend it."}}
    with pytest.raises(AnsibleError, match=r"It failed\. Mend it\.") as caught:
        made.exec_command("id")
    assert isinstance(caught.value, AnsibleConnectionFailure) is unreachable


def test_via_is_the_way_through_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    way = Way()
    monkeypatch.setattr(guest_agent, "There", lambda *given: asked.append(given) or way)
    made = connection_loader.get(NAME, PlayContext())
    made.set_options(var_options={"inventory_hostname": "web1", "ansible_guest_agent_via": {"ansible_host": "hv1"}})
    made.exec_command("id")
    assert asked[0][0] == {"ansible_host": "hv1"} and way.orders


def test_a_connection_that_is_reset_serves_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made, way = connection(monkeypatch)
    made.exec_command("id")
    made.reset()
    assert not made.connected
    made.exec_command("id")
    assert len(way.orders) == 2

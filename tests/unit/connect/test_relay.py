# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Orders about what is done inside a guest, and their answers."""

from __future__ import annotations

import io
import json
import sys
from base64 import b64encode
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect import relay
from ansible_collections.corral.virt.plugins.module_utils.drivers.contracts.inside import Ended
from ansible_collections.corral.virt.plugins.module_utils.errors import NotFound, OperationDenied

ORDER = {"uri": "qemu:///system", "guest": "web1", "patience": 5.0}


class Guest:
    """A connection with a guest in it, which keeps what it is asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def __enter__(self) -> Guest:
        return self

    def __exit__(self, *_failure: object) -> None:
        self.asked.append("closed")

    @property
    def hypervisor(self) -> Guest:
        return self

    name = "web1"

    def lookup_domain(self, name: str) -> Guest:
        if name != "web1":
            raise NotFound(f"There is no guest {name}.")
        return self

    def inside(self, name: str, *, patience: float) -> Guest:
        self.asked.append((name, patience))
        return self

    def run(self, argv: list[str], *, stdin: bytes, timeout: float) -> Ended:
        if argv == ["no"]:
            raise OperationDenied("It may not.", hint="Let it.")
        self.asked.append((argv, stdin, timeout))
        return Ended(3, b"\xff", b"e")

    def write(self, path: str, data: bytes, *, append: bool) -> None:
        self.asked.append((path, data, append))

    def read(self, path: str, *, offset: int, size: int) -> tuple[bytes, bool]:
        return f"{path} {offset} {size}".encode(), True


@pytest.fixture
def guest(monkeypatch: pytest.MonkeyPatch) -> Guest:
    """What every order opens."""
    made = Guest()
    monkeypatch.setattr(relay, "open_connection", lambda uri, host=None: made)
    return made


def text(data: bytes) -> str:
    return b64encode(data).decode()


def test_a_program_is_run(guest: Guest) -> None:
    order = {**ORDER, "call": "run", "argv": ["a", "b"], "stdin": text(b"\x00"), "timeout": 7}
    assert relay.answer(order) == {"code": 3, "stdout": text(b"\xff"), "stderr": text(b"e")}
    assert guest.asked == [("web1", 5.0), (["a", "b"], b"\x00", 7), "closed"]


def test_files_are_written_and_read(guest: Guest) -> None:
    assert relay.answer({**ORDER, "call": "write", "path": "/f", "data": text(b"x"), "append": True}) == {}
    assert guest.asked[1] == ("/f", b"x", True)
    found = relay.answer({**ORDER, "call": "read", "path": "/f", "offset": 1, "size": 2})
    assert found == {"data": text(b"/f 1 2"), "last": True}


def test_what_goes_wrong_is_in_the_answer(guest: Guest) -> None:
    order = {**ORDER, "call": "run", "argv": ["no"], "stdin": "", "timeout": 0}
    assert relay.answer(order) == {"error": {"type": "OperationDenied", "message": "It may not.", "hint": "Let it."}}
    assert relay.answer({**order, "guest": "web2"})["error"]["type"] == "NotFound"
    assert guest.asked[-1] == "closed"


def test_a_driver_without_an_inside() -> None:
    order = {
        **ORDER,
        "uri": "test:///default",
        "guest": "test",
        "call": "run",
        "argv": ["x"],
        "stdin": "",
        "timeout": 0,
    }
    assert relay.answer(order)["error"]["type"] == "NoSupport"


def test_without_our_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "LIBRARY", "no_such_library_at_all")
    error = relay.answer({**ORDER, "call": "run"})["error"]
    assert error["type"] == "MissingLibrary" and "ansible_python_interpreter" in error["hint"]


def test_as_a_program(guest: Guest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    order = {**ORDER, "call": "read", "path": "/é", "offset": 0, "size": 9}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(order).encode())))
    relay.main()
    assert json.loads(capsys.readouterr().out) == {"data": text("/é 0 9".encode()), "last": True}

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs and files inside a guest: what its agent is asked, for how long, and what its answers mean."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest import inside as module
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    OperationDenied,
    OperationFailed,
    OperationInvalid,
    TimedOut,
)
from ansible_collections.corral.virt.plugins.module_utils.host.fake_stream import FakeStream
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import document
from ansible_collections.corral.virt.tests.unit.drivers.qemu.test_talk import CHANNEL, SOCKET

if TYPE_CHECKING:
    from ansible_collections.corral.virt.plugins.module_utils.drivers.contracts.inside import Inside
    from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
    from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost


class Guest:
    """An agent with files and programs. ``answers`` replaces what a command answers; a text is a refusal."""

    def __init__(self) -> None:
        self.files: dict[str, bytearray] = {}
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.sessions = 0
        self.polls = 0  # how often a program is asked for before it has ended
        self.at_most = 1 << 30  # bytes that one write or read takes
        self._open: Optional[tuple[str, int]] = None

    def __call__(self, sent: bytes) -> bytes:
        request = json.loads(sent.lstrip(b"\xff"))
        name, given = request["execute"], request.get("arguments", {})
        if name == "guest-sync-delimited":
            self.sessions += 1
            return b"\xff" + json.dumps({"return": given["id"]}).encode() + b"\n"
        self.asked.append((name, given))
        found = self.answers.get(name, None) if name in self.answers else getattr(self, name.replace("-", "_"))(**given)
        row = {"error": {"class": "GenericError", "desc": found}} if isinstance(found, str) else {"return": found}
        return json.dumps(row).encode() + b"\n"

    def guest_exec(self, **_given: Any) -> Any:
        return {"pid": 42}

    def guest_exec_status(self, pid: int) -> Any:
        assert pid == 42
        self.polls -= 1
        return {"exited": False} if self.polls >= 0 else {"exited": True, "exitcode": 3, "out-data": text(b"\xffout")}

    def guest_file_open(self, path: str, mode: str) -> Any:
        if mode == "r" and path not in self.files:
            return f"failed to open file '{path}' (mode: 'r'): No such file or directory"
        data = self.files.setdefault(path, bytearray())
        if mode == "w":
            data.clear()
        self._open = (path, 0)
        return 7

    def guest_file_write(self, **given: Any) -> Any:
        assert given["handle"] == 7 and self._open
        data = b64decode(given["buf-b64"])[: self.at_most]
        self.files[self._open[0]] += data
        return {"count": len(data), "eof": False}

    def guest_file_seek(self, handle: int, offset: int, whence: int) -> Any:
        assert self._open and whence == 0
        self._open = (self._open[0], offset)
        return {"position": offset, "eof": False}

    def guest_file_read(self, handle: int, count: int) -> Any:
        assert self._open
        path, start = self._open
        data = bytes(self.files[path][start : start + min(count, self.at_most)])
        self._open = (path, start + len(data))
        return {"count": len(data), "buf-b64": text(data), "eof": start + len(data) >= len(self.files[path])}

    def guest_file_close(self, handle: int) -> Any:
        return {}


def text(data: bytes) -> str:
    return b64encode(data).decode()


@pytest.fixture
def guest(driver: QemuDriver, machine: GuestHost) -> Guest:
    """A guest that runs, and its agent."""
    driver.define_domain(document("a", CHANNEL))
    driver.start_domain("a")
    agent = Guest()
    machine.add_stream(SOCKET, FakeStream(agent))
    machine.journal("a", "VSERPORT_CHANGE", id="channel0", open=True)
    return agent


@pytest.fixture
def inside(driver: QemuDriver, guest: Guest) -> Inside:
    """The way into it."""
    return driver.inside("a", patience=5)


def test_a_program_gets_its_input_and_gives_its_outputs(inside: Inside, guest: Guest) -> None:
    ended = inside.run(["/bin/cat", "-n"], stdin=b"in\x00")
    assert (ended.code, ended.stdout, ended.stderr) == (3, b"\xffout", b"")
    order = {"path": "/bin/cat", "arg": ["-n"], "capture-output": True, "input-data": text(b"in\x00")}
    assert guest.asked[0] == ("guest-exec", order)


def test_a_program_without_input_is_not_given_any(inside: Inside, guest: Guest) -> None:
    inside.run(["/bin/true"])
    assert "input-data" not in guest.asked[0][1]


def test_a_long_program_is_asked_for_less_and_less_and_others_get_their_turn(
    inside: Inside, guest: Guest, machine: GuestHost
) -> None:
    guest.polls = 120
    before = machine.uptime
    inside.run(["/bin/sleep"])
    assert machine.uptime - before > 60  # so 120 looks last for more than a minute
    assert guest.sessions > 60  # and nobody waits longer than one of them


def test_a_short_program_is_one_session(inside: Inside, guest: Guest) -> None:
    guest.polls = 10
    inside.run(["/bin/true"])
    assert guest.sessions == 1


def test_a_program_that_takes_too_long_is_killed(inside: Inside, guest: Guest) -> None:
    guest.polls = 1000
    with pytest.raises(TimedOut, match="did not end within 10 seconds, and was killed"):
        inside.run(["/bin/sleep"], timeout=10)
    assert guest.asked[-1] == ("guest-exec", {"path": "/bin/sh", "arg": ["-c", "kill -KILL 42"]})


@pytest.mark.parametrize(
    ("found", "code"),
    [({"signal": 9}, 137), ({"exitcode": 0}, 0), ({"exitcode": 255}, 255)],
)
def test_exit_statuses(inside: Inside, guest: Guest, found: dict[str, int], code: int) -> None:
    guest.answers["guest-exec-status"] = {"exited": True, **found}
    assert inside.run(["/bin/x"]).code == code


@pytest.mark.parametrize("which", ["out-truncated", "err-truncated"])
def test_output_that_the_agent_did_not_keep_is_an_error(inside: Inside, guest: Guest, which: str) -> None:
    guest.answers["guest-exec-status"] = {"exited": True, "exitcode": 0, which: True}
    with pytest.raises(OperationFailed, match="more than the guest agent keeps"):
        inside.run(["/bin/x"])


@pytest.mark.parametrize("size", [0, 1, module.CHUNK - 1, module.CHUNK, 2 * module.CHUNK + 5])
def test_files_go_there_and_back(inside: Inside, guest: Guest, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    inside.write("/f", data[:size])
    assert bytes(guest.files["/f"]) == data[:size]
    assert inside.read("/f", offset=0, size=size + 1) == (data[:size], True)
    assert guest.asked[-1][0] == "guest-file-close"


def test_files_go_in_parts(inside: Inside, guest: Guest) -> None:
    guest.at_most = 3
    inside.write("/f", b"0123456789")
    inside.write("/f", b"abc", append=True)
    assert bytes(guest.files["/f"]) == b"0123456789abc"
    assert inside.read("/f", offset=2, size=5) == (b"23456", False)
    assert inside.read("/f", offset=7, size=99) == (b"789abc", True)


def test_a_file_that_is_not_there(inside: Inside) -> None:
    with pytest.raises(OperationFailed, match="No such file or directory"):
        inside.read("/none", offset=0, size=1)


def test_a_file_system_that_is_full(inside: Inside, guest: Guest) -> None:
    guest.answers["guest-file-close"] = "failed to close handle: No space left on device"
    with pytest.raises(OperationFailed, match="No space left on device"):
        inside.write("/f", b"x")
    guest.answers["guest-file-write"] = {"count": 0}
    with pytest.raises(OperationFailed, match="may be full"):
        inside.write("/f", b"x")


@pytest.mark.parametrize(
    "said",
    [
        "The command guest-exec has been disabled for this instance",
        "Command guest-exec has been disabled: the command is not allowed",
    ],
)
def test_an_agent_that_may_not_says_where_to_allow_it(inside: Inside, guest: Guest, said: str) -> None:
    guest.answers["guest-exec"] = said
    with pytest.raises(OperationDenied, match="agent of a is not allowed guest-exec") as caught:
        inside.run(["/bin/x"])
    assert "/etc/sysconfig/qemu-ga" in str(caught.value.hint) and "/etc/qemu/qemu-ga.conf" in str(caught.value.hint)


def test_an_agent_that_was_started_anew_has_forgotten(inside: Inside, guest: Guest) -> None:
    guest.answers["guest-exec-status"] = "Invalid parameter 'pid'"
    with pytest.raises(OperationInvalid, match="agent of a was started anew in the middle of it"):
        inside.run(["/bin/x"])
    guest.answers["guest-file-write"] = "handle '1000' has not been found"
    with pytest.raises(OperationInvalid, match="agent of a was started anew in the middle of it"):
        inside.write("/f", b"x")


def test_an_agent_that_may_not_say_what_became_of_a_program(inside: Inside, guest: Guest) -> None:
    guest.answers["guest-exec-status"] = "Command guest-exec-status has been disabled"
    with pytest.raises(OperationDenied, match="not allowed guest-exec-status"):
        inside.run(["/bin/x"])


def test_an_agent_that_is_too_old(inside: Inside, guest: Guest) -> None:
    guest.answers["guest-exec"] = "The command guest-exec has not been found"
    with pytest.raises(OperationDenied, match="does not know guest-exec"):
        inside.run(["/bin/x"])


def test_an_agent_that_selinux_confines(inside: Inside, guest: Guest) -> None:
    guest.answers["guest-exec"] = "Failed to execute child process \u201c/bin/sh\u201d (Permission denied)"
    with pytest.raises(OperationFailed, match="setsebool"):
        inside.run(["/bin/sh"])


@pytest.mark.parametrize("nonsense", [None, [], 5, {}, {"pid": "x"}, {"pid": True}])
def test_nonsense_is_no_program(inside: Inside, guest: Guest, nonsense: Any) -> None:
    guest.answers["guest-exec"] = nonsense
    with pytest.raises(OperationFailed, match="does not speak its language"):
        inside.run(["/bin/x"])


@pytest.mark.parametrize("nonsense", [{"exited": True, "exitcode": 0, "out-data": row} for row in (5, "%", "abc")])
def test_nonsense_is_no_output(inside: Inside, guest: Guest, nonsense: Any) -> None:
    guest.answers["guest-exec-status"] = nonsense
    with pytest.raises(OperationFailed, match="no base64"):
        inside.run(["/bin/x"])


def test_an_agent_that_never_answers(inside: Inside, guest: Guest, machine: GuestHost) -> None:
    machine.streams[SOCKET].answer = lambda sent: b""
    before = machine.uptime
    with pytest.raises(TimedOut, match="agent of a did not answer in time"):
        inside.run(["/bin/x"])
    assert machine.uptime - before < 10


def test_a_guest_without_an_agent(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document("b", disk=""))
    with pytest.raises(OperationInvalid, match="b is not running"):
        driver.inside("b", patience=5).run(["/bin/x"])
    driver.start_domain("b")
    with pytest.raises(OperationInvalid, match="guest_agent: true"):
        driver.inside("b", patience=5).run(["/bin/x"])

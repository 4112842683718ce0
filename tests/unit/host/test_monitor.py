# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""QMP sessions with a small server in a thread: answers, events, errors, time-outs, and silence in the logs."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import (
    HostError,
    MissingLibrary,
    MonitorClosed,
    MonitorError,
    TimedOut,
)
from ansible_collections.corral.virt.plugins.module_utils.host.api import Monitor
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost

GREETING = {"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": ""}, "capabilities": []}}


def event(name: str, **data: Any) -> Dict[str, Any]:
    return {"event": name, "data": data, "timestamp": {"seconds": 1, "microseconds": 2}}


def requests(connection: socket.socket) -> Iterator[Dict[str, Any]]:
    """Yield what the client asks: JSON objects one after the other, with nothing between them."""
    text = ""
    while True:
        try:
            request, end = json.JSONDecoder().raw_decode(text)
        except ValueError:
            data = connection.recv(65536)
            if not data:
                return
            text = (text + data.decode()).lstrip()
            continue
        text = text[end:].lstrip()
        yield request


class Server:
    """One QMP server for one client. ``answers``: command -> the messages to send, without their id."""

    def __init__(self, path: str, answers: Dict[str, List[Dict[str, Any]]]) -> None:
        self.answers = {"qmp_capabilities": answers.pop("hello", [{"return": {}}]), **answers}
        self.greeting: bytes = json.dumps(GREETING).encode() + b"\n"
        self.received: List[Dict[str, Any]] = []
        self.connection: Optional[socket.socket] = None
        self.connected = threading.Event()
        self.overtaken, self.again = 0, False  # greetings whose answer comes behind an event; further clients
        self.listener = socket.socket(socket.AF_UNIX)
        here = os.getcwd()
        os.chdir(os.path.dirname(path))
        try:
            self.listener.bind(os.path.basename(path))
        finally:
            os.chdir(here)
        self.listener.listen(1)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                self.connection, _address = self.listener.accept()
            except OSError:
                return
            with suppress(OSError):
                self.talk(self.connection)
            if not self.again:
                return

    def talk(self, connection: socket.socket) -> None:
        connection.sendall(self.greeting)
        for request in requests(connection):
            self.received.append(request)
            if self.overtaken:
                self.overtaken -= 1
                connection.sendall(json.dumps(event("RTC_CHANGE")).encode() + b"\n")
            for message in self.answers.get(request["execute"], []):
                if message == {"hang up": True}:
                    connection.shutdown(socket.SHUT_RDWR)
                    return
                named = message if "event" in message else {**message, "id": request.get("id")}
                connection.sendall(json.dumps(named).encode() + b"\n")
            self.connected.set()

    def send(self, message: Dict[str, Any]) -> None:
        assert self.connected.wait(60) and self.connection
        self.connection.sendall(json.dumps(message).encode() + b"\n")

    def hang_up(self) -> None:
        assert self.connected.wait(60) and self.connection
        self.connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for each in (self.connection, self.listener):
            if each:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)
        for each in (self.connection, self.listener):
            if each:
                each.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    servers: List[Server] = []

    def make(path: Optional[str] = None, **answers: List[Dict[str, Any]]) -> Server:
        named = {name.replace("_", "-"): messages for name, messages in answers.items()}
        servers.append(Server(path or str(tmp_path / "m"), named))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def open_monitor(tmp_path: Path) -> Iterator[Callable[..., Monitor]]:
    monitors: List[Monitor] = []

    def make(path: Optional[str] = None, timeout: float = 5.0) -> Monitor:
        monitors.append(LocalHost().open_monitor(path or str(tmp_path / "m"), timeout=timeout))
        return monitors[-1]

    yield make
    for monitor in monitors:
        monitor.close()


Serve = Callable[..., Server]
Open = Callable[..., Monitor]


def test_a_command_and_its_answer(serve: Serve, open_monitor: Open) -> None:
    server = serve(query_status=[{"return": {"status": "running"}}])
    monitor = open_monitor()
    assert monitor.execute("query-status") == {"status": "running"}
    assert monitor.execute("query-status", {"a": 1}) == {"status": "running"}
    assert server.received[0]["execute"] == "qmp_capabilities"
    assert server.received[2]["arguments"] == {"a": 1}


def test_an_error_has_the_words_of_qemu_and_no_argument(serve: Serve, open_monitor: Open) -> None:
    serve(object_add=[{"error": {"class": "GenericError", "desc": "no such type"}}])
    with pytest.raises(MonitorError) as caught:
        open_monitor().execute("object-add", {"data": "very secret"})
    assert (caught.value.error_class, caught.value.description) == ("GenericError", "no such type")
    assert str(caught.value) == "QEMU refused object-add: no such type."
    assert "secret" not in repr(caught.value) + repr(caught.value.__context__) + repr(caught.value.details)


def test_no_event_is_missed(serve: Serve, open_monitor: Open) -> None:
    """Those beside the first answers, those between two calls, and those that one asks for later than for others."""
    server = serve(stop=[event("STOP", n=1), {"return": {}}, event("RESUME", n=2)])
    monitor = open_monitor()
    server.send(event("EARLY"))
    monitor.execute("stop")
    server.send(event("STOP", n=3))
    resumed = monitor.wait_event(["RESUME"], timeout=60)
    assert resumed and resumed["data"] == {"n": 2}
    numbers = []
    for _time in range(2):
        stopped = monitor.wait_event(["STOP", "SHUTDOWN"], timeout=60)
        numbers.append(stopped and stopped["data"]["n"])
    assert numbers == [1, 3]
    assert monitor.wait_event(["EARLY"], timeout=0)
    assert monitor.wait_event(["EARLY"], timeout=0) is None


def test_an_event_is_returned_as_it_comes(serve: Serve, open_monitor: Open) -> None:
    server = serve()
    monitor = open_monitor()
    threading.Timer(0.1, lambda: server.send(event("SHUTDOWN", guest=True))).start()
    begin = time.monotonic()
    found = monitor.wait_event(["SHUTDOWN"], timeout=300)
    assert found == event("SHUTDOWN", guest=True)
    assert time.monotonic() - begin < 60


def test_waiting_for_an_event_is_bounded(serve: Serve, open_monitor: Open) -> None:
    serve()
    monitor = open_monitor()
    begin = time.monotonic()
    assert monitor.wait_event(["SHUTDOWN"], timeout=0.2) is None
    assert 0.15 < time.monotonic() - begin < 60


def test_the_end_of_qemu_ends_the_wait_for_an_event(serve: Serve, open_monitor: Open) -> None:
    server = serve()
    monitor = open_monitor()
    server.send(event("SHUTDOWN"))
    server.hang_up()
    begin = time.monotonic()
    assert monitor.wait_event(["OTHER"], timeout=300) is None
    assert time.monotonic() - begin < 60
    assert monitor.wait_event(["SHUTDOWN"], timeout=60), "what came before the end is still there"
    assert monitor.wait_event(["SHUTDOWN"], timeout=60) is None
    with pytest.raises(MonitorClosed):
        monitor.execute("query-status")


def test_qemu_that_goes_away_during_a_command(serve: Serve, open_monitor: Open) -> None:
    serve(quit=[event("SHUTDOWN"), {"hang up": True}])
    monitor = open_monitor()
    with pytest.raises(MonitorClosed, match="QEMU did not answer quit: the monitor was closed"):
        monitor.execute("quit")
    assert monitor.wait_event(["SHUTDOWN"], timeout=60)


def test_qemu_that_answers_and_goes_away(serve: Serve, open_monitor: Open) -> None:
    serve(quit=[{"return": {}}, {"hang up": True}])
    monitor = open_monitor()
    assert monitor.execute("quit") == {}
    with pytest.raises(MonitorClosed):
        monitor.execute("query-status")


def test_a_command_without_answer_is_bounded_and_its_late_answer_harms_nobody(serve: Serve, open_monitor: Open) -> None:
    server = serve(slow=[], query_status=[{"return": 1}])
    monitor = open_monitor()
    with pytest.raises(TimedOut, match=r"QEMU did not answer slow within 0\.2 seconds"):
        monitor.execute("slow", timeout=0.2)
    server.send({"return": "late", "id": server.received[-1]["id"]})
    assert monitor.execute("query-status") == 1


def test_a_server_that_never_greets(serve: Serve, open_monitor: Open, tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "m"))
    listener.listen(1)
    begin = time.monotonic()
    with pytest.raises(TimedOut, match="Another program may be connected"):
        open_monitor(timeout=0.3)
    assert time.monotonic() - begin < 60
    listener.close()


def test_a_server_whose_queue_is_full(tmp_path: Path, open_monitor: Open) -> None:
    """Runs that were here before have filled the queue of a QEMU that hangs: the next one waits as they did."""
    path = str(tmp_path / "m")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as other:
        listener.bind(path)
        listener.listen(0)
        other.connect(path)
        before = time.monotonic()
        with pytest.raises(TimedOut, match=r"did not answer qmp_capabilities within 0\.3"):
            open_monitor(path, 0.3)
        assert time.monotonic() - before < 5


def test_a_server_that_does_not_negotiate(serve: Serve, open_monitor: Open) -> None:
    serve(hello=[])
    with pytest.raises(TimedOut):
        open_monitor(timeout=0.3)


@pytest.mark.parametrize("overtaken", [1, 2, 3])
def test_an_event_before_the_answer_to_the_greeting(open_monitor: Open, serve: Serve, overtaken: int) -> None:
    """QEMU's other threads may say something between obeying and answering; greeting it again is enough."""
    server = serve()
    server.overtaken, server.again = overtaken, True
    if overtaken == 3:
        with pytest.raises(MonitorClosed, match="does not speak QMP"):
            open_monitor()
    else:
        open_monitor().close()
    assert [request["execute"] for request in server.received] == ["qmp_capabilities"] * min(overtaken + 1, 3)


def test_a_server_that_hangs_up_instead_of_greeting(serve: Serve, open_monitor: Open, tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "m"))
    listener.listen(1)

    def hang_up() -> None:
        connection, _peer = listener.accept()
        connection.close()

    thread = threading.Thread(target=hang_up)
    thread.start()
    with pytest.raises(MonitorClosed, match="instead of greeting"):
        open_monitor()
    thread.join()
    listener.close()


@pytest.mark.parametrize("greeting", [b"220 mail.example ESMTP\r\n", b'{"QMP": 1}\n', b"[]\n", b"\xff\n"])
def test_a_server_that_is_not_qemu(tmp_path: Path, open_monitor: Open, greeting: bytes) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "m"))
    listener.listen(1)

    def serve_once() -> None:
        connection, _address = listener.accept()
        connection.sendall(greeting)
        connection.recv(1)
        connection.close()

    thread = threading.Thread(target=serve_once)
    thread.start()
    with pytest.raises(MonitorClosed, match="does not speak QMP"):
        open_monitor()
    thread.join()
    listener.close()


def test_garbage_later_closes_the_session(serve: Serve, open_monitor: Open) -> None:
    server = serve()
    monitor = open_monitor()
    assert server.connected.wait(60) and server.connection
    server.connection.sendall(b"garbage\n")
    with pytest.raises(MonitorClosed):
        monitor.execute("query-status", timeout=60)


def test_nothing_listens(tmp_path: Path, open_monitor: Open) -> None:
    with pytest.raises(HostError, match=rf"Nothing listens on the monitor {tmp_path}/m\. Its QEMU has ended"):
        open_monitor()
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "m"))
    dead.close()
    with pytest.raises(HostError, match="Nothing listens"):
        open_monitor()


def test_a_long_path(serve: Serve, open_monitor: Open, tmp_path: Path) -> None:
    directory = tmp_path / ("x" * 120)
    directory.mkdir()
    serve(str(directory / "m"), query_status=[{"return": 1}])
    assert open_monitor(str(directory / "m")).execute("query-status") == 1
    with pytest.raises(HostError, match="Nothing listens"):
        open_monitor(str(directory / "none"))
    with pytest.raises(HostError, match="Cannot connect"):
        open_monitor(str(tmp_path / ("y" * 120) / "m"))


def test_a_large_answer(serve: Serve, open_monitor: Open) -> None:
    large = ["x" * 1000] * 2000
    serve(query_qmp_schema=[{"return": large}])
    assert open_monitor().execute("query-qmp-schema") == large


def test_closing_leaves_nothing_and_may_be_repeated(serve: Serve, open_monitor: Open) -> None:
    before = set(os.listdir("/proc/self/fd"))
    server = serve()
    opened = set(os.listdir("/proc/self/fd"))
    monitor = open_monitor()
    monitor.close()
    monitor.close()
    server.close()
    assert set(os.listdir("/proc/self/fd")) <= before | opened
    with pytest.raises(MonitorClosed):
        monitor.execute("query-status")
    assert monitor.wait_event(["STOP"], timeout=1) is None


def test_silence(
    serve: Serve, open_monitor: Open, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Not a word of what is sent, nor of what fails, at whatever level somebody logs."""
    caplog.set_level(logging.DEBUG)
    server = serve(object_add=[{"error": {"class": "GenericError", "desc": "no"}}])
    monitor = open_monitor()
    with pytest.raises(MonitorError):
        monitor.execute("object-add", {"data": "very secret"})
    server.hang_up()
    assert monitor.wait_event(["X"], timeout=5) is None
    monitor.close()
    del monitor
    written = capfd.readouterr()
    assert (written.out, written.err) == ("", "")
    assert "secret" not in caplog.text
    assert not [record for record in caplog.records if record.name.startswith("qemu")]


def test_without_the_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "qemu.qmp", None)
    with pytest.raises(MissingLibrary, match=r"qemu\.qmp is missing on this host\. Install it"):
        LocalHost().open_monitor(str(tmp_path / "m"))

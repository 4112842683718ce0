# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plain connections: bytes both ways, bounded in time; and whether a TCP port answers."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import HostError, TimedOut
from ansible_collections.corral.virt.plugins.module_utils.host import local_stream
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.host.fake_stream import FakeStream
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost


def listener(path: Path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(1)
    return server


def test_bytes_go_both_ways_and_the_end_is_seen(tmp_path: Path) -> None:
    with listener(tmp_path / "s") as server:
        stream = LocalHost().open_stream(str(tmp_path / "s"))
        other, _address = server.accept()
        stream.send(b"hello", timeout=60)
        assert other.recv(10) == b"hello"
        other.sendall(b"world")
        assert stream.receive(timeout=60) == b"world"
        other.close()
        assert stream.receive(timeout=60) == b""
        stream.close()
        stream.close()


def test_silence_is_bounded(tmp_path: Path) -> None:
    with listener(tmp_path / "s"):
        stream = LocalHost().open_stream(str(tmp_path / "s"))
        with pytest.raises(TimedOut, match="did not answer within 0 seconds"):
            stream.receive(timeout=0)
        stream.close()


def test_a_reader_that_does_not_read_is_bounded(tmp_path: Path) -> None:
    with listener(tmp_path / "s"):
        stream = LocalHost().open_stream(str(tmp_path / "s"))
        with pytest.raises(TimedOut):
            stream.send(bytes(10_000_000), timeout=0.05)
        stream.close()


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="Cannot connect to"):
        LocalHost().open_stream(str(tmp_path / "nothing"))
    listener(tmp_path / "dead").close()
    with pytest.raises(HostError, match="Connection refused"):
        LocalHost().open_stream(str(tmp_path / "dead"))


def test_a_path_that_no_socket_address_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    monkeypatch.chdir(deep)
    with listener(Path("s")):
        LocalHost().open_stream(str(deep / "s")).close()


def test_a_port_that_answers_and_one_that_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert LocalHost().reaches("127.0.0.1", port, timeout=60)
    assert not LocalHost().reaches("127.0.0.1", port, timeout=60)


def test_a_port_whose_owner_hangs_up_at_once_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_stream, "_MOMENT", 60.0)  # at once may be later on a busy machine
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            server.accept()[0].close()

        thread = threading.Thread(target=refuse)
        thread.start()
        assert not LocalHost().reaches("127.0.0.1", server.getsockname()[1], timeout=60)
        thread.join()


def test_the_stream_in_memory_behaves_alike() -> None:
    host = FakeHost()
    host.add_stream("/run/s", FakeStream(lambda sent: sent.upper(), before=b"?"))
    stream = host.open_stream("/run/s")
    stream.send(b"hello", timeout=1)
    assert stream.receive(timeout=1) == b"?HELLO"
    with pytest.raises(TimedOut):
        stream.receive(timeout=1)
    host.streams["/run/s"].gone = True
    assert stream.receive(timeout=1) == b""
    with pytest.raises(HostError):
        stream.send(b"x", timeout=1)
    with pytest.raises(HostError, match="Connection refused"):
        host.open_stream("/run/other")
    host.ports.add(("guest", 22))
    assert host.reaches("guest", 22, timeout=1) and not host.reaches("guest", 23, timeout=1)

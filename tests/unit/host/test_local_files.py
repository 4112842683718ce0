# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real files below a temporary directory: one step or nothing, exact modes, and errors that help."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any, Callable, List

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import HostError
from ansible_collections.corral.virt.plugins.module_utils.host import local_files
from ansible_collections.corral.virt.plugins.module_utils.host.api import Host
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost


@pytest.fixture
def host() -> LocalHost:
    return LocalHost()


def failing(code: int) -> Callable[..., Any]:
    """A system call that refuses."""

    def call(*args: Any, **kwargs: Any) -> Any:
        raise OSError(code, os.strerror(code))

    return call


def all_names(directory: Path) -> List[str]:
    return sorted(os.listdir(directory))


def test_is_a_host() -> None:
    host: Host = LocalHost()
    assert host.euid() == os.geteuid()


def test_write_and_read(host: LocalHost, tmp_path: Path) -> None:
    path = str(tmp_path / "a")
    host.write(path, b"one")
    assert os.stat(path).st_mode & 0o7777 == 0o600
    host.write(path, b"two", mode=0o664)
    assert os.stat(path).st_mode & 0o7777 == 0o664, "exactly, whatever the umask"
    assert host.read(path) == b"two"
    assert host.read(path, limit=1) == b"t"
    assert host.tail(path, 2) == b"wo"
    assert host.tail(path, 20) == b"two"
    assert host.tail(path, 0) == b""
    assert all_names(tmp_path) == ["a"]


def test_what_is_not_there(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (str(tmp_path / "none"), str(tmp_path / "none" / "x"), str(tmp_path / "file" / "x")):
        assert host.read(path) is None
        assert host.tail(path, 5) == b""
        assert host.stat(path) is None
        assert not host.writable(path)
    assert host.entries(str(tmp_path / "none")) == []
    assert not host.remove(str(tmp_path / "none"))
    assert not host.remove_tree(str(tmp_path / "none"))


def test_a_write_replaces_the_file_and_not_what_a_link_points_at(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    host.write(str(tmp_path / "link"), b"new")
    assert (tmp_path / "real").read_bytes() == b"old"
    assert not (tmp_path / "link").is_symlink()


def test_a_reader_who_has_it_open_keeps_the_old_one(host: LocalHost, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with open(path, "rb") as reader:
        host.write(str(path), b"new")
        assert reader.read() == b"old"


def test_a_file_whose_content_comes_later_is_not_brought_to_the_disk(
    host: LocalHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(local_files.os, "fsync", synced.append)
    host.write(str(tmp_path / "a"), b"", mode=0o640, lasting=False)
    assert (synced, (tmp_path / "a").stat().st_mode & 0o777) == ([], 0o640)
    host.write(str(tmp_path / "a"), b"")
    assert len(synced) == 2, "the file and its name"


@pytest.mark.parametrize("call", ["fsync", "replace", "fchmod", "fchown"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failed_write_leaves_the_old_file_and_no_other(
    host: LocalHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    monkeypatch.setattr(local_files.os, call, failing(code))
    with pytest.raises(HostError) as caught:
        host.write(str(path), b"new", owner=(os.getuid(), os.getgid()))
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert all_names(tmp_path) == ["a"]
    assert str(path) in str(caught.value) and os.strerror(code) in str(caught.value)


def test_a_full_disk_says_what_to_do(host: LocalHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_files.os, "fsync", failing(errno.ENOSPC))
    with pytest.raises(HostError, match=r"Cannot write .*/a: No space left on device\. Free some space there\."):
        host.write(str(tmp_path / "a"), b"")


def test_an_interrupted_write_leaves_nothing(host: LocalHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(local_files.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        host.write(str(tmp_path / "a"), b"")
    assert all_names(tmp_path) == []


def test_what_a_killed_run_left_is_neither_listed_nor_kept_for_ever(host: LocalHost, tmp_path: Path) -> None:
    left, recent = tmp_path / ".corral-0123.tmp", tmp_path / ".corral-4567.tmp"
    left.write_bytes(b"half")
    recent.write_bytes(b"half")
    assert host.entries(str(tmp_path)) == []
    os.utime(left, (time.time() - 7200, time.time() - 7200))
    host.write(str(tmp_path / "a"), b"")
    assert all_names(tmp_path) == [recent.name, "a"]


@pytest.mark.parametrize("path", ["a\0b", "/proc/self/none/a", "/"])
def test_paths_that_cannot_be_written(host: LocalHost, path: str) -> None:
    with pytest.raises(HostError, match="Cannot write"):
        host.write(path, b"")


def test_a_directory_is_no_file(host: LocalHost, tmp_path: Path) -> None:
    for call in (host.read, host.remove, lambda path: host.write(path, b"")):
        with pytest.raises(HostError, match=str(tmp_path)):
            call(str(tmp_path))
    with pytest.raises(HostError, match="Cannot list"):
        (tmp_path / "file").write_bytes(b"")
        host.entries(str(tmp_path / "file"))


def test_a_fifo_without_a_writer_does_not_stop_us(host: LocalHost, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert host.read(str(tmp_path / "fifo")) == b""


def test_stat_tells_kinds(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"123")
    (tmp_path / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "directory").mkdir(mode=0o700)
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "socket"))
    server.close()
    for name in ("file", "link", "fifo", "directory", "socket"):
        found = host.stat(str(tmp_path / name))
        assert found and found.kind == name
    char = host.stat("/dev/null")
    assert char and char.kind == "char"
    file = host.stat(str(tmp_path / "file"))
    assert file and (file.size, file.uid, file.inode) == (3, os.getuid(), os.stat(tmp_path / "file").st_ino)


def test_make_directory(host: LocalHost, tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    host.make_directory(str(path), mode=0o711)
    assert path.stat().st_mode & 0o777 == 0o711
    (path / "kept").write_bytes(b"")
    host.make_directory(str(path), mode=0o700)
    assert path.stat().st_mode & 0o777 == 0o711, "one that is there stays as it is"
    assert all_names(path) == ["kept"]
    assert all_names(tmp_path) == ["a"]


def test_make_directory_where_something_else_is(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in ("file", "file/x", "dangling"):
        with pytest.raises(HostError, match="Cannot make the directory"):
            host.make_directory(str(tmp_path / name))
    assert all_names(tmp_path) == ["dangling", "file"]


def test_make_directory_when_another_run_is_faster(
    host: LocalHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    rename = os.rename

    def rename_later(source: str, target: str) -> None:
        path.mkdir()
        (path / "theirs").write_bytes(b"")
        rename(source, target)

    monkeypatch.setattr(local_files.os, "rename", rename_later)
    host.make_directory(str(path), owner=(os.getuid(), os.getgid()))
    assert all_names(tmp_path) == ["a"]
    assert all_names(path) == ["theirs"]


def test_two_runs_make_the_same_directories(host: LocalHost, tmp_path: Path) -> None:
    refused: List[HostError] = []

    def run() -> None:
        for number in range(50):
            try:
                host.make_directory(str(tmp_path / str(number) / "a" / "b"))
                host.write(str(tmp_path / str(number) / "a" / "b" / "x"), b"")
            except HostError as error:
                refused.append(error)

    threads = [threading.Thread(target=run) for _time in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == []


def test_links(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = str(tmp_path / "link")
    host.symlink("nowhere", link)
    host.symlink(str(tmp_path / "real"), link)
    assert os.readlink(link) == str(tmp_path / "real")
    assert host.resolve(f"{link}/x") == str(tmp_path / "real" / "x")
    assert host.remove_tree(link)
    assert (tmp_path / "real").is_dir(), "the link is removed, not what it points at"


def test_remove_tree_does_not_follow_links(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_bytes(b"")
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "sub" / "link").symlink_to(tmp_path / "precious")
    assert host.remove_tree(str(tmp_path / "tree"))
    assert all_names(tmp_path) == ["precious"]
    assert all_names(tmp_path / "precious") == ["file"]


def test_change_mode_and_owner(host: LocalHost, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"")
    host.change_mode(str(path), 0o640)
    host.change_owner(str(path), os.getuid(), os.getgid())
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(HostError, match="Cannot change the owner of"):
        host.change_owner(str(link), os.getuid(), os.getgid())
    assert path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(HostError, match="change the owner"):
        host.change_owner(str(tmp_path / "none"), 0, 0)


def test_facts(host: LocalHost) -> None:
    assert len(host.machine_id()) == 32
    assert len(host.boot_id()) == 36
    assert host.boot_id() == host.boot_id()
    assert host.architecture() == os.uname().machine
    assert host.hostname()
    assert host.user("root") == (0, 0)
    assert host.user("no such user") is None
    assert host.groups("root")[0] == 0
    assert host.groups("no such user") == ()
    assert host.monotonic() <= host.monotonic()
    assert abs(host.now() - time.time()) < 10


def test_environment(host: LocalHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORRAL_TEST", "x")
    assert host.env("CORRAL_TEST") == "x"
    monkeypatch.delenv("CORRAL_TEST")
    assert host.env("CORRAL_TEST") is None


@pytest.mark.parametrize("content", [b"", b"uninitialized\n", b"\xff"])
def test_a_host_without_machine_id_has_one_by_its_name(
    host: LocalHost, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(LocalHost, "read", lambda self, path, limit=None: content)
    known = host.machine_id()
    assert len(known) == 32
    assert known == host.machine_id()
    monkeypatch.setattr(LocalHost, "hostname", lambda self: "another")
    assert host.machine_id() != known


def test_only_settings_of_the_kernel_are_set(host: LocalHost, tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_text("old")
    for refused in (str(path), f"/sys/../{path}"):
        with pytest.raises(HostError, match="no setting of the kernel"):
            host.set_kernel(refused, "1")
    assert path.read_text() == "old"
    with pytest.raises(HostError, match="Cannot set /proc/sys/net/nothing of that name: No such file"):
        host.set_kernel("/proc/sys/net/nothing of that name", "1")

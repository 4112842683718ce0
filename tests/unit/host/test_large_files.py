# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that are renamed, fetched and unpacked: on the machine and in memory alike, wholly or not at all."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
from pathlib import Path
from typing import Callable, Union

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CorralError,
    HostError,
    InvalidArgument,
    OperationFailed,
)
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost, FakePage
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost
from ansible_collections.corral.virt.plugins.module_utils.values import public_url

Both = Union[FakeHost, LocalHost]


@pytest.fixture(params=["memory", "machine"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Both:
    """Both hosts; the one in memory has the test's directory, too."""
    if request.param == "machine":
        return LocalHost()
    fake = FakeHost(euid=os.geteuid(), egid=os.getegid())
    fake.add_directory(str(tmp_path))
    return fake


def test_a_name_that_is_taken_is_not_taken_away(host: Both, tmp_path: Path) -> None:
    part, target = str(tmp_path / "part"), str(tmp_path / "target")
    host.write(part, b"new")
    assert host.rename(part, target)
    assert (host.read(part), host.read(target)) == (None, b"new")
    host.write(part, b"newer")
    assert not host.rename(part, target)
    assert (host.read(part), host.read(target)) == (b"newer", b"new")
    assert host.rename(part, target, replace=True)
    assert (host.read(part), host.read(target)) == (None, b"newer")
    with pytest.raises(HostError, match="Cannot rename"):
        host.rename(part, target)


def test_a_file_system_without_second_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*names: object, **how: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    part, target = tmp_path / "part", tmp_path / "target"
    part.write_bytes(b"new")
    assert LocalHost().rename(str(part), str(target))
    part.write_bytes(b"newer")
    assert not LocalHost().rename(str(part), str(target))
    assert target.read_bytes() == b"new"


def test_a_file_system(host: Both, tmp_path: Path) -> None:
    found = host.file_system(str(tmp_path))
    assert found is not None
    assert 0 < found.available <= found.size
    assert host.file_system(str(tmp_path / "none")) is None


@pytest.mark.parametrize(("kind", "pack"), [("gzip", gzip.compress), ("xz", lzma.compress), ("bzip2", bz2.compress)])
def test_unpacking(host: Both, tmp_path: Path, kind: str, pack: Callable[[bytes], bytes]) -> None:
    data = b"head" + bytes(3 << 20) + b"tail" + bytes(2 << 20)
    path, target = str(tmp_path / "packed"), str(tmp_path / "image")
    host.write(path, pack(data))
    host.unpack(path, target, kind)
    assert host.read(target) == data
    host.write(path, pack(data)[:-20])
    with pytest.raises(OperationFailed, match=r"damaged|cut"):
        host.unpack(path, str(tmp_path / "other"), kind)
    assert host.stat(str(tmp_path / "other")) is None


def test_what_is_not_packed(tmp_path: Path) -> None:
    path = tmp_path / "packed"
    path.write_bytes(b"words")
    with pytest.raises(OperationFailed, match="damaged"):
        LocalHost().unpack(str(path), str(tmp_path / "image"), "gzip")
    with pytest.raises(InvalidArgument, match="unpacks rar"):
        LocalHost().unpack(str(path), str(tmp_path / "image"), "rar")
    assert [each.name for each in tmp_path.iterdir()] == ["packed"]


def test_zeros_take_no_room(tmp_path: Path) -> None:
    (tmp_path / "packed").write_bytes(gzip.compress(bytes(8 << 20)))
    LocalHost().unpack(str(tmp_path / "packed"), str(tmp_path / "image"), "gzip")
    found = LocalHost().stat(str(tmp_path / "image"))
    assert found is not None
    assert (found.size, found.mode) == (8 << 20, 0o600)
    assert found.allocated < 1 << 20


def test_a_file_of_this_machine_by_its_url(tmp_path: Path) -> None:
    source, target = tmp_path / "an image", str(tmp_path / "target")
    source.write_bytes(b"words")
    url = f"file://{tmp_path}/an%20image"
    host = LocalHost()
    done = host.download(url, target, digests=["sha256"])
    assert (done.changed, done.size) == (True, 5)
    assert done.digests == {"sha256": hashlib.sha256(b"words").hexdigest()}
    assert not host.download(url, target, etag=done.etag).changed
    source.write_bytes(b"other words")
    os.unlink(target)
    assert host.download(url, target, etag=done.etag).changed


def test_files_that_are_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for url, words in ((f"file://{tmp_path}/fifo", "no plain file"), (f"file://{tmp_path}/none", "No such file")):
        with pytest.raises(HostError, match=words):
            LocalHost().download(url, str(tmp_path / "target"))
    for url in ("ftp://example.com/x", "/srv/x", "gopher:x"):
        with pytest.raises(InvalidArgument, match="cannot be fetched by"):
            LocalHost().download(url, str(tmp_path / "target"))
    assert [each.name for each in tmp_path.iterdir()] == ["fifo"]


def test_what_is_larger_than_expected(host: Both, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"words")
    url = f"file://{tmp_path}/source"
    if isinstance(host, FakeHost):
        host.pages[url] = FakePage(b"words")
    with pytest.raises(CorralError):
        host.download(url, str(tmp_path / "target"), limit=4)
    assert host.stat(str(tmp_path / "target")) is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@example.com/a/b.img?token=secret#secret", "https://example.com/a/b.img"),
        ("https://example.com", "https://example.com"),
        ("https://a@b:secret@example.com?secret", "https://example.com"),
        ("file:///srv/a", "file:///srv/a"),
        ("secret", "the URL"),
    ],
)
def test_urls_are_shown_without_secrets(url: str, shown: str) -> None:
    assert public_url(url) == shown

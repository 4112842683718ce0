# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that others write to, on the machine and in memory: read in pieces, cut while in use, and never believed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Union

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import HostError
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.host.local_files import LocalFiles

Files = Union[FakeHost, LocalFiles]


@pytest.fixture(params=["memory", "machine"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    """Both hosts; the one in memory has the test's directory, too, and is ours."""
    if request.param == "machine":
        return LocalFiles()
    fake = FakeHost(euid=os.geteuid(), egid=os.getegid())
    fake.add_directory(str(tmp_path))
    return fake


def test_read_from_somewhere_on(host: Files, tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    host.write(path, b"0123456789")
    assert host.read(path, offset=4) == b"456789"
    assert host.read(path, offset=4, limit=2) == b"45"
    assert host.read(path, offset=20) == b""
    assert host.read(str(tmp_path / "none"), offset=4) is None


def test_what_another_user_made(host: Files, tmp_path: Path) -> None:
    mine, link = str(tmp_path / "mine"), str(tmp_path / "link")
    host.write(mine, b"words")
    host.symlink(mine, link)
    assert host.read(mine, owner=os.geteuid()) == b"words"
    assert host.read(str(tmp_path / "none"), owner=os.geteuid()) is None
    with pytest.raises(HostError, match=r"Cannot read .*mine"):
        host.read(mine, owner=os.geteuid() + 1)
    with pytest.raises(HostError, match=r"Cannot read .*link"):
        host.read(link, owner=os.geteuid())


def test_a_fifo_of_another_user_stops_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(HostError, match="it is no plain file of user"):
        LocalFiles().read(str(tmp_path / "fifo"), owner=os.geteuid())


@pytest.mark.parametrize("keep", [9, 12])
def test_shorten(host: Files, tmp_path: Path, keep: int) -> None:
    path = str(tmp_path / "log")
    host.write(path, b"first\nsecond\nthird\nfour\n")
    host.shorten(path, keep, mark=b"--\n")
    assert host.read(path) == (b"--\nfour\n" if keep < 12 else b"--\nthird\nfour\n")


def test_whoever_appends_goes_on_behind_the_cut(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("ab", buffering=0) as log:
        log.write(b"a\n" * 100)
        LocalFiles().shorten(str(path), 5)
        log.write(b"b\n")
    assert path.read_bytes() == b"a\na\nb\n"


def test_shorten_follows_no_link(host: Files, tmp_path: Path) -> None:
    path, link = str(tmp_path / "log"), str(tmp_path / "link")
    host.write(path, b"a\n" * 100)
    host.symlink(path, link)
    for wrong in (link, str(tmp_path / "none")):
        with pytest.raises(HostError, match="Cannot shorten"):
            host.shorten(wrong, 4)
    assert len(host.read(path) or b"") == 200

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks on real files: they exclude, tell who holds them, and survive a removed lock file."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import List

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import HostError, LockBusy
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost


def test_a_lock_excludes_and_tells_who_holds_it(tmp_path: Path) -> None:
    host, path = LocalHost(), str(tmp_path / "l")
    with host.lock(path):
        begin = time.monotonic()
        told = f"{path} has been locked by process {os.getpid()}"
        with pytest.raises(LockBusy, match=told) as caught, host.lock(path, timeout=0.2):
            pass
        assert 0.15 < time.monotonic() - begin < 60
        assert caught.value.details["pid"] == os.getpid()
    with host.lock(path, timeout=0):
        pass
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_the_holder_may_be_unknown(tmp_path: Path) -> None:
    host, path = LocalHost(), tmp_path / "l"
    with host.lock(str(path)):
        path.write_bytes(b"?")
        with pytest.raises(LockBusy, match="another process"), host.lock(str(path), timeout=0):
            pass


def test_a_lock_is_free_after_an_error(tmp_path: Path) -> None:
    host, path = LocalHost(), str(tmp_path / "l")
    with pytest.raises(ZeroDivisionError), host.lock(path):
        raise ZeroDivisionError
    with host.lock(path, timeout=0):
        pass


def test_a_lock_needs_its_directory(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="Cannot lock"), LocalHost().lock(str(tmp_path / "none" / "l")):
        pass


def test_a_lock_is_never_taken_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"precious")
    (tmp_path / "l").symlink_to("target")
    with pytest.raises(HostError, match="Cannot lock"), LocalHost().lock(str(tmp_path / "l")):
        pass
    assert (tmp_path / "target").read_bytes() == b"precious"


def test_removing_the_file_while_runs_wait_does_not_let_two_in(tmp_path: Path) -> None:
    """Whoever had opened the old file gets a lock on it that nobody else will look at: it has to start over."""
    path = str(tmp_path / "l")
    inside: List[int] = []
    most: List[int] = []

    def work() -> None:
        for _time in range(25):
            with LocalHost().lock(path, timeout=30):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.001)
                inside.pop()
                os.unlink(path)

    threads = [threading.Thread(target=work) for _time in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 100
    assert max(most) == 1

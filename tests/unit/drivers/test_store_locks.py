# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of locks, on a real disk: they go with their objects, and exclude all the same."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import List

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.store import Store
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost


def new_store(root: Path) -> Store:
    return Store(LocalHost(), Layout.embed(str(root)), "domain")


def files(root: Path) -> List[str]:
    return sorted(path.name for path in (root / "run/corral/locks").iterdir())


def test_the_files_go_with_the_object(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    with store.run_lock("a", timeout=1):
        with store.lock("a"):
            store.write_config("a", b"<x/>")
        assert files(tmp_path) == ["domain-a.lock", "run-domain-a.lock"]
    assert files(tmp_path) == ["domain-a.lock", "run-domain-a.lock"]
    with store.run_lock("a", timeout=1):
        with store.lock("a"):
            store.write_status("a", {})
            store.remove_config("a")
        assert files(tmp_path) == ["domain-a.lock", "run-domain-a.lock"]
        with store.lock("a"):
            store.remove_live("a")
        assert files(tmp_path) == ["run-domain-a.lock"]
    assert files(tmp_path) == []


def test_a_look_at_what_is_not_there_leaves_nothing(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    with pytest.raises(ZeroDivisionError), store.lock("none"):
        raise ZeroDivisionError
    assert files(tmp_path) == []


def test_many_who_make_and_remove_an_object_are_never_two_at_once(tmp_path: Path) -> None:
    inside: List[int] = []
    wrong: List[str] = []
    turns = 40

    def work(number: int) -> None:
        store = new_store(tmp_path)
        for turn in range(turns):
            with store.lock("a", timeout=60):
                if inside:
                    wrong.append(f"{number} met {inside}")
                inside.append(number)
                (store.write_config("a", b"<x/>") if turn % 2 else store.remove_config("a"))
                time.sleep(0.0005)
                inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    store = new_store(tmp_path)
    with store.lock("a"):
        store.remove_config("a")
    assert files(tmp_path) == []

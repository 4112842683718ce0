# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One task for many: real guests that are started by several threads of one process, and what threads share."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import LockBusy
from ansible_collections.corral.virt.plugins.module_utils.host.api import Append, Listen, Process, Spawn
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost

from .conftest import through
from .test_vm import image

Run = Callable[..., "dict[str, Any]"]

COUNT = 10


@pytest.fixture
def vm(ansible_vm: Run) -> Run:
    """Run corral.virt.vm through Ansible."""
    return ansible_vm


@pytest.fixture
def vm_info(ansible_vm_info: Run) -> Run:
    """Run corral.virt.vm_info through Ansible."""
    return ansible_vm_info


@pytest.mark.guest
def test_ten_guests_in_one_task(cli: Run, vm: Run, vm_info: Run, linux: dict[str, Any], root_dir: Path) -> None:
    """Checked, started, looked at again and removed, each by one task; one that cannot start hides no other."""
    names = [f"g{number}" for number in range(COUNT)]
    disks = {name: [{"path": image(root_dir / f"{name}.raw")}] for name in names}
    wanted: list[dict[str, Any]] = [{"name": name, "disks": disks[name]} for name in names]
    wanted[0]["state"] = wanted[9]["state"] = "running"  # the others wait, so that the test does not take long
    beside = {**linux, "memory": "64MiB", "interfaces": [{"type": "user"}], "state": "paused", "parallel": 4}
    checked = cli(check=True, **beside, guests=wanted)
    assert checked["changed"] and vm_info()["guests"] == [], checked
    broken = {"name": "broken", "disks": [{"path": str(root_dir / "missing.raw")}]}
    first = vm(**beside, guests=[*wanted[:3], broken, *wanted[3:]])
    assert first["failed"] and first["msg"].startswith("1 of 11 guests failed.\nbroken: "), first
    assert [each["name"] for each in first["results"]] == [*names[:3], "broken", *names[3:]]
    assert [each["name"] for each in first["results"] if each["failed"]] == ["broken"]
    done = {each["name"]: each["actions"] for each in first["results"] if not each["failed"]}
    assert done == {each["name"]: each["actions"] for each in checked["results"]}
    found = {guest["name"]: guest for guest in vm_info()["guests"]}
    assert set(found) == set(names)
    assert [found[name]["state"] for name in names] == ["running", *["paused"] * 8, "running"]
    for what in ("id", "pid", "uuid"):
        assert len({guest[what] for guest in found.values()}) == COUNT, what
    assert sorted(guest["id"] for guest in found.values()) == list(range(1, COUNT + 1))
    second = vm(**beside, guests=wanted)
    assert not second["changed"], second
    gone = vm(state="absent", force=True, timeout=0, guests=[{"name": name} for name in names])
    assert gone["changed"] and not gone.get("failed"), gone
    assert vm_info()["guests"] == []
    assert not any(Path(f"/proc/{guest['pid']}/cwd").exists() for guest in found.values())


@pytest.mark.root
def test_secrets_of_one_task(localhost: Any, uri: str) -> None:
    secret = through(localhost, "corral.virt.secret", uri)
    wanted = [{"usage_id": "a", "value": "hush-hush-1"}, {"usage_id": "b", "generate": 32}]
    first = secret(usage="vtpm", private=True, secrets=wanted)
    assert [each["name"] for each in first["results"]] == ["vtpm:a", "vtpm:b"], first
    assert first["changed"] and "hush-hush-1" not in json.dumps(first)
    assert not secret(usage="vtpm", private=True, secrets=wanted)["changed"]
    assert secret(usage="vtpm", state="absent", secrets=[{"usage_id": "a"}, {"usage_id": "b"}])["changed"]


def test_threads_leave_programs_running_side_by_side(tmp_path: Path) -> None:
    """Each has its own descriptors and no other's, whoever forks meanwhile; a lock is free when its holder lets go."""
    host, count = LocalHost(), 8
    started: dict[int, Process] = {}
    wrong: list[BaseException] = []
    meeting = threading.Barrier(count, timeout=120)

    def work(number: int) -> None:
        try:
            meeting.wait()
            for turn in range(5):
                with host.lock(f"{tmp_path}/{number}.lock", timeout=60):
                    host.write(f"{tmp_path}/{number}", b"x" * 1000, mode=0o640)
                    host.make_directory(f"{tmp_path}/d{number}-{turn}", mode=0o777)
                    host.run(["true"])
            started[number] = host.spawn(_sleeper(tmp_path, number))
        except BaseException as error:
            wrong.append(error)

    before = _umask()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert wrong == []
        assert _umask() == before
        for number, process in started.items():
            _wait_until_stopped(process)
            opened = {Path(os.readlink(entry)).name for entry in Path(f"/proc/{process.pid}/fd").iterdir()}
            assert {name for name in opened if name.endswith(".out")} == {f"{number}.out"}
            assert not any(name.endswith(".lock") for name in opened), opened
            assert len(opened) <= 4, opened
        assert len({process.pid for process in started.values()}) == count
    finally:
        for process in started.values():
            host.signal(process, "SIGKILL")
            host.wait_exit(process, timeout=60)


def test_a_lock_holds_off_other_threads_too(tmp_path: Path) -> None:
    host, busy = LocalHost(), threading.Event()

    def ask() -> None:
        with pytest.raises(LockBusy), host.lock(f"{tmp_path}/lock", timeout=0.05):
            pass
        busy.set()

    with host.lock(f"{tmp_path}/lock"):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert busy.is_set()


def _sleeper(folder: Path, number: int) -> Spawn:
    """A program that stops itself, and so has no descriptor any more that only its start took."""
    fds = (Listen(f"{folder}/{number}.sock"), Append(f"{folder}/{number}.out"))
    return Spawn(("sh", "-c", "kill -STOP $$"), log=f"{folder}/{number}.out", fds=fds)


def _wait_until_stopped(process: Process) -> None:
    deadline = time.monotonic() + 60
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _umask() -> int:
    words = dict(line.split(":\t") for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    return int(words["Umask"], 8)

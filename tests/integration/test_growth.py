# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that a real QEMU keeps appending to are made smaller under its hands, and nothing that it says is lost."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.host.monitor import open_monitor

from .direct import direct, results
from .test_states import TINY, done, end, only

Run = Callable[..., "dict[str, Any]"]

pytestmark = pytest.mark.guest

FLOOD = json.dumps({"event": "DEVICE_TRAY_MOVED", "data": {}}).encode() + b"\n"
SIZE = 1 << 19  # bytes: a journal that is worth making smaller


def used(path: Path) -> int:
    """What a file takes on its disk."""
    return path.stat().st_blocks * 512


def test_a_journal_becomes_a_hole(vm: Run, vm_info: Run, root_dir: Path, uri: str) -> None:
    assert done(vm(name="j", state="running", **TINY)) == ["define", "start"]
    journal = root_dir / "run/corral/guests/j/journal"
    monitor = open_monitor(only(vm_info(name="j"))["runtime"]["monitor"], 10)
    try:
        for _turn in range(3):
            monitor.execute("system_reset")
        monitor.execute("stop")
        # what a guest that opens and closes a drive for hours would have made QEMU write
        with journal.open("ab") as more:
            more.write(FLOOD * (SIZE // len(FLOOD)))
        assert used(journal) >= SIZE
        assert done(vm(name="j", state="paused")) == []
        assert used(journal) < 16384 < journal.stat().st_size
        monitor.execute("cont")
        monitor.execute("stop")
    finally:
        monitor.close()
    guest = only(vm_info(name="j"))
    assert (guest["state"], guest["reason"]) == ("paused", "user")
    assert done(vm(name="j", state="running")) == ["resume"]
    end(vm, "j")


def test_a_console_log_is_cut_and_goes_on(
    vm: Run, vm_info: Run, linux: dict[str, Any], up: dict[str, Any], root_dir: Path
) -> None:
    wanted = {**linux, "name": "c", "state": "running"}
    assert not vm(**wanted, wait_for=up).get("failed")
    guest = only(vm_info(name="c"))
    log = Path(guest["console_log"])
    with log.open("ab") as more:
        more.write(b"a line that somebody has made the guest say\n" * (9 << 20 >> 5))
    assert vm(**wanted)["changed"] is False
    assert log.stat().st_size < 3 << 20
    assert log.read_bytes().startswith(b"[corral.virt: truncated")
    rebooted = vm(name="c", state="reset", wait_for=up, timeout=120)  # what it says now comes behind what stood there
    assert not rebooted.get("failed"), rebooted
    said = log.read_bytes()
    assert b"\0" not in said and said.rstrip().count(b"corral-guest: up") == 1
    end(vm, "c")
    assert not log.exists()
    assert (root_dir / "var/log/corral/domains/c.log").exists()


@pytest.mark.root
def test_a_full_disk_of_logs_stops_no_guest(root_dir: Path, uri: str, linux: dict[str, Any]) -> None:
    """An administrator may put the logs on a file system of their own: what does not fit is lost, and nothing else."""
    consoles = root_dir / "var/log/corral/consoles"
    script = f"""
        mkdir -p {consoles} && mount -t tmpfs -o size=64k,mode=711 none {consoles}
        head -c 1M /dev/zero > {consoles}/filler
        exec "$@"
    """
    run = direct(uri, name="f", state="running", **TINY)
    assert not results([run])[0].get("failed")
    assert not results([direct(uri, name="f", state="absent", force=True, timeout=0)])[0].get("failed")
    arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {"uri": uri, "name": "f", "state": "running", **TINY}})
    command = ["unshare", "--mount", "sh", "-c", script, "sh", *run.args[:1], *run.args[1:]]  # type: ignore[index]
    found = subprocess.run(
        command, input=arguments, capture_output=True, text=True, cwd=Path(__file__).resolve().parents[2], check=False
    )
    result = json.loads(found.stdout)
    assert not result.get("failed"), result
    assert only(results([direct(uri, "vm_info", name="f")])[0])["state"] == "running"
    assert not results([direct(uri, name="f", state="absent", force=True, timeout=0)])[0].get("failed")
    assert os.listdir(root_dir / "run/corral/guests") == []

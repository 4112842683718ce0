# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What another process of QEMU's user, as a guest that has broken out would be, can do to a guest that runs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .test_states import done, end, only

Run = Callable[..., dict[str, Any]]

pytestmark = [pytest.mark.guest, pytest.mark.root]

# What it tries, each of which must fail.
ATTEMPTS = """
import os, socket, sys
home, console = sys.argv[1:]
channel = "channel-org.qemu.guest_agent-c473757c"

def replace(name):
    os.symlink("/etc/passwd", f"{home}/new")
    os.replace(f"{home}/new", f"{home}/{name}")

attempts = {
    "ask its monitor": lambda: socket.socket(socket.AF_UNIX).connect(f"{home}/monitor.sock"),
    "talk to its agent": lambda: socket.socket(socket.AF_UNIX).connect(f"{home}/{channel}"),
    "replace its monitor": lambda: replace("monitor.sock"),
    "replace its journal": lambda: replace("journal"),
    "remove its journal": lambda: os.unlink(f"{home}/journal"),
    "write its journal": lambda: open(f"{home}/journal", "ab"),
    "read its journal": lambda: open(f"{home}/journal", "rb"),
    "cut its journal": lambda: os.truncate(f"{home}/journal", 0),
    "write its console": lambda: open(console, "ab"),
    "cut its console": lambda: os.truncate(console, 0),
    "see what there is": lambda: os.listdir(home),
    "make room for more": lambda: os.chmod(home, 0o777),
}
for what, attempt in attempts.items():
    try:
        attempt()
    except PermissionError:
        continue
    print(what)
"""


def test_a_guest_that_has_broken_out_reaches_no_other(vm: Run, vm_info: Run, root_dir: Path) -> None:
    graphics = "<graphics type='vnc'><listen type='socket'/></graphics>"
    agent = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
    devices = f"<devices><serial type='pty'/>{agent}{graphics}<video><model type='vga'/></video></devices>"
    head = "<name>w</name><memory>16384</memory><os><type machine='pc'>hvm</type></os>"
    assert done(vm(xml=f"<domain type='qemu'>{head}{devices}</domain>", state="running")) == ["define", "start"]
    guest = only(vm_info(name="w"))
    home = root_dir / "run/corral/guests/w"
    user = (home / "qemu").stat()
    assert user.st_uid == process_user(guest["pid"]) != 0
    tried = subprocess.run(
        [sys.executable, "-c", ATTEMPTS, str(home), guest["console_log"]],
        user=user.st_uid,
        group=user.st_gid,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=True,
    )
    assert tried.stdout == ""
    # and QEMU has what it needs: its own socket, its journal, its picture
    with socket.socket(socket.AF_UNIX) as viewer:
        viewer.connect(str(home / "qemu/vnc.sock"))
        assert viewer.recv(3) == b"RFB"
    assert done(vm(name="w", state="paused")) == ["suspend"]
    picture = root_dir / "w.png"
    assert "failed" not in vm_info(name="w", screenshot=str(picture)), picture
    assert picture.read_bytes()[:4] == b"\x89PNG"
    end(vm, "w")
    assert os.listdir(home.parent) == []


def process_user(pid: int) -> int:
    """The user that a process runs as."""
    return os.stat(f"/proc/{pid}").st_uid

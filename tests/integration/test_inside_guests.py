# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible inside real guests by their agents, found by the inventory plugin; no network between them and us."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader

from .conftest import CMDLINE, KERNEL, ROOT, Run

pytestmark = [pytest.mark.guest]

MODULES = ROOT / ".cache/guest/modules"
ANEW = "(sleep 1; killall -9 qemu-ga; sleep 1; qemu-ga -m virtio-serial -p {port} -t /run{more}) >/dev/null 2>&1 &"
NOBODY = "echo nobody::65534:65534::/:/bin/sh >>/etc/passwd; command -v su || ln -s busybox /bin/su"
PORT = "/dev/virtio-ports/org.qemu.guest_agent.0"
# The guest's own agent, below the tree of this machine's programs.
AGENT = f"""
mount -t tmpfs root /root
unset HOME
guest=/run/guest
exec $guest/lib64/ld-linux-x86-64.so.2 --library-path $guest/lib $guest/sbin/qemu-ga -m virtio-serial -p {PORT} -t /run
"""
PLAY = """
- hosts: all:!localhost
  gather_facts: false
  vars:
    ansible_python_interpreter: /usr/bin/python3
  tasks:
    - ansible.builtin.copy:
        src: {source}
        dest: /root/copied
        mode: "0600"
    - ansible.builtin.raw: stat -c '%a %U' /root/copied; echo $HOME; cat /root/copied
      register: seen
    - ansible.builtin.assert:
        that: seen.stdout_lines[:3] == ["600 root", "/root", "what is copied"]
    - ansible.builtin.fetch:
        src: /root/copied
        dest: "{fetched}"
        flat: true
"""


def ansible(program: str, *arguments: str) -> str:
    """Run one of Ansible's programs; what it says."""
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "False"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def inventory(tmp_path: Path, uri: str) -> str:
    """An inventory of the guests of this machine, and of two hosts: one that is this machine, and one that is off."""
    python = {"ansible_python_interpreter": sys.executable, "corral_virt_runtime": os.environ["CORRAL_VIRT_RUNTIME"]}
    here = {**python, "ansible_connection": "local"}
    off = {**python, "ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    (tmp_path / "10-hosts.yml").write_text(json.dumps({"hosts": {"hosts": {"here": here, "off": off}}}))
    options = {"plugin": "corral.virt.guests", "hosts": "hosts", "uris": [uri], "connection": "guest_agent"}
    groups = {"keyed_groups": [{"key": "corral_state", "prefix": "state"}], "vars_prefix": "corral_"}
    (tmp_path / "90-corral_guests.yml").write_text(json.dumps({**options, **groups}))
    return str(tmp_path)


def way_into(uri: str, guest: str, **variables: Any) -> Any:
    """A connection to a guest."""
    made = connection_loader.get("corral.virt.guest_agent", PlayContext())
    own = {f"ansible_guest_agent_{name}": value for name, value in variables.items()}
    made.set_options(var_options={"inventory_hostname": guest, "ansible_guest_agent_uri": uri, **own})
    return made


def openings(root_dir: Path) -> int:
    """How often something in guest a has opened the channel of its agent, as QEMU has written down."""
    (journal,) = root_dir.glob("run/corral/guests/a/journal")
    events = [json.loads(line) for line in journal.read_text().splitlines() if "VSERPORT_CHANGE" in line]
    return sum(bool(event["data"]["open"]) for event in events)


def wait_until(happened: Callable[[], bool], timeout: float = 180) -> None:
    """Wait for something that a guest does."""
    deadline = time.monotonic() + timeout
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_commands_and_files(
    vm: Run, linux: dict[str, Any], uri: str, inventory: str, root_dir: Path, tmp_path: Path
) -> None:
    wait = {"wait_for": {"agent": True}, "timeout": 180}
    assert not vm(name="a", state="running", guest_agent=True, **{**linux, **wait}).get("failed")
    listed = json.loads(ansible("ansible-inventory", "-i", inventory, "--list"))
    assert listed["state_running"]["hosts"] == ["a"]
    assert listed["_meta"]["hostvars"]["a"]["corral_host"] == "here"
    assert "uid=0" in ansible("ansible", "-i", inventory, "a", "-m", "raw", "-a", "id")
    ansible("ansible", "-i", inventory, "a", "-m", "raw", "-a", NOBODY)
    other = ("--become", "--become-method", "su", "--become-user", "nobody")
    assert "uid=65534" in ansible("ansible", "-i", inventory, "a", "-m", "raw", "-a", "id", *other)

    here = way_into(uri, "a")
    assert here.exec_command("cat; echo no >&2; exit 7", in_data=b"\x00in\xff") == (7, b"\x00in\xff", b"no\n")
    began = time.monotonic()
    with pytest.raises(AnsibleError, match="did not end within 2 seconds"):
        way_into(uri, "a", command_timeout=2).exec_command("sleep 300")
    assert time.monotonic() - began < 120

    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    through = way_into(uri, "a", via={**host, "corral_virt_runtime": os.environ["CORRAL_VIRT_RUNTIME"]})
    assert through.exec_command("cat", in_data=b"through the host") == (0, b"through the host", b"")

    data = os.urandom(700_001)
    (tmp_path / "in").write_bytes(data)
    for way, other in ((here, through), (through, here)):
        way.put_file(str(tmp_path / "in"), "/tmp/a file")
        assert way.exec_command("stat -c %a '/tmp/a file'")[1] == b"600\n"
        other.fetch_file("/tmp/a file", str(tmp_path / "out"))
        assert (tmp_path / "out").read_bytes() == data
    with pytest.raises(AnsibleError, match="No such file or directory"):
        here.fetch_file("/nowhere", str(tmp_path / "out"))

    before = openings(root_dir)
    with pytest.raises(AnsibleConnectionFailure):  # told by the old agent, by nobody, or by the new one
        here.exec_command(f"{ANEW.format(port=PORT, more='')} sleep 60")
    wait_until(lambda: openings(root_dir) > before)
    assert here.exec_command("echo again") == (0, b"again\n", b"")

    before = openings(root_dir)
    here.exec_command(ANEW.format(port=PORT, more=" -b guest-exec"))
    wait_until(lambda: openings(root_dir) > before)
    with pytest.raises(AnsibleConnectionFailure, match=r"not allowed guest-exec\..*/etc/sysconfig/qemu-ga"):
        here.exec_command("true")


@pytest.mark.root
def test_modules(vm: Run, linux: dict[str, Any], uri: str, inventory: str, root_dir: Path, tmp_path: Path) -> None:
    """A guest with a Python, which is this machine's."""
    task = root_dir / "task"
    task.mkdir()
    task.chmod(0o777)
    (task / "run").write_text(AGENT)
    shares = [("host", "/", True), ("modules", str(MODULES), True), ("task", str(task), False)]
    filesystems = [
        {"tag": tag, "source": source, "readonly": readonly, "type": "9p", "access": "squash"}
        for tag, source, readonly in shares
    ]
    guest = {**linux, "memory": "768MiB", "vcpus": 2, "cmdline": f"{CMDLINE} corral.host", "kernel": str(KERNEL)}
    wait = {"wait_for": {"agent": True}, "timeout": 180, "guest_agent": True, "filesystems": filesystems}
    result = vm(name="a", state="running", **{**guest, **wait})
    assert not result.get("failed"), result.get("msg")
    (tmp_path / "source").write_text("what is copied\n")
    (tmp_path / "play.yaml").write_text(PLAY.format(source=tmp_path / "source", fetched=tmp_path / "fetched"))
    said = ansible("ansible-playbook", "-i", inventory, "-l", "a", str(tmp_path / "play.yaml"))
    assert "failed=0" in said and "unreachable=0" in said
    assert (tmp_path / "fetched").read_text() == "what is copied\n"

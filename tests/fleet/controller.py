# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A controller: a home directory, a key and an inventory of its own, and playbooks run from the checkout over SSH."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .machine import ROOT, Machine

RECAP = re.compile(r"^(\S+)\s*: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)
RESULT = re.compile(r"^(?:ok|changed|failed|fatal): \[([^\]]+)\](?:: FAILED!)? => (?=\{)", re.MULTILINE)
OPTIONS = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"


@dataclass(frozen=True)
class Done:
    """A playbook that has ended; ``changed`` are the numbers of its recap by host."""

    code: int
    text: str
    changed: Mapping[str, int] = field(default_factory=dict)

    def results(self, task: str) -> dict[str, dict[str, Any]]:
        """The results of a task of this name by host, as far as they were shown; ``-v`` shows all."""
        shown: dict[str, dict[str, Any]] = {}
        for block in self._blocks():
            name, _rest, said = block.partition("]")
            if name.rpartition(" : ")[2] != task:
                continue
            for found in RESULT.finditer(said):
                shown[found[1]] = json.JSONDecoder().raw_decode(said, found.end())[0]
        return shown

    def message(self, task: str) -> Any:
        """The ``msg`` that a task of this name showed, on one host."""
        shown = self.results(task)
        assert shown, f"{task}: nothing was said\n{self.text}"
        return next(iter(shown.values()))["msg"]

    def changing(self, host: str = "") -> list[str]:
        """The tasks that changed something, there or anywhere, each once."""
        line = re.compile(rf"^changed: \[{re.escape(host)}" + (r"\]" if host else ""), re.M)
        return [block.partition("]")[0] for block in self._blocks() if line.search(block)]

    def _blocks(self) -> list[str]:
        return re.split(r"^TASK \[", self.text, flags=re.M)[1:]


@dataclass
class Controller:
    """Runs Ansible in ``home`` on the machines of its inventory; ``place`` are words before each program.

    As a context manager it closes its connections in the end, which would stay open for a minute otherwise.
    """

    home: Path
    place: tuple[str, ...] = ()
    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.home / "key"], check=True)

    def __enter__(self) -> Controller:
        return self

    def __exit__(self, *_error: object) -> None:
        for path in (self.home / "cp").glob("*"):
            subprocess.run(["ssh", "-o", f"ControlPath={path}", "-O", "exit", "-"], capture_output=True, check=False)

    def meet(self, machine: Machine, address: str, **variables: Any) -> None:
        """Add a machine, which lets us in from now on."""
        machine.write("/root/.ssh/authorized_keys", (self.home / "key.pub").read_text(), mode=0o600)
        machine.path("/root/.ssh").chmod(0o700)
        machine.run("ssh-keygen", "-A")
        machine.run("systemctl", "restart", "ssh")
        self.hosts[machine.name] = {"ansible_host": address, **variables}

    def play(self, playbook: str, *words: str, fails: bool = False, timeout: float = 900, **variables: Any) -> Done:
        """Run a playbook of the collection, or one at a path; ``variables`` are extra variables."""
        inventory = self.home / "inventory.json"
        common = {
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self.home / "key"),
            "ansible_ssh_common_args": OPTIONS,
        }
        inventory.write_text(json.dumps({"all": {"hosts": self.hosts, "vars": common}}))
        path = playbook if "/" in playbook else str(ROOT / f"playbooks/{playbook}.yml")
        command = [*self.place, ROOT / ".venv/bin/ansible-playbook", "-i", inventory, path]
        command += ["--forks", str(len(self.hosts)), "-e", json.dumps(variables), *words]
        run = subprocess.run(
            command, env=self._environment(), capture_output=True, text=True, timeout=timeout, check=False, cwd=ROOT
        )
        text = run.stdout + run.stderr
        assert bool(run.returncode) is fails, text
        return Done(run.returncode, text, {host: int(changed) for host, _ok, changed, _un, _bad in RECAP.findall(text)})

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        own = {
            "HOME": str(self.home),
            "ANSIBLE_HOME": str(self.home / ".ansible"),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_STDOUT_CALLBACK": "default",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "0",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.home / "cp"),
        }
        return {**kept, **own}

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine that is a host of ours without Ansible's help: our code, the launcher and the units, and modules run in it.

What the role does with much more care, for tests of what it installs.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from ansible_collections.corral.virt.plugins.plugin_utils import runtime

from .machine import ROOT, Machine

CODE = "/usr/lib/corral/runtime/test"
GUEST = "/opt/guest"
LAUNCH = """#!/bin/sh
PYTHONPATH=/usr/lib/corral/runtime/current
export PYTHONPATH
exec /usr/bin/python3 -m ansible_collections.corral.virt.plugins.module_utils.service "$@"
"""
# Read once: somebody may work on the checkout while a machine runs.
SOURCES = runtime.sources()
DIGEST = runtime.digest_of(SOURCES)
MODULES = "ansible_collections.corral.virt.plugins.modules"
LINE = "console=ttyS0 quiet panic=-1 cryptomgr.notests rodata=off mitigations=off tsc=reliable no_timer_check"
# For systemd-nspawn: the kernel of the test guest.
ARGUMENTS = (f"--bind-ro={ROOT / '.cache/guest'}:{GUEST}",)


def install(machine: Machine) -> Installed:
    """Make a host of a machine of the full tree."""
    target = machine.path(f"{CODE}/ansible_collections/corral/virt/plugins/module_utils")
    shutil.copytree(ROOT / "plugins/module_utils", target, ignore=shutil.ignore_patterns("__pycache__"))
    machine.run("ln", "-sfn", "test", "/usr/lib/corral/runtime/current")
    machine.write("/usr/lib/corral/launch", LAUNCH, mode=0o755)
    machine.run("sh", "-c", "python3 -m zipfile -e /opt/wheels/qemu*.whl /usr/lib/python3/dist-packages")
    machine.run("python3", "-m", "compileall", "-q", CODE)
    for unit in (ROOT / "roles/host/files").glob("corral*"):
        machine.copy(unit, f"/etc/systemd/system/{unit.name}")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "enable", "--now", "corral.target", "corral-guests.service")
    return Installed(machine)


@dataclass
class Installed:
    """The host."""

    machine: Machine

    def module(self, module: str, /, *, fails: bool = False, **options: Any) -> dict[str, Any]:
        """Run a module as a task does on its target, return its result."""
        order = {
            "module": f"{MODULES}.{module}",
            "params": json.dumps({"ANSIBLE_MODULE_ARGS": options}),
            "profile": "legacy",
            "digest": DIGEST,
            "place": "",
        }
        program = self.machine.path("/root/module.py")
        kept = self.machine.path(f"/var/cache/corral/runtime/{DIGEST}.zip").exists()
        with mock.patch.object(runtime, "sources", lambda: SOURCES):
            program.write_text(runtime.program(order, with_sources=not kept))
        done = self.machine.run("python3", "/root/module.py", check=False)
        assert done.stdout.strip().startswith("{"), done.stdout + done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        assert bool(result.get("failed")) is fails, result
        return result

    def guest(self, name: str, *, line: str = "", **options: Any) -> dict[str, Any]:
        """Run vm for a guest of the test kernel that is to run; ``line`` are more words for its kernel."""
        wanted = {
            "name": name,
            "memory": "128MiB",
            "virt_type": "qemu",
            "kernel": f"{GUEST}/vmlinuz",
            "initrd": f"{GUEST}/initrd.img",
            "cmdline": f"{LINE} {line}",
            "state": "running",
            **options,
        }
        if "wait_for" in wanted:
            wanted["wait_for"] = {"timeout": 300, **wanted["wait_for"]}
        return self.module("vm", **wanted)

    def unit(self, name: str, word: str = "vm") -> str:
        """The state of a unit: active, inactive, failed."""
        return self.machine.said("systemctl", "is-active", f"corral-{word}@{name}.service", check=False)

    def journal(self, name: str, word: str = "vm") -> str:
        """What the journal has of a unit."""
        self.machine.run("journalctl", "--sync")
        return self.machine.said("journalctl", "--no-pager", "-o", "cat", "-u", f"corral-{word}@{name}.service")

    def pid(self, name: str) -> int:
        """The process of a guest inside."""
        facts = self.module("vm_info", name=name)["guests"]
        return int(facts[0]["pid"])

    def lines(self, path: str) -> list[str]:
        """The lines of a file in it."""
        return Path(self.machine.path(path)).read_text().splitlines()

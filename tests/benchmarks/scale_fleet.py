# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet that is simulated: hosts of the test driver, each a file, in an inventory that reaches them locally."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from place import ROOT
from scale_process import METER

GROUP = "hypervisors"
GUESTS = "90-corral_guests.yml"
# What the inventory plugin is told in any case; the answers of the hosts are kept beside it.
PLUGIN: dict[str, Any] = {
    "plugin": "corral.virt.guests",
    "hosts": GROUP,
    "uris": ["{{ site_uri }}"],
    "cache": True,
    "cache_plugin": "ansible.builtin.jsonfile",
    "cache_timeout": 86400,
}
KEYED = [{"key": "corral_tags", "prefix": "tag"}, {"key": "corral_host", "prefix": "on"}]


@dataclass(frozen=True)
class Fleet:
    """Files of a fleet below ``folder``: ``hosts`` hosts that are to have ``guests`` guests each."""

    folder: Path
    hosts: int
    guests: int

    @property
    def inventory(self) -> Path:
        return self.folder / "10-hosts.json"

    @property
    def note(self) -> Path:
        """Where the modules' interpreter writes down what they took."""
        return self.folder / "modules.times"

    def make(self, python: str) -> None:
        """Write the inventory, the plays and the interpreter; the hosts have nothing yet."""
        self.folder.mkdir(parents=True)
        meter = self.folder / "python"
        meter.write_text(METER.format(python=python, note=self.note))
        meter.chmod(0o755)
        common = {
            "ansible_connection": "local",
            "ansible_python_interpreter": str(meter),
            **{f"{playbook}_become": False for playbook in ("site", "report")},
            "report_uri": "{{ site_uri }}",
            "site_networks": [{"name": "default", "forward": "nat"}],
            "site_guests": [guest(number) for number in range(self.guests)],
        }
        names = [f"hv{number:03}" for number in range(self.hosts)]
        hosts = {name: {"site_uri": f"test://{self.folder}/{name}.xml"} for name in names}
        group = {GROUP: {"hosts": hosts, "vars": common}}
        self._write(self.inventory.name, {"all": {"children": group}})
        self._play("ping", {"ansible.builtin.ping": {}})
        self._play("vm_info", {"corral.virt.vm_info": {"uri": "{{ site_uri }}"}})

    def ask_for_guests(self, *, keyed: bool) -> None:
        """Write the source of the inventory that has the guests, with groups of them or without."""
        groups = {"keyed_groups": KEYED} if keyed else {}
        self._write(GUESTS, {**PLUGIN, "cache_connection": str(self.folder / "cache"), **groups})

    def kept_bytes(self) -> int:
        """The size of what the inventory plugin has kept."""
        return sum(path.stat().st_size for path in self.folder.glob("cache/*"))

    def environment(self, forks: int) -> dict[str, str]:
        """The environment of every command."""
        # without what slows Python down, such as PYTHONUNBUFFERED, and without anybody's settings for Ansible
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ANSIBLE"))}
        own = {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT),
            "ANSIBLE_FORKS": str(forks),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "CORRAL_VIRT_RUNTIME": str(self.folder.parent / "runtime"),
            "HOME": str(self.folder.parent),
        }
        return {**plain, **own}

    def _play(self, name: str, task: dict[str, Any]) -> None:
        self._write(f"{name}.json", [{"hosts": GROUP, "gather_facts": False, "tasks": [task]}])

    def _write(self, name: str, content: Any) -> None:
        (self.folder / name).write_text(json.dumps(content))


def guest(number: int) -> dict[str, Any]:
    """The options of a guest, without templates; each host of the fleet has one of that name."""
    name = f"web{number:02}"
    return {
        "name": name,
        "memory": "2GiB",
        "vcpus": 2,
        "disks": [{"path": f"/var/lib/corral/images/{name}.qcow2", "format": "qcow2"}],
        "interfaces": [{"network": "default"}],
        "tags": ["web", "even" if number % 2 == 0 else "odd"],
    }

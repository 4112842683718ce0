# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that fetches what it is to have and makes itself so: ansible-pull, as docs/scale.md shows it."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SITE = [{"name": "What this host is to have", "import_playbook": "corral.virt.site"}]


def repository(folder: Path, **hosts: dict[str, Any]) -> str:
    """A git repository with an inventory and a playbook; returns how it is reached."""
    folder.mkdir()
    common = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "site_become": False}
    (folder / "hosts.yml").write_text(json.dumps({"hypervisors": {"hosts": hosts, "vars": common}}))
    (folder / "site.yml").write_text(json.dumps(SITE))
    own = ["-c", "user.name=tests", "-c", "user.email=tests@host.example"]
    for words in (["init", "-q"], ["add", "."], [*own, "commit", "-q", "-m", "What hosts are to have"]):
        subprocess.run(["git", "-C", folder, *words], check=True)
    return f"file://{folder}"


def pull(url: str, folder: Path) -> str:
    """Run ansible-pull as a timer on a host does; returns what it said."""
    program = Path(sys.executable).with_name("ansible-pull")
    command = [program, "-U", url, "-d", folder / "checkout", "-i", "hosts.yml", "site.yml"]
    own = {"ANSIBLE_COLLECTIONS_PATH": str(ROOT), "ANSIBLE_NOCOLOR": "1", "HOME": str(folder)}
    environment = {name: value for name, value in os.environ.items() if name != "ANSIBLE_CONFIG"}
    done = subprocess.run(command, cwd=folder, env={**environment, **own}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_host_makes_itself_what_the_repository_says(tmp_path: Path) -> None:
    """It finds itself in the inventory by its name, and leaves the others alone."""
    files = {name: tmp_path / f"{name}.xml" for name in ("own", "other")}
    own, other = (
        {"site_uri": f"test://{path}", "site_guests": [{"name": "web1", "memory": "64MiB"}]} for path in files.values()
    )
    url = repository(tmp_path / "repository", **{platform.node(): own, "another.host.example": other})
    for changed in (1, 0):
        said = pull(url, tmp_path)
        assert re.search(rf"^{re.escape(platform.node())} +: ok=\d+ +changed={changed} ", said, re.MULTILINE), said
        assert "another.host.example" not in said.partition("PLAY RECAP")[2]
    assert "<name>web1</name>" in files["own"].read_text() and not files["other"].exists()

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The quickstart play as root on qemu:///system and as nobody on qemu:///session, from a path with a space in it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PLAYS = """
set -eu
python=.venv/bin/python
export ANSIBLE_NOCOLOR=1
"$python" -m ansible playbook --check playbooks/quickstart.yml >/dev/null
"$python" -m ansible playbook playbooks/quickstart.yml
echo '--- again'
"$python" -m ansible playbook playbooks/quickstart.yml
echo '--- removed'
"$python" -m ansible playbook playbooks/remove.yml
"$python" -m ansible adhoc localhost -m vm_info
"""


@pytest.mark.root
@pytest.mark.guest
@pytest.mark.parametrize(("user", "uri"), [("root", "qemu:///system"), ("nobody", "qemu:///session")])
def test_from_nothing_to_nothing(user: str, uri: str) -> None:
    """Boot, show, nothing left to do, remove; probing finds the connection that fits the user."""
    before = {path for path in ("/etc/corral", "/var/lib/corral", "/run/corral") if os.path.exists(path)}
    command = ["unshare", "--mount", str(HERE / "private_host.sh"), str(ROOT), user, "sh", "-c", PLAYS]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "XDG_"))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    first, again = done.stdout.split("--- again")
    again, removed = again.split("--- removed")
    assert uri in first
    assert "changed=0" in again.rsplit("PLAY RECAP", 1)[1], again
    assert "guests: []" in removed
    assert {path for path in ("/etc/corral", "/var/lib/corral", "/run/corral") if os.path.exists(path)} == before

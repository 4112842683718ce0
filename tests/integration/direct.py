# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules run as Ansible runs them on its target, but without Ansible, which takes seconds for each run.

Whether Ansible hands on what they say is shown by the tests that go all the way (the fixtures cli and vm).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def direct(
    uri: str, module: str = "vm", *, check: bool = False, inside: Sequence[str] = (), **options: Any
) -> subprocess.Popen[str]:
    """Start a module; ``inside`` are the words before a command that is to run in a place of its own."""
    arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {"uri": uri, "_ansible_check_mode": check, **options}})
    run = subprocess.Popen(
        [*inside, sys.executable, "-m", f"ansible_collections.corral.virt.plugins.modules.{module}"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stdin is not None
    run.stdin.write(arguments)
    run.stdin.close()
    return run


def results(runs: list[subprocess.Popen[str]]) -> list[dict[str, Any]]:
    """What the runs said, in their order."""
    found = []
    for run in runs:
        assert run.stdout is not None and run.stderr is not None
        said, errors = run.stdout.read(), run.stderr.read()
        run.wait(timeout=300)
        run.stdout.close()
        run.stderr.close()
        assert said, errors
        found.append(json.loads(said))
    return found

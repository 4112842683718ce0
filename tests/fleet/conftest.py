# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where machines come from: trees that are made once (tree.sh), in the directory that CORRAL_FLEET names."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .machine import ROOT, why_not

FLEET = Path(os.environ.get("CORRAL_FLEET", ROOT / ".cache/fleet"))


@pytest.fixture(scope="session")
def tree() -> Callable[[str], Path]:
    """The tree of a name: base12 or full12 (Debian 12), base13 or full13; made when it is missing."""
    reason = why_not()
    if reason:
        pytest.skip(f"NO FLEET TESTS HERE: {reason}")

    def made(name: str) -> Path:
        kind, suite = name[:-2], {"12": "bookworm", "13": "trixie"}[name[-2:]]
        flags = ["--full"] if kind == "full" else []
        environment = {**os.environ, "SUITE": suite}
        subprocess.run([ROOT / "tests/fleet/tree.sh", *flags, FLEET / name], check=True, env=environment)
        return FLEET / name

    return made

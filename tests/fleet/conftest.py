# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where machines come from: trees that are made once (tree.sh), in the directory that CORRAL_FLEET names."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .machine import ROOT, why_not

FLEET = Path(os.environ.get("CORRAL_FLEET", ROOT / ".cache/fleet"))
NAMES = {"12": "bookworm", "13": "trixie"}
# The releases of Debian that are tried, one after the other; make fleet names both.
SUITES = os.environ.get("CORRAL_SUITES", "12").split()


@pytest.fixture(scope="module", params=SUITES)
def suite(request: pytest.FixtureRequest) -> str:
    """The release of Debian of the machines: 12 (QEMU 7.2, Python 3.11) or 13 (QEMU 10.0, Python 3.13)."""
    return str(request.param)


@pytest.fixture(scope="session")
def tree() -> Callable[[str], Path]:
    """The tree of a name: base12 or full12 (Debian 12), base13 or full13; made when it is missing."""
    reason = why_not()
    if reason:
        pytest.skip(f"NO FLEET TESTS HERE: {reason}")
    # machines go in the orderly way too when the run is told to end
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    def made(name: str) -> Path:
        if not shutil.which("mmdebstrap") and not (FLEET / name).exists():
            pytest.skip(f"NO FLEET TESTS HERE: the tree {FLEET / name} is not there, and mmdebstrap, which makes it")
        flags = ["--full"] if name[:-2] == "full" else []
        environment = {**os.environ, "SUITE": NAMES[name[-2:]]}
        subprocess.run([ROOT / "tests/fleet/tree.sh", *flags, FLEET / name], check=True, env=environment)
        return FLEET / name

    return made

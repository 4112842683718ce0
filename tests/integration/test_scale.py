# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The benchmark of many hosts, on a few: what it says is right, and each host costs one module for each look."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

BENCHMARK = Path(__file__).resolve().parents[1] / "benchmarks/scale.py"
HOSTS, GUESTS = 5, 10


def measured(folder: Path, *steps: str) -> dict[str, dict[str, Any]]:
    """Run steps of the benchmark on the small fleet; returns their rows."""
    out = folder / "scale.json"
    words = [sys.executable, BENCHMARK, "--hosts", HOSTS, "--guests", GUESTS, "--out", out, "--only", *steps]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"| {HOSTS} hosts |" in done.stdout
    return {row["step"]: row for row in json.loads(out.read_text())["rows"]}


def test_a_small_fleet(tmp_path: Path) -> None:
    rows = measured(tmp_path, "site-first", "site-again", "inventory-cold", "inventory-kept")
    modules = {step: row["spent"]["modules"] for step, row in rows.items()}
    # a network and a list of guests; one look at a host; none where the answers are kept
    assert modules == {"site-first": 2 * HOSTS, "site-again": 2 * HOSTS, "inventory-cold": HOSTS, "inventory-kept": 0}
    assert (rows["site-first"]["changed"], rows["site-again"]["changed"]) == (2 * HOSTS, 0)
    assert rows["site-first"]["ok"] == rows["site-again"]["ok"] > 0
    assert rows["inventory-cold"]["listed"] == rows["inventory-kept"]["listed"] == HOSTS * GUESTS
    assert 0 < rows["inventory-kept"]["kept_bytes"] < 1500 * HOSTS * GUESTS
    assert all(0 < row["spent"]["memory"] < 200 for row in rows.values())

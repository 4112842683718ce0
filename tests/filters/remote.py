# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs below another kernel, in a guest where imports are slow: only the standard library, and wire.py beside it.

``remote.py JOBS FOUND``: for each job a network of its own, rules for nft, and rounds of frames sent one after the
other. What was heard goes to a file, for others to judge.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
import time
from typing import Any

from wire import Wire, put, run_here, set_up  # type: ignore[import-not-found]

CLONE_NEWNET = 0x40000000
# Sequence numbers of TCP are of no interest here, and of UDP-Lite the kernel gets the checksums wrong.
SETTINGS = {"net/netfilter/nf_conntrack_tcp_be_liberal": "1", "net/netfilter/nf_conntrack_checksum": "0"}
QUIET = 0.01  # seconds; the guest does nothing else


def do(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Do one job; returns what was heard in each of its rounds."""
    if ctypes.CDLL(None).unshare(CLONE_NEWNET):
        raise OSError("unshare")
    set_up(run_here, put)
    told = subprocess.run(["nft", "-f", "-"], input=job["rules"], text=True, capture_output=True, check=False)
    if told.returncode:
        return [{"refused": told.stderr}]
    for name, value in SETTINGS.items():
        put(name, value)
    wire = Wire()
    try:
        return [_round(wire, each) for each in job["rounds"]]
    finally:
        wire.close()


def _round(wire: Any, sent: dict[str, Any]) -> dict[str, Any]:
    heard = wire.send(sent["way"], [bytes.fromhex(frame) for frame in sent["frames"]], sent["awaited"], QUIET)
    return {"beyond": [each.hex() for each in heard.beyond], "back": [each.hex() for each in heard.back]}


def main() -> None:
    """Do all jobs, and say how long each has taken."""
    with open(sys.argv[1]) as file:
        jobs = json.load(file)
    found = {}
    for job in jobs:
        start = time.monotonic()
        found[job["name"]] = do(job)
        print(f"{job['name']}: {time.monotonic() - start:.1f} s", flush=True)
    with open(sys.argv[2], "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()

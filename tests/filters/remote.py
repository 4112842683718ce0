# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs below another kernel, in a guest where imports are slow: only the standard library, and wire.py beside it.

``remote.py JOBS FOUND``: for each job a network of its own, rules for nft, and rounds of frames sent one after the
other. What was heard goes to the files FOUND.0 and FOUND.1, for others to judge.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import time
from typing import Any

from wire import Wire, put, run_here, set_up  # type: ignore[import-not-found]

CLONE_NEWNET = 0x40000000
# Sequence numbers of TCP are of no interest here, and of UDP-Lite the kernel gets the checksums wrong.
SETTINGS = {"net/netfilter/nf_conntrack_tcp_be_liberal": "1", "net/netfilter/nf_conntrack_checksum": "0"}
QUIET = 0.01  # seconds; the guest does nothing else
# Makes the kernel load what it needs, once: two that ask for the same module at a time may both be refused.
FIRST = """
table bridge first {
  set few { type ipv4_addr; size 9; flags dynamic; }
  chain all {
    type filter hook prerouting priority 0
    ct state new ip saddr 192.0.2.1 reject
    add @few { ip saddr ct count over 9 } drop
  }
}
"""


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
    """Do all jobs, half of them in another process, and say how long each has taken."""
    with open(sys.argv[1]) as file:
        jobs = json.load(file)
    do({"rules": FIRST, "rounds": []})
    other = os.fork()
    found = {}
    for job in jobs[other != 0 :: 2]:
        start = time.monotonic()
        found[job["name"]] = do(job)
        print(f"{job['name']}: {time.monotonic() - start:.1f} s", flush=True)
    with open(f"{sys.argv[2]}.{int(other != 0)}", "w") as file:
        json.dump(found, file)
    if other:
        _pid, status = os.waitpid(other, 0)
        sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()

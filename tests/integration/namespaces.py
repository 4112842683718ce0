# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network namespaces for tests: hosts of their own to the kernel's network, which vanish with the test.

Root is needed. What still runs in a namespace at its end was started there by the test, and is ended with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

# Settings of the kernel that networks change, as far as a namespace has them of its own.
SETTINGS = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding", "net.ipv6.conf.default.forwarding")


@dataclass(frozen=True)
class Namespace:
    """A network namespace by its name for ip-netns(8)."""

    name: str

    def argv(self, *argv: str) -> list[str]:
        """The command line that runs a program in it."""
        return ["ip", "netns", "exec", self.name, *argv]

    def run(self, *argv: str, stdin: str = "", check: bool = True) -> str:
        """Run a program in it; returns its output, with its errors where it may fail."""
        done = subprocess.run(self.argv(*argv), input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout if check else done.stdout + done.stderr

    def start(self, *argv: str, **more: Any) -> subprocess.Popen[str]:
        """Leave a program running in it."""
        return subprocess.Popen(self.argv(*argv), text=True, **more)

    def json(self, *argv: str) -> Any:
        """What a program prints as JSON."""
        return json.loads(self.run(*argv) or "[]")

    def state(self) -> dict[str, Any]:
        """All that a network may change in it, to be compared before and after."""
        return {
            "links": sorted((row["ifname"], row.get("master"), row["mtu"]) for row in self.json("ip", "-j", "link")),
            "addresses": sorted(
                (row["ifname"], address["local"], address["prefixlen"])
                for row in self.json("ip", "-j", "addr")
                for address in row.get("addr_info", [])
                if address.get("scope") != "link"
            ),
            "routes": sorted(
                (row["dst"], row.get("dev"), row.get("gateway"))
                for family in ("-4", "-6")
                for row in self.json("ip", family, "-j", "route", "show", "table", "all")
                # a host that forwards has an anycast address in each of its networks
                if not row["dst"].startswith(("fe80:", "ff00:", "multicast")) and row.get("type") != "anycast"
            ),
            "rules": self.run("nft", "-s", "list", "ruleset"),
            "settings": {name: self.run("sysctl", "-n", name) for name in SETTINGS},
            "processes": self.pids(),
        }

    def pids(self) -> list[int]:
        """The processes in it."""
        found = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=True).stdout
        return sorted(int(word) for word in found.split())


@contextmanager
def namespace() -> Iterator[Namespace]:
    """A new namespace with its loopback up."""
    made = Namespace(f"corral-{uuid.uuid4().hex[:8]}")
    subprocess.run(["ip", "netns", "add", made.name], check=True)
    try:
        made.run("ip", "link", "set", "lo", "up")
        yield made
    finally:
        for pid in made.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        subprocess.run(["ip", "netns", "del", made.name], check=True)


@contextmanager
def inside(where: Namespace) -> Iterator[None]:
    """Let this thread be in a namespace for a moment: a socket that is made there stays there."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{where.name}", "rb") as there:
        _enter(libc, there.fileno())
        try:
            yield
        finally:
            _enter(libc, home.fileno())


def _enter(libc: ctypes.CDLL, descriptor: int) -> None:
    if libc.setns(descriptor, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def join(one: Namespace, device: str, other: Namespace, other_device: str) -> None:
    """Lay a cable (veth) between two namespaces; both ends are up."""
    peer = ["peer", "name", other_device, "netns", other.name]
    subprocess.run(["ip", "link", "add", device, "netns", one.name, "type", "veth", *peer], check=True)
    one.run("ip", "link", "set", device, "up")
    other.run("ip", "link", "set", other_device, "up")

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network for a fleet: a network namespace with a bridge, in which the controller is and to which machines are wired.

Nobody else has its addresses, so fleets run side by side, and this machine's own network is left as it is.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from .machine import Wire, go_with_us

SUBNET = "10.213.9"
BRIDGE = "segment"
HOLDER = f"""
set -e
ip link set lo up
ip link add {BRIDGE} type bridge
ip addr add {SUBNET}.1/24 dev {BRIDGE}
ip link set {BRIDGE} up
echo up
exec sleep infinity
"""


@dataclass(frozen=True)
class Segment:
    """The network, held by the process ``pid``."""

    pid: int

    @property
    def words(self) -> tuple[str, ...]:
        """What stands before the words of a program that is to run in it."""
        return ("nsenter", f"--net=/proc/{self.pid}/ns/net", "--")

    def address(self, number: int) -> str:
        """The address of a machine, by its number from 1."""
        return f"{SUBNET}.{number + 1}"

    def wire(self, number: int) -> Wire:
        """The wire of that machine."""
        return Wire(f"{self.address(number)}/24", bridge=BRIDGE, beside=self.pid)


@contextlib.contextmanager
def segment() -> Iterator[Segment]:
    """A network that is up."""
    command = ["unshare", "--net", "sh", "-c", HOLDER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=go_with_us()) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "up\n", "no network namespace, or no bridge in it"
            yield Segment(holder.pid)
        finally:
            holder.kill()

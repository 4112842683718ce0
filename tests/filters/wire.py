# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bridge with a filtered port and an open one; whoever is behind them is a raw socket.

Frames are sent all at once and known again by their marks. Only the standard library is imported: the same code runs
in a guest, where imports are slow.
"""

from __future__ import annotations

import select
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

FILTERED = "vnet0"  # the port of the guest; what it is sent comes out of guest0
OPEN = "vnet1"  # the port of everybody else, which is other0
LINKS = ((FILTERED, "guest0"), (OPEN, "other0"))

ETH_P_ALL, SOL_PACKET, SO_RCVBUFFORCE = 3, 263, 33
PACKET_AUXDATA, PACKET_IGNORE_OUTGOING, VLAN_VALID = 8, 23, 0x10

# Nothing is learnt and nothing snooped, so that what a port sends comes to the other one whatever its addresses are.
SET_UP = """
link add br0 type bridge stp_state 0 mcast_snooping 0 ageing_time 0 forward_delay 0
link set br0 address 52:54:00:ff:00:01 up
"""
PORT = """
link add {port} type veth peer name {peer}
link set {port} master br0 up
link set {port} type bridge_slave learning off flood on mcast_flood on
link set {peer} up promisc on
"""


def set_up(run: Callable[[Sequence[str], str], None], put: Callable[[str, str], None]) -> None:
    """Make bridge and ports; ``run`` is given the words of a command and its input, ``put`` a setting and its value."""
    for family in ("all", "default"):  # nobody speaks but us
        put(f"net/ipv6/conf/{family}/disable_ipv6", "1")
    lines = SET_UP + "".join(PORT.format(port=port, peer=peer) for port, peer in LINKS)
    run(["ip", "-batch", "-"], lines)


def run_here(words: Sequence[str], stdin: str) -> None:
    """Run a command in the network that we are in."""
    subprocess.run(words, input=stdin, text=True, check=True)


def put(name: str, value: str) -> None:
    """Change a setting of the network that we are in."""
    with open(f"/proc/sys/{name}", "w") as file:
        file.write(value)


@dataclass
class Heard:
    """What came out at either end after some frames were sent: beyond the bridge, and back to who sent them."""

    beyond: list[bytes] = field(default_factory=list)
    back: list[bytes] = field(default_factory=list)


class Wire:
    """The two raw sockets; they stay in the namespace in which this is made."""

    def __init__(self) -> None:
        self.guest, self.other = (_socket(peer) for _port, peer in LINKS)

    def close(self) -> None:
        """Be done with the sockets."""
        self.guest.close()
        self.other.close()

    def send(self, way: str, frames: Sequence[bytes], awaited: int = 0, quiet: float = 0.03) -> Heard:
        """Send frames ``out`` of the guest or ``in`` to it, and collect what comes.

        Waits until as many as are awaited have come (two seconds at most), and then until it is quiet (seconds).
        """
        near, far = (self.guest, self.other) if way == "out" else (self.other, self.guest)
        heard = Heard()
        for start in range(0, len(frames), 256):
            for frame in frames[start : start + 256]:
                near.send(frame)
            _collect(near, far, heard, 0)
        until = time.monotonic() + 2
        while len(heard.beyond) < awaited and time.monotonic() < until:
            _collect(near, far, heard, 0.01)
        _collect(near, far, heard, quiet)
        return heard


def _socket(device: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25)
    made.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    made.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    made.bind((device, ETH_P_ALL))
    made.setblocking(False)
    return made


def _collect(near: socket.socket, far: socket.socket, heard: Heard, quiet: float) -> None:
    """Take what has come until nothing more comes for a while."""
    while True:
        ready, _none, _errors = select.select([near, far], [], [], quiet)
        if not ready:
            return
        for one in ready:
            (heard.beyond if one is far else heard.back).append(_frame(one))


def _frame(sock: socket.socket) -> bytes:
    """One frame as it was on the wire: the kernel hands the tag over beside it."""
    frame, beside, _flags, _address = sock.recvmsg(65536, socket.CMSG_SPACE(20))
    for level, kind, data in beside:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _length, _taken, _mac, _net, tag, identifier = struct.unpack("@IIIHHHH", data[:20])
            if status & VLAN_VALID:
                return frame[:12] + struct.pack("!HH", identifier, tag) + frame[12:]
    return frame

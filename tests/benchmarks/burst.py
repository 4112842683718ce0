# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bursts of small packets over a bridge, sent so that next to nothing but the bridge costs time."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List

from guests import address_of, hardware_address

# Packets of a burst, and those that are handed to the kernel at a time.
BURST, BATCH = 4_000, 100
# The port of everybody's other side, which nobody filters.
SINK = 4_000
# Seconds in which the last packet of a burst has to arrive, and the share of all that must.
PATIENCE, ENOUGH = 2.0, 0.99


class Vector(ctypes.Structure):
    """struct iovec"""

    _fields_ = (("base", ctypes.c_char_p), ("length", ctypes.c_size_t))


class Message(ctypes.Structure):
    """struct mmsghdr, of one packet"""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("vector", ctypes.POINTER(Vector)),
        ("vectors", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("sent", ctypes.c_uint),
    )


class Sender:
    """A link that packets are put on, all of them the same."""

    def __init__(self, link: str, frame: bytes) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.bind((link, 0))
        self._vector = Vector(frame, len(frame))
        row = Message(vector=ctypes.pointer(self._vector), vectors=1)
        self._messages = (Message * BATCH)(*([row] * BATCH))
        self._send: Any = ctypes.CDLL(None, use_errno=True).sendmmsg

    def send(self, count: int) -> None:
        """Put packets on the link; what does not fit into its queue is put there again."""
        while count:
            done = self._send(self.socket.fileno(), self._messages, min(count, BATCH), 0)
            if done < 0 and ctypes.get_errno() not in (11, 105):  # EAGAIN, ENOBUFS
                raise SystemExit(os.strerror(ctypes.get_errno()))
            count -= max(done, 0)


class Wire:
    """Ports on a bridge, each with the other end of its link: ``portN`` and ``endN``; the last one is the sink.

    In a network namespace that is shared with somebody they go at the end; else they go with it.
    """

    def __init__(self, bridge: str, ports: int, *, shared: bool) -> None:
        self.bridge, self.shared = bridge, shared
        self.numbers = [*range(ports), SINK]
        self.senders: Dict[int, Sender] = {}
        self.answers: Dict[int, Sender] = {}

    def __enter__(self) -> Wire:
        # what sends and what the kernel does with it is then on one processor, and takes turns
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        ip(*(line for number in self.numbers for line in self._lines(number)))
        entries = (f"fdb replace {hardware_address(each)} dev port{each} master static" for each in self.numbers)
        run("bridge", *entries)
        for each in self.numbers[:-1]:
            self.senders[each] = Sender(f"end{each}", packet(each, SINK))
            self.answers[each] = Sender(f"end{SINK}", packet(SINK, each))
        return self

    def __exit__(self, *_error: object) -> None:
        for each in (*self.senders.values(), *self.answers.values()):
            each.socket.close()
        if self.shared:
            ip(*(f"link del port{number}" for number in self.numbers))

    def _lines(self, number: int) -> List[str]:
        port, end = f"port{number}", f"end{number}"
        return [
            f"link add {port} type veth peer name {end}",
            f"link set {end} address {hardware_address(number)} up",
            f"link set {port} master {self.bridge} up",
        ]

    def arrived(self, ports: int) -> int:
        """Packets that have come out at the other ends of these ports, and at the sink's."""
        ends = {f"end{each}" for each in (*self.numbers[:ports], SINK)}
        rows = (line.partition(":") for line in Path("/proc/thread-self/net/dev").read_text().splitlines())
        return sum(int(counts.split()[1]) for name, _colon, counts in rows if name.strip() in ends)


def passed(wire: Wire, ports: int) -> float:
    """Packets per second of one burst, half of it from the ports and half to them; SystemExit when some are lost.

    The second is one of processor time of whoever sends, in which the kernel does all that becomes of a packet. So
    other work of the machine does not disturb it.
    """
    share = BURST // ports // 2
    before, sent = wire.arrived(ports), share * ports * 2
    begin = time.process_time()
    for each in wire.numbers[:ports]:
        wire.senders[each].send(share)
        wire.answers[each].send(share)
    took, until = time.process_time() - begin, time.monotonic() + PATIENCE
    while wire.arrived(ports) - before < sent and time.monotonic() < until:
        time.sleep(0.001)
    found = wire.arrived(ports) - before
    if found < sent * ENOUGH:
        raise SystemExit(f"{found} of {sent} packets have arrived.")
    return found / took


def packet(source: int, target: int) -> bytes:
    """A small UDP packet from one of the ports to another."""
    macs = (bytes.fromhex(hardware_address(each).replace(":", "")) for each in (target, source))
    ends = b"".join(socket.inet_aton(address_of(each)) for each in (source, target))
    body = struct.pack("!HHHH", 1024, 9, 8 + 18, 0) + bytes(18)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, socket.IPPROTO_UDP, 0) + ends
    total = sum(struct.unpack("!10H", head))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    head = head[:10] + struct.pack("!H", total ^ 0xFFFF) + head[12:]
    return b"".join(macs) + b"\x08\x00" + head + body


def ip(*lines: str) -> None:
    """Run ip(8) with these lines of a batch."""
    run("ip", *lines)


def run(program: str, *lines: str) -> None:
    """Run a program of iproute2 with lines of a batch; SystemExit with its words when it fails."""
    words = [program, "-batch", "-"]
    done = subprocess.run(words, input="\n".join(lines), text=True, capture_output=True, check=False)
    if done.returncode:
        print(done.stdout, done.stderr, file=sys.stderr)
        raise SystemExit(f"{program}: {done.stderr}")

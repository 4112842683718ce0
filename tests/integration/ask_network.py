# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine that asks for an address and a name, for tests: ``ask_network.py lease DEVICE`` and ``name SERVER NAME``.

It runs in a network namespace, speaks DHCP (RFC 2131) and DNS (RFC 1035) with plain sockets, and prints what it got.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import sys
import time
from pathlib import Path

COOKIE = b"\x63\x82\x53\x63"
DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5
TIMEOUT = 15.0


def packet(kind: int, mac: bytes, number: bytes, options: bytes = b"") -> bytes:
    """A question of a client that can be answered by broadcast only."""
    head = struct.pack("!BBBB4sHH", 1, 1, 6, 0, number, 0, 0x8000) + bytes(16) + mac.ljust(16, b"\0") + bytes(192)
    return head + COOKIE + bytes((53, 1, kind)) + options + b"\xff"


def options_of(answer: bytes) -> dict[int, bytes]:
    """The options of an answer by their numbers."""
    found, rest = {}, answer[240:]
    while rest and rest[0] != 255:
        if rest[0] == 0:
            rest = rest[1:]
            continue
        found[rest[0]] = rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :]
    return found


def exchange(server: socket.socket, question: bytes, number: bytes, kind: int) -> bytes:
    """Ask until the answer of this kind comes."""
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        server.sendto(question, ("255.255.255.255", 67))
        try:
            answer = server.recv(4096)
        except TimeoutError:
            continue
        if answer[4:8] == number and options_of(answer).get(53) == bytes((kind,)):
            return answer
    raise SystemExit("nobody answers")


def lease(device: str) -> str:
    """The address that a DHCP server gives."""
    mac = bytes.fromhex(Path(f"/sys/class/net/{device}/address").read_text().strip().replace(":", ""))
    number = os.urandom(4)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        client.bind(("", 68))
        client.settimeout(0.5)
        offer = exchange(client, packet(DISCOVER, mac, number), number, OFFER)
        address, server = offer[16:20], options_of(offer)[54]
        wanted = b"\x32\x04" + address + b"\x36\x04" + server
        answer = exchange(client, packet(REQUEST, mac, number, wanted), number, ACK)
    return str(ipaddress.ip_address(answer[16:20]))


def name(server: str, wanted: str) -> str:
    """The address that a DNS server has for a name."""
    labels = b"".join(bytes((len(part),)) + part.encode() for part in wanted.split(".")) + b"\0"
    question = os.urandom(2) + struct.pack("!HHHHH", 0x0100, 1, 0, 0, 0) + labels + struct.pack("!HH", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(30)
        client.sendto(question, (server, 53))
        answer = client.recv(4096)
    if not struct.unpack("!H", answer[6:8])[0]:
        return "no such name"
    return str(ipaddress.ip_address(answer[-4:]))


if __name__ == "__main__":
    print({"lease": lease, "name": name}[sys.argv[1]](*sys.argv[2:]))

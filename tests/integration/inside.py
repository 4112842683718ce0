# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Python inside a network namespace: a thread goes there, so that sockets and programs that it starts are there too."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, TypeVar

from .namespaces import Namespace

T = TypeVar("T")

# What tells whether the machine forwards packets, and takes part in IPv6.
SETTINGS = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding", "net/ipv6/conf/default/disable_ipv6")

_CLONE_NEWNET = 0x40000000


def inside(where: Namespace, call: Callable[[], T]) -> T:
    """Call a function in the namespace and return or raise what it does; a socket that it opens stays there."""
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            _enter(where)
            results.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _enter(where: Namespace) -> None:
    """Move this thread, and nothing else of the process."""
    descriptor = os.open(f"/run/netns/{where.name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns to {where.name}")
    finally:
        os.close(descriptor)


@contextmanager
def untouched() -> Iterator[None]:
    """See to it that the machine's own links, addresses, rules and settings are the same afterwards."""
    before = _machine()
    yield
    assert _machine() == before


def _machine() -> list[str]:
    asked = (["ip", "-br", "link"], ["ip", "-br", "address"], ["ip", "route"], ["nft", "-s", "list", "ruleset"])
    said = [subprocess.run(argv, capture_output=True, text=True, check=True).stdout for argv in asked]
    return said + [Path(f"/proc/sys/{each}").read_text() for each in SETTINGS]


def listen(where: Namespace, address: str = "", *, family: socket.AddressFamily = socket.AF_INET) -> socket.socket:
    """Return a TCP server on a free port there."""

    def opened() -> socket.socket:
        server = socket.socket(family, socket.SOCK_STREAM)
        server.bind((address, 0))
        server.listen()
        server.settimeout(30)
        return server

    return inside(where, opened)


def connect(where: Namespace, address: str, port: int, *, timeout: float = 30.0) -> socket.socket:
    """Connect from there; raises what the network or the other side says."""
    return inside(where, lambda: socket.create_connection((address, port), timeout=timeout))


def source_of(where: Namespace, server: socket.socket, address: str) -> tuple[str, int]:
    """Connect from there to a server and say a word; returns the address and port that the server saw."""
    with connect(where, address, server.getsockname()[1]) as client:
        accepted, peer = server.accept()
        with accepted:
            client.sendall(b"a word")
            assert accepted.recv(6) == b"a word"
            accepted.sendall(b"another")
            assert client.recv(7) == b"another"
    return str(peer[0]), int(peer[1])

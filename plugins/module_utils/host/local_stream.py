# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plain connections of the real machine: unix sockets for bytes both ways, and a look whether a TCP port answers."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from typing import Iterator

from ..errors import HostError, TimedOut
from .local_address import socket_address
from .local_files import attempt

_CHUNK = 65536
# A listener that takes nobody for this many seconds is as good as none.
_CONNECT_TIMEOUT = 5.0


def open_stream(path: str) -> LocalStream:
    """Connect to the unix socket of a path; raises HostError when nothing listens."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(_CONNECT_TIMEOUT)
        with attempt("connect to", path), socket_address(path) as address:
            connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return LocalStream(connection, path)


class LocalStream:
    """The Stream protocol over a socket."""

    def __init__(self, connection: socket.socket, path: str) -> None:
        self._socket = connection
        self._path = path

    def send(self, data: bytes, *, timeout: float) -> None:
        """Send all of it; raises TimedOut, or HostError when the other side has gone."""
        with self._bounded("write to", timeout):
            self._socket.sendall(data)

    def receive(self, *, timeout: float) -> bytes:
        """Return what has come, at least a byte; nothing when the other side has gone. Raises TimedOut."""
        with self._bounded("read from", timeout):
            return self._socket.recv(_CHUNK)

    def close(self) -> None:
        """End the connection; safe to call twice."""
        self._socket.close()

    @contextmanager
    def _bounded(self, verb: str, timeout: float) -> Iterator[None]:
        # a socket with a timeout of 0 would be one that does not wait at all, and that is another error
        self._socket.settimeout(max(timeout, 0.001))
        try:
            with attempt(verb, self._path):
                yield
        except HostError as error:
            if isinstance(error.__cause__, socket.timeout):
                raise TimedOut(f"{self._path} did not answer within {timeout:.3g} seconds.", path=self._path) from None
            raise


def reaches(address: str, port: int, timeout: float) -> bool:
    """Return whether a TCP connection to any address of that name is taken within ``timeout`` seconds.

    Somebody who forwards the port may take every connection and drop it at once when there is nobody behind him (as
    QEMU's user network does), so a connection counts when it is still there a moment later, or has brought something.
    """
    try:
        with socket.create_connection((address, port), timeout=max(timeout, 0.001)) as connection:
            return _stays(connection, min(timeout, _MOMENT))
    except OSError:
        return False


# Seconds; within them a forwarded connection has been refused by a guest that does not listen.
_MOMENT = 0.5


def _stays(connection: socket.socket, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    connection.settimeout(max(deadline - time.monotonic(), 0.001))
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except socket.timeout:
        return True
    except OSError:
        return False

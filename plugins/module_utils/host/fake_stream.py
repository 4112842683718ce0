# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection in memory for tests: a function says what comes back for what is sent."""

from __future__ import annotations

from typing import Callable, List, Optional

from ..errors import HostError, TimedOut
from .fake_monitor import Machine

Answerer = Callable[[bytes], bytes]


class FakeStream:
    """The Stream protocol from a function: sent bytes -> bytes that come back, no bytes for silence.

    ``before`` is what waits to be read when somebody connects; ``gone`` lets the other side have hung up.
    """

    def __init__(self, answer: Answerer = lambda sent: b"", before: bytes = b"") -> None:
        self.answer = answer
        self.before = before
        self.sent: List[bytes] = []
        self.gone = False
        self.closed = False
        self.host: Optional[Machine] = None
        self._waiting = b""

    def opened(self) -> FakeStream:
        """Return the connection, new again."""
        self.closed, self._waiting = False, self.before
        return self

    def send(self, data: bytes, *, timeout: float) -> None:
        if self.gone or self.closed:
            raise HostError("Cannot write to the stream: Broken pipe.")
        self.sent.append(data)
        self._waiting += self.answer(data)

    def receive(self, *, timeout: float) -> bytes:
        if self.gone or self.closed:
            return b""
        if not self._waiting:
            if self.host:
                self.host.sleep(timeout)
            raise TimedOut("The stream did not answer in time.")
        data, self._waiting = self._waiting[:7], self._waiting[7:]  # in pieces, as a socket may
        return data

    def close(self) -> None:
        self.closed = True

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A QMP session with a QEMU on this machine: a small synchronous face over ``qemu.qmp``.

The session owns an event loop that runs only inside its calls. Whatever QEMU sends in between waits in the socket,
and every event since the greeting is kept until somebody asks for it. Each call is bounded in time.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, List, Mapping, Optional, Sequence, TypeVar

from ..errors import HostError, MissingLibrary, MonitorClosed, MonitorError, TimedOut
from .local_address import socket_address
from .local_files import attempt

if TYPE_CHECKING:
    import asyncio

    from qemu.qmp import QMPClient

T = TypeVar("T")

# Seconds: a loop that gets less than this has no time to look at its socket; saying goodbye gets at most the other.
_LEAST, _GOODBYE = 0.02, 2.0
# Seconds between two attempts to get into the queue of a QEMU that takes nobody out of it, and how asyncio puts it
# that the queue is full: it takes the kernel's EAGAIN for a connection on its way, and then reads from none.
_AGAIN, _FULL = 0.1, (errno.EAGAIN, errno.EINVAL, errno.ENOTCONN)
# Times that a QEMU that has greeted is greeted back: an event of another of its threads can overtake its answer.
_GREETINGS = 3

_HELLO = "qmp_capabilities"


def open_monitor(path: str, timeout: float) -> QmpMonitor:
    """Connect, take the greeting and negotiate.

    Raises MissingLibrary, HostError when nothing listens, TimedOut when QEMU does not greet, and MonitorClosed when it
    hangs up instead.
    """
    _require_library()
    import asyncio

    loop = asyncio.new_event_loop()
    # A failure reaches the caller by an error of ours; the library's stray tasks have nothing to add.
    loop.set_exception_handler(lambda loop, context: None)
    try:
        with attempt("connect to the monitor", path), socket_address(path) as address:
            client = _bounded(loop, _HELLO, timeout, lambda: _connect(address, path))
    except BaseException:
        _close(loop)
        raise
    return QmpMonitor(loop, client)


class QmpMonitor:
    """The Monitor protocol over one connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop, client: QMPClient) -> None:
        self._loop = loop
        self._client = client
        self._events: List[Dict[str, Any]] = []

    def execute(self, command: str, arguments: Optional[Mapping[str, Any]] = None, *, timeout: float = 30.0) -> Any:
        """Run one command and return QEMU's answer; raises MonitorError, MonitorClosed or TimedOut.

        The arguments stand in no error text, since they may be secret.
        """
        if self._loop.is_closed():
            raise MonitorClosed(command)
        return _bounded(self._loop, command, timeout, lambda: _execute(self._client, command, arguments))

    def wait_event(self, names: Sequence[str], *, timeout: float) -> Optional[Dict[str, Any]]:
        """Return the oldest event of these names that was not returned yet, or the next one; see Monitor."""
        found = self._take(names)
        if found or self._loop.is_closed():
            return found
        try:
            return _bounded(self._loop, "wait", timeout, lambda: self._next(names))
        except TimedOut:
            return self._take(names)

    def lend_file(self, path: str, command: str, arguments: Mapping[str, Any]) -> None:
        """Make a file of our own, or empty it, and let QEMU have it open for writing; see Monitor."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with attempt("open", path):
            descriptor = os.open(path, flags, 0o600)
        try:
            with attempt("lend QEMU the file", path):
                self._client.send_fd_scm(descriptor)
            self.execute(command, arguments)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """End the session; QEMU stays. Safe to call twice."""
        if not self._loop.is_closed():
            _close(self._loop, self._client)

    def _take(self, names: Sequence[str]) -> Optional[Dict[str, Any]]:
        for index, event in enumerate(self._events):
            if event["event"] in names:
                return self._events.pop(index)
        return None

    async def _next(self, names: Sequence[str]) -> Optional[Dict[str, Any]]:
        from qemu.qmp import Runstate

        while True:
            while not self._client.events.empty():
                self._events.append(dict(await self._client.events.get()))
            found = self._take(names)
            if found or self._client.runstate != Runstate.RUNNING:
                return found
            await self._something()

    async def _something(self) -> None:
        """Wait for an event or for the end of the connection."""
        import asyncio

        event = asyncio.ensure_future(self._client.events.get())
        end = asyncio.ensure_future(self._end())
        try:
            await asyncio.wait({event, end}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            end.cancel()
            if event.done() and not event.cancelled():
                self._events.append(dict(event.result()))
            event.cancel()

    async def _end(self) -> None:
        """Wait for the end of the connection, which may have come before this begins to run."""
        from qemu.qmp import Runstate

        while self._client.runstate == Runstate.RUNNING:
            await self._client.runstate_changed()


def _require_library() -> None:
    """Import the library and make it silent: it logs what is sent, and that may be secret."""
    try:
        import qemu.qmp  # noqa: F401
    except ImportError:
        raise MissingLibrary("qemu.qmp", hint="Install it with: python3 -m pip install qemu.qmp") from None
    import logging

    logger = logging.getLogger("qemu.qmp")
    logger.propagate = False
    logger.setLevel(logging.CRITICAL + 1)


async def _connect(address: str, path: str) -> QMPClient:
    # The client makes its queues for the loop that runs, so it is made here.
    import asyncio

    from qemu.qmp import ConnectError, QMPClient
    from qemu.qmp.qmp_client import NegotiationError

    greeted = 0
    while True:
        client = QMPClient("corral")
        try:
            await client.connect(address)
            return client
        except ConnectError as error:
            overtaken = isinstance(error.exc, NegotiationError)
            greeted += overtaken
            if not ((overtaken and greeted < _GREETINGS) or getattr(error.exc, "errno", None) in _FULL):
                raise _no_session(path, error.exc) from None
        await asyncio.sleep(_AGAIN)


def _no_session(path: str, reason: Exception) -> Exception:
    if isinstance(reason, (ConnectionRefusedError, FileNotFoundError)):
        return HostError(
            f"Nothing listens on the monitor {path}.", hint="Its QEMU has ended, or has no monitor there.", path=path
        )
    if isinstance(reason, (EOFError, ConnectionError)):
        return MonitorClosed(_HELLO, "it closed the monitor instead of greeting")
    if isinstance(reason, OSError) and reason.errno:
        return HostError(f"Cannot connect to the monitor {path}: {os.strerror(reason.errno)}.", path=path)
    return MonitorClosed(_HELLO, "what listens there does not speak QMP")


async def _execute(client: QMPClient, command: str, arguments: Optional[Mapping[str, Any]]) -> object:
    from qemu.qmp import ExecuteError, QMPError

    try:
        return await client.execute(command, arguments)
    except ExecuteError as error:
        failure = MonitorError(command, error.error_class, str(error))
    except (QMPError, EOFError, OSError):
        failure = MonitorClosed(command)
    # Raised out here so that it does not carry the library's error, in which the arguments stand.
    raise failure


def _bounded(loop: asyncio.AbstractEventLoop, command: str, timeout: float, start: Callable[[], Awaitable[T]]) -> T:
    """Run the loop until the work is done; raises TimedOut."""
    import asyncio

    async def work() -> T:
        return await asyncio.wait_for(start(), max(timeout, _LEAST))

    try:
        return loop.run_until_complete(work())
    except asyncio.TimeoutError:
        hint = "Another program may be connected to its monitor." if command == _HELLO else None
        raise TimedOut(
            f"QEMU did not answer {command} within {timeout:g} seconds.", hint=hint, command=command
        ) from None


def _close(loop: asyncio.AbstractEventLoop, client: Optional[QMPClient] = None) -> None:
    """End a session and its loop in bounded time, with whatever still runs in it."""
    import asyncio

    async def goodbye() -> None:
        if client:
            ended = asyncio.ensure_future(client.disconnect())
            await asyncio.wait({ended}, timeout=_GOODBYE)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    try:
        loop.run_until_complete(goodbye())
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for a guest: for its console, its agent, an address, a TCP port. Each ends with the guest, too."""

from __future__ import annotations

from typing import Callable, List, Optional

from ....errors import CorralError
from ....host.api import Host
from ...api import GuestAddress
from .addresses import reachable_addresses
from .site import Site
from .talk import agent_of, agent_state, process_of

# Seconds between two looks at what nobody tells us about, and for one try.
PAUSE, TRY = 0.5, 2.0
# Bytes that are read of a console at once, and in one look: whoever floods it holds nobody up.
CHUNK, MOST = 1 << 18, 1 << 24


def wait_console(site: Site, name: str, path: str, text: str, *, timeout: float, since: int = 0) -> bool:
    """Wait until the text stands in the log at ``path``, behind its first ``since`` bytes."""
    seen = Search(site.host, path, text.encode("utf-8", "surrogateescape"), since).found
    process = process_of(site, name)

    def over() -> bool:
        return process is None or site.host.process(process.pid) != process

    site.host.wait_for(lambda: seen() or over(), timeout=timeout, watch=(path,))
    return seen()


class Search:
    """Looks for bytes in a file that grows, and reads only what is new at each look.

    A file that has become shorter was cut, and is read from its beginning.
    """

    def __init__(self, host: Host, path: str, wanted: bytes, since: int = 0) -> None:
        self._host, self._path, self._wanted = host, path, wanted
        self._at, self._end, self._found = since, b"", not wanted

    def found(self) -> bool:
        """Whether they have come by now; a look ends at what is there when it begins, or after MOST bytes."""
        size = _size(self._host, self._path)
        if size < self._at:
            self._at, self._end = 0, b""
        stop = min(size, self._at + MOST)
        while not self._found and self._at < stop:
            new = self._host.read(self._path, offset=self._at, limit=min(CHUNK, stop - self._at))
            if not new:
                break
            self._at += len(new)
            self._found = self._wanted in self._end + new
            self._end = (self._end + new)[1 - len(self._wanted) :] if len(self._wanted) > 1 else b""
        return self._found


def _size(host: Host, path: str) -> int:
    found = host.stat(host.resolve(path))
    return found.size if found is not None else 0


def wait_agent(site: Site, name: str, *, timeout: float) -> bool:
    """Wait until the agent answers."""

    def answers(left: float) -> bool:
        if not agent_state(site, name):
            return False
        try:
            with agent_of(site, name, timeout=min(left, TRY)):
                return True
        except CorralError:
            return False

    return _repeated(site, name, answers, timeout)


def wait_port(site: Site, name: str, port: int, address: Optional[str], *, timeout: float) -> bool:
    """Wait until a port takes connections, at the address or at any that is known of the guest."""

    def taken(left: float) -> bool:
        addresses = [address] if address else [each.address for each in reachable_addresses(site, name, left)]
        return any(site.host.reaches(each, port, timeout=max(min(left, TRY), 0.1)) for each in addresses)

    return _repeated(site, name, taken, timeout)


def wait_address(site: Site, name: str, *, timeout: float) -> List[GuestAddress]:
    """Wait until an address is known at which others may reach the guest."""
    found: List[GuestAddress] = []

    def known(left: float) -> bool:
        found[:] = reachable_addresses(site, name, left)
        return bool(found)

    _repeated(site, name, known, timeout)
    return found


def _repeated(site: Site, name: str, attempt: Callable[[float], bool], timeout: float) -> bool:
    """Try until it works, the time is over or the guest has ended; at least once."""
    host, process = site.host, process_of(site, name)
    deadline = host.monotonic() + timeout
    while True:
        left = deadline - host.monotonic()
        if attempt(max(left, 0.1)):
            return True
        if left <= 0 or process is None or host.process(process.pid) != process:
            return False
        host.sleep(min(PAUSE, left))

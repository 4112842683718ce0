# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for a guest: for a text on its console, for its agent, for a TCP port. Each ends with the guest, too."""

from __future__ import annotations

from typing import Callable, List, Optional

from ....errors import CorralError
from .agent import interfaces, reachable
from .site import Site
from .talk import agent_of, agent_state, process_of

# Seconds between two looks at what nobody tells us about, and for one try.
PAUSE, TRY = 0.5, 2.0


def wait_console(site: Site, name: str, path: str, text: str, *, timeout: float, since: int = 0) -> bool:
    """Wait until the text stands in the log at ``path``, behind its first ``since`` bytes."""
    wanted = text.encode("utf-8", "surrogateescape")
    process = process_of(site, name)

    def seen() -> bool:
        return wanted in (site.host.read(path) or b"")[since:]

    def over() -> bool:
        return process is None or site.host.process(process.pid) != process

    site.host.wait_for(lambda: seen() or over(), timeout=timeout, watch=(path,))
    return seen()


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
    """Wait until a port takes connections, at the address or at any that the agent reports."""

    def taken(left: float) -> bool:
        addresses = [address] if address else _addresses(site, name, left)
        return any(site.host.reaches(each, port, timeout=max(min(left, TRY), 0.1)) for each in addresses)

    return _repeated(site, name, taken, timeout)


def _addresses(site: Site, name: str, left: float) -> List[str]:
    try:
        with agent_of(site, name, timeout=min(left, TRY)) as agent:
            return list(reachable(interfaces(agent)))
    except CorralError:
        return []


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

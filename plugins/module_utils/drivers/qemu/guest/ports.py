# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TCP ports for screens that leave theirs open. QEMU looks for one itself for VNC, and cannot for SPICE.

What is taken is read from the kernel's tables, so nobody is connected to for it. Source of the format: the kernel's
Documentation/networking/proc_net_tcp.rst.
"""

from __future__ import annotations

from typing import Callable, Dict, FrozenSet, Iterator

from ....errors import OperationFailed
from ....host.api import Host
from ....model.domain.core import Domain
from ....model.domain.display import Graphics

FIRST, LAST = 5900, 65535
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
LISTENING = "0A"
FIXED = ("port", "tls_port", "websocket")


def chosen_ports(host: Host, domain: Domain, take: Callable[[int], bool] = lambda port: True) -> Dict[str, int]:
    """Return free ports for a SPICE screen, by the names that a context has for them; none for a guest without one.

    ``take`` is asked for each of them, and says whether it was not given to another guest that is starting.
    Raises OperationFailed when every port is taken.
    """
    if not any(_leaves_open(screen) for screen in domain.all(Graphics)):
        return {}
    taken = listening(host) | _named(domain)
    free = (port for port in range(FIRST, LAST + 1) if port not in taken and take(port))
    found = dict(zip(("spice", "spice-tls"), free))
    if len(found) < 2:
        raise OperationFailed(f"No TCP port from {FIRST} on is free for the screen of guest {domain.name}.")
    return found


def _leaves_open(screen: Graphics) -> bool:
    return screen.type == "spice" and bool(screen.autoport)


def _named(domain: Domain) -> FrozenSet[int]:
    """The ports that other screens of the guest have been given."""
    found = {getattr(screen, name) for screen in domain.all(Graphics) for name in FIXED}
    return frozenset(port for port in found if port is not None and port > 0)


def listening(host: Host) -> FrozenSet[int]:
    """Return the TCP ports on which somebody of this host listens, at whatever address."""
    return frozenset(port for table in TABLES for port in _ports((host.read(table) or b"").decode("ascii", "replace")))


def _ports(table: str) -> Iterator[int]:
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[3] == LISTENING:
            yield int(fields[1].rpartition(":")[2], 16)

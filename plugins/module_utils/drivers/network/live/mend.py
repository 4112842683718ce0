# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Putting right what a network lacks: a row for each word of ``observe.py``.

Starting a network is nothing else: its live document is written, and then everything is missing. Every step may be the
last that a run comes to; the next run sees what is left to be done.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Collection, List, Optional, Tuple

from ....errors import OperationFailed
from ...api import Fault
from ...links.bridge import bridge_of, bring_up
from ...surroundings import Surroundings, look
from ..ports.guests import connected
from .forwarding import switch_on
from .look import Scene, see
from .observe import Seen, observe
from .rate import set_rate
from .reconnect import reconnect
from .rules import renew_ruleset
from .server import check_ground, digests, end_server, reload_server, start_server

# Each does its part and returns what there is then.
Mender = Callable[[Scene, Seen], Seen]


def faults(scene: Scene) -> List[Fault]:
    """Everything that is wrong with an active network at present."""
    return observe(scene.network, see(scene))


def mend(scene: Scene, before: Optional[Surroundings] = None) -> List[Fault]:
    """Put everything right and return what was wrong; raises what cannot be put right.

    ``before`` is the host as it was just before the network was started, so that it need not be looked at again.
    """
    seen = see(scene, before)
    if seen.status.again:  # the run that was to start it again never came to it
        seen = replace(seen, status=replace(seen.status, again=False))
        scene.site.store.write_status(scene.name, seen.status.to_plain())
    found = observe(scene.network, seen)
    for mender in _plan(scene, found):
        seen = mender(scene, seen)
    return found


def check_mend(scene: Scene) -> None:
    """Raise OperationFailed for what ``mend`` could not put right, as far as that shows before it begins."""
    seen = see(scene)
    if _server in _plan(scene, observe(scene.network, seen)) and _starts_server(scene, seen):
        check_ground(scene.site, scene.network)


def _plan(scene: Scene, found: List[Fault]) -> List[Mender]:
    return plan({fault.what for fault in found}, found, own=scene.network.has_own_bridge())


def plan(words: Collection[str], found: Collection[Fault] = (), *, own: bool = False) -> List[Mender]:
    """Return what has to be done for these faults, each once, in order; a bridge that is made anew has nothing on it.

    Raises OperationFailed for what only the host's owner can put right; ``own`` says whether the bridge is ours.
    """
    beyond = next((fault for fault in found if fault.what == "device"), None)
    if beyond is not None:
        raise OperationFailed(beyond.detail, hint=BEYOND[own])
    wanted = {*words, *(ON_BRIDGE if "bridge" in words else ())}
    return list(dict.fromkeys(mender for word, mender in MENDERS if word in wanted))


def _bridge(scene: Scene, seen: Seen) -> Seen:
    bring_up(scene.site.host, bridge_of(scene.network), seen.surroundings)
    return replace(seen, surroundings=look(scene.site.host, routes=False))


def _ruleset(scene: Scene, seen: Seen) -> Seen:
    with scene.site.store.names_lock():  # so that no network that another run starts is missing in it
        renew_ruleset(scene.site)
    return seen


def _forwarding(scene: Scene, seen: Seen) -> Seen:
    switch_on(scene.site.host, scene.network, seen.settings)
    return seen


def _server(scene: Scene, seen: Seen) -> Seen:
    """Let dnsmasq run with what it should read; only its lists of hosts can change while it goes on."""
    site, name, link = scene.site, scene.name, seen.bridge(scene.network)
    index = link.index if link is not None else 0
    if seen.files is None:
        end_server(site, name, seen.status)
    elif _starts_server(scene, seen):
        check_ground(site, scene.network)
        start_server(site, name, seen.files, index)
    elif seen.server is not None:
        reload_server(site, name, seen.files, seen.server)
    return seen


def _starts_server(scene: Scene, seen: Seen) -> bool:
    """Whether a dnsmasq that is wanted has to be started, in place of one that runs or not."""
    link = seen.bridge(scene.network)
    return seen.files is not None and (seen.server is None or not _fits(seen, link.index if link is not None else 0))


def _fits(seen: Seen, index: int) -> bool:
    """Whether the dnsmasq that runs is the one of this bridge and this configuration."""
    status = seen.status
    conf = digests(seen.files).conf if seen.files is not None else ""
    return (status.process, status.index, status.conf) == (seen.server, index, conf)


def _rate(scene: Scene, seen: Seen) -> Seen:
    set_rate(scene.site, scene.network, connected(scene.hypervisor, scene.name))
    return seen


def _ports(scene: Scene, seen: Seen) -> Seen:
    """Connect taps again; whoever took the bridge away may have flushed the packet filter with it."""
    if scene.hypervisor is not None and seen.lost:
        scene.hypervisor.guard_links([port.target for port in seen.lost])
    reconnect(scene.site.host, scene.network, seen.lost, seen.surroundings)
    return seen


# In the order in which it is done: nothing passes before the rules are there, and dnsmasq needs the addresses.
MENDERS: Tuple[Tuple[str, Mender], ...] = (
    ("bridge", _bridge),
    ("ipv6", _bridge),
    ("address", _bridge),
    ("route", _bridge),
    ("ruleset", _ruleset),
    ("forwarding", _forwarding),
    ("configuration", _server),
    ("dnsmasq", _server),
    ("bandwidth", _rate),
    ("ports", _ports),
)
# What the host's owner can do where we cannot, for a network with a bridge of the host's and with one of its own.
BEYOND = (
    "Make it first, or let the network use something else, with apply: restart.",
    "Rename or remove it, and run this again.",
)
# What goes with a bridge and has to be looked after when it was made anew.
ON_BRIDGE = ("dnsmasq", "bandwidth", "ports")

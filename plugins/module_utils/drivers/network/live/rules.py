# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The packet filter of all active networks together, which is one table."""

from __future__ import annotations

from typing import List, Optional

from ....model.network.core import Network
from ..firewall.ruleset import walls
from ..firewall.state import apply_ruleset, drift, memo_path
from ..site import Site
from .salvage import as_filtered


def ruleset_fault(site: Site, network: Network) -> Optional[str]:
    """How the kernel's table is not that of the active networks; the kernel is not asked where there is none to be.

    Another run may be at the table, or have begun to start another network. So what is wrong at first sight is looked
    at again while nobody else can change it, and then what only others lack does not count: it is a fault of theirs.
    """
    if _drift(site, site.actives()) is None:
        return None
    with site.store.names_lock():
        return _drift(site, [network, *_settled(site, network.name or "")])


def _drift(site: Site, networks: List[Network]) -> Optional[str]:
    if not walls(networks) and site.host.stat(memo_path(site.layout)) is None:
        return None
    return drift(site.host, site.layout, networks)


def _settled(site: Site, name: str) -> List[Network]:
    """The other active networks that the table was made for, as they were then."""
    found = (as_filtered(site, other) for other in site.store.live_names() if other != name)
    return [Network(document) for document in found if document is not None]


def first_ruleset(network: Network) -> Optional[str]:
    """What is wrong with the kernel's table right after a network was started: it is not in it."""
    return f"The packet filter knows nothing of network {network.name} yet." if walls([network]) else None


def renew_ruleset(site: Site, *, without: str = "") -> None:
    """Let the kernel have the filter of all active networks but one; whoever calls holds the lock of all names."""
    networks = site.actives(without=without)
    if walls(networks) or site.host.stat(memo_path(site.layout)) is not None:
        apply_ruleset(site.host, site.layout, networks)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What would keep a network from being kept or started, found before the first step is done; nothing is changed."""

from __future__ import annotations

from ....errors import OperationFailed
from ....model.network.core import Network
from ...libvirtd import foreign_bridges
from ...surroundings import Surroundings, without_link
from ..passes.clashes import clashes
from ..site import Site, view_of
from .life import advice, check_right, check_start, with_claims
from .observe import Seen, observe
from .server import check_ground


def foresee(site: Site, network: Network, *, start: bool) -> None:
    """Raise OperationFailed and OperationDenied for a complete network that this host has no place for.

    What the network itself has at present does not count, since another start takes it away first.
    """
    name = network.name or ""
    surroundings = _without_own(site, name, site.surroundings())
    if not start:
        claimed = with_claims(surroundings, site.claiming(without=name))
        said = clashes(network, claimed)
        if said:
            raise OperationFailed(said, hint=advice(said, foreign_bridges(site.host)))
        return
    check_right(site, name)
    check_start(site, network, surroundings)
    if network.has_own_bridge():
        check_ground(site, network)
    else:
        _check_devices(network, surroundings)


def _without_own(site: Site, name: str, surroundings: Surroundings) -> Surroundings:
    """The host as it is without the bridge of the network as it runs."""
    document = site.active(name)
    live = None if document is None else view_of(document)
    if live is None or not live.has_own_bridge():
        return surroundings
    return without_link(surroundings, live.bridge or "")


def _check_devices(network: Network, surroundings: Surroundings) -> None:
    found = observe(network, Seen(surroundings))
    if found:
        raise OperationFailed(found[0].detail, hint="Make it first, or let the network use something else.")

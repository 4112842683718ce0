# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a network: started, changed while guests use it, and taken down.

A start claims its names by the live document, under the lock of all names; everything else is mending. An end forgets
the live document last. So a run that is killed leaves an active network that lacks something, which the next one mends.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Callable, List, Mapping, Optional

from ....errors import CorralError, OperationDenied, OperationFailed
from ....model.network.core import Network
from ....xml.parse import Element
from ....xml.write import to_text
from ...api import HypervisorDriver
from ...libvirtd import foreign_bridges
from ...links.batch import attempt
from ...links.bridge import remove_lines
from ...surroundings import HostAddress, HostRoute, Link, Surroundings, look
from ..passes.clashes import clashes
from ..site import Site
from .look import Scene
from .mend import mend
from .rate import clear_rate
from .rules import renew_ruleset
from .server import end_server, remove_files
from .status import Status


def start(site: Site, name: str, make: Callable[[], Element], hypervisor: Optional[HypervisorDriver]) -> None:
    """Start a network that is not active; raises what keeps it from working, and then it is not active.

    ``make`` returns its complete document, and is called while nobody else can choose a name or an address.
    """
    check_right(site, name)
    with site.store.names_lock():
        document, surroundings = make(), look(site.host)
        _check_or_forget(site, name, Network(document), surroundings)
        if not goes_on(site, name):
            site.store.remove_live(name)
        site.store.write_live(name, to_text(document).encode(), Status(started=site.host.now()).to_plain())
    scene = Scene(site, name, Network(document), hypervisor)
    try:
        mend(scene, surroundings)
    except CorralError:
        with suppress(CorralError):
            take_down(scene)
        raise


def goes_on(site: Site, name: str) -> bool:
    """Whether a network was taken down in order to be started again, and counts as active meanwhile."""
    if site.active(name) is None:
        return False
    return (site.status(name) or Status()).again


def _check_or_forget(site: Site, name: str, network: Network, surroundings: Surroundings) -> None:
    try:
        check_start(site, network, surroundings)
    except CorralError:
        site.store.remove_live(name)  # it was taken down, and does not come back
        raise


def check_right(site: Site, name: str) -> None:
    """Raise OperationDenied in a session, whatever the network is."""
    if site.host.euid() != 0 or site.layout.private:
        raise OperationDenied(
            f"Network {name} cannot be started in a session: bridges and addresses of the host are root's.",
            hint="Use qemu:///system with become: true.",
        )


def check_start(site: Site, network: Network, surroundings: Surroundings) -> None:
    """Raise OperationFailed for what is on the host, or claimed by another active network, in this one's place."""
    if not network.has_own_bridge():
        return
    foreign = foreign_bridges(site.host)
    claimed = with_claims(surroundings, site.claiming(without=network.name or ""))
    said = (
        _foreign_clash(network, surroundings, foreign) or _bridge_clash(network, claimed) or clashes(network, claimed)
    )
    if said:
        raise OperationFailed(said, hint=advice(said, foreign))


def _foreign_clash(network: Network, surroundings: Surroundings, foreign: Mapping[str, str]) -> Optional[str]:
    """Whether libvirt has the bridge; one that was defined from libvirt's document has the same MAC address, too."""
    other = foreign.get(network.bridge or "")
    if other is None or surroundings.link(network.bridge or "") is None:
        return None
    return f"Network {network.name} cannot have the bridge {network.bridge}: libvirtd's network {other} has it."


def advice(said: str, foreign: Mapping[str, str]) -> str:
    """What to do about a clash, which may be with what belongs to libvirt."""
    words = said.rstrip(".").split()
    other = next((name for bridge, name in foreign.items() if bridge in words or f"{bridge}:" in words), None)
    if other is None:
        return "Choose others for the network, or leave them out to have them chosen."
    return (
        f"That belongs to libvirtd's network {other}: end it there (virsh net-destroy {other}; virsh net-autostart"
        f" --disable {other}), or choose others for this one."
    )


def _bridge_clash(network: Network, surroundings: Surroundings) -> Optional[str]:
    """What has the name of the bridge; one that has our MAC address too is what a killed run left."""
    link = surroundings.link(network.bridge or "")
    if link is None or is_ours(network, link):
        return None
    what = "a bridge" if link.kind == "bridge" else "a device"
    return f"Network {network.name} cannot have the bridge {link.name}: this host has {what} of that name."


def is_ours(network: Network, link: Link) -> bool:
    """Whether a link is the bridge that we made for a network, which its MAC address says."""
    return link.kind == "bridge" and (link.mac or "").lower() == (network.mac or "").lower()


def with_claims(surroundings: Surroundings, networks: List[Network]) -> Surroundings:
    """The host as it will be when these networks, which may be starting just now, have all that is theirs."""
    own = [network for network in networks if network.has_own_bridge()]
    missing = [network for network in own if surroundings.link(network.bridge or "") is None]
    links = tuple(Link(network.bridge or "", "bridge", mac=network.mac) for network in missing)
    interfaces = [(network.bridge or "", ip.interface()) for network in own for ip in network.ips]
    addresses = (HostAddress(link, str(each.ip), each.network.prefixlen) for link, each in interfaces)
    routes = (
        HostRoute(str(route.network()), network.bridge, route.gateway) for network in own for route in network.routes
    )
    return replace(
        surroundings,
        links=surroundings.links + links,
        addresses=tuple(dict.fromkeys((*surroundings.addresses, *addresses))),
        routes=tuple(dict.fromkeys((*surroundings.routes, *routes))),
    )


def take_down(scene: Scene, *, again: bool = False) -> None:
    """Take away all that is ours; leases stay, and so does the host's passing packets on, which others may need.

    Guests stay, with interfaces that lead nowhere. With ``again`` the live document stays as well.
    """
    site, name, network = scene.site, scene.name, scene.network
    if not network.has_own_bridge():
        clear_rate(site, network, site.status(name) or Status())
        _forget(site, name, again)
        return
    end_server(site, name, site.status(name))
    with site.store.names_lock():  # nobody makes a ruleset with this network in it once ours is without
        renew_ruleset(site, without=name)
        _remove_bridge(site, network)
        remove_files(site, name)
        _forget(site, name, again)


def _forget(site: Site, name: str, again: bool) -> None:
    if again:
        started = (site.status(name) or Status()).started
        site.store.write_status(name, Status(started=started, again=True).to_plain())
    else:
        site.store.remove_live(name)


def _remove_bridge(site: Site, network: Network) -> None:
    link = look(site.host, routes=False).link(network.bridge or "")
    if link is not None and is_ours(network, link):
        attempt(site.host, remove_lines(link.name))

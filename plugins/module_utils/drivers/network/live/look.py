# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at the host for what one network needs of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional, Tuple

from ....host.api import Host
from ....model.network.core import Network
from ...api import HypervisorDriver
from ...surroundings import Surroundings, look
from ..dnsmasq.conf import DnsmasqPaths, Files, files
from ..ports.guests import Port, lost_ports
from ..site import Site
from .observe import Seen, settings
from .rate import rate_fault
from .rules import first_ruleset, ruleset_fault
from .server import find_server, on_disk
from .status import Status


@dataclass(frozen=True)
class Scene:
    """One active network on its host, with the driver whose guests may be connected to it."""

    site: Site
    name: str
    network: Network
    hypervisor: Optional[HypervisorDriver] = None


def wanted_files(site: Site, network: Network) -> Optional[Files]:
    """What the network's dnsmasq is given, None where it needs none; raises XmlError."""
    name, layout = network.name or "", site.layout
    paths = DnsmasqPaths(layout.network_hosts(name), layout.network_addnhosts(name), layout.network_leases(name))
    return files(network, paths)


def see(scene: Scene, before: Optional[Surroundings] = None) -> Seen:
    """Look at everything; programs are asked for what the document speaks of only.

    ``before`` is the host before a network was started, whose packet filter cannot be there yet.
    """
    site, name, network = scene.site, scene.name, scene.network
    surroundings = look(site.host) if before is None else before
    status = site.status(name) or Status()
    if not network.has_own_bridge():
        rate = rate_fault(site.host, network, status)
        return Seen(surroundings, status, bandwidth=rate, lost=_lost(scene, surroundings))
    wanted = wanted_files(site, network)
    return Seen(
        surroundings,
        status,
        settings=read_settings(site.host, network),
        files=wanted,
        on_disk=wanted is None or on_disk(site, name, wanted),
        server=find_server(site, name, status),
        ruleset=ruleset_fault(site, network) if before is None else first_ruleset(network),
        bandwidth=rate_fault(site.host, network, status),
        lost=_lost(scene, surroundings),
    )


def read_settings(host: Host, network: Network) -> Dict[str, Optional[str]]:
    """What the kernel has at present for each setting that the network needs."""
    found = ((setting.path, host.read(setting.path)) for setting in settings(network))
    return {path: None if data is None else data.decode("ascii", "replace").strip() for path, data in found}


def _lost(scene: Scene, surroundings: Surroundings) -> Tuple[Port, ...]:
    bridges = {network.bridge for network in scene.site.actives() if network.bridge}
    return lost_ports(scene.network, surroundings, scene.hypervisor, bridges)

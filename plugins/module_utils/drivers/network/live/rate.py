# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The limits of a whole network's traffic, on its bridge: set, compared with what the kernel has, and taken away.

What was set is in the status as a digest, so that a network without limits costs no question to the kernel.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any, List, Optional, Sequence, Tuple

from ....errors import HostError
from ....host.api import Host
from ....model.network.core import Network
from ...links.bandwidth import (
    FIRST_FLOOR,
    Bandwidth,
    Floor,
    bandwidth_of,
    clear_lines,
    is_limited,
    network_lines,
)
from ...links.batch import Batch, apply, attempt
from ..ports.guests import Port
from ..site import Site
from .status import Status


def rate_fault(host: Host, network: Network, status: Status) -> Optional[str]:
    """What is wrong with the limits on the bridge, None where nothing is."""
    wanted, bridge = _wanted(network), network.bridge or ""
    if status.rate != rate_digest(network):
        return f"The limits on {bridge} are not those of the network."
    if wanted is None:
        return None
    if wanted.inbound and wanted.inbound.average and not is_limited(host, bridge, wanted.inbound):
        return f"The limit of what goes to the guests is missing on {bridge}."
    if wanted.outbound and wanted.outbound.average and not _has_ingress(host, bridge):
        return f"The limit of what comes from the guests is missing on {bridge}."
    return None


def set_rate(site: Site, network: Network, ports: Sequence[Port]) -> None:
    """Set the limits anew, with what guests are guaranteed; raises UnsupportedConfig for what the kernel lacks."""
    name, bridge, wanted = network.name or "", network.bridge or "", _wanted(network)
    status = site.status(name) or Status()
    if wanted is None and not status.rate:
        return
    lines = Batch() if wanted is None else network_lines(bridge, wanted, _floors(ports))
    attempt(site.host, clear_lines(bridge))
    apply(site.host, lines)
    site.store.write_status(name, replace(status, rate=rate_digest(network)).to_plain())


def clear_rate(site: Site, network: Network, status: Status) -> None:
    """Take away what was set on a bridge that stays."""
    if status.rate:
        attempt(site.host, clear_lines(network.bridge or ""))


def rate_digest(network: Network) -> str:
    """What stands in the status for the network's limits; empty for none."""
    wanted = _wanted(network)
    return "" if wanted is None else hashlib.sha256(repr(wanted).encode("utf-8")).hexdigest()


def _wanted(network: Network) -> Optional[Bandwidth]:
    return bandwidth_of(network.element.find("bandwidth")) if network.bridge else None


def _floors(ports: Sequence[Port]) -> Tuple[Floor, ...]:
    """What guests are guaranteed, numbered by their MAC addresses."""
    found = {mac: rate for mac, rate in map(_floor, ports) if rate}
    return tuple(Floor(FIRST_FLOOR + number, mac, found[mac]) for number, mac in enumerate(sorted(found)))


def _floor(port: Port) -> Tuple[str, int]:
    limits, mac = bandwidth_of(port.interface.find("bandwidth")), port.interface.find("mac")
    floor = limits.inbound.floor if limits and limits.inbound else 0
    return ((mac.get("address") if mac is not None else None) or "", floor)


def _has_ingress(host: Host, bridge: str) -> bool:
    return any(row.get("kind") == "ingress" for row in _disciplines(host, bridge))


def _disciplines(host: Host, bridge: str) -> List[Any]:
    """What tc says in JSON; nothing for a device that is gone."""
    done = host.run(("tc", "-j", "qdisc", "show", "dev", bridge), check=False)
    try:
        rows = json.loads(done.stdout or b"[]")
    except ValueError:
        raise HostError("tc did not answer in JSON.", hint="iproute2 4.18 or newer is needed.") from None
    return [row for row in rows if isinstance(row, dict)]

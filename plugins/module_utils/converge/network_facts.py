# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about a network as plain values, for people and for later tasks."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Optional

from ..drivers.api import Network as Summary
from ..drivers.api import NetworkDriver
from ..model.network.core import Network
from ..model.network.forward import ISOLATED
from ..model.network.ip import Ip
from ..model.tags import read_tags
from ..xml.parse import Element
from .network_effects import NETWORK_NATURE
from .resource.differences import not_yet
from .resource.plan import state_of
from .resource.values import Current


def network_facts(driver: NetworkDriver, current: Current) -> dict[str, Any]:
    """Return the facts of one network: what it is, what state it is in, who uses it, and what its document says."""
    summary, live, kept = current.summary, current.live, current.persistent
    pending = () if live is None or kept is None else not_yet(NETWORK_NATURE, live, kept)
    facts: dict[str, Any] = {
        "name": summary.name,
        "uuid": summary.uuid,
        "state": state_of(current),
        "active": summary.active,
        "persistent": summary.persistent,
        "autostart": summary.autostart,
        "pending": [str(change) for change in pending],
        "guests": list(current.users),
        "faults": [asdict(fault) for fault in current.faults],
        "leases": [asdict(lease) for lease in driver.network_leases(summary.name)] if summary.active else [],
        "runtime": dict(summary.runtime) if isinstance(summary, Summary) else {},
    }
    facts.update(_documented(kept if live is None else live))
    return facts


def _documented(document: Optional[Element]) -> dict[str, Any]:
    if document is None:
        return {}
    network = Network(document)
    mode = network.mode()
    return {
        "title": network.title,
        "description": network.description,
        "tags": read_tags(document),
        "forward": "none" if mode == ISOLATED else mode,
        "devices": network.devices(),
        "bridge": network.bridge,
        "mac": network.mac,
        "mtu": network.mtu,
        "domain": network.domain,
        "addresses": [str(ip.interface()) for ip in network.ips if ip.address],
        "dhcp": [row for ip in network.ips for row in _dhcp(ip)],
        "portgroups": [group.name for group in network.portgroups],
    }


def _dhcp(ip: Ip) -> list[dict[str, Any]]:
    return [{"start": found.start, "end": found.end} for found in ip.ranges]

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The device of the host that a network forwards to: without it guests get nowhere, and nothing here can bring it."""

from __future__ import annotations

from typing import List

from ....host.api import Host
from ....model.network.core import Network
from ...surroundings import look


def lost_uplink(host: Host, network: Network) -> List[str]:
    """Return a sentence about the device that is missing or down; a network of the host's own devices has faults."""
    devices = network.devices() if network.has_own_bridge() else []
    if not devices:
        return []
    surroundings = look(host, routes=False)
    links = [(device, surroundings.link(device)) for device in devices]
    return [
        f"Network {network.name} forwards to the device {device} only, which {'is down' if link else 'is not there'}."
        for device, link in links
        if link is None or not link.up
    ]

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connecting guests again whose taps have lost their bridge, as they were connected when they were started."""

from __future__ import annotations

from typing import List, Sequence

from ....host.api import Host
from ....model.domain.interface import Interface
from ....model.network.core import Network
from ....xml.parse import add, clone
from ...links.batch import apply
from ...links.port import Port as BridgePort
from ...links.port import attach_lines, port_of
from ...surroundings import Surroundings
from ..ports.actual import actual_interface
from ..ports.guests import Port


def reconnect(host: Host, network: Network, ports: Sequence[Port], surroundings: Surroundings) -> None:
    """Attach the taps to the network's bridge; raises what keeps one from being attached."""
    found: List[BridgePort] = [_bridge_port(host, network, port) for port in ports]
    apply(host, attach_lines(found, surroundings))


def _bridge_port(host: Host, network: Network, port: Port) -> BridgePort:
    interface = clone(port.interface)
    if network.portgroup(Interface(interface).portgroup) is None:
        Interface(interface).portgroup = None  # it was removed since the guest was started
    actual = actual_interface(host, network, interface, ())
    if actual.find("target") is None:
        add(actual, "target", dev=port.target)
    return port_of(Interface(actual), managed=network.mac_table_manager == "libvirt")

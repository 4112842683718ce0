# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a document says and nobody here reads: kept as it is, and told to the user, never passed over in silence."""

from __future__ import annotations

from typing import Iterator, List, Optional, Tuple

from ....model.network.core import Network
from ....xml.parse import Element
from ....xml.views import undeclared

Part = Tuple[str, Optional[int]]

# Declared, and for others: firewalld and systemd-resolved are not told about our networks.
UNREAD: Tuple[Tuple[str, str], ...] = (("bridge", "zone"), ("domain", "register"))


def ignored_parts(document: Element) -> List[str]:
    """List the attributes and elements that are kept and not read, as paths with their lines."""
    network = Network(document)
    parts = [*undeclared(network), *_unread(network), *_without_effect(network)]
    return [f"{path} (line {line})" if line else path for path, line in parts]


def _unread(network: Network) -> Iterator[Part]:
    for path, name in UNREAD:
        for element in network.element.findall(path):
            if element.get(name) is not None:
                yield f"network/{path}/@{name}", element.sourceline


def _without_effect(network: Network) -> Iterator[Part]:
    """What counts only beside something else that is not there."""
    for ip in network.ips:
        if ip.bootp_file and not (ip.serves_dhcp() and ip.family != "ipv6"):
            yield "network/ip/dhcp/bootp", ip.line_at("dhcp/bootp")
    forward = network.forward
    if forward is not None and network.mode() != "hostdev" and forward.element.find("driver") is not None:
        yield "network/forward/driver", forward.line_at("driver")
    if network.dns is not None and not network.has_own_bridge():
        yield "network/dns", network.line_at("dns")

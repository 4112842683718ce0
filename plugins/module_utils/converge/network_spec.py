# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options of network to the document that is wanted.

A made document says only what the options say; the driver completes it, as it completes a document of the user's own.
What each option writes is in ``network_options/``, a file a family.
"""

from __future__ import annotations

from typing import Optional

from ..model.network.order import order_children
from ..xml.parse import Element, new_element
from .network_definition import NETWORK_DEFINING
from .options.write import Options, text
from .resource import spec
from .resource.spec import Builders, Families


def desired_network(options: Options, *, describe: bool = True) -> tuple[str, Optional[Element]]:
    """Return the network's name and the wanted document, as ``resource.spec.desired`` does."""
    return spec.desired(
        options, noun="network", root="network", defining=NETWORK_DEFINING, build=_document, describe=describe
    )


def _document(options: Options, _given: list[str]) -> Element:
    network = new_element("network")
    text(network, "name", options["name"])
    for build in spec.builders(options, NETWORK_FAMILIES):
        build(network, options)
    order_children(network)
    return network


def _about() -> Builders:
    from .options.about import BUILDERS

    return BUILDERS


def _link() -> Builders:
    from .network_options.link import BUILDERS

    return BUILDERS


def _addresses() -> Builders:
    from .network_options.addresses import BUILDERS

    return BUILDERS


def _names() -> Builders:
    from .network_options.names import BUILDERS

    return BUILDERS


def _ports() -> Builders:
    from .network_options.ports import BUILDERS

    return BUILDERS


# The options for which each family is needed.
NETWORK_FAMILIES: Families = (
    (("title", "description", "tags", "uuid"), _about),
    (("forward", "bridge", "stp", "delay", "mac_table_manager", "mtu", "mac"), _link),
    (("ips", "routes", "ipv6_between_guests"), _addresses),
    (("domain", "dns", "dnsmasq_options"), _names),
    (
        ("portgroups", "vlan", "bandwidth", "isolated_ports", "virtualport", "trust_guest_rx_filters"),
        _ports,
    ),
)

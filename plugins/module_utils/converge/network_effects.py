# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a difference in a network's document does while it is active: the table of networks.

``live`` cuts no guest off: dnsmasq and the ruleset are ours, and are made again beside guests that do not notice.
``next_boot`` needs the network to be started again, which takes its bridge away from the guests for a moment.
"""

from __future__ import annotations

from ..model.network.core import Network
from ..model.network.forward import OWN_BRIDGE
from ..model.network.identity import NETWORK, persistent_form
from ..model.network.options import OPTIONS
from ..xml.compare import Change
from ..xml.parse import Element
from .resource.differences import Nature
from .resource.effects import LIVE, NEXT_BOOT, REFUSE, Row, Table


def _keeps_bridge(change: Change, live: Element, wanted: Element) -> bool:
    """Among these modes only the ruleset is another; in all the others guests are connected to something else."""
    return Network(live).mode() in OWN_BRIDGE and Network(wanted).mode() in OWN_BRIDGE


# The first row that fits counts.
NETWORK_EFFECTS: Table = (
    Row("uuid", REFUSE, REFUSE),
    Row("title", LIVE),
    Row("description", LIVE),
    Row("metadata", LIVE),
    Row("metadata/*", LIVE),
    # the ruleset
    Row("forward", LIVE, when=_keeps_bridge),
    Row("forward/*", LIVE, when=_keeps_bridge),
    # dnsmasq
    Row("domain", LIVE),
    Row("domain/*", LIVE),
    Row("dns", LIVE),
    Row("dns/*", LIVE),
    Row("ip/dhcp", LIVE),
    Row("ip/dhcp/*", LIVE),
    Row("ip/tftp", LIVE),
    Row("ip/tftp/*", LIVE),
    Row("ip/@localPtr", LIVE),
    Row(OPTIONS, LIVE),
    Row(f"{OPTIONS}/*", LIVE),
    # the bridge and its ports
    Row("@ipv6", LIVE),
    Row("@trustGuestRxFilters", LIVE),
    Row("bridge/@stp", LIVE),
    Row("bridge/@delay", LIVE),
    Row("port", LIVE),
    Row("port/*", LIVE),
    # limits of the bridge, and what a guest gets that is connected from now on
    Row("bandwidth", LIVE),
    Row("bandwidth/*", LIVE),
    Row("portgroup", LIVE),
    Row("portgroup/*", LIVE),
    Row("*", NEXT_BOOT),
)


def _running(live: Element, kept: Element) -> Element:
    return persistent_form(live)


NETWORK_NATURE = Nature("network", NETWORK, NETWORK_EFFECTS, persistent_form, _running)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network's document as it is stored when it is defined: checked, in one form, with all that was left open.

Pure: what the host has comes in as values. Running it on its own output changes nothing.
"""

from __future__ import annotations

from typing import Optional, Sequence

from ....errors import AlreadyExists, XmlError
from ....model.network.core import Network
from ....model.network.identity import LIVE_ONLY
from ....model.network.order import order_children
from ....values import derived_mac, derived_uuid, parse_uuid
from ....xml.canonical import without
from ....xml.parse import Element
from ...surroundings import Surroundings
from .allocate import allocate_bridge, fill_addresses
from .check import check
from .settle import drop_empty, rewrite, settle


def complete(
    document: Element,
    surroundings: Surroundings,
    known: Sequence[Element],
    *,
    kept: Optional[Element],
    host_id: str,
) -> Element:
    """Return the complete document; raises XmlError, UnsupportedConfig, InvalidArgument and AlreadyExists.

    ``known`` are the complete documents of all other networks. ``kept`` is the one that this network had before, of
    which uuid, MAC address, bridge name and subnets stay where the document leaves them open.
    """
    network, before = Network(without(document, LIVE_ONLY)), None if kept is None else Network(kept)
    if network.element.tag != "network":
        raise XmlError(f"the document is a <{network.element.tag}>; write a <network>.", line=network.line)
    rewrite(network)
    drop_empty(network)
    fill_addresses(network, surroundings, known, kept=before, host_id=host_id)
    check(network)
    _identify(network, known, before, host_id)
    if network.has_own_bridge():
        own = before.bridge if before is not None and before.has_own_bridge() else None
        network.bridge = allocate_bridge(network, surroundings, known, own)
        network.mac = network.mac or _mac(network, known, before, host_id)
    settle(network)
    order_children(network.element)
    return network.element


def _identify(network: Network, known: Sequence[Element], before: Optional[Network], host_id: str) -> None:
    """The uuid stays, or is derived from the host and the name; it belongs to one network only."""
    old = before.uuid if before is not None else None
    given = parse_uuid(network.uuid) if network.uuid is not None else None
    if given and old and given != parse_uuid(old):
        raise AlreadyExists(
            f"Network {network.name} exists with the uuid {old}, and the document says {given}.",
            hint="Leave the uuid out, or give the network another name.",
            name=network.name,
        )
    network.uuid = given or old or derived_uuid("network", host_id, network.name or "")
    other = next((found for found in map(Network, known) if found.uuid == network.uuid), None)
    if other is not None:
        raise AlreadyExists(
            f"The uuid {network.uuid} belongs to network {other.name}.",
            hint="Leave the uuid out, or choose another.",
            name=other.name,
        )


def _mac(network: Network, known: Sequence[Element], before: Optional[Network], host_id: str) -> str:
    if before is not None and before.mac is not None:
        return before.mac
    taken = {Network(document).mac for document in known}
    attempt = 0
    while True:
        mac = derived_mac("network", host_id, network.name or "", str(attempt))
        if mac not in taken:
            return mac
        attempt += 1

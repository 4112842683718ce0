# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changing a network that guests use: its live document gets what is wanted, and the host is mended to fit it.

So an update that is killed is completed by the next run, and what cannot be made is taken back.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Sequence

from ....errors import CorralError, OperationInvalid
from ....model.network.core import Network
from ....model.network.forward import OWN_BRIDGE
from ....model.network.identity import NETWORK
from ....model.network.options import OPTIONS
from ....model.network.order import order_children
from ....xml.compare import Change, take
from ....xml.parse import Element, clone
from ....xml.write import to_text
from .look import Scene
from .mend import mend

# What changes without cutting guests off, and everything below it. Of <forward>, the modes with a bridge of our own.
LIVE = (
    "@ipv6",
    "@trustGuestRxFilters",
    "title",
    "description",
    "metadata",
    "forward",
    "bridge/@stp",
    "bridge/@delay",
    "domain",
    "dns",
    "bandwidth",
    "ip/@localPtr",
    "ip/tftp",
    "ip/dhcp",
    "port",
    "portgroup",
    OPTIONS,
)


def is_live(place: str) -> bool:
    """Whether a difference at this place can be made while guests are connected, as far as its place says."""
    return any(place == each or place.startswith((f"{each}/", f"{each}@")) for each in LIVE)


def update(scene: Scene, document: Element, wanted: Element, changes: Sequence[Change]) -> None:
    """Let an active network have what is wanted at these places; raises OperationInvalid for one that would cut off."""
    changed = clone(document)
    for change in changes:
        _check(scene.name, document, wanted, change)
        take(changed, wanted, change, NETWORK)
    order_children(changed)
    _become(scene, changed)
    try:
        mend(Scene(scene.site, scene.name, Network(changed), scene.hypervisor))
    except CorralError:
        _become(scene, document)
        with suppress(CorralError):
            mend(Scene(scene.site, scene.name, Network(document), scene.hypervisor))
        raise


def _check(name: str, document: Element, wanted: Element, change: Change) -> None:
    modes = {Network(each).mode() for each in (document, wanted)}
    moves = change.place.startswith("forward") and not modes <= set(OWN_BRIDGE)
    if moves or not is_live(change.place):
        raise OperationInvalid(
            f"Network {name} cannot change while it is active: {change}.", hint="It has to be started again for that."
        )


def _become(scene: Scene, document: Element) -> None:
    scene.site.store.write_live(scene.name, to_text(document).encode())

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest is guaranteed of its networks' bandwidth (``<inbound floor>``): asked for at its start, given back.

The networks have the limits, and see who is connected; they are only told to look again.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Iterable, Tuple

from ....errors import CorralError
from ....model.domain.interface import Interface
from ....xml.parse import Element
from .site import Site

FLOOR = "floor"


def floor_rows(document: Element) -> Tuple[Tuple[str, str, str], ...]:
    """What has to be given back by a guest with this live document, as rows of its status."""
    cards = (Interface(element) for element in document.findall("devices/interface[bandwidth]"))
    names = (card.network for card in cards if card.element.find("bandwidth/inbound[@floor]") is not None)
    return tuple((FLOOR, name, "") for name in dict.fromkeys(names) if name)


def guarantee(site: Site, rows: Iterable[Tuple[str, str, str]]) -> None:
    """Let the networks guarantee what the guest's document says; raises UnsupportedConfig where that is too much."""
    for kind, network, _detail in rows:
        if kind == FLOOR and site.neighbours is not None:
            site.neighbours.network.renew_limits(network)


def give_up(site: Site, rows: Iterable[Tuple[str, str, str]]) -> None:
    """Give back what an ended guest was guaranteed; a network that is gone by now has nothing of it."""
    with suppress(CorralError):
        guarantee(site, rows)

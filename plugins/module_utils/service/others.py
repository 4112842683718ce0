# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks and pools in their units: what is active stays until it is stopped, with a process or without."""

from __future__ import annotations

from typing import Callable, NamedTuple

from ..errors import NotFound, OperationInvalid
from ..xml.parse import Element, parse
from .call import Call


class Calls(NamedTuple):
    """The calls of a kind under common names."""

    active: Callable[[str], bool]
    start: Callable[[str], object]
    create: Callable[[Element], object]
    destroy: Callable[[str], None]


def _calls(call: Call) -> Calls:
    network, storage = call.connection.network, call.connection.storage
    if call.kind == "network":
        return Calls(
            lambda name: network.lookup_network(name).active,
            network.start_network,
            network.create_network,
            network.destroy_network,
        )
    return Calls(
        lambda name: storage.lookup_pool(name).active,
        storage.start_pool,
        storage.create_pool,
        storage.destroy_pool,
    )


def start(call: Call) -> None:
    """Start it; one that is active already is in its unit from now on."""
    calls, document = _calls(call), call.order.get("document")
    if document is not None:
        calls.create(parse(document))
        return
    try:
        calls.start(call.name)
    except OperationInvalid:
        if call.order or not calls.active(call.name):
            raise


def stop(call: Call) -> None:
    """Take it down, where it is active."""
    calls = _calls(call)
    try:
        if calls.active(call.name):
            calls.destroy(call.name)
    except NotFound:
        return  # one without a definition is gone with its end

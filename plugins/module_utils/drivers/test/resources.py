# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interfaces, pools and devices of a test host: all of them active, as in libvirt's test driver."""

from __future__ import annotations

from typing import List

from ...errors import CorralError, NotFound
from ...values import parse_uuid
from ...xml.parse import Element, clone
from ..api import InterfaceDriver, NodeDeviceDriver, StorageDriver, Summary
from .keeper import Keeper


class SimulatedInterface(InterfaceDriver):
    """The <interface> elements."""

    name = "test"

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper

    def list_interfaces(self) -> List[Summary]:
        """Return every interface, in the order of the document."""
        return _summaries(self.keeper, "interface")


class SimulatedStorage(StorageDriver):
    """The <pool> elements."""

    name = "test"

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper

    def list_pools(self) -> List[Summary]:
        """Return every pool, in the order of the document."""
        return _summaries(self.keeper, "pool")

    def lookup_pool(self, reference: str) -> Summary:
        """Return the pool of a name or uuid."""
        return _summary(_find(self.keeper, "pool", reference))

    def pool_xml(self, name: str, *, inactive: bool = False) -> Element:
        """Return the document without the volumes that stand in it."""
        document = _document(_find(self.keeper, "pool", name))
        for volume in document.findall("volume"):
            document.remove(volume)
        return document


class SimulatedNodeDevice(NodeDeviceDriver):
    """The <device> elements."""

    name = "test"

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper

    def list_node_devices(self) -> List[Summary]:
        """Return every device, in the order of the document."""
        return _summaries(self.keeper, "device")


def _summaries(keeper: Keeper, tag: str) -> List[Summary]:
    return [_summary(element) for element in keeper.read().root.findall(tag)]


def _summary(element: Element) -> Summary:
    return Summary(name=_name(element), uuid=element.findtext("uuid") or "", active=True)


def _name(element: Element) -> str:
    return (element.get("name") or element.findtext("name") or "").strip()


def _find(keeper: Keeper, tag: str, reference: str) -> Element:
    elements = keeper.read().root.findall(tag)
    try:
        wanted = parse_uuid(reference)
    except CorralError:
        wanted = reference
    by_name = (element for element in elements if _name(element) == reference)
    by_uuid = (element for element in elements if element.findtext("uuid") == wanted)
    found = next(by_name, None)
    found = next(by_uuid, None) if found is None else found
    if found is None:
        raise NotFound(f"There is no {tag} with the name or uuid {reference!r}.", reference=reference)
    return found


def _document(element: Element) -> Element:
    copy = clone(element)
    copy.tail = None
    return copy

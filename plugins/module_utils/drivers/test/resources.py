# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interfaces and devices of a test host: all of them active, as in libvirt's test driver."""

from __future__ import annotations

from typing import List

from ...xml.parse import Element
from ..api import InterfaceDriver, NodeDeviceDriver, Summary
from .keeper import Keeper


class SimulatedInterface(InterfaceDriver):
    """The <interface> elements."""

    name = "test"

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper

    def list_interfaces(self) -> List[Summary]:
        """Return every interface, in the order of the document."""
        return _summaries(self.keeper, "interface")


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

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contracts of the drivers that look at the host: its network interfaces and its devices."""

from __future__ import annotations

from typing import List

from .base import Driver, Summary


class InterfaceDriver(Driver):
    """The host's own network interfaces."""

    kind = "interface"

    def list_interfaces(self) -> List[Summary]:
        raise self.unsupported("list_interfaces")


class NodeDeviceDriver(Driver):
    """The host's devices."""

    kind = "node device"

    def list_node_devices(self) -> List[Summary]:
        raise self.unsupported("list_node_devices")

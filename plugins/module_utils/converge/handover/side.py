# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host of a hand-over: its connection's guests, and the files beside them, which no call of a driver is about."""

from __future__ import annotations

from dataclasses import dataclass

from ...connect.connection import Connection
from ...drivers.api import HypervisorDriver
from ...drivers.qemu.guest.site import Site, runner
from ...drivers.store import Store
from ...errors import NoSupport
from ...host.api import Host
from ...host.layout import Layout

QEMU = "qemu"


@dataclass(frozen=True)
class Side:
    """The guests of a connection, the host that they are on, and where everything of them lies."""

    driver: HypervisorDriver
    host: Host
    site: Site

    @property
    def layout(self) -> Layout:
        """Every path that is ours there."""
        return self.site.layout


def side_of(connection: Connection, host: Host) -> Side:
    """The host of an open connection; raises NoSupport for one whose guests are not QEMU's."""
    driver = connection.hypervisor
    if getattr(driver, "name", "") != QEMU:
        raise NoSupport(f"Guests of {connection.uri} cannot be handed over, only those of QEMU.")
    layout = driver.layout()
    store = Store(host, layout, "domain")
    site = Site(host, layout, store, runner(host, layout), connection.read_only, neighbours=connection)
    return Side(driver, host, site)

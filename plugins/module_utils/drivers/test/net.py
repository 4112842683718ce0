# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One network of the <node> document: its definition, the addresses that it gives out, and who is connected."""

from __future__ import annotations

from itertools import islice
from typing import Iterator, List, Sequence

from ...model.network.addresses import as_address
from ...model.network.core import Network as NetworkView
from ...model.network.ip import Ip
from ...xml.parse import Element
from ..api import Lease, Network
from .guest import Guest
from .kept import Resource


class Net(Resource):
    """A lens over one <network> of the node document; writing changes the document."""

    @property
    def view(self) -> NetworkView:
        """What the running document says, or the definition."""
        return NetworkView(self.running() if self.active else self.element)

    def summary(self) -> Network:
        """The network as a list shows it."""
        return Network(
            name=self.name,
            uuid=self.uuid,
            active=self.active,
            persistent=self.persistent,
            autostart=bool(self.runtime.autostart),
            bridge=self.view.bridge,
        )


def interfaces_on(guest: Guest, name: str) -> List[Element]:
    """The interfaces of an active guest that are connected to a network."""
    found = guest.running().findall("devices/interface[@type='network']") if guest.active else []
    return [interface for interface in found if _network_of(interface) == name]


def leases(net: Net, guests: Sequence[Guest]) -> List[Lease]:
    """The addresses that the active guests would have been given: a reserved one, or the next of the range."""
    ip = net.view.dhcp(4) if net.active else None
    if ip is None:
        return []
    reserved = {str(host.mac).lower(): str(host.ip) for host in ip.hosts if host.mac and host.ip}
    macs = [(guest.name, _mac(found)) for guest in guests for found in interfaces_on(guest, net.name)]
    rest = islice(_free(ip, set(reserved.values())), len(macs))
    given = [(name, mac, reserved.get(mac) or next(rest, None)) for name, mac in macs]
    return [Lease(net.name, mac, address, hostname=name) for name, mac, address in given if address]


def _free(ip: Ip, reserved: set[str]) -> Iterator[str]:
    for part in ip.ranges:
        start, end = as_address(part.start), as_address(part.end)
        if start is not None and end is not None:
            numbers = range(int(start), int(end) + 1)
            yield from (text for number in numbers if (text := str(type(start)(number))) not in reserved)


def _network_of(interface: Element) -> str:
    source = interface.find("source")
    return "" if source is None else source.get("network") or ""


def _mac(interface: Element) -> str:
    mac = interface.find("mac")
    return "" if mac is None else (mac.get("address") or "").lower()

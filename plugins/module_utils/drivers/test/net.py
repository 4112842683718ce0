# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One network of the <node> document: its definition, and the facts about it that are no part of the definition.

``<corral:runtime active= transient= autostart=>``: a network of which nothing is said is active and persistent, as in
libvirt's test driver. ``<corral:fault what= detail=>`` in it is what the network is said to lack; a test writes it.
"""

from __future__ import annotations

from itertools import islice
from typing import Iterator, List, Sequence

from ...model.network.addresses import as_address
from ...model.network.core import Network as NetworkView
from ...model.network.ip import Ip
from ...xml.parse import Element
from ..api import Fault, Lease, Network
from .guest import Guest
from .kept import OURS, Kept

FAULT = f"{{{OURS}}}fault"


class Net(Kept):
    """A lens over one <network> of the node document; writing changes the document."""

    @property
    def view(self) -> NetworkView:
        """What the running document says, or the definition."""
        return NetworkView(self.running() if self.active else self.element)

    @property
    def persistent(self) -> bool:
        return not self.runtime.transient

    def set_active(self, active: bool) -> None:
        """Start or end; what is started begins with its definition, and nothing of it is broken."""
        self.end_of_run()
        self.facts().active = None if active else False

    def make_transient(self) -> None:
        """Forget the definition of an active network."""
        self.keep_running()
        self.facts().transient = True

    def make_persistent(self, definition: Element) -> None:
        """Take a definition; an active network goes on with the document that it was started with."""
        self.redefine(definition)
        self.facts().transient = None

    def faults(self) -> List[Fault]:
        """What an active network is said to lack."""
        found = self.runtime.element.findall(FAULT) if self.active else []
        return [Fault(fault.get("what") or "", fault.get("detail") or "") for fault in found]

    def mend(self) -> None:
        """Forget the faults."""
        facts = self.facts().element
        for fault in facts.findall(FAULT):
            facts.remove(fault)

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

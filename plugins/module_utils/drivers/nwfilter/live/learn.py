# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses of an interface that are known without watching packets: its network has reserved them, or leased them.

What is known changes while a guest runs, and its rules must not change with every lease: ``settled`` says which of it
counts for an interface that is guarded already.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Dict, Iterator, NamedTuple, Optional, Sequence, Tuple

from ....errors import CorralError
from ....model.network.addresses import as_address, mac_of_duid
from ....xml.parse import Element
from ...api import FilterPort, Lease, NetworkDriver


class Addresses(NamedTuple):
    """Addresses of both families: those that are ``reserved`` for the interface, and those that it has ``leased``."""

    reserved: Tuple[str, ...] = ()
    leased: Tuple[str, ...] = ()

    def first(self, version: int) -> Tuple[str, ...]:
        """The addresses of IP version 4 or 6 that count: those that are reserved, or else those that are leased."""
        return _of(self.reserved, version) or _of(self.leased, version)

    def every(self, version: int) -> Tuple[str, ...]:
        """All addresses of IP version 4 or 6."""
        return tuple(dict.fromkeys((*_of(self.reserved, version), *_of(self.leased, version))))


class Networks:
    """What networks know, each asked once; without a driver nothing is known."""

    def __init__(self, driver: Optional[NetworkDriver]) -> None:
        self._driver = driver
        self._asked: Dict[str, Tuple[Optional[Element], Sequence[Lease]]] = {}

    def addresses(self, port: FilterPort) -> Addresses:
        """Return what the interface's network knows of it; nothing of one that cannot be asked."""
        document, leases = self._of(port.network) if port.network else (None, ())
        if document is None:
            return Addresses()
        reserved = tuple(dict.fromkeys(_reserved(document, port.mac)))
        leased = tuple(lease.address for lease in leases if lease.mac == port.mac and as_address(lease.address))
        return Addresses(reserved, leased)

    def _of(self, name: str) -> Tuple[Optional[Element], Sequence[Lease]]:
        if name not in self._asked:
            self._asked[name] = (None, ())
            if self._driver is not None:
                with suppress(CorralError):
                    self._asked[name] = self._driver.network_xml(name), self._driver.network_leases(name)
        return self._asked[name]


def settled(before: Optional[Addresses], now: Addresses) -> Addresses:
    """Return what counts for an interface whose rules were made of what was known ``before``, None for a new one.

    What is reserved always counts as it is now. A lease counts once the rules were made of one: then the guest must
    get on with the one that it has now, and one that has run out is kept until there is another. It does not count
    where the kernel was left to learn the address, as it has done that.
    """
    if before is None:
        return now
    return Addresses(now.reserved, tuple(address for version in (4, 6) for address in _leased(before, now, version)))


def _leased(before: Addresses, now: Addresses, version: int) -> Tuple[str, ...]:
    old, new = _of(before.leased, version), _of(now.leased, version)
    if not old:
        return ()
    still = tuple(address for address in old if address in new)
    return still or new or old


def _reserved(document: Element, mac: str) -> Iterator[str]:
    """The addresses that a network keeps for a MAC address; for IPv6 a host is known by the DUID that has it."""
    for host in document.iterfind("ip/dhcp/host"):
        address = as_address(host.get("ip"))
        if address is not None and mac in (_mac(host.get("mac")), mac_of_duid(host.get("id") or "")):
            yield str(address)


def _mac(text: Optional[str]) -> str:
    return (text or "").lower()


def _of(addresses: Sequence[str], version: int) -> Tuple[str, ...]:
    found = ((text, as_address(text)) for text in addresses)
    return tuple(text for text, address in found if address is not None and address.version == version)

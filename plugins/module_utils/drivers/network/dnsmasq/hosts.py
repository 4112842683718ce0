# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that dnsmasq reads again when it is told to (SIGHUP): reserved addresses, and names of addresses.

Source of the rules: dnsmasq(8), --dhcp-host, --dhcp-hostsfile and --addn-hosts.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional

from ....model.network.core import Network
from ....model.network.ip import DhcpHost, LeaseTime


def lease_time(lease: Optional[LeaseTime]) -> Optional[str]:
    """Return a lease time in dnsmasq's words, such as 90m; None where the document leaves it to dnsmasq."""
    if lease is None or lease.expiry is None:
        return None
    return f"{lease.expiry}{(lease.unit or 'minutes')[0]}" if lease.expiry else "infinite"


def hosts_text(network: Network) -> str:
    """Return the reserved addresses, one a line: first those of IPv4, then those of IPv6."""
    return "".join(f"{line}\n" for version in (4, 6) for line in _reserved(network, version))


def _reserved(network: Network, version: int) -> Iterator[str]:
    ip = network.dhcp(version)
    for host in ip.hosts if ip is not None else ():
        parts = [*_who(host, version), lease_time(host.lease)]
        yield ",".join(part for part in parts if part)


def _who(host: DhcpHost, version: int) -> List[Optional[str]]:
    """The fields that say whom an address is kept for, and the address; IPv6 knows no MAC addresses."""
    client = f"id:{host.id}" if host.id else None
    if version == 6:
        return [client, host.name, f"[{host.ip}]"]
    known_by = host.mac or client
    return [known_by, host.ip, host.name] if known_by else [host.name, host.ip]


def addnhosts_text(network: Network) -> str:
    """Return the names of addresses, one address a line; one that stands in several elements is written once."""
    names: Dict[str, List[str]] = {}
    for host in network.dns.hosts if network.dns is not None else ():
        names.setdefault(host.ip or "", []).extend(host.names())
    return "".join("\t".join((ip, *known)) + "\n" for ip, known in names.items() if known)

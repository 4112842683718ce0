# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""dnsmasq's file of leases, read as values.

A line is ``EXPIRES MAC ADDRESS NAME CLIENT``, with ``*`` for what is not known and 0 for a lease that never ends.
Below a line ``duid ...`` the leases are of DHCPv6: there the second word is the number of the client's interface, and
CLIENT is the client's DUID. Source: dnsmasq's lease.c, lease_update_file.
"""

from __future__ import annotations

import re
from typing import Iterator, List, Optional

from ....model.network.addresses import mac_of_duid
from ...api import Lease

_MAC = re.compile(r"(?:[0-9a-fA-F]{2}-)?((?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2})")


def read_leases(network: str, text: str, now: float) -> List[Lease]:
    """The leases that have not expired at ``now``, those that last longest first; lines that are none are left out."""
    found = [lease for lease in _lines(network, text) if lease.expires is None or lease.expires > now]
    return sorted(found, key=lambda lease: -(lease.expires or float("inf")))


def _lines(network: str, text: str) -> Iterator[Lease]:
    newer = False
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["duid"]:
            newer = True
        elif len(words) >= 5 and words[0].isdigit():
            mac = mac_of_duid(words[4]) if newer else _mac(words[1])
            yield Lease(network, mac, words[2], _known(words[3]), _known(words[4]), float(words[0]) or None)


def _mac(word: str) -> str:
    """The address without the number of a kind of hardware that is not Ethernet."""
    found = _MAC.fullmatch(word)
    return found.group(1).lower() if found else word.lower()


def _known(word: str) -> Optional[str]:
    return None if word == "*" else word

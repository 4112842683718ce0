# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses that nftables learns itself, so that nobody has to listen on a guest's link.

A set of one element takes the first address that the guest sends from (learning.py); once it is full, no other fits.
For DHCP a set takes what servers acknowledge to the guest. That is read from the packet as bits without a type, so the
set has none either, and is looked up with the bits of a header.

Source of the rules: libvirt's formatnwfilter, "Automatic IP address detection"; RFC 2131, section 2; RFC 2132, 9.6.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import List, Sequence

from .values import DHCP, Learnt

MOST_LEASES = 16
_YOUR_ADDRESS = "@th,192,32"  # in BOOTP, behind the UDP header
_REPLY = "@th,64,8 2"
_CLIENT = "@th,288,48"
_ACKNOWLEDGED = "@th,1952,56 0x63825363350105"  # the magic number, then option 53 of length 1: DHCPACK


def field(learnt: Learnt, name: str, raw: str) -> str:
    """Return what nft is to look up in the set: a field by its name, or by its place."""
    return raw if learnt.method == DHCP else name


def declaration(learnt: Learnt) -> str:
    """Return what stands between the braces of the set's definition."""
    if learnt.method == DHCP:
        return f"typeof {_YOUR_ADDRESS}; size {MOST_LEASES}; flags dynamic;"
    return "type ipv4_addr; size 1; flags dynamic;"


def element(learnt: Learnt, address: str) -> str:
    """Return an address that is known as an element of the set."""
    return f"{int(IPv4Address(address)):#010x}" if learnt.method == DHCP else address


def acknowledged(learnt: Learnt, mac: str, servers: Sequence[str]) -> List[str]:
    """Return the statements for packets to the guest that learn from DHCP; any server may speak when none is named.

    They give no verdict. DHCPINFORM is acknowledged without an address.
    """
    if learnt.method != DHCP:
        return []
    named = f"ip saddr {{ {', '.join(servers)} }} " if servers else ""
    client = f"{_CLIENT} 0x{mac.replace(':', '')}"
    return [
        f"ether type ip {named}ip protocol 17 udp sport 67 udp dport 68 {_REPLY} {client} {_ACKNOWLEDGED} "
        f"{_YOUR_ADDRESS} != 0 add @{learnt.name} {{ {_YOUR_ADDRESS} }}"
    ]

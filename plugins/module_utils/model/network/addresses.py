# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses in a network document, as values that can be reckoned with.

Source of the rules: libvirt's formatnetwork, "Addressing", RFC 791 for networks without netmask, and RFC 8415, section
11, for DUIDs.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network, ip_address
from typing import Optional, Union

from ...errors import XmlError
from ...xml.views import View

Address = Union[IPv4Address, IPv6Address]
Subnet = Union[IPv4Network, IPv6Network]
Interface = Union[IPv4Interface, IPv6Interface]

# The bytes of a DUID before the MAC address of Ethernet: of a link with the time (1), and of a link (3).
_DUIDS = {"00:01:00:01": 8, "00:03:00:01": 4}


def as_address(text: Optional[str]) -> Optional[Address]:
    """Return the address that a text is, None where it is none; an IPv6 address with a zone is none."""
    try:
        return None if text is None or "%" in text else ip_address(text.strip())
    except ValueError:
        return None


def address_at(view: View, attribute: str) -> Address:
    """Return the address in an attribute of the view's element; raises XmlError where it is missing or none."""
    text, tag = view.element.get(attribute), view.element.tag
    if text is None:
        raise XmlError(f"<{tag}> has no {attribute}; write an IP address.", line=view.line)
    found = as_address(text)
    if found is None:
        raise XmlError(f"<{tag} {attribute}='{text}'> is not an IP address.", line=view.line)
    return found


def mask_length(mask: Address) -> Optional[int]:
    """Return how many bits a netmask has, None where its bits are not at the beginning."""
    bits = int(mask)
    length = bin(bits).count("1")
    return length if isinstance(mask, IPv4Address) and bits == (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF else None


def natural_length(address: Address) -> Optional[int]:
    """Return the prefix of an address that comes with neither netmask nor prefix: by its class, or 64 for IPv6.

    None for an IPv4 address of class D or E, which has none.
    """
    if not int(address):
        return 0
    if isinstance(address, IPv6Address):
        return 64
    first = int(address) >> 24
    return 8 if first < 128 else 16 if first < 192 else 24 if first < 224 else None


def interface_of(address: Address, length: int) -> Interface:
    """Return an address with the length of its network's prefix."""
    if isinstance(address, IPv4Address):
        return IPv4Interface((address, length))
    return IPv6Interface((address, length))


def mac_of_duid(duid: str) -> str:
    """Return the MAC address in a DHCPv6 client's identifier; empty where it is made of something else."""
    before = _DUIDS.get(duid[:11].lower())
    parts = duid.lower().split(":")
    return ":".join(parts[before:]) if before and len(parts) == before + 6 else ""

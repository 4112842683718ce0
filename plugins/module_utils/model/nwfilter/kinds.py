# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the attributes of a filter's rules can hold: how a value is read, checked and written.

Source of the rules: libvirt's formatnwfilter, "Supported protocols", and its nwfilter_conf.c for the words.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Callable, Dict, Mapping, NamedTuple, Sequence, Tuple, Union

from ...errors import InvalidArgument
from ...values import parse_mac

# MAC and IP addresses are texts in their usual form, masks of IP addresses the lengths of their prefixes, the flags of
# TCP a pair of bits to look at and bits to be set, states and the flags of a set a tuple of words.
Plain = Union[int, str, Tuple[int, int], Tuple[str, ...]]

LONGEST_COMMENT = 256  # characters
LONGEST_SET = 31  # characters of the name of an ipset
MOST_SET_FLAGS = 6

# Ethernet's numbers of protocols that have a name in documents.
ETHER_TYPES: Dict[str, int] = {"arp": 0x0806, "rarp": 0x8035, "ipv4": 0x0800, "ipv6": 0x86DD, "vlan": 0x8100}
# IANA's numbers of the protocols in an IP packet.
IP_PROTOCOLS: Dict[str, int] = {
    "tcp": 6,
    "udp": 17,
    "udplite": 136,
    "esp": 50,
    "ah": 51,
    "icmp": 1,
    "igmp": 2,
    "sctp": 132,
    "icmpv6": 58,
}
ARP_OPCODES: Dict[str, int] = {
    "Request": 1,
    "Reply": 2,
    "Request_Reverse": 3,
    "Reply_Reverse": 4,
    "DRARP_Request": 5,
    "DRARP_Reply": 6,
    "DRARP_Error": 7,
    "InARP_Request": 8,
    "ARP_NAK": 9,
}
# In the order in which they are written.
STATES: Tuple[str, ...] = ("NEW", "ESTABLISHED", "RELATED", "INVALID", "NONE")
TCP_FLAGS: Dict[str, int] = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32}
ALL_FLAGS = 63


class Kind(NamedTuple):
    """How a concrete text is read, and what a document keeps of it; both raise ValueError for what is none.

    ``read`` gives the value to reckon with, ``settle`` the text in the one form in which a document keeps it: numbers
    stay hexadecimal where they were written so. ``says`` is for the user.
    """

    name: str
    read: Callable[[str], Plain]
    settle: Callable[[str], str]
    says: str


def number_of(text: str) -> Tuple[int, bool]:
    """Return a number from 0 on, and whether it is hexadecimal: 0x1f, or 1f, which no decimal number looks like."""
    found = re.fullmatch(r"\s{0,9}(?:([0-9]{1,16})|(?:0[xX])?([0-9a-fA-F]{1,16}))\s{0,9}", text)
    if found is None:
        raise ValueError(text)
    return (int(found.group(1)), False) if found.group(1) else (int(found.group(2), 16), True)


def _within(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value, _base = number_of(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return read


def _settle_number(text: str) -> str:
    value, hexadecimal = number_of(text)
    return f"0x{value:x}" if hexadecimal else str(value)


def number(name: str, low: int, high: int) -> Kind:
    """A number in a range, both ends included."""
    read = _within(low, high)

    def settle(text: str) -> str:
        read(text)
        return _settle_number(text)

    return Kind(name, read, settle, f"a number from {low} to {high}, or from 0x{low:x} to 0x{high:x}")


def named(name: str, low: int, high: int, words: Mapping[str, int]) -> Kind:
    """A number in a range of which some have names; a document keeps the name."""
    within = _within(low, high)
    values = {word.lower(): value for word, value in words.items()}
    names = {value: word for word, value in words.items()}

    def read(text: str) -> int:
        found = values.get(text.strip().lower())
        return within(text) if found is None else found

    def settle(text: str) -> str:
        return names.get(read(text)) or _settle_number(text)

    return Kind(name, read, settle, f"one of {', '.join(words)}, or a number from {low} to {high}")


def _parsed(name: str, read: Callable[[str], str], says: str) -> Kind:
    """A text that reads as itself, in its usual form."""
    return Kind(name, read, read, says)


def _mac(text: str) -> str:
    try:
        return parse_mac(text)
    except InvalidArgument:
        raise ValueError(text) from None


def _mac_mask(text: str) -> str:
    mask = _mac(text)
    _bits(int(mask.replace(":", ""), 16), 48)
    return mask


def _bits(mask: int, width: int) -> int:
    """Return how many bits are set in a mask of ``width`` bits; raises ValueError unless they are all at its start."""
    count = bin(mask).count("1")
    if mask != ((1 << count) - 1) << (width - count):
        raise ValueError(mask)
    return count


def _ipv4(text: str) -> str:
    return str(IPv4Address(text.strip()))


def _ipv6(text: str) -> str:
    if "%" in text:
        raise ValueError(text)
    address = IPv6Address(text.strip())
    head, tail = int(address) >> 32, int(address) & 0xFFFFFFFF
    if head == 0xFFFF or (head == 0 and tail >> 16):  # as inet_ntop(3) writes them
        return f"::{'ffff:' if head else ''}{IPv4Address(tail)}"
    return str(address)


def _mask(name: str, width: int, address: Callable[[str], int], says: str) -> Kind:
    """A mask as the length of its prefix, or in the form of an address; a document keeps the length."""

    def read(text: str) -> int:
        if re.fullmatch(r"\s{0,9}[0-9]{1,9}\s{0,9}", text):
            return _within(0, width)(text)
        return _bits(address(text.strip()), width)

    return Kind(name, read, lambda text: str(read(text)), says)


def _words(text: str, known: Sequence[str]) -> Tuple[str, ...]:
    """Return the words of a list, in the order of those that are known; a list holds at least one."""
    found = {word for word in re.split(r"[\s,]+", text.upper()) if word}
    if not found or found - set(known):
        raise ValueError(text)
    return tuple(word for word in known if word in found)


def _states(text: str) -> Tuple[str, ...]:
    words = _words(text, STATES)
    return ("NONE",) if "NONE" in words else words


def _flag_bits(text: str) -> int:
    if not text.strip():
        return 0
    words = _words(text, (*TCP_FLAGS, "ALL", "NONE"))
    return ALL_FLAGS if "ALL" in words else sum(TCP_FLAGS.get(word, 0) for word in words)


def _tcp_flags(text: str) -> Tuple[int, int]:
    mask, slash, flags = text.partition("/")
    if not slash:
        raise ValueError(text)
    return _flag_bits(mask), _flag_bits(flags)


def flag_words(bits: int) -> Tuple[str, ...]:
    """Return the names of the flags of TCP that are set."""
    return tuple(word for word, bit in TCP_FLAGS.items() if bits & bit)


def _settle_flags(text: str) -> str:
    shown = {0: "NONE", ALL_FLAGS: "ALL"}
    return "/".join(shown.get(bits) or ",".join(flag_words(bits)) for bits in _tcp_flags(text))


def _set_name(text: str) -> str:
    if not re.fullmatch(rf"[A-Za-z0-9_.:+ -]{{1,{LONGEST_SET}}}", text) or not text.strip():
        raise ValueError(text)
    return text


def _set_flags(text: str) -> Tuple[str, ...]:
    words = tuple(text.lower().split(","))
    if len(words) > MOST_SET_FLAGS or set(words) - {"src", "dst"}:
        raise ValueError(text)
    return words


_BOOLEANS = {"true": 1, "yes": 1, "1": 1, "false": 0, "no": 0, "0": 0}


def _boolean(text: str) -> int:
    if text not in _BOOLEANS:
        raise ValueError(text)
    return _BOOLEANS[text]


def _comment(text: str) -> str:
    if len(text) > LONGEST_COMMENT or not text.isprintable():
        raise ValueError(text)
    return text


UINT8 = number("uint8", 0, 0xFF)
UINT16 = number("uint16", 0, 0xFFFF)
UINT32 = number("uint32", 0, 0xFFFFFFFF)
DSCP = number("dscp", 0, 63)
VLAN_ID = number("vlan id", 0, 0xFFF)
ETHER_TYPE = named("ether type", 0x600, 0xFFFF, ETHER_TYPES)
# Below 0x600 it is the length of a frame of IEEE 802.3, which has no type.
ENCAPSULATED = named("encapsulated type", 0x3C, 0xFFFF, ETHER_TYPES)
OPCODE = named("opcode", 0, 0xFFFF, ARP_OPCODES)
IP_PROTOCOL = named("ip protocol", 0, 0xFF, IP_PROTOCOLS)
MAC = _parsed("mac", _mac, "a MAC address such as 52:54:00:12:34:56")
MAC_MASK = _parsed("mac mask", _mac_mask, "a mask such as ff:ff:ff:00:00:00, whose bits are all at its start")
IPV4 = _parsed("ipv4", _ipv4, "an IPv4 address such as 192.0.2.1")
IPV6 = _parsed("ipv6", _ipv6, "an IPv6 address such as 2001:db8::1")
IPV4_MASK = _mask("ipv4 mask", 32, lambda text: int(IPv4Address(text)), "a mask such as 24 or 255.255.255.0")
IPV6_MASK = _mask("ipv6 mask", 128, lambda text: int(IPv6Address(text)), "a mask such as 64 or ffff:ffff::")
STATE_WORDS = Kind(
    "states", _states, lambda text: ",".join(_states(text)), f"a list of {', '.join(STATES[:-1])}, or {STATES[-1]}"
)
FLAGS = Kind("flags", _tcp_flags, _settle_flags, "the flags to look at / those that are set, such as SYN,ACK/SYN")
SET_NAME = _parsed("ipset", _set_name, f"the name of an ipset, of 1 to {LONGEST_SET} letters, digits and _.:-+")
SET_FLAGS = Kind(
    "ipset flags",
    _set_flags,
    lambda text: ",".join(_set_flags(text)),
    f"a list of at most {MOST_SET_FLAGS} times src or dst, such as src,dst",
)
BOOLEAN = Kind("boolean", _boolean, lambda text: "true" if _boolean(text) else "false", "true or false")
COMMENT = _parsed("comment", _comment, f"one line of at most {LONGEST_COMMENT} characters")

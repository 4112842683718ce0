# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of protocols: what a rule can look at in a packet, and what each attribute can hold.

The order of a protocol's attributes is the one in which a document has them.

Source of the rules: libvirt's formatnwfilter, "Supported protocols".
"""

from __future__ import annotations

from typing import Dict, Iterable, Mapping, NamedTuple, Optional, Tuple

from .kinds import (
    BOOLEAN,
    COMMENT,
    DSCP,
    ENCAPSULATED,
    ETHER_TYPE,
    FLAGS,
    IP_PROTOCOL,
    IPV4,
    IPV4_MASK,
    IPV6,
    IPV6_MASK,
    MAC,
    MAC_MASK,
    OPCODE,
    SET_FLAGS,
    SET_NAME,
    STATE_WORDS,
    UINT8,
    UINT16,
    UINT32,
    VLAN_ID,
    Kind,
)

# The link layer sees frames, and is passed first; the inner one sees the packets in them, and knows connections.
LINK, INNER = "link", "inner"


class Attribute(NamedTuple):
    """What a rule says of one part of a packet.

    ``needs`` is the attribute without which this one says nothing, such as the address of a mask. What is not
    ``negatable`` belongs to that attribute, is negated with it, or is no condition; only what is ``variable`` may be
    $NAME.
    """

    name: str
    kind: Kind
    needs: str = ""
    negatable: bool = True
    variable: bool = True


class Protocol(NamedTuple):
    """A protocol that rules can speak of.

    ``layer`` is LINK or INNER. ``family`` is the version of the IP packets, None where any frame can match. ``number``
    is that of the protocol in an IP packet, None where it can be any.
    """

    name: str
    layer: str
    family: Optional[int]
    number: Optional[int]
    attributes: Mapping[str, Attribute]


def _of(kind: Kind, *names: str) -> Tuple[Attribute, ...]:
    return tuple(Attribute(name, kind) for name in names)


def _masked(kind: Kind, mask: Kind, address: str, name: str) -> Tuple[Attribute, ...]:
    return (Attribute(address, kind), Attribute(name, mask, needs=address, negatable=False))


def _range(kind: Kind, start: str, end: str) -> Tuple[Attribute, ...]:
    return (Attribute(start, kind), Attribute(end, kind, needs=start, negatable=False))


_SOURCE = _masked(MAC, MAC_MASK, "srcmacaddr", "srcmacmask")
_ETHERNET = (*_SOURCE, *_masked(MAC, MAC_MASK, "dstmacaddr", "dstmacmask"))
_PORTS = (*_range(UINT16, "srcportstart", "srcportend"), *_range(UINT16, "dstportstart", "dstportend"))
_COMMENT = (Attribute("comment", COMMENT, negatable=False, variable=False),)
_ICMP = _of(UINT8, "type", "code")


def _addresses(kind: Kind, mask: Kind) -> Tuple[Attribute, ...]:
    return (
        *_masked(kind, mask, "srcipaddr", "srcipmask"),
        *_masked(kind, mask, "dstipaddr", "dstipmask"),
    )


_V4, _V6 = _addresses(IPV4, IPV4_MASK), _addresses(IPV6, IPV6_MASK)


def _inside(kind: Kind, addresses: Iterable[Attribute]) -> Tuple[Attribute, ...]:
    """What can be said of every IP packet in the inner layer."""
    return (
        *_of(MAC, "srcmacaddr"),
        *addresses,
        *_range(kind, "srcipfrom", "srcipto"),
        *_range(kind, "dstipfrom", "dstipto"),
        *_of(DSCP, "dscp"),
        *_of(UINT16, "connlimit-above"),
        Attribute("state", STATE_WORDS, variable=False),
        *_of(SET_NAME, "ipset"),
        Attribute("ipsetflags", SET_FLAGS, needs="ipset", negatable=False, variable=False),
    )


_STP = (
    *_SOURCE,
    *_of(UINT8, "type", "flags"),
    *_range(UINT16, "root-priority", "root-priority-hi"),
    *_masked(MAC, MAC_MASK, "root-address", "root-address-mask"),
    *_range(UINT32, "root-cost", "root-cost-hi"),
    *_range(UINT16, "sender-priority", "sender-priority-hi"),
    *_masked(MAC, MAC_MASK, "sender-address", "sender-address-mask"),
    *_range(UINT16, "port", "port-hi"),
    *_range(UINT16, "age", "age-hi"),
    *_range(UINT16, "max-age", "max-age-hi"),
    *_range(UINT16, "hello-time", "hello-time-hi"),
    *_range(UINT16, "forward-delay", "forward-delay-hi"),
)
_ARP = (
    *_ETHERNET,
    *_of(UINT16, "hwtype", "protocoltype"),
    *_of(OPCODE, "opcode"),
    *_of(MAC, "arpsrcmacaddr", "arpdstmacaddr"),
    *_masked(IPV4, IPV4_MASK, "arpsrcipaddr", "arpsrcipmask"),
    *_masked(IPV4, IPV4_MASK, "arpdstipaddr", "arpdstipmask"),
    Attribute("gratuitous", BOOLEAN, variable=False),
)
_IP = (*_ETHERNET, *_V4, *_of(IP_PROTOCOL, "protocol"), *_PORTS, *_of(DSCP, "dscp"))
_IPV6 = (
    *_ETHERNET,
    *_V6,
    *_of(IP_PROTOCOL, "protocol"),
    *_PORTS,
    *_range(UINT8, "type", "typeend"),
    *_range(UINT8, "code", "codeend"),
)
_TCP_OPTION = _of(UINT8, "option")
_TCP_FLAGS = (Attribute("flags", FLAGS, variable=False),)


def _protocol(
    name: str, layer: str, attributes: Iterable[Attribute], family: Optional[int] = None, number: Optional[int] = None
) -> Protocol:
    return Protocol(name, layer, family, number, {each.name: each for each in (*attributes, *_COMMENT)})


# What an IP packet can carry: the name over IPv4, over IPv6, its number, and what can be said beyond _inside. libvirt
# knows the flags of TCP for IPv4 only; there is no reason why they should not be looked at in IPv6.
_CARRIED: Tuple[Tuple[str, str, Optional[int], Tuple[Attribute, ...]], ...] = (
    ("tcp", "tcp-ipv6", 6, (*_PORTS, *_TCP_OPTION, *_TCP_FLAGS)),
    ("udp", "udp-ipv6", 17, _PORTS),
    ("udplite", "udplite-ipv6", 136, ()),
    ("esp", "esp-ipv6", 50, ()),
    ("ah", "ah-ipv6", 51, ()),
    ("sctp", "sctp-ipv6", 132, _PORTS),
    ("icmp", "", 1, _ICMP),
    ("", "icmpv6", 58, _ICMP),
    ("igmp", "", 2, ()),
    ("all", "all-ipv6", None, ()),
)


def _carried() -> Iterable[Protocol]:
    four, six = _inside(IPV4, _V4), _inside(IPV6, _V6)
    for over4, over6, number, more in _CARRIED:
        if over4:
            yield _protocol(over4, INNER, (*four, *more), 4, number)
        if over6:
            yield _protocol(over6, INNER, (*six, *more), 6, number)


PROTOCOLS: Dict[str, Protocol] = {
    each.name: each
    for each in (
        _protocol("mac", LINK, (*_ETHERNET, *_of(ETHER_TYPE, "protocolid"))),
        _protocol("vlan", LINK, (*_ETHERNET, *_of(VLAN_ID, "vlanid"), *_of(ENCAPSULATED, "encap-protocol"))),
        _protocol("stp", LINK, _STP),
        _protocol("arp", LINK, _ARP),
        _protocol("rarp", LINK, _ARP),
        _protocol("ip", LINK, _IP, 4),
        _protocol("ipv6", LINK, _IPV6, 6),
        *_carried(),
    )
}

# The actions and directions of rules.
ACTIONS: Tuple[str, ...] = ("drop", "accept", "reject", "return", "continue")
DIRECTIONS: Tuple[str, ...] = ("in", "out", "inout")
LOWEST_PRIORITY, HIGHEST_PRIORITY, RULE_PRIORITY = -1000, 1000, 500

ROOT = "root"
# Where the rules of a filter can stand beside the root chain: what a chain is called or begins with, its priority
# where none is given, and the type of the frames that pass through it. The longest name comes first where one is the
# beginning of another.
CHAIN_PRIORITIES: Dict[str, int] = {
    "stp": -810,
    "mac": -800,
    "vlan": -750,
    "ipv4": -700,
    "ipv6": -600,
    "arp": -500,
    "rarp": -400,
}
LONGEST_CHAIN = 12  # characters, prefix included


def chain_prefix(chain: str) -> Optional[str]:
    """Return the protocol whose frames pass through a chain, "root" for that one; None for no name of a chain."""
    if chain == ROOT:
        return ROOT
    return next((prefix for prefix in CHAIN_PRIORITIES if chain.startswith(prefix)), None)

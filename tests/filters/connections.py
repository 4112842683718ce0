# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel's connection tracking says of a packet, as far as filters ask for it.

A connection is kept once a packet of its first direction has been delivered; it is established once a packet has come
back, whether that was delivered or not. Source of the rules: the documentation of nf_conntrack and of iptables'
conntrack match (states NEW, ESTABLISHED, RELATED, INVALID; directions ORIGINAL, REPLY).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Optional

from .packet import ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE, Ip, Packet, _ipv4, _ipv6

Key = tuple[Any, ...]

# ICMP messages that ask, with what answers them
ASKING = {(4, 8): 0, (4, 13): 14, (4, 15): 16, (4, 17): 18, (6, 128): 129}
ERRORS = {4: (3, 4, 11, 12), 6: (1, 2, 3, 4)}
NEIGHBOURS = range(133, 138)  # never tracked: router and neighbour discovery
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
# What the flags of TCP can be together, whatever PSH is.
CLEAN = {SYN, SYN | URG, SYN | ACK, RST, RST | ACK, FIN | ACK, FIN | ACK | URG, ACK, ACK | URG}


class Tracked(NamedTuple):
    """The state of a packet, and whether it goes the other way than the first of its connection."""

    state: str
    reply: bool = False


@dataclass
class Connection:
    """A connection by its first packet."""

    key: Key
    replied: bool = False


@dataclass
class Connections:
    """The connections of a host, in the order in which they came."""

    known: dict[Key, Connection] = field(default_factory=dict)

    def see(self, packet: Packet) -> Tracked:
        """Say what a packet is that comes now."""
        ip = packet.ip
        if ip is None or packet.tags or _untracked(ip):
            return Tracked("UNTRACKED")
        if ip.protocol == (ICMP if ip.family == 4 else ICMPV6) and ip.type in ERRORS[ip.family]:
            return self._error(ip)
        key = _key(ip)
        if ip.flags is not None and ip.flags & ~PSH not in CLEAN:
            return Tracked("INVALID")
        if key in self.known:
            return Tracked("ESTABLISHED" if self.known[key].replied else "NEW")
        if _turned(key) in self.known:
            self.known[_turned(key)].replied = True
            return Tracked("ESTABLISHED", reply=True)
        return Tracked("NEW" if _may_begin(ip) else "INVALID")

    def keep(self, packet: Packet, tracked: Tracked) -> None:
        """A packet has been delivered: its connection is kept."""
        if packet.ip and tracked == Tracked("NEW"):
            key = _key(packet.ip)
            self.known.setdefault(key, Connection(key))

    def count(self, packet: Packet) -> int:
        """How many connections of a packet's protocol there are from its source, its own counted."""
        assert packet.ip is not None
        mine = _key(packet.ip)
        here = _turned(mine) if _turned(mine) in self.known else mine
        return len({here} | {key for key in self.known if key[:3] == here[:3]})

    def _error(self, ip: Ip) -> Tracked:
        """An error is related to the connection of the packet that it speaks of."""
        about = _ipv4(ip.body[8:]) if ip.family == 4 else _ipv6(ip.body[8:])
        key = _key(about)
        if key in self.known:
            return Tracked("RELATED", reply=True)
        return Tracked("RELATED") if _turned(key) in self.known else Tracked("INVALID")


def _untracked(ip: Ip) -> bool:
    return ip.family == 6 and ip.protocol == ICMPV6 and ip.type in NEIGHBOURS


def _key(ip: Ip) -> Key:
    """Who speaks to whom: family, protocol, source, target, and what tells connections between them apart."""
    if ip.protocol in (TCP, UDP, SCTP, UDPLITE):
        return (ip.family, ip.protocol, ip.source, ip.target, ip.source_port, ip.target_port)
    if ip.type is not None:
        return (ip.family, ip.protocol, ip.source, ip.target, (ip.type, ip.ident), (_answer(ip), ip.ident))
    return (ip.family, ip.protocol, ip.source, ip.target, None, None)


def _answer(ip: Ip) -> Optional[int]:
    """The type of the message that goes with this one in the other direction."""
    turned = {(family, answer): asked for (family, asked), answer in ASKING.items()}
    return ASKING.get((ip.family, ip.type or 0), turned.get((ip.family, ip.type or 0)))


def _turned(key: Key) -> Key:
    family, protocol, source, target, one, other = key
    return (family, protocol, target, source, other, one)


def _may_begin(ip: Ip) -> bool:
    """Whether a connection can begin with such a packet."""
    if ip.protocol == TCP:
        # one that goes on without our having seen its beginning is taken up at any packet with ACK alone
        return ip.flags is not None and ip.flags & (FIN | SYN | RST | ACK) in (SYN, ACK)
    if ip.type is not None:
        return (ip.family, ip.type) in ASKING
    return True

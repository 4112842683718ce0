# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Frames taken apart byte by byte, as the standards lay them out; nothing of what builds them is used."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Optional

ARP, RARP, IPV4, IPV6, VLAN, PROVIDER_VLAN = 0x0806, 0x8035, 0x0800, 0x86DD, 0x8100, 0x88A8
TCP, UDP, SCTP, UDPLITE, ICMP, ICMPV6 = 6, 17, 132, 136, 1, 58
BRIDGE_GROUP = bytes.fromhex("0180c2000000")
EXTENSIONS = (0, 43, 60)  # hop by hop, routing, destination options: a length in units of eight bytes, less one
FRAGMENT = 44


@dataclass(frozen=True)
class Arp:
    """An ARP or RARP message; the addresses are there when their lengths are those of Ethernet and IPv4."""

    hardware: int
    protocol: int
    opcode: int
    source_mac: int
    source_ip: int
    target_mac: int
    target_ip: int


@dataclass(frozen=True)
class Ip:
    """An IP packet; what its protocol or a later fragment has not is None."""

    family: int
    source: int
    target: int
    dscp: int
    protocol: int
    first: int  # the protocol that the header itself names; extensions of IPv6 may stand before the other
    source_port: Optional[int] = None
    target_port: Optional[int] = None
    flags: Optional[int] = None
    options: tuple[int, ...] = ()
    type: Optional[int] = None
    code: Optional[int] = None
    ident: Optional[int] = None
    body: bytes = b""


@dataclass(frozen=True)
class Bpdu:
    """A message of the spanning tree protocol; ``fields`` only where it is a configuration."""

    type: int
    fields: Optional[dict[str, int]]


@dataclass(frozen=True)
class Packet:
    """A frame. ``kind`` is its type as it is on the wire, ``inner`` that behind its tags (identifier, number)."""

    source: int
    target: int
    kind: int
    tags: tuple[tuple[int, int], ...]
    inner: int
    group: bool
    arp: Optional[Arp] = None
    ip: Optional[Ip] = None
    bpdu: Optional[Bpdu] = None

    @cached_property
    def exchanged(self) -> Packet:
        """The same with what belongs to source and target exchanged."""
        arp, ip = self.arp, self.ip
        if arp:
            arp = replace(
                arp,
                source_mac=arp.target_mac,
                target_mac=arp.source_mac,
                source_ip=arp.target_ip,
                target_ip=arp.source_ip,
            )
        if ip:
            ip = replace(ip, source=ip.target, target=ip.source, source_port=ip.target_port, target_port=ip.source_port)
        return replace(self, source=self.target, target=self.source, arp=arp, ip=ip)


@lru_cache(maxsize=8192)
def decode(frame: bytes) -> Packet:
    """Take a frame apart."""
    kind = int.from_bytes(frame[12:14], "big")
    inner, tags, at = kind, [], 14
    while inner in (VLAN, PROVIDER_VLAN):
        word, following = struct.unpack_from("!HH", frame, at)
        tags.append((inner, word & 0xFFF))
        inner, at = following, at + 4
    body = frame[at:]
    return Packet(
        source=int.from_bytes(frame[6:12], "big"),
        target=int.from_bytes(frame[0:6], "big"),
        kind=kind,
        tags=tuple(tags),
        inner=inner,
        group=frame[:6] == BRIDGE_GROUP,
        arp=_arp(body) if inner in (ARP, RARP) else None,
        ip=_ipv4(body) if inner == IPV4 else _ipv6(body) if inner == IPV6 else None,
        bpdu=_bpdu(body) if inner < 0x600 else None,
    )


def _arp(body: bytes) -> Arp:
    hardware, protocol, _lengths, opcode = struct.unpack_from("!HHHH", body)
    places = ((8, 14), (14, 18), (18, 24), (24, 28))
    source_mac, source_ip, target_mac, target_ip = (int.from_bytes(body[a:b], "big") for a, b in places)
    return Arp(hardware, protocol, opcode, source_mac, source_ip, target_mac, target_ip)


def _bpdu(body: bytes) -> Optional[Bpdu]:
    if body[:6] != bytes.fromhex("424203000000"):
        return None
    if body[6] != 0:
        return Bpdu(body[6], None)
    words = struct.unpack_from("!BH6sIH6sHHHHH", body, 7)
    names = "flags root-priority root-address root-cost sender-priority sender-address port age max-age hello-time"
    values = [int.from_bytes(word, "big") if isinstance(word, bytes) else word for word in words]
    return Bpdu(0, dict(zip([*names.split(), "forward-delay"], values)))


def _ipv4(body: bytes) -> Ip:
    length, later = (body[0] & 15) * 4, int.from_bytes(body[6:8], "big") & 0x1FFF
    total = int.from_bytes(body[2:4], "big")
    base = Ip(4, int.from_bytes(body[12:16], "big"), int.from_bytes(body[16:20], "big"), body[1] >> 2, body[9], body[9])
    return base if later else _upper(base, body[length:total])


def _ipv6(body: bytes) -> Ip:
    following, at = body[6], 40
    later = 0
    while following in EXTENSIONS or following == FRAGMENT:
        if following == FRAGMENT:
            later = int.from_bytes(body[at + 2 : at + 4], "big") >> 3
            following, at = body[at], at + 8
            if later:
                break
        else:
            following, at = body[at], at + 8 * (body[at + 1] + 1)
    traffic_class = int.from_bytes(body[0:2], "big") >> 4 & 0xFF
    source, target = int.from_bytes(body[8:24], "big"), int.from_bytes(body[24:40], "big")
    base = Ip(6, source, target, traffic_class >> 2, following, body[6])
    return base if later else _upper(base, body[at : 40 + int.from_bytes(body[4:6], "big")])


def _upper(base: Ip, body: bytes) -> Ip:
    if base.protocol in (TCP, UDP, SCTP, UDPLITE):
        source, target = struct.unpack_from("!HH", body)
        base = replace(base, source_port=source, target_port=target, body=body)
        return base if base.protocol != TCP else replace(base, flags=body[13] & 0x3F, options=tuple(_options(body)))
    if base.protocol == (ICMP if base.family == 4 else ICMPV6):
        ident = int.from_bytes(body[4:6], "big")
        return replace(base, type=body[0], code=body[1], ident=ident, body=body)
    return replace(base, body=body)


def _options(body: bytes) -> Iterator[int]:
    """The kinds of the options of a TCP packet: 0 ends them, 1 is one byte of padding."""
    at, end = 20, (body[12] >> 4) * 4
    while at < end and body[at]:
        yield body[at]
        at += 1 if body[at] == 1 else max(body[at + 1], 2)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds frames from what should stand in them, each with a mark of its own by which it is known again.

They are laid out by hand: thousands are built in a second. That every field and checksum is in its place is for scapy
to say, in tests/integration/test_filter_frames.py.
"""

from __future__ import annotations

import ipaddress
import itertools
import struct
from typing import Any

Fields = dict[str, Any]

MARK = b"corral-mark:"
_numbers = itertools.count(1)

TYPES = {"arp": 0x0806, "rarp": 0x8035, "ipv4": 0x0800, "ipv6": 0x86DD}

DEFAULTS: Fields = {
    "source": "52:54:00:aa:00:01",
    "target": "52:54:00:bb:00:02",
    "tags": (),  # (identifier of the protocol, number of the VLAN), the outermost first
    "layer": "ipv4",  # arp, rarp, ipv4, ipv6, stp, other
    "type": 0x9000,
    "hardware": 1,
    "about": 0x0800,
    "opcode": 1,
    "arp_source_mac": "52:54:00:aa:00:01",
    "arp_target_mac": "00:00:00:00:00:00",
    "arp_source": "192.0.2.1",
    "arp_target": "192.0.2.2",
    "ip_source": "192.0.2.1",
    "ip_target": "192.0.2.2",
    "dscp": 0,
    "protocol": 17,
    "source_port": 40000,
    "target_port": 50000,
    "flags": 0x02,
    "sequence": 1000,
    "acknowledged": 0,
    "option": None,
    "icmp_type": 8,
    "icmp_code": 0,
    "ident": 1,
    "about_packet": b"",
    "extension": False,
    "fragment": "",  # or first, or later
    "payload": b"",
    "bpdu": 0,
    "stp_flags": 0,
    "root_priority": 0x8000,
    "root_address": "52:54:00:aa:00:01",
    "root_cost": 4,
    "sender_priority": 0x8000,
    "sender_address": "52:54:00:aa:00:01",
    "port": 0x8001,
    "age": 0,
    "max_age": 20 * 256,
    "hello_time": 2 * 256,
    "forward_delay": 15 * 256,
}
ADDRESSES = {"ipv6": {"ip_source": "2001:db8::1", "ip_target": "2001:db8::2", "icmp_type": 128}}
BRIDGE_GROUP = "01:80:c2:00:00:00"


def complete(fields: Fields) -> Fields:
    """What stands in a frame of which only some is given."""
    layer = fields.get("layer", DEFAULTS["layer"])
    return {**DEFAULTS, **ADDRESSES.get(layer, {}), **fields}


def build(**fields: Any) -> bytes:
    """A frame with these fields, a checksum in each place that has one, and a new mark."""
    given = complete(fields)
    mark = MARK + struct.pack("!I", next(_numbers))
    body = BODIES[given["layer"]](given, mark)
    kinds = [tag for tag, _number in given["tags"]] + [TYPES.get(given["layer"], given["type"])]
    if given["layer"] == "stp":
        kinds[-1] = len(body)
    words = b"".join(struct.pack("!HH", number, kind) for (_tag, number), kind in zip(given["tags"], kinds[1:]))
    ether = _mac(given["target"]) + _mac(given["source"]) + struct.pack("!H", kinds[0])
    return (ether + words + body).ljust(60, b"\0")


def mark_of(frame: bytes) -> int:
    """The number by which a frame is known; 0 for one of somebody else."""
    at = frame.find(MARK)
    return struct.unpack_from("!I", frame, at + len(MARK))[0] if at >= 0 else 0


def _mac(text: str) -> bytes:
    return bytes.fromhex("".join(part.zfill(2) for part in text.split(":")))


def _address(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def _arp(given: Fields, mark: bytes) -> bytes:
    head = struct.pack("!HHBBH", given["hardware"], given["about"], 6, 4, given["opcode"])
    ends = (_mac(given[f"arp_{end}_mac"]) + _address(given[f"arp_{end}"]) for end in ("source", "target"))
    return head + b"".join(ends) + mark


def _ipv4(given: Fields, mark: bytes) -> bytes:
    body = _upper(given, mark)  # in a later fragment it only looks like a header
    place = {"": 0, "first": 0x2000, "later": 100}[given["fragment"]]
    first = (0x45, given["dscp"] << 2, 20 + len(body), 1, place, 64, given["protocol"], 0)
    head = struct.pack("!BBHHHBBH", *first) + _address(given["ip_source"]) + _address(given["ip_target"])
    return _summed(head, 10) + body


def _ipv6(given: Fields, mark: bytes) -> bytes:
    following = given["protocol"]
    body = _upper(given, mark)
    if given["fragment"]:
        body, following = struct.pack("!BBHI", following, 0, 1 if given["fragment"] == "first" else 800, 1) + body, 44
    elif given["extension"]:
        body, following = struct.pack("!BBBB4x", following, 0, 1, 4) + body, 60  # padding of six bytes
    head = struct.pack("!IHBB", 6 << 28 | given["dscp"] << 22, len(body), following, 64)
    return head + _address(given["ip_source"]) + _address(given["ip_target"]) + body


def _upper(given: Fields, mark: bytes) -> bytes:
    """What an IP packet carries, with its checksum."""
    body = given["payload"] + mark
    make = CARRIED.get((given["layer"], given["protocol"])) or CARRIED.get(("", given["protocol"]))
    return make(given, body) if make else struct.pack("!II", 1, 1) + body


def _tcp(given: Fields, body: bytes) -> bytes:
    options = b"" if given["option"] is None else bytes((given["option"], 4, 5, 0))
    ports = struct.pack("!HHII", given["source_port"], given["target_port"], given["sequence"], given["acknowledged"])
    return _carried(
        given, ports + struct.pack("!BBHI", 80 + 4 * len(options), given["flags"], 8192, 0) + options + body, 16
    )


def _udp(given: Fields, body: bytes) -> bytes:
    ports = struct.pack("!HHHH", given["source_port"], given["target_port"], 8 + len(body), 0)
    return _carried(given, ports + body, 6)


def _udplite(given: Fields, body: bytes) -> bytes:
    ports = struct.pack("!HHHH", given["source_port"], given["target_port"], 0, 0)  # all of it is covered
    return _carried(given, ports + body, 6)


def _sctp(given: Fields, body: bytes) -> bytes:
    """A connection begins with INIT, and the mark is a parameter in it that a receiver skips."""
    parameter = struct.pack("!HH", 0xC000, 4 + len(body)) + body
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20 + len(parameter), 1, 65535, 1, 1, 1) + parameter
    head = struct.pack("!HHI", given["source_port"], given["target_port"], 0)
    return head + struct.pack("<I", _crc32c(head + b"\0\0\0\0" + chunk)) + chunk


def _icmp(given: Fields, body: bytes) -> bytes:
    head = struct.pack("!BBHHH", given["icmp_type"], given["icmp_code"], 0, given["ident"], 1)
    return _summed(head + given["about_packet"] + body, 2)


def _icmpv6(given: Fields, body: bytes) -> bytes:
    head = struct.pack("!BBHHH", given["icmp_type"], given["icmp_code"], 0, given["ident"], 1)
    return _carried(given, head + given["about_packet"] + body, 2)


def _igmp(_given: Fields, body: bytes) -> bytes:
    return _summed(struct.pack("!BBHI", 0x16, 0, 0, 0xE0000101) + body, 2)


def _ah(_given: Fields, body: bytes) -> bytes:
    return struct.pack("!BBHII", 253, 4, 0, 1, 1) + b"\0" * 12 + body


CARRIED = {
    ("", 6): _tcp,
    ("", 17): _udp,
    ("", 132): _sctp,
    ("", 136): _udplite,
    ("ipv4", 1): _icmp,
    ("ipv6", 58): _icmpv6,
    ("", 2): _igmp,
    ("", 51): _ah,
}


def _carried(given: Fields, message: bytes, place: int) -> bytes:
    """A message with its checksum, into which the addresses of the packet go."""
    ends = _address(given["ip_source"]) + _address(given["ip_target"])
    pseudo = ends + struct.pack("!II", len(message), given["protocol"])
    return _summed(pseudo + message, len(pseudo) + place)[len(pseudo) :]


CRC32C = []
for _index in range(256):
    _value = _index
    for _bit in range(8):
        _value = _value >> 1 ^ (0x82F63B78 if _value & 1 else 0)
    CRC32C.append(_value)


def _crc32c(message: bytes) -> int:
    total = 0xFFFFFFFF
    for byte in message:
        total = total >> 8 ^ CRC32C[(total ^ byte) & 0xFF]
    return total ^ 0xFFFFFFFF


def _summed(message: bytes, place: int) -> bytes:
    """A message with the Internet's checksum in its place."""
    padded = message + b"\0" * (len(message) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return message[:place] + struct.pack("!H", ~total & 0xFFFF) + message[place + 2 :]


def _stp(given: Fields, mark: bytes) -> bytes:
    head = bytes.fromhex("424203") + struct.pack("!HBB", 0, 0, given["bpdu"])
    if given["bpdu"] != 0:
        return head + mark
    return (
        head
        + struct.pack("!BH", given["stp_flags"], given["root_priority"])
        + _mac(given["root_address"])
        + struct.pack("!IH", given["root_cost"], given["sender_priority"])
        + _mac(given["sender_address"])
        + struct.pack("!5H", *(given[key] for key in ("port", "age", "max_age", "hello_time", "forward_delay")))
        + mark
    )


def _other(given: Fields, mark: bytes) -> bytes:
    return bytes(given["payload"]) + mark


BODIES = {"arp": _arp, "rarp": _arp, "ipv4": _ipv4, "ipv6": _ipv6, "stp": _stp, "other": _other}

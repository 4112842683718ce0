# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The frames of the packet tests are what they should be: scapy, which shares nothing with us, reads them as we do."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.ipsec import AH
from scapy.layers.l2 import ARP, STP, Dot1AD, Dot1Q, Ether
from scapy.layers.sctp import SCTP, SCTPChunkInit
from scapy.packet import Packet

from ansible_collections.corral.virt.tests.filters.build import BRIDGE_GROUP, build

FRAMES: dict[str, tuple[dict[str, Any], Any, dict[str, Any]]] = {
    "udp": ({"dscp": 5}, UDP, {"sport": 40000, "dport": 50000}),
    "ip": ({"dscp": 5, "ip_source": "10.0.0.1"}, IP, {"tos": 20, "src": "10.0.0.1", "dst": "192.0.2.2", "proto": 17}),
    "tcp": ({"protocol": 6, "flags": 0x12, "option": 2}, TCP, {"flags": "SA", "options": [("MSS", 1280)]}),
    "sctp": ({"protocol": 132}, SCTP, {"sport": 40000, "dport": 50000}),
    "sctp-init": ({"protocol": 132}, SCTPChunkInit, {"type": 1}),
    "icmp": ({"protocol": 1, "icmp_type": 3, "icmp_code": 4}, ICMP, {"type": 3, "code": 4}),
    "igmp": ({"protocol": 2}, IP, {"proto": 2}),
    "ah": ({"protocol": 51}, AH, {"spi": 1}),
    "tcp-ipv6": ({"layer": "ipv6", "protocol": 6, "dscp": 33}, IPv6, {"tc": 132, "nh": 6, "src": "2001:db8::1"}),
    "udp-extension": ({"layer": "ipv6", "extension": True}, UDP, {"dport": 50000}),
    "icmpv6": ({"layer": "ipv6", "protocol": 58}, ICMPv6EchoRequest, {"id": 1}),
    "arp": ({"layer": "arp", "opcode": 2}, ARP, {"op": 2, "psrc": "192.0.2.1", "hwsrc": "52:54:00:aa:00:01"}),
    "rarp": ({"layer": "rarp", "opcode": 3}, Ether, {"type": 0x8035}),
    "stp": (
        {"layer": "stp", "target": BRIDGE_GROUP, "root_cost": 77, "port": 0x8005, "max_age": 5120, "age": 256},
        STP,
        {"pathcost": 77, "portid": 0x8005, "maxage": 20, "age": 1, "rootid": 0x8000, "bridgemac": "52:54:00:aa:00:01"},
    ),
    "vlan": ({"tags": ((0x8100, 42),)}, Dot1Q, {"vlan": 42, "type": 0x0800}),
    "two-tags": ({"tags": ((0x88A8, 1), (0x8100, 42))}, Dot1AD, {"vlan": 1, "type": 0x8100}),
}
SUMS = ("chksum", "cksum")


@pytest.mark.parametrize("case", FRAMES)
def test_a_frame_is_read_as_it_was_meant_and_its_checksums_are_right(case: str) -> None:
    fields, layer, wanted = FRAMES[case]
    frame = build(**fields)
    read = Ether(frame)
    found = read[layer]
    assert {key: getattr(found, key) for key in wanted} == wanted
    assert bytes(_without_sums(Ether(frame)))[: len(frame)] == frame


def _without_sums(packet: Packet) -> Packet:
    """The same frame with its checksums left to scapy."""
    layer = packet
    while layer:
        for name in SUMS:
            if name in layer.fields:
                layer.delfieldval(name)
        layer = layer.payload
    return packet

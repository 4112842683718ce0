# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits of traffic: what tc is told for an interface, for a whole network, and for guests with a floor."""

from __future__ import annotations

from typing import Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.links.bandwidth import (
    FIRST_FLOOR,
    LAST_FLOOR,
    Bandwidth,
    Floor,
    Rate,
    bandwidth_of,
    class_rates,
    clear_lines,
    floor_lines,
    is_limited,
    limit_lines,
    network_lines,
    unfloor_lines,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import UnsupportedConfig
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

BOTH = """<bandwidth><inbound average='1000' peak='5000' burst='5120'/>
          <outbound average='128' peak='256' burst='256'/></bandwidth>"""
POLICE = (
    "qdisc add dev {0} ingress",
    "filter add dev {0} parent ffff: protocol all u32 match u32 0 0"
    " police rate {1}kbps burst {2}kb mtu 64kb drop flowid :1",
)
FLOORS = (Floor(3, "52:54:00:00:00:03", 100), Floor(4, "52:54:00:00:00:04", 200))


def police(name: str, rate: int, burst: int) -> list[str]:
    """What drops packets above a rate."""
    return [each.format(name, rate, burst) for each in POLICE]


def given(text: str) -> Bandwidth:
    """The limits of a document."""
    found = bandwidth_of(parse(text))
    assert found
    return found


def test_what_a_document_says() -> None:
    assert given(BOTH) == Bandwidth(Rate(1000, 5000, 5120), Rate(128, 256, 256))
    assert given("<bandwidth><inbound floor='200'/></bandwidth>") == Bandwidth(Rate(floor=200))


@pytest.mark.parametrize("text", [None, "<bandwidth/>"])
def test_no_limits(text: Optional[str]) -> None:
    assert bandwidth_of(None if text is None else parse(text)) is None


def test_what_goes_to_a_guest_leaves_its_tap() -> None:
    assert list(limit_lines("vnet0", given(BOTH)).tc) == [
        "qdisc add dev vnet0 root handle 1: htb default 1",
        "class add dev vnet0 parent 1: classid 1:1 htb rate 1000kbps ceil 5000kbps burst 5120kb quantum 85",
        *police("vnet0", 128, 256),
    ]


def test_a_macvtap_device_is_on_the_guests_side() -> None:
    assert list(limit_lines("macvtap0", given(BOTH), guest_side=True).tc) == [
        "qdisc add dev macvtap0 root handle 1: htb default 1",
        "class add dev macvtap0 parent 1: classid 1:1 htb rate 128kbps ceil 256kbps burst 256kb quantum 10",
        *police("macvtap0", 1000, 5120),
    ]


def test_a_rate_alone() -> None:
    limits = Bandwidth(Rate(1), Rate(10**10))
    assert list(limit_lines("vnet0", limits).tc) == [
        "qdisc add dev vnet0 root handle 1: htb default 1",
        "class add dev vnet0 parent 1: classid 1:1 htb rate 1kbps ceil 1kbps quantum 1",
        *police("vnet0", 10**10, 2**22 - 1),
    ]


def test_one_direction_and_none() -> None:
    assert list(limit_lines("vnet0", Bandwidth(None, Rate(128, burst=64))).tc) == police("vnet0", 128, 64)
    assert not limit_lines("vnet0", given("<bandwidth><inbound floor='200'/></bandwidth>"))


def test_a_whole_network() -> None:
    assert list(network_lines("virbr0", given(BOTH)).tc) == [
        "qdisc add dev virbr0 root handle 1: htb default 2",
        "class add dev virbr0 parent 1: classid 1:1 htb rate 1000kbps ceil 5000kbps quantum 85",
        "class add dev virbr0 parent 1:1 classid 1:2 htb rate 1000kbps ceil 5000kbps burst 5120kb quantum 85",
        *police("virbr0", 128, 256),
    ]


def test_floors_take_from_what_the_others_have() -> None:
    lines = floor_lines("virbr0", given(BOTH), FLOORS[1:], FLOORS[:1]).tc
    assert lines == (
        "class add dev virbr0 parent 1:1 classid 1:4 htb rate 200kbps ceil 5000kbps quantum 17",
        "filter add dev virbr0 parent 1: protocol all prio 2 handle 800::804 u32"
        " match u16 0x5254 0xffff at -14 match u32 0x00000004 0xffffffff at -12 flowid 1:4",
        "class change dev virbr0 classid 1:2 htb rate 700kbps ceil 5000kbps burst 5120kb quantum 59",
    )
    assert network_lines("virbr0", given(BOTH), FLOORS).tc[-1] == lines[-1]
    assert unfloor_lines("virbr0", given(BOTH), FLOORS[1:], FLOORS[:1]).tc == (
        "filter del dev virbr0 parent 1: protocol all prio 2 handle 800::804 u32",
        "class del dev virbr0 classid 1:4",
        "class change dev virbr0 classid 1:2 htb rate 900kbps ceil 5000kbps burst 5120kb quantum 76",
    )


def test_what_cannot_be_guaranteed() -> None:
    with pytest.raises(UnsupportedConfig, match="no inbound average"):
        floor_lines("virbr0", Bandwidth(None, Rate(5)), FLOORS, ())
    with pytest.raises(UnsupportedConfig, match="cannot guarantee 1100 kB/s: it has 1000 kB/s"):
        floor_lines("virbr0", given(BOTH), [Floor(5, FLOORS[0].mac, 800)], FLOORS)
    for number in (FIRST_FLOOR - 1, LAST_FLOOR + 1):
        with pytest.raises(UnsupportedConfig, match="no more classes"):
            floor_lines("virbr0", given(BOTH), [Floor(number, FLOORS[0].mac, 1)], ())


def test_clearing() -> None:
    assert clear_lines("vnet0").tc == ("qdisc del dev vnet0 root", "qdisc del dev vnet0 ingress")


# As tc of iproute2 6.1 says it.
CLASSES = b"""class htb 1:1 root rate 8Mbit ceil 40Mbit burst 1600b cburst 1600b
class htb 1:2 parent 1:1 prio 0 rate 98760Kbit ceil 1Gbit burst 5Mb cburst 1600b
class htb 1:3 parent 1:1 prio 0 rate 1600bit ceil 12346Kbit burst 1600b cburst 1600b
"""


def test_what_tc_says_of_limits() -> None:
    host = FakeHost()
    host.add_program("tc", Completed(("tc",), 0, CLASSES, b""))
    assert class_rates(host, "virbr0") == {"1:1": (1000, 5000), "1:2": (12345, 125000), "1:3": (0, 1543)}
    assert is_limited(host, "virbr0", Rate(1000, 5000))
    assert not is_limited(host, "virbr0", Rate(1000))
    assert not is_limited(host, "virbr0", Rate(1002, 5000))
    host.add_program("tc", Completed(("tc",), 1, b"", b"Cannot find device"))
    assert class_rates(host, "virbr0") == {}
    assert not is_limited(host, "virbr0", Rate(1000))

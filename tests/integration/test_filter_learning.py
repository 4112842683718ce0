# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses that nobody has given are learnt by the kernel: from the first packet, or from what DHCP servers say.

Source of the rules: libvirt's formatnwfilter, "Automatic IP address detection".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.corral.virt.tests.filters.apply import MAC, Host, guarded
from ansible_collections.corral.virt.tests.filters.build import build, mark_of
from ansible_collections.corral.virt.tests.filters.oracle import IN, OUT

pytestmark = pytest.mark.root

OTHER, EVERYBODY = "52:54:00:bb:00:02", "ff:ff:ff:ff:ff:ff"
SERVER, ROGUE = "10.0.0.1", "10.0.0.66"
OFFER, ACK, NAK = 2, 5, 6


@pytest.fixture(scope="module")
def whole() -> Iterator[Host]:
    with guarded() as made:
        yield made


@pytest.fixture
def host(whole: Host) -> Iterator[Host]:
    """Nothing is known of the guest when a test begins."""
    yield whole
    whole.driver.release()


def passes(host: Host, way: str, **fields: Any) -> bool:
    frame = build(**fields)
    heard = host.wire.send(way, [frame], 0, quiet=0.02)
    return mark_of(frame) in {mark_of(each) for each in heard.beyond}


def sends(host: Host, address: str, **fields: Any) -> bool:
    return passes(host, OUT, **{"source": MAC, "target": OTHER, "ip_source": address, **fields})


def says(host: Host, address: str, **fields: Any) -> bool:
    """Whether an ARP message of the guest passes."""
    here = {"arp_source_mac": MAC, "arp_source": address}
    return passes(host, OUT, **{"layer": "arp", "source": MAC, "target": EVERYBODY, **here, **fields})


def asks(host: Host) -> bool:
    nowhere = {"source_port": 68, "target_port": 67, "target": EVERYBODY, "ip_target": "255.255.255.255"}
    return sends(host, "0.0.0.0", **nowhere)


def answered(host: Host, given: str, kind: int = ACK, server: str = SERVER, mac: str = MAC, **fields: Any) -> bool:
    """Whether an answer of a DHCP server comes through."""
    address = ipaddress.ip_address(given).packed
    head = bytes((2, 1, 6, 0)) + bytes(12) + address + bytes(8) + bytes.fromhex(mac.replace(":", "")).ljust(16, b"\0")
    message = head + bytes(192) + bytes((0x63, 0x82, 0x53, 0x63, 53, 1, kind, 255))
    ports = {"source_port": 67, "target_port": 68, "source": OTHER, "target": MAC}
    return passes(host, IN, **{**ports, "ip_source": server, "ip_target": given, "payload": message, **fields})


def test_the_first_packet_says_whose_it_is(host: Host) -> None:
    host.driver.put({}, "clean-traffic", {})
    assert asks(host)
    assert not says(host, "0.0.0.0")
    assert sends(host, "10.0.0.7")
    assert sends(host, "10.0.0.7", protocol=6)
    assert says(host, "10.0.0.7")
    for source in ("10.0.0.8", "0.0.0.0", "10.0.0.6"):
        assert not sends(host, source, protocol=6)
        assert not says(host, source)
    assert asks(host)


def test_the_first_arp_message_says_it_too(host: Host) -> None:
    host.driver.put({}, "clean-traffic", {"CTRL_IP_LEARNING": ["any"]})
    assert says(host, "10.0.0.9")
    assert sends(host, "10.0.0.9")
    assert not sends(host, "10.0.0.8")
    assert not says(host, "10.0.0.8")


@pytest.mark.parametrize("source", ["255.255.255.255", "224.0.0.5", "0.0.0.0"])
def test_what_is_nobodys_address_is_not_learnt(source: str, host: Host) -> None:
    host.driver.put({}, "clean-traffic", {})
    sends(host, source, protocol=6)
    says(host, source)
    assert sends(host, "10.0.0.7")
    assert not sends(host, "10.0.0.8")


def test_nothing_is_learnt_from_spoofed_frames(host: Host) -> None:
    host.driver.put({}, "clean-traffic", {})
    assert not sends(host, "10.0.0.8", source=OTHER)
    assert not sends(host, "10.0.0.8", tags=((0x8100, 5),))
    assert not says(host, "10.0.0.8", arp_source_mac=OTHER)
    assert sends(host, "10.0.0.7")
    assert not sends(host, "10.0.0.8")


def test_what_was_learnt_outlives_another_guarding(host: Host) -> None:
    host.driver.put({}, "clean-traffic", {})
    assert sends(host, "10.0.0.7")
    host.driver.put({}, "clean-traffic", {})
    assert not sends(host, "10.0.0.8")
    assert sends(host, "10.0.0.7")
    host.driver.release()
    host.driver.put({}, "clean-traffic", {})
    assert sends(host, "10.0.0.8")


def test_a_server_says_whose_an_address_is(host: Host) -> None:
    host.driver.put({}, "clean-traffic", {"CTRL_IP_LEARNING": ["dhcp"]})
    assert asks(host)
    assert not sends(host, "10.0.0.7")
    assert not says(host, "10.0.0.7")
    assert answered(host, "10.0.0.7")
    assert sends(host, "10.0.0.7")
    assert says(host, "10.0.0.7")
    assert not sends(host, "10.0.0.8")
    assert not says(host, "10.0.0.8")
    assert answered(host, "10.0.0.8")
    assert sends(host, "10.0.0.8")
    assert sends(host, "10.0.0.7")


@pytest.mark.parametrize(
    "answer",
    [
        {"kind": OFFER},
        {"kind": NAK},
        {"mac": OTHER},
        {"source_port": 6767},
        {"target_port": 6868},
        {"protocol": 6},
        {"tags": ((0x8100, 5),)},
    ],
    ids=str,
)
def test_only_acknowledgements_for_the_guest_count(answer: dict[str, Any], host: Host) -> None:
    host.driver.put({}, "clean-traffic", {"CTRL_IP_LEARNING": ["dhcp"]})
    answered(host, "10.0.0.7", **answer)
    assert not sends(host, "10.0.0.7")


def test_only_the_named_server_is_believed(host: Host) -> None:
    variables = {"CTRL_IP_LEARNING": ["dhcp"], "DHCPSERVER": [SERVER]}
    host.driver.put({}, "clean-traffic", variables)
    answered(host, "10.0.0.7", server=ROGUE)
    assert not sends(host, "10.0.0.7")
    assert answered(host, "10.0.0.7")
    assert sends(host, "10.0.0.7")


def test_the_guest_cannot_acknowledge_itself(host: Host) -> None:
    host.driver.put({}, "clean-traffic", {"CTRL_IP_LEARNING": ["dhcp"]})
    message = {"source_port": 67, "target_port": 68}
    assert not sends(host, "10.0.0.7", **message)
    sends(host, "0.0.0.0", **message)
    assert not sends(host, "10.0.0.7")


def test_an_address_that_is_given_is_not_learnt_over(host: Host) -> None:
    host.driver.put({}, "clean-traffic", {"IP": ["10.0.0.7"], "CTRL_IP_LEARNING": ["dhcp"]})
    answered(host, "10.0.0.8")
    assert sends(host, "10.0.0.7")
    assert not sends(host, "10.0.0.8")

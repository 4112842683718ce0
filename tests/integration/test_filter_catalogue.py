# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the built-in filters keep from a guest and from others, frame by frame, and what they do not.

Whether a frame may pass is written down by hand here, from libvirt's formatnwfilter ("Pre-existing network filters").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.corral.virt.tests.filters.apply import MAC, OTHER, Host, guarded
from ansible_collections.corral.virt.tests.filters.build import build, mark_of
from ansible_collections.corral.virt.tests.filters.cases import WRAPPER, closed
from ansible_collections.corral.virt.tests.filters.document import rules
from ansible_collections.corral.virt.tests.filters.frames import frames_for
from ansible_collections.corral.virt.tests.filters.judge import differences
from ansible_collections.corral.virt.tests.filters.oracle import IN, OUT, Interface
from ansible_collections.corral.virt.tests.filters.proof import shown

pytestmark = pytest.mark.root

GATEWAY, EVERYBODY = "52:54:00:cc:00:03", "ff:ff:ff:ff:ff:ff"
IP, FOREIGN, SERVER = "10.0.0.7", "10.0.0.8", "10.0.0.1"
IP6, FOREIGN6, SERVER6 = "2001:db8::7", "2001:db8::8", "2001:db8::1"
GUEST = {"IP": [IP], "IPV6": [IP6], "GATEWAY_MAC": [GATEWAY]}

Entry = tuple[str, str, dict[str, Any], bool]


def ip(**fields: Any) -> dict[str, Any]:
    return {"source": MAC, "target": OTHER, "ip_source": IP, "ip_target": FOREIGN, **fields}


def back(**fields: Any) -> dict[str, Any]:
    return {"source": OTHER, "target": MAC, "ip_source": FOREIGN, "ip_target": IP, **fields}


def ip6(**fields: Any) -> dict[str, Any]:
    return {"layer": "ipv6", **ip(ip_source=IP6, ip_target=FOREIGN6), **fields}


def back6(**fields: Any) -> dict[str, Any]:
    return {"layer": "ipv6", **back(ip_source=FOREIGN6, ip_target=IP6), **fields}


def arp(**fields: Any) -> dict[str, Any]:
    here = {"arp_source_mac": MAC, "arp_source": IP, "arp_target": FOREIGN}
    return {"layer": "arp", "source": MAC, "target": EVERYBODY, **here, **fields}


def rarp(**fields: Any) -> dict[str, Any]:
    nowhere = {"arp_source": "0.0.0.0", "arp_target": "0.0.0.0"}
    here = {"arp_source_mac": MAC, "arp_target_mac": MAC, **nowhere}
    return {"layer": "rarp", "source": MAC, "target": EVERYBODY, "opcode": 3, **here, **fields}


def neighbour(**fields: Any) -> dict[str, Any]:
    """A neighbour advertisement."""
    return ip6(protocol=58, icmp_type=136, **fields)


def asks_dhcp(**fields: Any) -> dict[str, Any]:
    everywhere = {"ip_source": "0.0.0.0", "ip_target": "255.255.255.255", "target": EVERYBODY}
    return ip(**{**everywhere, "source_port": 68, "target_port": 67, **fields})


def answers_dhcp(**fields: Any) -> dict[str, Any]:
    return back(source_port=67, target_port=68, **fields)


def asks_dhcpv6(**fields: Any) -> dict[str, Any]:
    ports = {"source_port": 546, "target_port": 547}
    return ip6(**{"ip_source": "fe80::7", "ip_target": "ff02::1:2", **ports, **fields})


VLAN, PROVIDER = (0x8100, 5), (0x88A8, 5)
TAGS = {"tagged": (VLAN,), "double-tagged": (VLAN, (0x8100, 6)), "provider-tagged": (PROVIDER, VLAN)}
SPOOFED: tuple[Entry, ...] = (
    ("own address", OUT, ip(), True),
    ("own address, TCP", OUT, ip(protocol=6), True),
    ("foreign MAC", OUT, ip(source=OTHER), False),
    ("foreign IP", OUT, ip(ip_source=FOREIGN), False),
    ("asks for an address", OUT, asks_dhcp(), True),
    ("no address, TCP", OUT, asks_dhcp(protocol=6), False),
    ("asks for an address with a foreign MAC", OUT, asks_dhcp(source=OTHER), False),
    ("a later fragment from a foreign IP", OUT, ip(ip_source=FOREIGN, fragment="later"), False),
    ("ARP request", OUT, arp(), True),
    ("ARP reply", OUT, arp(opcode=2, target=OTHER, arp_target_mac=OTHER), True),
    ("ARP from a foreign MAC", OUT, arp(source=OTHER), False),
    ("ARP about a foreign MAC", OUT, arp(arp_source_mac=OTHER), False),
    ("ARP about a foreign IP", OUT, arp(opcode=2, arp_source=FOREIGN), False),
    ("ARP about the gateway to all", OUT, arp(opcode=2, arp_source=SERVER, arp_target=SERVER), False),
    *((f"own address, {name}", OUT, ip(tags=tags), False) for name, tags in TAGS.items()),
    *((f"foreign IP, {name}", OUT, ip(ip_source=FOREIGN, tags=tags), False) for name, tags in TAGS.items()),
    *((f"ARP, {name}", OUT, arp(tags=tags), False) for name, tags in TAGS.items()),
    *((f"foreign ARP, {name}", OUT, arp(arp_source=SERVER, tags=tags), False) for name, tags in TAGS.items()),
    *((f"to the guest, {name}", IN, back(tags=tags), False) for name, tags in TAGS.items()),
    ("own IPv6", OUT, ip6(), False),
    ("neighbour advertisement", OUT, neighbour(), False),
    ("neighbour advertisement to the guest", IN, neighbour(source=OTHER, target=MAC), False),
    ("BPDU", OUT, {"layer": "stp", "source": MAC, "target": "01:80:c2:00:00:00"}, False),
    ("BPDU to the guest", IN, {"layer": "stp", "source": OTHER, "target": "01:80:c2:00:00:00"}, False),
    ("another protocol", OUT, {"layer": "other", "source": MAC}, False),
    ("ARP to the guest", IN, arp(source=OTHER, arp_source_mac=OTHER, arp_source=FOREIGN, arp_target=IP), True),
)
ANNOUNCES: tuple[Entry, ...] = (
    ("announces itself", OUT, rarp(), True),
    ("announces itself as QEMU once did", OUT, {"layer": "other", "type": 0x0835, "source": MAC}, True),
    ("announces another", OUT, rarp(arp_source_mac=OTHER), False),
    ("announces with a foreign MAC", OUT, rarp(source=OTHER), False),
    ("RARP reply", OUT, rarp(opcode=4), False),
    ("RARP with an address", OUT, rarp(arp_source=IP), False),
    ("is announced", IN, rarp(source=OTHER), True),
    ("another is announced", IN, rarp(source=OTHER, arp_source_mac=OTHER), False),
)
CATALOGUE: dict[str, tuple[Entry, ...]] = {
    "clean-traffic": (
        *SPOOFED,
        *ANNOUNCES,
        ("IP to the guest", IN, back(), True),
        ("IP to another", IN, back(ip_target="10.0.0.99"), True),
        ("IPv6 to the guest", IN, back6(), False),
    ),
    "clean-traffic-gateway": (
        *(entry for entry in SPOOFED if entry[2].get("target") != OTHER and "asks" not in entry[0]),
        *ANNOUNCES[:2],
        ("to the gateway", OUT, ip(target=GATEWAY), True),
        ("to another", OUT, ip(), False),
        ("foreign IP to the gateway", OUT, ip(target=GATEWAY, ip_source=FOREIGN), False),
        ("from the gateway", IN, back(source=GATEWAY), True),
        ("from another", IN, back(), False),
    ),
    "servers": (
        ("asks for an address", OUT, asks_dhcp(), True),
        ("asks one server", OUT, asks_dhcp(ip_target=SERVER), False),
        ("the server answers", IN, answers_dhcp(ip_source=SERVER), True),
        ("another server answers", IN, answers_dhcp(), False),
        ("another server answers all", IN, answers_dhcp(target=EVERYBODY), False),
        ("the server speaks of something else", IN, back(ip_source=SERVER), False),
        ("the guest plays server", OUT, ip(source_port=67, target_port=68), False),
        ("ARP", OUT, arp(), True),
        ("ARP, tagged", OUT, arp(tags=(VLAN,)), False),
    ),
    "any-server": (
        ("asks for an address", OUT, asks_dhcp(), True),
        ("a server answers", IN, answers_dhcp(), True),
        ("a server answers over TCP", IN, answers_dhcp(protocol=6), False),
        ("asks for an IPv6 address", OUT, asks_dhcpv6(), True),
        ("asks from a global address", OUT, asks_dhcpv6(ip_source=IP6), False),
        ("the server answers over IPv6", IN, back6(source_port=547, target_port=546, ip_source=SERVER6), True),
        ("another one answers over IPv6", IN, back6(source_port=547, target_port=546), False),
    ),
    "no-multicast": (
        ("IP", OUT, ip(), True),
        ("to a group", OUT, ip(ip_target="224.0.0.1"), False),
        ("to the last group", OUT, ip(ip_target="239.255.255.255"), False),
        ("behind the groups", OUT, ip(ip_target="240.0.0.1"), True),
        ("from a group", IN, back(ip_target="224.0.0.1"), True),
        ("to an IPv6 group", OUT, ip6(ip_target="ff02::1"), False),
        ("IPv6", OUT, ip6(), True),
        ("foreign IPv6", OUT, ip6(ip_source=FOREIGN6), False),
        ("link-local UDP", OUT, ip6(ip_source="fe80::1"), True),
        ("link-local TCP", OUT, ip6(ip_source="fe80::1", protocol=6), False),
        ("neighbour advertisement from a foreign address", OUT, neighbour(ip_source=FOREIGN6), False),
        ("to everybody", OUT, ip(target=EVERYBODY), False),
        ("from somebody to everybody", IN, back(target=EVERYBODY), True),
    ),
}
OURS = {
    "servers": "<filter name='servers'><filterref filter='allow-dhcp-server'>"
    f"<parameter name='DHCPSERVER' value='{SERVER}'/></filterref>"
    "<filterref filter='allow-arp'/><filterref filter='no-other-l2-traffic'/></filter>",
    "any-server": "<filter name='any-server'><filterref filter='allow-dhcp'/><filterref filter='allow-dhcpv6-server'>"
    f"<parameter name='DHCPSERVER' value='{SERVER6}'/></filterref><filterref filter='no-other-l2-traffic'/></filter>",
    "no-multicast": "<filter name='no-multicast'><filterref filter='no-ip-multicast'/>"
    "<filterref filter='no-ipv6-multicast'/><filterref filter='no-ipv6-spoofing'/>"
    "<filterref filter='no-mac-broadcast'/></filter>",
}


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with guarded() as made:
        yield made


@pytest.mark.parametrize("name", CATALOGUE)
def test_what_may_not_pass_never_arrives_and_what_may_does(name: str, host: Host) -> None:
    ours = {name: OURS[name]} if name in OURS else {}
    host.driver.guard(ours, name, GUEST)
    wrong = []
    for way in (OUT, IN):
        entries = [
            (what, build(**fields), passes) for what, towards, fields, passes in CATALOGUE[name] if towards == way
        ]
        heard = host.wire.send(way, [frame for _what, frame, _passes in entries], sum(entry[2] for entry in entries))
        came = {mark_of(frame) for frame in heard.beyond}
        wrong += [f"{way}: {what}" for what, frame, passes in entries if (mark_of(frame) in came) != passes]
    assert not wrong


def test_each_built_in_filter_does_what_its_document_says(host: Host) -> None:
    builtin = host.driver.builtin
    for name in builtin:
        variables = {**GUEST, "DHCPSERVER": [SERVER6 if "v6" in name else SERVER]}
        frames = frames_for(rules(builtin, name, {"MAC": [MAC], **variables}))
        wrapper = closed({name: builtin[name]}, name)[WRAPPER]
        found = differences(host.wire, host.driver.guard({WRAPPER: wrapper}, WRAPPER, variables), frames)
        assert not found, f"{name}: {shown(found)}"


def test_between_two_guests_what_both_filters_let_pass_arrives(host: Host) -> None:
    builtin = host.driver.builtin
    guests = ((MAC, {"IP": [IP]}), (OTHER, {"IP": [FOREIGN]}))
    host.driver.guard_both("clean-traffic", *(variables for _mac, variables in guests))
    one, other = (Interface(builtin, "clean-traffic", mac, variables) for mac, variables in guests)
    frames = [build(**fields) for _what, _way, fields, _passes in CATALOGUE["clean-traffic"]]
    for way, sender, receiver in ((OUT, one, other), (IN, other, one)):
        wanted = {mark_of(f) for f in frames if sender.delivers(OUT, f) and receiver.delivers(IN, f)}
        heard = host.wire.send(way, frames, len(wanted))
        assert wanted and {mark_of(frame) for frame in heard.beyond} == wanted


def test_what_is_released_is_open_and_leaves_nothing(host: Host) -> None:
    host.driver.put({}, "clean-traffic", GUEST)
    spoofed = build(**ip(source=OTHER))
    assert not host.wire.send(OUT, [spoofed]).beyond
    host.driver.release()
    assert host.wire.send(OUT, [spoofed], 1).beyond
    assert host.space.run("nft", "list", "ruleset") == ""

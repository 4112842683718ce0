# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the host says of its network: read from iproute2's own words, which are kept here as they came."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.surroundings import (
    LINKS_ARGV,
    HostAddress,
    HostRoute,
    Link,
    Surroundings,
    look,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import HostError, MissingProgram
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost

BRIDGE = {
    "ifindex": 2,
    "ifname": "virbr0",
    "flags": ["NO-CARRIER", "BROADCAST", "MULTICAST", "UP"],
    "mtu": 1400,
    "address": "52:54:00:00:00:01",
    "linkinfo": {
        "info_kind": "bridge",
        "info_data": {"forward_delay": 200, "stp_state": 1, "vlan_filtering": 0},
    },
    "addr_info": [
        {"family": "inet", "local": "192.168.122.1", "prefixlen": 24, "scope": "global", "label": "virbr0"},
        {"family": "inet6", "local": "fd00:1::1", "prefixlen": 64, "scope": "global"},
        {"family": "inet6", "local": "fe80::5054:ff:fe00:1", "prefixlen": 64, "scope": "link"},
    ],
}
TAP = {
    "ifindex": 3,
    "ifname": "vnet0",
    "flags": ["BROADCAST", "MULTICAST"],
    "mtu": 1500,
    "master": "virbr0",
    "address": "fe:54:00:00:00:02",
    "linkinfo": {"info_kind": "tun", "info_data": {"type": "tap"}, "info_slave_kind": "bridge"},
    "addr_info": [],
}
MACVTAP = {
    "ifindex": 5,
    "ifname": "macvtap0",
    "link": "eth0",
    "flags": ["UP"],
    "mtu": 1500,
    "linkinfo": {"info_kind": "macvtap", "info_data": {"mode": "bridge"}},
}
ROUTES = [
    {"dst": "default", "gateway": "192.0.2.1", "dev": "eth0", "flags": []},
    {"dst": "default", "via": {"family": "inet6", "host": "fe80::1"}, "dev": "eth1", "metric": 5, "flags": []},
    {"dst": "192.0.2.0/24", "dev": "eth0", "protocol": "kernel", "scope": "link", "prefsrc": "192.0.2.2"},
    {"dst": "10.9.9.9", "dev": "eth0", "table": "42", "flags": []},
    {"type": "blackhole", "dst": "10.9.0.0/16", "flags": []},
    {"dst": "10.3.0.0/16", "nexthops": [{"gateway": "10.1.0.3", "dev": "a"}, {"gateway": "10.1.0.4", "dev": "b"}]},
    {"type": "local", "dst": "192.0.2.2", "dev": "eth0", "table": "local"},
    {"type": "broadcast", "dst": "192.0.2.255", "dev": "eth0", "table": "local"},
    {"dst": "fd00::/64", "dev": "eth0", "metric": 256, "pref": "medium"},
    {"dst": "fe80::/64", "dev": "eth0", "metric": 256, "pref": "medium"},
    {"dst": "default", "gateway": "fd00::1", "dev": "eth0", "metric": 1024, "pref": "medium"},
    {"dst": "default", "dev": "tun0", "metric": 1024, "pref": "medium"},
    {"type": "multicast", "dst": "ff00::/8", "dev": "eth0", "table": "local", "pref": "medium"},
]


def answering(links: Any, routes: Any) -> FakeHost:
    """A host whose ``ip`` says this."""
    host = FakeHost()

    def answer(argv: tuple[str, ...], stdin: bytes) -> Completed:
        rows = links if argv == LINKS_ARGV else routes
        return Completed(argv, 0, rows if isinstance(rows, bytes) else json.dumps(rows).encode(), b"")

    host.add_program("ip", answer)
    return host


def test_links_with_what_a_network_asks_of_them() -> None:
    seen = look(answering([BRIDGE, TAP, MACVTAP, {}], []))
    assert seen.links == (
        Link("virbr0", "bridge", None, "52:54:00:00:00:01", 1400, True, 2, None, True, 200, False),
        Link("vnet0", "tun", "virbr0", "fe:54:00:00:00:02", 1500, False, 3),
        Link("macvtap0", "macvtap", None, None, 1500, True, 5, "eth0"),
    )
    assert seen.link("vnet0") == seen.links[1]
    assert seen.link("vnet1") is None
    assert seen.ports("virbr0") == (seen.links[1],)


def test_addresses_of_one_link_only_are_left_out() -> None:
    assert look(answering([BRIDGE, TAP], [])).addresses == (
        HostAddress("virbr0", "192.168.122.1", 24),
        HostAddress("virbr0", "fd00:1::1", 64),
    )


def test_routes_of_both_families_and_all_tables() -> None:
    assert look(answering([], ROUTES)).routes == (
        HostRoute("0.0.0.0/0", "eth0", "192.0.2.1"),
        HostRoute("0.0.0.0/0", "eth1", "fe80::1"),
        HostRoute("192.0.2.0/24", "eth0"),
        HostRoute("10.9.9.9/32", "eth0"),
        HostRoute("10.9.0.0/16"),
        HostRoute("10.3.0.0/16", "a", "10.1.0.3"),
        HostRoute("10.3.0.0/16", "b", "10.1.0.4"),
        HostRoute("fd00::/64", "eth0"),
        HostRoute("::/0", "eth0", "fd00::1"),
        HostRoute("::/0", "tun0"),
    )


def test_a_host_without_any_network() -> None:
    assert look(answering(b"", b"")) == Surroundings()


@pytest.mark.parametrize("said", [b"lo: <LOOPBACK>", b"{}", b"[1]", b"\xff"])
def test_an_answer_that_is_no_list_is_an_error(said: bytes) -> None:
    with pytest.raises(HostError, match="did not answer in JSON") as caught:
        look(answering(said, []))
    assert "iproute2" in (caught.value.hint or "")


def test_a_missing_program_names_its_package() -> None:
    with pytest.raises(MissingProgram, match="iproute2"):
        look(FakeHost())

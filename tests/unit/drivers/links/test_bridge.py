# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bridges: made whole from nothing, mended where something is missing, and left alone where nothing is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.links.bridge import (
    Address,
    Bridge,
    Route,
    bridge_faults,
    bridge_of,
    bring_up,
    kernel_settings,
    make_lines,
    remove_lines,
    settle_lines,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.surroundings import (
    HostAddress,
    HostRoute,
    Link,
    Surroundings,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import HostError, InvalidArgument, OperationInvalid
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.model.network.core import Network
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

WHOLE = Bridge(
    "virbr0",
    "52:54:00:00:00:01",
    1400,
    addresses=(Address("192.168.122.1", 24), Address("fd00:1::1", 64)),
    routes=(Route("10.9.0.0/16", "192.168.122.7"), Route("fd00:9::/64", "fd00:1::7", 5)),
)
LINK = Link("virbr0", "bridge", None, "52:54:00:00:00:01", 1400, True, 7, None, True, 200, False)
THERE = Surroundings(
    (LINK,),
    (HostAddress("virbr0", "192.168.122.1", 24), HostAddress("virbr0", "fd00:1:0::1", 64)),
    (
        HostRoute("192.168.122.0/24", "virbr0"),
        HostRoute("10.9.0.0/16", "virbr0", "192.168.122.7"),
        HostRoute("fd00:9::/64", "virbr0", "fd00:1::7"),
    ),
)


def with_link(**changes: Any) -> Surroundings:
    """What is there, with a bridge that is different."""
    return replace(THERE, links=(replace(LINK, **changes),))


def test_from_a_document() -> None:
    document = """
    <network><name>n</name><mtu size='1400'/><bridge name='virbr0' stp='off' delay='4'/>
      <mac address='52:54:00:00:00:01'/>
      <ip address='192.168.122.1' netmask='255.255.255.0'/><ip family='ipv6' address='fd00:1::1' prefix='64'/>
      <route address='10.9.1.0' prefix='16' gateway='192.168.122.7'/>
      <route family='ipv6' address='fd00:9::' prefix='64' gateway='fd00:1::7' metric='5'/>
    </network>"""
    assert bridge_of(Network(parse(document))) == replace(WHOLE, stp=False, delay=4)


@pytest.mark.parametrize("name", ["", "a b", "virbr0\nlink delete dev eth0"])
def test_a_document_cannot_name_a_bridge_that_is_none(name: str) -> None:
    network = Network(parse("<network><bridge/></network>"))
    network.bridge = name
    with pytest.raises(InvalidArgument):
        bridge_of(network)


def test_a_network_with_vlans_has_a_bridge_that_tells_them_apart() -> None:
    network = "<network><bridge name='b'/><portgroup name='p'><vlan><tag id='4'/></vlan></portgroup></network>"
    assert bridge_of(Network(parse(network))).vlan_filtering


def test_from_nothing() -> None:
    make, settle = make_lines(WHOLE, Surroundings()), settle_lines(WHOLE, Surroundings())
    assert make.ip == ("link add name virbr0 address 52:54:00:00:00:01 type bridge forward_delay 0 stp_state 1",)
    assert settle.ip == (
        "address add 192.168.122.1/24 broadcast + dev virbr0",
        "address add fd00:1::1/64 nodad dev virbr0",
        "link set dev virbr0 mtu 1400 up",
        "route add 10.9.0.0/16 via 192.168.122.7 dev virbr0 proto static metric 1",
        "route add fd00:9::/64 via fd00:1::7 dev virbr0 proto static metric 5",
    )


def test_an_mtu_is_changed_after_the_bridge_was_made_so_that_ports_do_not_change_it() -> None:
    usual = Bridge("b", mtu=1500)
    assert " mtu 1499 " in make_lines(usual, Surroundings()).ip[0]
    assert settle_lines(usual, Surroundings()).ip == ("link set dev b mtu 1500 up",)


def test_nothing_but_a_name() -> None:
    bare = Bridge("b", stp=False, vlan_filtering=True)
    assert make_lines(bare, Surroundings()).ip == (
        "link add name b type bridge forward_delay 0 stp_state 0 vlan_filtering 1",
    )
    assert settle_lines(bare, Surroundings()).ip == ("link set dev b up",)


def test_a_bridge_that_is_as_it_should_be() -> None:
    assert bridge_faults(WHOLE, THERE) == []
    assert not make_lines(WHOLE, THERE)
    assert not settle_lines(WHOLE, THERE)


@pytest.mark.parametrize(
    ("surroundings", "what", "said", "lines"),
    [
        (with_link(up=False), "bridge", "is down", ["link set dev virbr0 up"]),
        (with_link(mtu=1500), "bridge", "MTU of 1500", ["link set dev virbr0 mtu 1400"]),
        (
            with_link(mac="52:54:00:00:00:99"),
            "bridge",
            "in place of 52:54:00:00:00:01",
            ["link set dev virbr0 address 52:54:00:00:00:01"],
        ),
        (
            with_link(stp=False, forward_delay=0),
            "bridge",
            "STP",
            [
                "link set dev virbr0 type bridge stp_state 0",
                "link set dev virbr0 type bridge forward_delay 0 stp_state 1",
            ],
        ),
        (
            replace(THERE, addresses=THERE.addresses[1:]),
            "address",
            "192.168.122.1/24",
            ["address add 192.168.122.1/24 broadcast + dev virbr0"],
        ),
        (
            replace(THERE, addresses=(THERE.addresses[0], HostAddress("eth0", "fd00:1::1", 64))),
            "address",
            "fd00:1::1/64",
            ["address add fd00:1::1/64 nodad dev virbr0"],
        ),
        (
            replace(THERE, routes=THERE.routes[:1] + THERE.routes[2:]),
            "route",
            "10.9.0.0/16 by 192.168.122.7",
            ["route add 10.9.0.0/16 via 192.168.122.7 dev virbr0 proto static metric 1"],
        ),
    ],
)
def test_each_kind_of_drift_is_found_and_mended(
    surroundings: Surroundings, what: str, said: str, lines: list[str]
) -> None:
    faults = bridge_faults(WHOLE, surroundings)
    assert [fault.what for fault in faults] == [what]
    assert said in faults[0].detail
    assert not make_lines(WHOLE, surroundings)
    assert list(settle_lines(WHOLE, surroundings).ip) == lines


def test_a_missing_bridge_is_one_fault() -> None:
    assert [fault.what for fault in bridge_faults(WHOLE, Surroundings())] == ["bridge"]


@pytest.mark.parametrize(
    ("stp", "delay", "kernel", "faults"), [(True, 0, 200, 0), (True, 40, 3000, 0), (True, 4, 200, 1), (False, 0, 0, 0)]
)
def test_with_stp_the_kernel_keeps_the_delay_within_its_limits(stp: bool, delay: int, kernel: int, faults: int) -> None:
    surroundings = with_link(stp=stp, forward_delay=kernel)
    assert len(bridge_faults(replace(WHOLE, stp=stp, delay=delay), surroundings)) == faults


def test_vlans_are_told_apart_where_they_are_wanted() -> None:
    bridge = replace(WHOLE, vlan_filtering=True)
    assert settle_lines(bridge, THERE).ip == ("link set dev virbr0 type bridge vlan_filtering 1",)
    assert bridge_faults(WHOLE, with_link(vlan_filtering=True)) == []


def test_without_an_ipv6_address_the_host_takes_no_part_in_it() -> None:
    base = "/proc/sys/net/ipv6/conf/virbr0"
    both = ((f"{base}/accept_ra", "0"), (f"{base}/autoconf", "0"))
    assert kernel_settings(WHOLE) == ((f"{base}/disable_ipv6", "0"), *both)
    assert kernel_settings(replace(WHOLE, addresses=WHOLE.addresses[:1])) == ((f"{base}/disable_ipv6", "1"), *both)


def test_bringing_up_settles_ipv6_before_the_bridge_is_up() -> None:
    host, base = FakeHost(), "/proc/sys/net/ipv6/conf/virbr0"

    def ip(argv: tuple[str, ...], stdin: bytes) -> Completed:
        if b"link add" in stdin:
            host.add_file(f"{base}/disable_ipv6", b"1\n")
            host.add_file(f"{base}/accept_ra", b"1\n")
            host.add_file(f"{base}/autoconf", b"0\n")
        return Completed(argv, 0, b"", b"")

    host.add_program("ip", ip)
    bring_up(host, WHOLE, Surroundings())
    done = [call for call in host.calls if call[0] in ("run", "set_kernel")]
    assert done == [
        ("run", ("ip", "-batch", "-")),
        ("set_kernel", (f"{base}/disable_ipv6", "0")),
        ("set_kernel", (f"{base}/accept_ra", "0")),
        ("run", ("ip", "-batch", "-")),
    ]


def test_a_bridge_learns_nothing_from_frames_that_no_filter_sees() -> None:
    """Where the kernel can be told so, and may be."""
    path = "/sys/class/net/virbr0/bridge/no_linklocal_learn"
    host = FakeHost()
    host.add_file(path, b"0\n")
    host.fail_at(1, HostError("It is read-only."))
    bring_up(host, WHOLE, THERE)
    assert host.read(path) == b"0\n"
    bring_up(host, WHOLE, THERE)
    assert host.read(path) == b"1\n"
    before = host.mutations
    bring_up(host, WHOLE, THERE)
    assert host.mutations == before


def test_bringing_up_what_is_up_changes_nothing() -> None:
    host = FakeHost()
    bring_up(host, WHOLE, THERE)
    assert host.mutations == 0


def test_something_else_of_that_name_is_left_alone() -> None:
    host, surroundings = FakeHost(), Surroundings((Link("virbr0", "veth"),))
    assert "not a bridge" in bridge_faults(WHOLE, surroundings)[0].detail
    with pytest.raises(OperationInvalid, match="not a bridge"):
        bring_up(host, WHOLE, surroundings)
    assert host.mutations == 0


def test_removal() -> None:
    assert remove_lines("virbr0").ip == ("link set dev virbr0 down", "link delete dev virbr0")

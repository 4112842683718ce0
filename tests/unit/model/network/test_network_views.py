# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Views over a network document: what each value means, and what names its parts."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import XmlError
from ansible_collections.corral.virt.plugins.module_utils.model.network.addresses import (
    as_address,
    mask_length,
    natural_length,
)
from ansible_collections.corral.virt.plugins.module_utils.model.network.core import Network
from ansible_collections.corral.virt.plugins.module_utils.model.network.identity import NETWORK, persistent_form
from ansible_collections.corral.virt.plugins.module_utils.model.network.ip import Ip, Route
from ansible_collections.corral.virt.plugins.module_utils.model.network.options import extra_options
from ansible_collections.corral.virt.plugins.module_utils.model.network.order import order_children
from ansible_collections.corral.virt.plugins.module_utils.model.network.ports import Virtualport
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import new_element, parse


def network(body: str, **attributes: str) -> Network:
    words = "".join(f" {name}='{value}'" for name, value in attributes.items())
    return Network(parse(f"<network{words}><name>lab</name>{body}</network>"))


@pytest.mark.parametrize(
    ("body", "mode", "own"),
    [
        ("", "isolated", True),
        ("<forward mode='none'/>", "isolated", True),
        ("<forward/>", "nat", True),
        ("<forward mode='open'/>", "open", True),
        ("<forward mode='bridge'/>", "bridge", False),
        ("<forward mode='hostdev'/>", "hostdev", False),
    ],
)
def test_modes(body: str, mode: str, own: bool) -> None:
    found = network(body)
    assert (found.mode(), found.has_own_bridge()) == (mode, own)


def test_devices_are_named_once_and_the_first_is_dev() -> None:
    found = network("<forward dev='eth1'><interface dev='eth1'/><interface dev='eth2'/></forward>")
    assert found.devices() == ["eth1", "eth2"]
    assert network("").devices() == []


def test_portgroups() -> None:
    found = network("<portgroup name='a'/><portgroup name='b' default='yes'/>")
    assert [group.name if group else None for group in map(found.portgroup, ("a", "c", None))] == ["a", None, "b"]
    assert network("").portgroup(None) is None


def test_dhcp_is_served_on_one_address_of_each_family() -> None:
    found = network(
        "<ip address='10.0.0.1' prefix='8'/><ip address='10.1.0.1' prefix='16'><dhcp><range start='10.1.0.2'"
        " end='10.1.0.9'/></dhcp></ip><ip family='ipv6' address='fd00::1'/>"
    )
    served = found.dhcp(4)
    assert served is not None
    assert served.address == "10.1.0.1"
    assert found.dhcp(6) is None
    assert served.ranges[0].size() == 8


@pytest.mark.parametrize(("body", "wanted"), [("", True), ("<dns/>", True), ("<dns enable='no'/>", False)])
def test_names_are_resolved_unless_that_is_switched_off(body: str, wanted: bool) -> None:
    assert network(body).wants_dns() is wanted


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"address": "10.1.2.3"}, "10.0.0.0/8"),
        ({"address": "172.16.2.3"}, "172.16.0.0/16"),
        ({"address": "192.168.1.3"}, "192.168.1.0/24"),
        ({"address": "10.1.2.3", "prefix": "20"}, "10.1.0.0/20"),
        ({"address": "10.1.2.3", "netmask": "255.255.255.252"}, "10.1.2.0/30"),
        ({"address": "fd00::1:2"}, "fd00::/64"),
        ({"address": "fd00::1:2", "prefix": "120"}, "fd00::1:0/120"),
    ],
)
def test_subnets(attributes: dict[str, str], expected: str) -> None:
    assert str(Ip(new_element("ip", **attributes)).network()) == expected


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"address": "x"},
        {"address": "230.0.0.1"},
        {"address": "10.0.0.1", "netmask": "255.0.255.0"},
        {"address": "10.0.0.1", "prefix": "40"},
        {"address": "10.0.0.1", "prefix": "x"},
        {"address": "fe80::1%eth0"},
    ],
)
def test_no_subnet(attributes: dict[str, str]) -> None:
    with pytest.raises(XmlError):
        Ip(new_element("ip", **attributes)).network()


def test_a_route_without_prefix_leads_everywhere() -> None:
    assert str(Route(new_element("route", address="0.0.0.0")).network()) == "0.0.0.0/0"
    assert str(Route(new_element("route", address="fd00::", prefix="48")).network()) == "fd00::/48"


def test_lengths() -> None:
    address = as_address("255.255.0.0")
    assert address is not None
    assert mask_length(address) == 16
    zero = as_address("::")
    assert zero is not None
    assert (natural_length(zero), mask_length(zero)) == (0, None)


def test_parameters_of_a_virtual_port() -> None:
    port = Virtualport(parse("<virtualport type='802.1Qbh'><parameters profileid='a'/></virtualport>"))
    assert port.parameters() == {"profileid": "a"}
    assert Virtualport(parse("<virtualport type='openvswitch'/>")).parameters() == {}


def test_lines_for_dnsmasq() -> None:
    body = "<o:options xmlns:o='http://libvirt.org/schemas/network/dnsmasq/1.0'><o:option value='a=b'/></o:options>"
    assert extra_options(network(body).element) == ["a=b"]


def test_what_is_counted_while_it_is_active_is_not_kept() -> None:
    live = network(
        "<forward mode='passthrough'><pf dev='eth0'/><interface dev='v0' connections='1'/></forward>", connections="1"
    )
    kept = network("<forward mode='passthrough'><pf dev='eth0'/></forward>")
    assert compare(persistent_form(live.element), kept.element, NETWORK) == ()
    assert live.connections == 1


CHANGES = (
    (
        "<ip address='10.0.0.1' prefix='8'/>",
        "<ip address='10.0.0.1' prefix='9'/>",
        "/network/ip[10.0.0.1]/@prefix: 8 -> 9",
    ),
    (
        "<ip address='10.0.0.1'><dhcp><host mac='a' name='x' ip='10.0.0.2'/></dhcp></ip>",
        "<ip address='10.0.0.1'><dhcp><host mac='a' name='y' ip='10.0.0.2'/></dhcp></ip>",
        "/network/ip[10.0.0.1]/dhcp/host[a]/@name: x -> y",
    ),
    (
        "<dns><host ip='10.0.0.2'><hostname>a</hostname><hostname>b</hostname></host></dns>",
        "<dns><host ip='10.0.0.2'><hostname>b</hostname><hostname>a</hostname></host></dns>",
        "/network/dns/host[10.0.0.2]/hostname[1]: a -> b",
    ),
    (
        "<dns><srv service='a' protocol='tcp' target='x'/><srv service='a' protocol='tcp' target='y'/></dns>",
        "<dns><srv service='a' protocol='tcp' target='x'/><srv service='a' protocol='tcp' target='y' port='1'/></dns>",
        "/network/dns/srv[a,tcp,y]/@port: new: 1",
    ),
    ("<portgroup name='a'/>", "<portgroup name='a' default='yes'/>", "/network/portgroup[a]/@default: new: yes"),
)


@pytest.mark.parametrize(("before", "after", "said"), CHANGES)
def test_differences_are_named_by_what_they_are_of(before: str, after: str, said: str) -> None:
    assert said in [str(change) for change in compare(network(before).element, network(after).element, NETWORK)]


def test_order_of_portgroups_and_addresses_means_nothing_and_that_of_forwarders_does() -> None:
    two = "<portgroup name='a'/><portgroup name='b'/>", "<portgroup name='b'/><portgroup name='a'/>"
    assert compare(network(two[0]).element, network(two[1]).element, NETWORK) == ()
    dns = "<dns><forwarder addr='10.0.0.{}'/><forwarder addr='10.0.0.{}'/></dns>"
    assert len(compare(network(dns.format(1, 2)).element, network(dns.format(2, 1)).element, NETWORK)) == 2


def test_parts_are_written_in_libvirts_order() -> None:
    found = network("<ip address='10.0.0.1'><dhcp/><tftp root='/'/></ip><what/><bridge name='b'/><forward/><uuid/>")
    order_children(found.element)
    assert [str(child.tag) for child in found.element] == ["name", "uuid", "forward", "bridge", "ip", "what"]
    assert [str(child.tag) for child in found.ips[0].element] == ["tftp", "dhcp"]

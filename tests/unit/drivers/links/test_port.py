# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ports of bridges, of Open vSwitch, and macvtap devices: the lines and command lines for each of their options."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.links import macvtap, openvswitch, port
from ansible_collections.corral.virt.plugins.module_utils.drivers.links.macvtap import Macvtap
from ansible_collections.corral.virt.plugins.module_utils.drivers.links.port import Port, Vlan, attach_lines, vlan_of
from ansible_collections.corral.virt.plugins.module_utils.drivers.surroundings import Link, Surroundings
from ansible_collections.corral.virt.plugins.module_utils.errors import InvalidArgument, UnsupportedConfig
from ansible_collections.corral.virt.plugins.module_utils.model.domain.interface import Interface
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

MAC = "52:54:00:00:00:02"
PORT = Port("vnet3", "virbr0", MAC)
AROUND = Surroundings((Link("virbr0", "bridge", mtu=1400, vlan_filtering=True),))


def test_a_port_of_a_document() -> None:
    interface = Interface(
        parse(f"""
        <interface type='network'><mac address='{MAC.upper()}'/><source network='n' bridge='virbr0'/>
          <target dev='vnet3'/><mtu size='1300'/><link state='down'/><port isolated='yes'/>
          <vlan><tag id='42'/></vlan></interface>""")
    )
    assert port.port_of(interface, managed=True) == Port(
        "vnet3", "virbr0", MAC, 1300, isolated=True, managed=True, link_up=False, vlan=Vlan((42,))
    )


def test_the_host_has_fe_in_front_and_the_mtu_of_the_bridge() -> None:
    assert attach_lines([PORT], AROUND).ip == (
        "link set dev vnet3 address fe:54:00:00:00:02 mtu 1400",
        "link set dev vnet3 master virbr0",
        "link set dev vnet3 up",
    )


def test_fifty_ports_are_one_batch() -> None:
    ports = [replace(PORT, name=f"vnet{number}", managed=True) for number in range(50)]
    batch = attach_lines(ports, AROUND)
    assert (len(batch.ip), len(batch.bridge)) == (200, 50)


def test_every_option_of_a_port() -> None:
    batch = attach_lines([replace(PORT, mtu=9000, isolated=True, managed=True, link_up=False)], Surroundings())
    assert batch.ip == (
        "link set dev vnet3 address fe:54:00:00:00:02 mtu 9000",
        "link set dev vnet3 master virbr0",
        "link set dev vnet3 type bridge_slave isolated on learning off flood off",
        "link set dev vnet3 down",
    )
    assert batch.bridge == (f"fdb replace {MAC} dev vnet3 master static",)


@pytest.mark.parametrize(
    ("vlan", "lines"),
    [
        ("<vlan><tag id='42'/></vlan>", ["del 1", "add 42 pvid untagged"]),
        ("<vlan><tag id='1'/></vlan>", ["add 1 pvid untagged"]),
        ("<vlan trunk='yes'><tag id='42'/></vlan>", ["del 1", "add 42"]),
        ("<vlan><tag id='42'/><tag id='43'/></vlan>", ["del 1", "add 42", "add 43"]),
        (
            "<vlan trunk='yes'><tag id='42' nativeMode='untagged'/><tag id='43'/></vlan>",
            ["del 1", "add 42 pvid untagged", "add 43"],
        ),
        (
            "<vlan trunk='yes'><tag id='42' nativeMode='tagged'/><tag id='43'/></vlan>",
            ["del 1", "add 42 pvid", "add 43"],
        ),
        ("<vlan/>", []),
    ],
)
def test_vlans(vlan: str, lines: list[str]) -> None:
    given = attach_lines([replace(PORT, vlan=vlan_of(parse(vlan)))], AROUND).bridge
    wanted = [each.split(" ", 2) for each in lines]
    assert list(given) == [" ".join(["vlan", verb, "vid", tag, "dev", "vnet3", *flags]) for verb, tag, *flags in wanted]


def test_a_bridge_that_does_not_tell_vlans_apart_is_told_to_the_user() -> None:
    around = Surroundings((Link("virbr0", "bridge", vlan_filtering=False),))
    with pytest.raises(UnsupportedConfig, match="does not tell them apart") as caught:
        attach_lines([replace(PORT, vlan=Vlan((42,)))], around)
    assert caught.value.hint == ("ip link set virbr0 type bridge vlan_filtering 1 changes that, for all of its ports.")


@pytest.mark.parametrize("tag", ["0", "4095", "99999"])
def test_tags_that_there_are_not(tag: str) -> None:
    with pytest.raises(InvalidArgument, match="from 1 to 4094"):
        vlan_of(parse(f"<vlan><tag id='{tag}'/></vlan>"))


def test_a_guest_cannot_have_the_address_of_the_other_end() -> None:
    with pytest.raises(InvalidArgument, match="begins with fe"):
        attach_lines([replace(PORT, mac="FE:54:00:00:00:02")], AROUND)


def test_letting_go_and_removing() -> None:
    assert port.detach_lines(["vnet3", "vnet4"]).ip == (
        "link set dev vnet3 nomaster down",
        "link set dev vnet4 nomaster down",
    )
    assert port.remove_lines(["vnet3"]).ip == ("link delete dev vnet3",)
    assert port.state_lines("vnet3", True).ip == ("link set dev vnet3 up",)
    assert port.state_lines("vnet3", False).ip == ("link set dev vnet3 down",)


def test_a_port_of_open_vswitch() -> None:
    guest = "11111111-2222-3333-4444-555555555555"
    vlan = Vlan((42, 43), trunk=True, native=42)
    argv = openvswitch.attach_argv(
        replace(PORT, vlan=vlan), guest=guest, parameters={"interfaceid": guest, "profileid": 'a"b\n'}
    )
    assert argv == (
        *("ovs-vsctl", "--timeout=5", "--", "--may-exist", "add-port", "virbr0", "vnet3"),
        *("vlan_mode=native-untagged", "tag=42", "trunks=42,43"),
        *("--", "set", "Interface", "vnet3"),
        f'external-ids:attached-mac="{MAC}"',
        f'external-ids:iface-id="{guest}"',
        f'external-ids:vm-id="{guest}"',
        'external-ids:port-profile="a\\u0022b\\u000a"',
        'external-ids:ifname="vnet3"',
        'external-ids:iface-status="active"',
    )
    assert openvswitch.detach_argv("vnet3")[2:] == ("--", "--if-exists", "del-port", "vnet3")


def test_one_vlan_and_no_isolation_with_open_vswitch() -> None:
    argv = openvswitch.attach_argv(replace(PORT, vlan=Vlan((42,))), guest="g", parameters={})
    assert "tag=42" in argv
    with pytest.raises(UnsupportedConfig, match="isolated"):
        openvswitch.attach_argv(replace(PORT, isolated=True), guest="g", parameters={})


@pytest.mark.parametrize("mode", ["private", "vepa", "bridge"])
def test_macvtap(mode: str) -> None:
    interface = parse(f"""
        <interface type='direct'><mac address='{MAC}'/><source dev='eth0' mode='{mode}'/><target dev='macvtap1'/>
        <mtu size='1400'/></interface>""")
    assert macvtap.make_lines(macvtap.macvtap_of(Interface(interface))).ip == (
        f"link add link eth0 name macvtap1 address {MAC} mtu 1400 type macvtap mode {mode}",
        "link set dev macvtap1 up",
    )


def test_macvtap_that_has_the_whole_device() -> None:
    assert macvtap.make_lines(Macvtap("macvtap1", "eth0", MAC, "passthrough", link_up=False)).ip == (
        "link set dev eth0 up",
        "link add link eth0 name macvtap1 type macvtap mode passthru",
        f"link set dev macvtap1 address {MAC}",
        "link set dev macvtap1 down",
    )
    assert macvtap.remove_lines("macvtap1", lower="eth0", restore_mac="52:54:00:00:00:09").ip == (
        "link delete dev macvtap1",
        "link set dev eth0 address 52:54:00:00:00:09",
    )


def test_a_macvtap_mode_that_there_is_not() -> None:
    with pytest.raises(InvalidArgument, match="private, vepa, bridge, passthrough"):
        macvtap.make_lines(Macvtap("macvtap1", "eth0", MAC, "source"))

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The packet filter of networks: golden texts, one for each mode and option and one for many networks.

After a change that is meant, CORRAL_REGENERATE=1 writes the texts anew; look at the difference before it is committed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.links.nft import table_name
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.firewall.ruleset import (
    ruleset,
    walls,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError, InvalidArgument
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.model.network.core import Network
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

GOLDEN = Path(__file__).parent / "golden"
IP4 = "<ip address='192.168.{0}.1' netmask='255.255.255.0'/>"
IP6 = "<ip family='ipv6' address='fd00:{0}::1' prefix='64'/>"
NAT = "<forward mode='nat'>{0}</forward>"


def net(bridge: str, *parts: str) -> Network:
    """A network with a bridge of that name."""
    return Network(parse(f"<network><name>n</name><bridge name='{bridge}'/>{''.join(parts)}</network>"))


ALL_KINDS = [
    net("virbr3", "<forward mode='open'/>", IP4.format(3)),
    net("virbr0", "<forward/>", IP4.format(122), IP6.format(1)),
    net("virbr1", IP4.format(1), IP6.format(2)),
    net("virbr2", "<forward mode='route'/>", IP4.format(2), IP6.format(3)),
    net("virbr4", NAT.format("<nat ipv6='yes'/>"), IP4.format(4), IP6.format(4)),
    net("br0", "<forward mode='bridge'/>"),
]

CASES = {
    "none": [],
    "nat": [net("virbr0", "<forward mode='nat'/>", IP4.format(122))],
    "nat-ipv6-routed": [net("virbr0", "<forward mode='nat'/>", IP4.format(122), IP6.format(1))],
    "nat-ipv6-masquerade": [net("virbr0", NAT.format("<nat ipv6='yes'/>"), IP4.format(122), IP6.format(1))],
    "nat-port-range": [net("virbr0", NAT.format("<nat><port start='500' end='1000'/></nat>"), IP4.format(122))],
    "nat-one-port": [net("virbr0", NAT.format("<nat><port start='500' end='500'/></nat>"), IP4.format(122))],
    "nat-address-range": [
        net(
            "virbr0",
            NAT.format("<nat ipv6='yes'><address start='203.0.113.5' end='203.0.113.9'/></nat>"),
            IP4.format(122),
            IP6.format(1),
        )
    ],
    "nat-one-address": [
        net(
            "virbr0",
            NAT.format("<nat><address start='203.0.113.5' end='203.0.113.5'/><port start='1' end='65535'/></nat>"),
            IP4.format(122),
        )
    ],
    "nat-device": [net("virbr0", "<forward mode='nat' dev='eth0'/>", IP4.format(122))],
    "nat-many-addresses": [
        net("virbr0", "<forward mode='nat'/>", IP4.format(122), IP4.format(8), IP4.format(9), IP4.format(122))
    ],
    "nat-no-address": [net("virbr0", "<forward mode='nat'/>")],
    "route": [net("virbr0", "<forward mode='route'/>", IP4.format(122), IP6.format(1))],
    "route-devices": [
        net("br-lan.3", "<forward mode='route' dev='eth0'><interface dev='eth1'/></forward>", IP4.format(122))
    ],
    "isolated": [net("virbr0", IP4.format(122), IP6.format(1))],
    "isolated-mode-none": [net("virbr0", "<forward mode='none'/>")],
    "open": [net("virbr0", "<forward mode='open'/>", IP4.format(122))],
    "not-ours": [net("br0", "<forward mode='bridge'/>"), net("", "<forward mode='vepa' dev='eth0'/>")],
    "all-kinds": ALL_KINDS,
}


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str) -> None:
    text, path = ruleset(CASES[case], "corral"), GOLDEN / f"{case}.nft"
    if os.environ.get("CORRAL_REGENERATE"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_no_golden_text_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.nft")} == set(CASES)


def test_the_order_of_networks_does_not_matter() -> None:
    assert ruleset(ALL_KINDS, "t") == ruleset(ALL_KINDS[::-1], "t")


def test_fifty_networks_take_no_more_rules_than_one_but_for_translation() -> None:
    def rules(networks: list[Network]) -> int:
        chains = ruleset(networks, "t").partition("chain forward")[2]
        return len([each for each in chains.splitlines() if each.startswith("\t\t")])

    many = [net(f"virbr{number}", "<forward mode='route'/>", IP4.format(number)) for number in range(50)]
    assert rules(many) == rules(many[:1])


def test_a_table_is_replaced_and_never_anything_else() -> None:
    lines = ruleset(ALL_KINDS, "corral").splitlines()
    assert lines[:3] == ["add table inet corral", "delete table inet corral", "table inet corral {"]
    assert "\n".join(lines).count("table ") == 3
    assert not any(word in "\n".join(lines) for word in ("flush", "ruleset", "include"))


def test_each_tree_has_a_table_of_its_own() -> None:
    names = {table_name(layout) for layout in (Layout.system(), Layout.embed("/a"), Layout.embed("/b"))}
    assert len(names) == 3
    assert table_name(Layout.system()) == "corral"
    assert all(name.replace("_", "").isalnum() for name in names)


@pytest.mark.parametrize(
    ("nat", "said"),
    [
        ("<nat><port start='0' end='5'/></nat>", "ports 0 to 5"),
        ("<nat><port start='7' end='5'/></nat>", "ports 7 to 5"),
        ("<nat><port start='7' end='65536'/></nat>", "ports 7 to 65536"),
        ("<nat><address start='203.0.113.9' end='203.0.113.5'/></nat>", "203.0.113.9 to 203.0.113.5"),
        ("<nat><address start='fd00::1' end='fd00::2'/></nat>", "fd00::1 to fd00::2"),
        ("<nat><address start='1.2.3.4; flush ruleset' end='1.2.3.4'/></nat>", "no range of IPv4 addresses"),
    ],
)
def test_what_no_packet_can_be_given(nat: str, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        ruleset([net("virbr0", NAT.format(nat), IP4.format(1))], "t")


@pytest.mark.parametrize("name", ["virbr*", "a&quot; . &quot;b", "a; flush ruleset", "a}", "$x", "@guarded", "x" * 16])
def test_no_name_of_a_device_becomes_a_rule(name: str) -> None:
    for network in (net(name), net("virbr0", f"<forward mode='nat' dev='{name}'/>", IP4.format(1))):
        with pytest.raises(CorralError, match="cannot be the name"):
            ruleset([network], "t")


def test_networks_without_a_filter() -> None:
    assert walls(CASES["not-ours"] + CASES["open"]) == []

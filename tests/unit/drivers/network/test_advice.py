# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others' packet filters do to a network: rules as nft lists those of Docker, firewalld, ufw and plain hands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.network.firewall.advice import advice, advise
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.model.network.core import Network
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

IP = """<ip address='192.168.122.1' netmask='255.255.255.0'>
        <dhcp><range start='192.168.122.2' end='192.168.122.9'/></dhcp></ip>"""
NAT = f"<forward mode='nat'/>{IP}"
ROUTE = "<forward mode='route'/><dns enable='no'/><ip family='ipv6' address='fd00::1' prefix='64'/>"
ISOLATED = IP

ACCEPT, DROP, RETURN = {"accept": None}, {"drop": None}, {"return": None}
REJECT = {"reject": {"type": "icmpx", "expr": "admin-prohibited"}}
COUNTER = {"counter": {"packets": 1, "bytes": 2}}
ANSWERS = {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}


def meta(key: str, right: Any, op: str = "==") -> dict[str, Any]:
    """A condition on what is known of every packet."""
    return {"match": {"op": op, "left": {"meta": {"key": key}}, "right": right}}


def port(protocol: str, right: Any) -> dict[str, Any]:
    """A condition on where a packet goes."""
    return {"match": {"op": "==", "left": {"payload": {"protocol": protocol, "field": "dport"}}, "right": right}}


def jump(target: str, word: str = "jump") -> dict[str, Any]:
    return {word: {"target": target}}


def table(family: str, name: str, base: dict[str, tuple[str, str]], **chains: list[list[dict[str, Any]]]) -> list[Any]:
    """The listing of a table; ``base`` says the hook and the policy of its base chains."""
    rows: list[Any] = [{"table": {"family": family, "name": name}}]
    for chain in chains:
        about = {"family": family, "table": name, "name": chain}
        hook = base.get(chain)
        rows.append({"chain": {**about, **({"type": "filter", "hook": hook[0], "policy": hook[1]} if hook else {})}})
    for chain, rules in chains.items():
        rows += [{"rule": {"family": family, "table": name, "chain": chain, "expr": rule}} for rule in rules]
    return rows


def said(rows: list[Any], inside: str = NAT) -> list[str]:
    """The advice for a network behind virbr0."""
    network = Network(parse(f"<network><name>n</name><bridge name='virbr0'/>{inside}</network>"))
    return advice({"nftables": [{"metainfo": {}}, *rows]}, network, "corral")


def docker(*allowed: list[dict[str, Any]], family: str = "ip") -> list[Any]:
    """What Docker does by iptables-nft, with what a user added."""
    return table(
        family,
        "filter",
        {"FORWARD": ("forward", "drop"), "INPUT": ("input", "accept")},
        INPUT=[],
        FORWARD=[
            [COUNTER, jump("DOCKER-USER")],
            [meta("oifname", "docker0"), {"xt": None}, COUNTER, ACCEPT],
            [meta("oifname", "docker0"), COUNTER, jump("DOCKER")],
            [meta("iifname", "docker0"), meta("oifname", "docker0", "!="), COUNTER, ACCEPT],
        ],
        DOCKER=[],
        **{"DOCKER-USER": [*allowed, [COUNTER, RETURN]]},
    )


def test_an_empty_host_and_our_own_table_need_no_advice() -> None:
    own = table("inet", "corral", {"forward": ("forward", "drop")}, forward=[])
    assert said([]) == []
    assert said(own) == []
    assert advice({}, Network(parse("<network><bridge name='b'/></network>")), "corral") == []


def test_docker() -> None:
    assert said(docker()) == [
        "The chain FORWARD of the table ip filter (Docker) drops what guests send to other networks and the answers to "
        "guests. To let it pass: "
        "iptables -I DOCKER-USER -i virbr0 -j ACCEPT; iptables -I DOCKER-USER -o virbr0 -j ACCEPT"
    ]


def test_docker_and_ipv6() -> None:
    assert said(docker(family="ip6")) == []
    assert "ip6tables -I DOCKER-USER -o virbr0" in said(docker(family="ip6"), ROUTE)[0]


def test_after_the_command_nothing_is_said() -> None:
    both = [[meta("iifname", "virbr0"), COUNTER, ACCEPT], [meta("oifname", "virbr0"), COUNTER, ACCEPT]]
    assert said(docker(*both)) == []
    [left] = said(docker(both[0]))
    assert "drops the answers to guests. To let" in left


def test_a_rule_that_names_the_bridge_counts_whatever_else_it_says() -> None:
    unreadable = {"xt": None}
    named = [[meta(way, "virbr0"), unreadable, COUNTER, ACCEPT] for way in ("iifname", "oifname")]
    assert said(docker(*named)) == []
    assert len(said(docker([unreadable, meta("iifname", "eth9"), ACCEPT]))) == 1


def test_an_isolated_network_is_not_forwarded_anyway() -> None:
    assert said(docker(), ISOLATED) == []


@pytest.mark.parametrize("inside", ["<forward mode='vepa' dev='eth0'/>", "<forward mode='bridge'/>"])
def test_networks_that_are_the_hosts_own_get_none(inside: str) -> None:
    assert said(docker(), inside) == []


FIREWALLD = table(
    "inet",
    "firewalld",
    {"filter_FORWARD": ("forward", "accept"), "filter_INPUT": ("input", "accept")},
    filter_FORWARD=[
        [ANSWERS, ACCEPT],
        [meta("iifname", "lo"), ACCEPT],
        [jump("filter_FORWARD_ZONES")],
        [REJECT],
    ],
    filter_FORWARD_ZONES=[[meta("iifname", "virbr9"), jump("trusted", "goto")], [jump("public", "goto")]],
    filter_INPUT=[[ANSWERS, ACCEPT], [jump("filter_INPUT_ZONES")], [REJECT]],
    filter_INPUT_ZONES=[[meta("iifname", "virbr9"), jump("trusted", "goto")], [jump("public", "goto")]],
    trusted=[[ACCEPT]],
    public=[[meta("oifname", "eth0"), ACCEPT], [port("tcp", 22), ACCEPT], [port("udp", 67), ACCEPT]],
)


def test_firewalld() -> None:
    command = (
        "firewall-cmd --zone=trusted --change-interface=virbr0; "
        "firewall-cmd --permanent --zone=trusted --change-interface=virbr0"
    )
    assert said(FIREWALLD) == [
        "The chain filter_FORWARD of the table inet firewalld (firewalld) rejects what guests send to other networks. "
        f"To let it pass: {command}",
        "The chain filter_INPUT of the table inet firewalld (firewalld) rejects guests' requests for names. "
        f"To let it pass: {command}",
    ]
    assert said(json.loads(json.dumps(FIREWALLD).replace("virbr9", "virbr0"))) == []


def test_ufw() -> None:
    rows = table(
        "ip",
        "filter",
        {"FORWARD": ("forward", "drop"), "INPUT": ("input", "drop")},
        FORWARD=[[jump("ufw-user-forward")]],
        INPUT=[[jump("ufw-user-input")]],
        **{"ufw-user-forward": [], "ufw-user-input": [[port("tcp", 22), ACCEPT]]},
    )
    forward, incoming = said(rows)
    assert "(ufw)" in forward
    assert forward.endswith("ufw route allow in on virbr0; ufw route allow out on virbr0")
    assert incoming.endswith(
        "ufw allow in on virbr0 to any port 67 proto udp; ufw allow in on virbr0 to any port 53 proto udp"
    )


def test_plain_iptables() -> None:
    rows = table("ip", "filter", {"INPUT": ("input", "drop")}, INPUT=[[ANSWERS, ACCEPT]])
    [incoming] = said(rows, ISOLATED)
    assert incoming.endswith(
        "iptables -I INPUT -i virbr0 -p udp --dport 67 -j ACCEPT; "
        "iptables -I INPUT -i virbr0 -p udp --dport 53 -j ACCEPT"
    )


def own_hand(*rules: list[dict[str, Any]]) -> list[str]:
    """What is said of a table by hand that drops everything but this."""
    return said(table("inet", "mine", {"f": ("forward", "drop")}, f=list(rules), lan=[[ACCEPT]]))


OUT, BACK = "'insert rule inet mine f iifname \"virbr0\" accept'", "'insert rule inet mine f oifname \"virbr0\" accept'"


def test_a_table_by_hand() -> None:
    [both] = own_hand()
    assert both.startswith("The chain f of the table inet mine drops what guests send")
    assert both.endswith(f"nft {OUT}; nft {BACK}")


@pytest.mark.parametrize(
    "rule",
    [
        [ACCEPT],
        [meta("iifname", "virbr*"), ACCEPT],
        [meta("iifname", {"set": ["eth0", "virbr0"]}), ACCEPT],
        [meta("iif", "virbr0"), jump("lan")],
        [meta("oifname", "eth0", "!="), ACCEPT],
        [{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": {"set": [["eth0", DROP], ["virbr0", jump("lan")]]}}}],
    ],
)
def test_ways_to_let_guests_out(rule: list[dict[str, Any]]) -> None:
    assert own_hand([ANSWERS, ACCEPT], rule) == []


@pytest.mark.parametrize(
    "rule",
    [
        [meta("iifname", "virbr1"), ACCEPT],
        [meta("iifname", "virbr0", "!="), ACCEPT],
        [meta("oifname", "eth0"), ACCEPT],
        [meta("mark", 5), ACCEPT],
        [meta("iifname", "virbr0"), DROP],
        [meta("iifname", "virbr0"), jump("nowhere")],
        [{"vmap": {"key": {"meta": {"key": "mark"}}, "data": {"set": [[5, ACCEPT]]}}}],
        [COUNTER],
    ],
)
def test_what_lets_nobody_out(rule: list[dict[str, Any]]) -> None:
    [left] = own_hand([ANSWERS, ACCEPT], rule)
    assert left.endswith(f"nft {OUT}")


def test_sets_and_maps_with_names() -> None:
    name = {"family": "inet", "table": "mine", "name": "lan"}
    uses = [[ANSWERS, ACCEPT], [meta("iifname", "@lan"), ACCEPT]]
    rows = table("inet", "mine", {"f": ("forward", "drop")}, f=uses)
    assert len(said(rows)) == 1
    assert said([*rows, {"set": {**name, "elem": ["eth1", {"elem": {"val": "virbr0"}}]}}]) == []


def test_ports_in_ranges() -> None:
    open_ports = [[port("udp", {"set": [{"range": [50, 60]}, 67]}), ACCEPT], [port("tcp", 67), DROP]]
    rows = table("inet", "mine", {"i": ("input", "drop")}, i=open_ports)
    assert said(rows) == []


def test_chains_that_call_each_other_come_to_an_end() -> None:
    rows = table("inet", "mine", {"f": ("forward", "accept")}, f=[[jump("a")]], a=[[jump("b")]], b=[[jump("a")]])
    assert said(rows) == []


def test_other_hooks_and_kinds_are_none_of_it() -> None:
    rows = table("inet", "mine", {"o": ("output", "drop")}, o=[])
    nat = [{"chain": {"family": "ip", "table": "t", "name": "n", "type": "nat", "hook": "forward", "policy": "drop"}}]
    assert said([*rows, *nat]) == []


@pytest.mark.parametrize("inside", [NAT, ISOLATED, "<forward mode='bridge'/>"])
def test_what_stays_on_a_bridge_is_filtered_while_br_netfilter_is_loaded(inside: str) -> None:
    network = Network(parse(f"<network><name>n</name><bridge name='virbr0'/>{inside}</network>"))
    host = FakeHost()
    host.add_program("nft", Completed(("nft",), 0, json.dumps({"nftables": docker()}).encode(), b""))
    lost = "what guests send to others on their bridge"
    assert lost not in "".join(advise(host, Layout.system(), network))
    host.add_file("/proc/sys/net/bridge/bridge-nf-call-iptables", b"1\n")
    host.add_file("/proc/sys/net/bridge/bridge-nf-call-ip6tables", b"0\n")
    [said_now] = advise(host, Layout.system(), network)
    assert f"(Docker) drops {lost}" in said_now
    assert "iptables -I DOCKER-USER -i virbr0 -j ACCEPT" in said_now


def test_a_macvtap_network_has_nothing_to_be_filtered() -> None:
    host = FakeHost()
    host.add_file("/proc/sys/net/bridge/bridge-nf-call-iptables", b"1\n")
    host.add_program("nft", Completed(("nft",), 0, json.dumps({"nftables": docker()}).encode(), b""))
    assert advise(host, Layout.system(), Network(parse("<network><forward mode='vepa' dev='eth0'/></network>"))) == []


def test_a_host_is_asked_once_and_one_without_nft_not_at_all() -> None:
    network = Network(parse(f"<network><name>n</name><bridge name='virbr0'/>{NAT}</network>"))
    host = FakeHost()
    assert advise(host, Layout.system(), network) == []
    host.add_program("nft", Completed(("nft",), 0, json.dumps({"nftables": docker()}).encode(), b""))
    assert len(advise(host, Layout.system(), network)) == 1
    assert [call for call in host.calls if call[0] == "run"] == [("run", ("nft", "-j", "list", "ruleset"))]

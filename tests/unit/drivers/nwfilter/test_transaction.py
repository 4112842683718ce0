# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table's changes as texts, and what the table then holds. That nft takes them is tested in tests/integration."""

from __future__ import annotations

from typing import Any

from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.transaction import (
    BASES,
    Entrance,
    OwnSet,
    PortRules,
    Traces,
    expected,
    found,
    removal,
    traces,
    transaction,
)

OUT, IN = Entrance("out", '"vnet0"'), Entrance("in", '"vnet0"')
RULES = PortRules(
    "vnet0",
    {"out/vnet0": ('jump out/vnet0/arp comment "00000001 arp"',), "out/vnet0/arp": (), "in/vnet0": ()},
    (OUT, IN),
    (OwnSet("any/vnet0 { type ipv4_addr; }"), OwnSet("ipset/vnet0/1 { type mark; }", ("1", "2"), renewed=True)),
)
SMALL = PortRules("vnet0", {"out/vnet0": (), "in/vnet0": ()}, (OUT, IN))


def lines(text: str) -> list[str]:
    """The lines of a text without the names of verbs' objects that are in all of them."""
    assert text.endswith("\n")
    return [line.replace("bridge t ", "") for line in text.splitlines()]


def test_everything_is_there_before_something_leads_to_it() -> None:
    assert lines(transaction("t", [RULES]))[-13:] == [
        "add set any/vnet0 { type ipv4_addr; }",
        "add set ipset/vnet0/1 { type mark; }",
        "flush set ipset/vnet0/1",
        "add element ipset/vnet0/1 { 1, 2 }",
        "add chain out/vnet0",
        "flush chain out/vnet0",
        "add chain out/vnet0/arp",
        "flush chain out/vnet0/arp",
        "add chain in/vnet0",
        "flush chain in/vnet0",
        'add rule out/vnet0 jump out/vnet0/arp comment "00000001 arp"',
        'add element out { "vnet0" : goto out/vnet0 }',
        'add element in { "vnet0" : goto in/vnet0 }',
    ]


def test_base_chains_are_there_as_far_as_somebody_needs_them() -> None:
    text = lines(transaction("t", [RULES]))
    assert text[:5] == [
        "add table bridge t",
        "add map out { type ifname : verdict; }",
        "add chain out { type filter hook prerouting priority -300; policy accept; }",
        "flush chain out",
        'add rule out iifname vmap @out comment "183bd430 out"',
    ]
    assert [line.split()[2] for line in text if line.startswith("add map")] == ["out", "in"]


def test_base_chains_that_stand_are_left_alone() -> None:
    text = lines(transaction("t", [RULES], standing=["out", "refuse"]))
    assert text[:2] == ["add table bridge t", "add map in { type ifname : verdict; }"]
    assert "flush chain in" in text
    assert "flush chain out" not in text
    assert not any(line.startswith(("add map out", "add chain out {", "add rule out ")) for line in text)
    assert text[-2] == 'add element out { "vnet0" : goto out/vnet0 }'


def test_what_is_gone_is_added_and_then_deleted() -> None:
    refused = Traces(("refuse/525400000001",), (), (("refuse", "52:54:00:00:00:01"),))
    text = lines(transaction("t", [], [refused]))
    assert text[1].startswith("add map refuse { type ether_addr : verdict; }")
    assert text[5:] == [
        "add chain refuse/525400000001",
        "add element refuse { 52:54:00:00:00:01 : goto refuse/525400000001 }",
        "delete element refuse { 52:54:00:00:00:01 }",
        "add chain refuse/525400000001",
        "flush chain refuse/525400000001",
        "delete chain refuse/525400000001",
    ]


def test_what_is_wanted_again_stays() -> None:
    text = lines(transaction("t", [SMALL], [traces(RULES), traces(RULES)]))
    removed = [line for line in text if line.startswith("delete")]
    assert removed == ["delete chain out/vnet0/arp", "delete set any/vnet0", "delete set ipset/vnet0/1"]
    assert not any(line.startswith("delete") for line in lines(transaction("t", [RULES], [traces(RULES)])))


def test_the_whole_table_goes() -> None:
    assert lines(removal("t")) == ["add table bridge t", "delete table bridge t"]


def test_traces() -> None:
    assert traces(RULES) == Traces(
        ("out/vnet0", "out/vnet0/arp", "in/vnet0"),
        ("any/vnet0 { type ipv4_addr; }", "ipset/vnet0/1 { type mark; }"),
        (OUT, IN),
    )


def test_frames_come_before_connections_are_tracked_and_packets_after() -> None:
    tracked = -200
    for name, base in BASES.items():
        if name != "learn":
            assert (base.priority > tracked) == name.endswith("3")
    assert [name for name, base in BASES.items() if base.hook == "prerouting"] == ["out", "refuse", "out3", "refuse3"]
    assert max(BASES, key=lambda name: BASES[name].priority) == "learn"


def listing(**wrong: Any) -> dict[str, Any]:
    """What nft lists of a table with RULES."""
    base = {"family": "bridge", "table": "t"}
    goto = {name: [["vnet0", {"goto": {"target": f"{name}/vnet0"}}]] for name in ("out", "in")}
    goto.update(wrong)
    comments = (("out", "183bd430 out"), ("in", "4daf1b2c in"), ("out/vnet0", "00000001 arp"))
    return {
        "nftables": [
            {"metainfo": {"version": "1.0.6"}},
            {"table": {"family": "bridge", "name": "t", "handle": 1}},
            *({"map": {**base, "name": name, "type": "ifname", "map": "verdict", "elem": goto[name]}} for name in goto),
            *({"set": {**base, "name": name, "elem": [1]}} for name in ("any/vnet0", "ipset/vnet0/1")),
            *({"chain": {**base, "name": name}} for name in (*goto, *RULES.chains)),
            *({"rule": {**base, "chain": chain, "expr": [], "comment": said}} for chain, said in comments),
        ]
    }


def test_what_is_expected_is_what_is_found() -> None:
    assert found(listing()) == expected([RULES])


def test_what_was_touched_is_found() -> None:
    other = found(listing(out=[["vnet0", {"drop": None}], "nonsense"]))
    assert other.maps["out"] == {"vnet0": ""}
    assert found(listing(out=None)).maps["out"] == {}
    rows = [row for row in listing()["nftables"] if "rule" not in row]
    assert found({"nftables": [*rows, {"rule": {"chain": "out", "expr": []}}]}).chains["out"] == ("",)
    assert found({}) == expected([])

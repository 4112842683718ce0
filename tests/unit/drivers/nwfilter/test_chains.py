# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of rules, and where the root chain leads into the others."""

from __future__ import annotations

import pytest

from .small_filters import chain, compiled


def rule(priority: int, inside: str = "", direction: str = "out") -> str:
    return f"<rule action='drop' direction='{direction}' priority='{priority}'>{inside}</rule>"


def numbers(*texts: str, name: str = "out/vnet0") -> list[str]:
    """What stands in a chain: the rules as FILTER#NUMBER, the ways into other chains by their names."""
    rules = compiled(*texts).chains[name]
    return [each.partition('comment "')[2][9:].rstrip('"') for each in rules]


def test_rules_come_by_priority_and_else_as_they_are_written() -> None:
    text = f"<filter name='f'>{rule(500)}{rule(-1000)}{rule(1000)}{rule(500)}{rule(0)}</filter>"
    assert numbers(text) == ["f#2", "f#5", "f#1", "f#4", "f#3"]


def test_rules_of_all_filters_of_a_chain_are_sorted_together() -> None:
    top = f"<filter name='f'>{rule(10)}<filterref filter='g'/>{rule(30)}</filter>"
    assert numbers(top, f"<filter name='g'>{rule(20)}{rule(40)}{rule(10)}</filter>") == [
        "f#1",
        "g#3",
        "g#1",
        "f#2",
        "g#2",
    ]


def tree(*chains: tuple[str, str]) -> list[str]:
    """A filter with rules from -900 to 900 and filters with these chains (attributes) that have a rule each."""
    names = [f"g{number}" for number in range(len(chains))]
    own = "".join(rule(priority) for priority in (-900, -700, -550, 0, 900))
    references = "".join(f"<filterref filter='{name}'/>" for name in names)
    return [
        f"<filter name='f'>{references}{own}</filter>",
        *(f"<filter name='{name}' {about}>{inside}</filter>" for name, (about, inside) in zip(names, chains)),
    ]


def test_the_root_chain_leads_into_others_between_its_rules() -> None:
    texts = tree(
        ("chain='arp'", rule(-1000)),
        ("chain='ipv4-x'", rule(500)),
        ("chain='mac' priority='1000'", rule(500)),
        ("chain='rarp' priority='0'", rule(500)),
    )
    assert numbers(*texts) == ["f#1", "ipv4-x", "f#2", "f#3", "arp", "rarp", "f#4", "f#5", "mac"]


def test_a_chain_that_two_filters_place_differently_is_led_into_once() -> None:
    texts = tree(("chain='arp' priority='-950'", rule(1)), ("chain='arp' priority='950'", rule(2)))
    assert numbers(*texts) == ["f#1", "f#2", "f#3", "f#4", "f#5", "arp"]
    assert numbers(*texts, name="out/vnet0/arp") == ["g0#1", "g1#1"]


ENTRANCES = {
    "stp": "ether daddr 01:80:c2:00:00:00 ",
    "mac": "",
    "vlan": "ether type { 8021q, 8021ad } ",
    "ipv4": "ether type ip ",
    "ipv6": "ether type ip6 ",
    "arp": "ether type arp ",
    "rarp": "ether type 0x8035 ",
}


@pytest.mark.parametrize("prefix", ENTRANCES)
@pytest.mark.parametrize("rest", ["", "-x", ".x_y", ":1"])
def test_only_frames_of_its_protocol_come_into_a_chain(prefix: str, rest: str) -> None:
    rules = compiled(f"<filter name='f' chain='{prefix}{rest}'>{rule(500)}</filter>")
    name = f"out/vnet0/{prefix}{rest}".replace(":", "/")
    assert chain(rules, "out/vnet0") == [f"{ENTRANCES[prefix]}jump {name}"]
    assert chain(rules, name) == ["drop"]


def test_a_chain_is_there_only_for_the_ways_that_its_rules_are_for() -> None:
    text = f"<filter name='f' chain='arp'>{rule(500, direction='in')}</filter>"
    assert chain(compiled(text), "in/vnet0") == ["ether type arp jump in/vnet0/arp"]
    assert chain(compiled(text), "out/vnet0") == []
    assert "out/vnet0/arp" not in compiled(text).chains


def test_the_inner_layer_has_one_chain_with_the_root_filters_first() -> None:
    texts = tree(("chain='ipv4'", rule(-950, "<tcp/>")), ("", rule(300, "<udp/>") + rule(-999, "<all-ipv6/>")))
    assert numbers(*texts, name="out3/vnet0") == ["g1#2", "g1#1", "g0#1"]
    assert numbers(*texts) == ["f#1", "f#2", "f#3", "f#4", "f#5"]

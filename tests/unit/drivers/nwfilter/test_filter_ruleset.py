# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nftables is to have for interfaces: golden texts, and what they have to say whatever the filters are.

After a change that is meant, CORRAL_REGENERATE=1 writes the texts anew; look at the difference before it is committed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.expand import Known
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.ruleset import (
    ipsets_asked,
    port_rules,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.transaction import (
    PortRules,
    transaction,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError, InvalidArgument, XmlError

from .small_filters import MAC, chain, compiled, filters, port

GOLDEN = Path(__file__).parent / "golden"
CLEAN = "<filter name='f'><filterref filter='clean-traffic'/></filter>"
BLOCKED = "create blocked hash:net family inet\nadd blocked 192.0.2.0/24\nadd blocked 198.51.100.7\n"
SAVED = {"blocked": BLOCKED, "other": BLOCKED, "lists": "create lists list:set size 8\n"}

NESTED = (
    "<filter name='f'>"
    "<filterref filter='services'><parameter name='PORT' value='22'/><parameter name='PORT' value='80'/></filterref>"
    "<filterref filter='services'>"
    "<parameter name='PORT' value='443'/><parameter name='FROM' value='10.0.0.0'/></filterref>"
    "<rule action='drop' direction='inout' priority='1000'><all/></rule></filter>",
    "<filter name='services'>"
    "<rule action='accept' direction='in'>"
    "<tcp srcipaddr='$FROM' srcipmask='8' dstportstart='$PORT[@1]' comment='let in'/></rule>"
    "<filterref filter='no-mac-spoofing'/></filter>",
)
ITERATORS = (
    "<filter name='f'>"
    "<rule action='drop' direction='out'><ip srcipaddr='$A' protocol='udp' dstportstart='$B'/></rule>"
    "<rule action='drop' direction='out'><ip srcipaddr='$A[@1]' protocol='tcp' dstportstart='$B[@2]'/></rule>"
    "<rule action='drop' direction='in'><ip dstipaddr='$A[1]' protocol='sctp' srcportstart='$B[@2]'/></rule>"
    "</filter>"
)
REJECT = (
    "<filter name='f'>"
    "<rule action='accept' direction='in' priority='1'><mac srcmacaddr='52:54:00:00:00:02'/></rule>"
    "<rule action='reject' direction='in' priority='2'><ip srcipaddr='192.0.2.1'/></rule>"
    "<rule action='drop' direction='in' priority='3'><arp opcode='Reply'/></rule>"
    "<rule action='reject' direction='inout' priority='4'><arp opcode='Request'/></rule>"
    "<rule action='reject' direction='in' priority='5'><mac protocolid='0x88cc'/></rule>"
    "<rule action='reject' direction='out'><udp dstportstart='53'/></rule>"
    "<rule action='reject' direction='in'><tcp dstportstart='25'/></rule>"
    "<rule action='drop' direction='in'><tcp dstportstart='26'/></rule></filter>"
)
COUNTED = (
    "<filter name='f'>"
    "<rule action='drop' direction='in'><tcp dstportstart='80' connlimit-above='9'/></rule>"
    "<rule action='drop' direction='out'><udp-ipv6 connlimit-above='9'/></rule>"
    "<rule action='drop' direction='out'><arp gratuitous='true'/></rule></filter>"
)
IPSETS = "<filter name='f'><rule action='drop' direction='out'><all ipset='$SET' ipsetflags='dst'/></rule></filter>"
MANY = "<rule action='drop' direction='in'><tcp dstportstart='$P'/></rule>"
LEASES = Known(("10.0.0.5", "10.0.0.6"))

CASES = {
    "clean-traffic-fixed": lambda: [compiled(CLEAN, IP="10.0.0.5")],
    "clean-traffic-many": lambda: [compiled(CLEAN, IP=["10.0.0.5", "10.0.0.6"])],
    "clean-traffic-known": lambda: [compiled(CLEAN, known=LEASES)],
    "clean-traffic-any": lambda: [compiled(CLEAN)],
    "clean-traffic-dhcp": lambda: [
        compiled(CLEAN, known=LEASES, CTRL_IP_LEARNING="dhcp", DHCPSERVER=["10.0.0.1", "10.0.0.2"])
    ],
    "three-interfaces": lambda: [
        port_rules(
            port("clean-traffic", f"vnet{number}", f"52:54:00:00:00:0{number}", IP=f"10.0.{number}.5"), filters()
        )
        for number in range(3)
    ],
    "nested": lambda: [compiled(*NESTED, FROM="172.16.0.0")],
    "iterators": lambda: [compiled(ITERATORS, A=["10.0.0.1", "10.0.0.2"], B=["80", "90"])],
    "reject": lambda: [compiled(REJECT)],
    "counted": lambda: [compiled(COUNTED)],
    "ipset": lambda: [compiled(IPSETS, known=Known(ipsets=SAVED), SET="blocked")],
}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    text = transaction("corral", CASES[name]())
    path = GOLDEN / f"{name}.nft"
    if os.environ.get("CORRAL_REGENERATE"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_every_golden_text_has_its_case() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(CASES)


def everything() -> list[PortRules]:
    return [rules for case in CASES.values() for rules in case()]


def test_every_way_into_a_chain_leads_to_one_that_is_there() -> None:
    for rules in everything():
        jumps = {
            each.partition("jump ")[2].split()[0]
            for name in rules.chains
            for each in chain(rules, name)
            if "jump " in each
        }
        assert jumps | {each.chain for each in rules.entrances} == set(rules.chains)


def test_sets_that_rules_speak_of_are_there() -> None:
    for rules in everything():
        text = " ".join(each for name in rules.chains for each in chain(rules, name))
        spoken = {word[1:] for word in text.split() if word.startswith("@") and "/" in word}
        assert spoken == {each.declaration.split()[0] for each in rules.sets}


def test_all_that_is_called_after_an_interface_is_its_own() -> None:
    for rules in everything():
        names = [*rules.chains, *(each.declaration.split()[0] for each in rules.sets)]
        assert all(name.split("/")[1] in (rules.device, MAC.replace(":", "")) for name in names)


def test_what_cannot_be_rejected_any_more_is_dropped_and_what_looks_ahead_never_drops() -> None:
    rules = compiled(REJECT)
    ahead = [each for name in rules.chains if name.startswith("refuse") for each in chain(rules, name)]
    behind = [each for name in rules.chains if name.startswith("in") for each in chain(rules, name)]
    assert {each.split()[-1] for each in ahead} == {"accept", "reject"}
    assert "reject" not in " ".join(behind)
    assert {each.key for each in rules.entrances if each.map.startswith("refuse")} == {MAC}


@pytest.mark.parametrize(
    "inside",
    ["<arp/>", "<rarp/>", "<vlan/>", "<stp/>", "<mac protocolid='0x88cc'/>", "<mac protocolid='arp'/>"],
)
def test_frames_without_an_answer_need_nobody_who_looks_ahead(inside: str) -> None:
    rules = compiled(f"<filter name='f'><rule action='reject' direction='inout'>{inside}</rule></filter>")
    assert {name.partition("/")[0] for name in rules.chains} == {"out", "in"}
    assert chain(rules, "in/vnet0")[0].endswith(" drop")
    assert chain(rules, "out/vnet0")[0].endswith(" drop")


def test_comments_hold_nothing_that_ends_them() -> None:
    said = "x&quot; drop &apos;\\ ü" * 9
    rule = f"<rule action='accept' direction='out'><udp statematch='no' comment='{said}'/></rule>"
    rules = port_rules(port('a"; b#1'), filters(f"<filter name='a&quot;; b#1'>{rule}</filter>"))
    for line in rules.chains["out3/vnet0"]:
        comment = line.partition(' comment "')[2]
        assert comment.endswith('"')
        assert comment.count('"') == 1
        assert len(comment) <= 121
        assert comment.isascii()
        assert "\\" not in comment


def test_errors_of_a_rule_name_guest_and_interface_too() -> None:
    match = "<tcp dstportstart='90' dstportend='80'/>"
    text = f"<filter name='f'>\n<rule action='accept' direction='out'>\n{match}</rule></filter>"
    with pytest.raises(XmlError) as caught:
        compiled(text)
    assert caught.value.message.startswith("line 2: guest web, interface vnet0: ")
    assert caught.value.message.count("line 2") == 1
    assert "'f'" in caught.value.message


WRONG = (
    (lambda: port_rules(port("clean-traffic", "a b"), filters()), InvalidArgument, "'a b'"),
    (
        lambda: compiled(CLEAN, CTRL_IP_LEARNING="dhcp", DHCPSERVER="10.0.0"),
        XmlError,
        "line 7: guest web, interface vnet0: DHCPSERVER is '10.0.0', and must be an IPv4 address",
    ),
    (
        lambda: compiled(f"<filter name='f'>{MANY * 11}</filter>", P=[str(number) for number in range(1000)]),
        XmlError,
        "filter f, rule 11: with it the interface has more than 10000 rules",
    ),
)


@pytest.mark.parametrize(("make", "kind", "said"), WRONG)
def test_wrong(make: object, kind: type[CorralError], said: str) -> None:
    with pytest.raises(kind) as caught:
        make()  # type: ignore[operator]
    assert said in str(caught.value)


def test_an_interface_without_a_device_can_be_checked() -> None:
    rules = port_rules(port("clean-traffic", ""), filters())
    assert "out/-" in rules.chains
    with pytest.raises(XmlError, match=f"guest web, interface {MAC}: filter no-ip-spoofing"):
        port_rules(port("clean-traffic", "", CTRL_IP_LEARNING="none"), filters())


def test_ipsets_that_rules_ask_for() -> None:
    many = IPSETS.replace("</filter>", "<filterref filter='clean-traffic'/></filter>")
    assert ipsets_asked(port(SET=["a", "b", "a"]), filters(many)) == ["a", "b"]
    assert ipsets_asked(port("clean-traffic"), filters()) == []

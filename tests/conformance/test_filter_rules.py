# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of a libvirt source tree: our nft statements say, rule by rule, what its ebtables and iptables commands say.

Rules of RARP are written bit by bit, because nft has no words for them; they are looked at in the unit tests.
CORRAL_LIBVIRT_SOURCE names the tree; else it is looked for beside the checkout.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.contracts.nwfilter import FilterPort
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.expand import Known, expand
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.inner import inner_rules
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.link import link_rules
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.resolve import Filters, flatten
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.values import (
    IN,
    OUT,
    ConcreteRule,
    Ipset,
)
from ansible_collections.corral.virt.plugins.module_utils.model.nwfilter.protocols import INNER, PROTOCOLS
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.tests.conformance.iptables import Line, read_lines

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(os.environ.get("CORRAL_LIBVIRT_SOURCE") or ROOT.parent / "shared" / "conformance" / "libvirt-11.3")
DATA = SOURCE / "tests" / "nwfilterxml2firewalldata"
CASES = sorted(path.stem for path in DATA.glob("*.xml") if (DATA / f"{path.stem}-linux.args").exists())
# The variables that libvirt's test gives to its filters.
PARAMETERS = (
    *(("A", value) for value in ("1.1.1.1", "2.2.2.2", "3.3.3.3", "3.3.3.3")),
    *(("B", value) for value in ("80", "90", "80", "80")),
    *(("C", value) for value in ("1080", "1090", "1100", "1110")),
    ("IPSETNAME", "tck_test"),
)
PORT = FilterPort("vnet0", "52:54:00:00:00:01", "guest", "tck-testcase", PARAMETERS)
WAYS = {"J": OUT, "P": IN, "FJ": OUT, "FP": IN, "HJ": OUT}

# Where a condition of ours begins, or the verdict.
FIELDS = (
    "meta (?:protocol|l4proto)",
    "ether (?:type|saddr|daddr)",
    "ip6? (?:saddr|daddr|dscp|protocol|nexthdr)",
    "arp (?:htype|ptype|operation|saddr|daddr)",
    "(?:icmp|icmpv6) (?:type|code)",
    "th [sd]port",
    "tcp (?:flags|option)",
    "ct (?:state|direction)",
    "@(?:ll|nh,1)",
    "add",
    "(?:accept|drop|reject|return|continue)$",
)
CONDITION = re.compile(f" (?={'|'.join(FIELDS)})")
# What belongs to the condition before it.
JOINED = {" . ip ": " .~ip ", "{ ip": "{~ip", " . @nh": " .~@nh"}


def rules_of(case: str) -> list[ConcreteRule]:
    document = parse((DATA / f"{case}.xml").read_text())
    filters = Filters(lambda name: document)
    port = replace(PORT, filter=document.get("name") or "")
    return [with_set(rule) for bound in flatten(port, filters) for rule in expand(port, bound, Known())]


def with_set(rule: ConcreteRule) -> ConcreteRule:
    """The rule with a copy of the ipset that libvirt's test supposes, of pairs of addresses."""
    known = Ipset("own", 4, ("ip", "ip"))
    values = tuple(each._replace(value=known) if each.attribute == "ipset" else each for each in rule.values)
    return rule._replace(values=values, own_set="own")


def is_inner(rule: ConcreteRule) -> bool:
    return rule.protocol is not None and PROTOCOLS[rule.protocol].layer == INNER


def ours(rules: list[ConcreteRule], inner: bool) -> set[tuple[str, frozenset[str], str]]:
    made = inner_rules if inner else link_rules
    found = set()
    for rule in rules:
        for way in (OUT, IN) if is_inner(rule) == inner else ():
            statements = made(rule, way)
            found |= {(way, *in_parts(each)) for each in statements if not each.endswith("}")}
    return found


def in_parts(statement: str) -> tuple[frozenset[str], str]:
    """The conditions of a statement and its verdict, in the words of iptables.py."""
    for written, joined in JOINED.items():
        statement = statement.replace(written, joined)
    *conditions, verdict = (part.replace("~", " ") for part in CONDITION.split(statement))
    return frozenset(settled(each) for each in conditions), verdict


def settled(condition: str) -> str:
    counted = re.fullmatch(r"add @own \{ ip6? saddr ct count (over )?(\d+) \}", condition)
    if counted:
        return f"connlimit-above {'' if counted[1] else '!= '}{counted[2]}"
    named = {"ether type arp": "ether type 0x0806"}
    return named.get(condition, condition).replace("ip6 dscp", "ip dscp")


def theirs(lines: list[Line], inner: bool) -> set[tuple[str, frozenset[str], str]]:
    chains = {"FJ", "FP"} if inner else {"J", "P"}
    return {(WAYS[line.chain], line.conditions, passing(line)) for line in lines if line.chain in chains}


def passing(line: Line) -> str:
    return "accept" if line.chain in ("FJ", "HJ") and line.verdict == "return" else line.verdict


def lines_of(case: str) -> list[Line]:
    return list(read_lines((DATA / f"{case}-linux.args").read_text()))


@pytest.mark.parametrize("case", [case for case in CASES if case != "rarp"])
def test_frames_are_matched_as_ebtables_does(case: str) -> None:
    # ebtables has no reject: there libvirt drops what it should answer.
    made = {(way, tests, "drop" if end == "reject" else end) for way, tests, end in ours(rules_of(case), inner=False)}
    assert made == theirs(lines_of(case), inner=False)


@pytest.mark.parametrize("case", CASES)
def test_packets_are_matched_as_iptables_does(case: str) -> None:
    assert ours(rules_of(case), inner=True) == theirs(lines_of(case), inner=True)


@pytest.mark.parametrize("case", CASES)
def test_what_goes_to_the_host_has_the_rules_of_what_is_forwarded(case: str) -> None:
    lines = lines_of(case)
    forwarded = {(line.conditions, passing(line)) for line in lines if line.chain == "FJ"}
    assert {(line.conditions, passing(line)) for line in lines if line.chain == "HJ"} == forwarded

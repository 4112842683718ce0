# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any filter comes to rules that nft and the kernel take, or is refused with its rule named."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ansible_collections.corral.virt.plugins.module_utils.drivers.contracts.nwfilter import FilterPort
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.expand import Known
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.ruleset import port_rules
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.transaction import (
    PortRules,
    transaction,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.passes.complete import complete
from ansible_collections.corral.virt.plugins.module_utils.errors import DocumentError
from ansible_collections.corral.virt.plugins.module_utils.model.nwfilter.protocols import (
    ACTIONS,
    CHAIN_PRIORITIES,
    DIRECTIONS,
    PROTOCOLS,
    Attribute,
    Protocol,
)
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import add, new_element, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.filters.softened import softened
from ansible_collections.corral.virt.tests.integration.namespaces import Namespace, namespace
from ansible_collections.corral.virt.tests.unit.drivers.nwfilter.small_filters import filters

pytestmark = pytest.mark.root

# So many filters are told to nft at once.
BATCH = 25


def numbers(low: int, high: int) -> st.SearchStrategy[str]:
    """A number in either base, mostly one that fits, and the ends of the range more often than others."""
    found = st.one_of(st.sampled_from([low, high, low + 1]), st.integers(low, high), st.integers(low, 70000))
    return st.builds(lambda value, form: form.format(value), found, st.sampled_from(["{}", "{:#x}"]))


MACS = st.sampled_from(["52:54:00:00:00:01", "1:2:3:4:5:6", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"])
MAC_MASKS = st.sampled_from(["ff:ff:ff:ff:ff:ff", "ff:ff:ff:00:00:00", "00:00:00:00:00:00", "ff:f8:00:00:00:00"])
SIX = ["::", "2001:db8::1", "::10.1.2.3", "fe80::", "ff02::1", "::ffff:10.1.2.3"]
FLAG_WORDS = ("SYN,ACK/SYN", "ALL/NONE", "NONE/NONE", "SYN/ACK", "ALL/ALL", "/", "FIN,URG/FIN,URG")
STATES = ("NEW", "ESTABLISHED,RELATED", "NEW,ESTABLISHED,RELATED,INVALID", "NONE", "INVALID", "new, established")
# What attributes of each kind are given.
TEXTS: dict[str, st.SearchStrategy[str]] = {
    "uint8": numbers(0, 0xFF),
    "uint16": numbers(0, 0xFFFF),
    "uint32": numbers(0, 0xFFFFFFFF),
    "dscp": numbers(0, 63),
    "vlan id": numbers(0, 0xFFF),
    "ether type": st.one_of(numbers(0x600, 0xFFFF), st.sampled_from(["arp", "rarp", "ipv4", "ipv6", "vlan"])),
    "encapsulated type": st.one_of(numbers(0x3C, 0xFFFF), st.sampled_from(["arp", "ipv4", "ipv6"])),
    "opcode": st.one_of(numbers(0, 0xFFFF), st.sampled_from(["Request", "reply", "ARP_NAK"])),
    "ip protocol": st.one_of(numbers(0, 255), st.sampled_from(["tcp", "udp", "icmp", "icmpv6", "sctp", "ah", "igmp"])),
    "mac": MACS,
    "mac mask": MAC_MASKS,
    "ipv4": st.one_of(st.sampled_from(["0.0.0.0", "10.1.2.3", "255.255.255.255"]), st.ip_addresses(v=4).map(str)),
    "ipv6": st.one_of(st.sampled_from(SIX), st.ip_addresses(v=6).map(str)),
    "ipv4 mask": st.one_of(st.integers(0, 32).map(str), st.sampled_from(["255.255.255.0", "0.0.0.0", "255.0.255.0"])),
    "ipv6 mask": st.one_of(st.integers(0, 128).map(str), st.sampled_from(["ffff:ffff::", "::"])),
    "states": st.sampled_from(STATES),
    "flags": st.sampled_from(FLAG_WORDS),
    "ipset": st.sampled_from(["addresses", "pairs", "none"]),
    "ipset flags": st.sampled_from(["src", "dst", "src,dst", "dst,src,src"]),
    "boolean": st.sampled_from(["true", "no", "1"]),
    "comment": st.text(alphabet="ab\"'\\;#{}$@äß€ ", max_size=60),
}
# Variables that fit a kind, and any for the others.
VARIABLES = {
    "mac": ["$MAC"],
    "ipv4": ["$IP", "$IP", "$A", "$A[@1]", "$A[1]"],
    "ipv6": ["$IPV6", "$SIX"],
    "uint8": ["$P", "$P[@1]"],
    "uint16": ["$P", "$P[@1]", "$P[@2]"],
}
WRONG = ["$IP", "$MAC", "$A[@2]", "$P", "$IPV6", "$NONE", "$A[7]", "$"]
SETS = {
    "addresses": "create addresses hash:net family inet\nadd addresses 192.0.2.0/24\nadd addresses 198.51.100.7\n",
    "pairs": "create pairs hash:ip,port family inet\nadd pairs 192.0.2.1,tcp:80\nadd pairs 192.0.2.2,udp:53\n",
}
KNOWN = Known(ipv6=("fd00::5", "fd00::6"), ipsets=SETS)
LISTS = (("A", "10.0.0.1"), ("A", "10.0.0.2"), ("P", "80"), ("P", "81"), ("SIX", "fd00::1"), ("DHCPSERVER", "10.0.0.1"))
LEARNING = st.sampled_from(
    [(), (("CTRL_IP_LEARNING", "dhcp"),), (("IP", "10.0.0.9"),), (("IP", "10.0.0.9"), ("IP", "10.0.0.8"))]
)
INCLUDED = ["no-mac-spoofing", "no-ip-spoofing", "no-arp-spoofing", "allow-dhcp-server", "no-ipv6-spoofing"]
CHAINS = st.one_of(
    st.just("root"),
    st.builds(
        lambda prefix, rest: prefix + rest,
        st.sampled_from(sorted(CHAIN_PRIORITIES)),
        st.sampled_from(["", "-x", ":1", ".-_"]),
    ),
)


def values(attribute: Attribute) -> st.SearchStrategy[str]:
    """What an attribute is given: mostly what it can have."""
    texts = TEXTS[attribute.kind.name]
    if not attribute.variable:
        return texts
    fitting = VARIABLES.get(attribute.kind.name, WRONG)
    return st.one_of(texts, texts, texts, st.sampled_from([*fitting * 4, *WRONG]))


@st.composite
def matches(draw: st.DrawFn, protocol: Protocol) -> list[dict[str, str]]:
    """The attributes of one or two elements of a protocol, the second one negated."""
    found: list[dict[str, str]] = [{}, {"match": "no"}]
    for name in draw(st.lists(st.sampled_from(sorted(protocol.attributes)), max_size=5, unique=True)):
        attribute = protocol.attributes[name]
        text = draw(values(attribute))
        found[draw(st.sampled_from([0, 0, 1]))][name] = text
        if attribute.needs and all(attribute.needs not in each for each in found):
            found[0][attribute.needs] = draw(TEXTS[protocol.attributes[attribute.needs].kind.name])
    return [found[0], *found[1:][: len(found[1]) > 1]]


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A filter of some rules."""
    document = new_element("filter", name="f", chain=draw(CHAINS))
    for _number in range(draw(st.integers(1, 4))):
        about = {"action": draw(st.sampled_from(ACTIONS)), "direction": draw(st.sampled_from(DIRECTIONS))}
        rule = add(document, "rule", **about, priority=str(draw(st.integers(-1000, 1000))))
        if draw(st.booleans()):
            rule.set("statematch", draw(st.sampled_from(["false", "true", "0"])))
        protocol = draw(st.sampled_from([None, *PROTOCOLS.values()]))
        for attributes in draw(matches(protocol)) if protocol else ():
            add(rule, protocol.name, **attributes) if protocol else None
    for name in draw(st.lists(st.sampled_from(INCLUDED), max_size=2)) if draw(st.booleans()) else ():
        add(document, "filterref", filter=name)
    return to_text(document)


def compiled(text: str, number: int, learning: tuple[tuple[str, str], ...]) -> PortRules | str:
    """What one interface is to have, or why it cannot."""
    port = FilterPort(f"vnet{number}", f"52:54:00:00:01:{number:02x}", "g", "f", (*LISTS, *learning))
    try:
        document = complete(parse(text), (), kept=None, host_id="host")
        return port_rules(port, filters(to_text(document)), KNOWN)
    except DocumentError as error:
        return error.message


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    with namespace() as made:
        yield made


# A batch that fails is told as it is: making it smaller takes minutes, and nft says which line it is about.
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.reuse, Phase.generate])
@given(batch=st.lists(st.tuples(documents(), LEARNING), min_size=BATCH, max_size=BATCH))
def test_any_filter_is_taken_or_refused_by_name(
    space: Namespace, batch: list[tuple[str, tuple[tuple[str, str], ...]]]
) -> None:
    rules = [compiled(document, number, learning) for number, (document, learning) in enumerate(batch)]
    for (document, _learning), each in zip(batch, rules):
        assert not isinstance(each, str) or re.match(r"line \d+: ", each), f"{each}\n{document}"
    text = softened(transaction("fuzz", [each for each in rules if not isinstance(each, str)]))
    said = space.run("nft", "-c", "-f", "-", stdin=text, check=False)
    assert not said, said[:2000]

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of a filter's document, with the line and what to do; and what of it is completed or warned about."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.builtin.table import (
    builtin_document,
    builtin_names,
    builtin_uuid,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.passes.complete import complete
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.passes.ignored import (
    ignored_parts,
    unknown_filters,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.passes.loops import check_loops
from ansible_collections.corral.virt.plugins.module_utils.errors import AlreadyExists, CorralError, XmlError
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text

UUID = "5c6d49af-b071-6127-b4ec-6f8ed4b55335"


def define(text: str, *known: Element, kept: Element | None = None) -> Element:
    return complete(parse(text), known, kept=kept, host_id="host")


def in_rule(inside: str) -> str:
    return f"<filter name='a'>\n<rule action='accept' direction='in'>\n{inside}\n</rule></filter>"


REFUSED: tuple[tuple[str, int | None, str, str], ...] = (
    ("<secret/>", 1, "the document is a <secret>", ""),
    ("<filter/>", 1, "the filter has no name", "Write <filter"),
    ("<filter name='a/b'/>", 1, "must not contain a slash", ""),
    ("<filter name='a' chian='arp'/>", 1, "no attribute chian", "Did you mean chain?"),
    ("<filter name='a'>\n<rules/></filter>", 2, "no <rules> in it", "Did you mean rule?"),
    (f"<filter name='a'><uuid>{UUID}</uuid>\n<uuid>{UUID}</uuid></filter>", 2, "more than one <uuid>", "Leave one"),
    ("<filter name='a'>\n<uuid>12</uuid></filter>", 2, "'12' is not a uuid", "Leave it out"),
    ("<filter name='a' chain='ip'/>", 1, "is no chain", "begins with one of stp, mac, vlan"),
    ("<filter name='a' chain='root-x'/>", 1, "is no chain", "Write root"),
    ("<filter name='a' chain='arp-too-long-x'/>", 1, "is not 1 to 12 letters", ""),
    ("<filter name='a' chain='arp;x'/>", 1, "is not 1 to 12 letters", ""),
    ("<filter name='a' chain='arp' priority='1001'/>", 1, "is not from -1000 to 1000", "comes first"),
    ("<filter name='a' chain='arp' priority='x'/>", 1, "must be a whole number", ""),
    ("<filter name='a'>\n<rule direction='in'/></filter>", 2, "has no action", ""),
    ("<filter name='a'>\n<rule action='allow' direction='in'/></filter>", 2, "not one of drop, accept", ""),
    ("<filter name='a'>\n<rule action='drop' direction='both'/></filter>", 2, "not one of in, out, inout", ""),
    ("<filter name='a'>\n<rule action='drop' direction='in' priority='-1001'/></filter>", 2, "is not from", ""),
    ("<filter name='a'>\n<rule action='drop' direction='in' statematch='off'/></filter>", 2, "not one of false", ""),
    ("<filter name='a'>\n<rule action='drop' direction='in' prio='1'/></filter>", 2, "no attribute prio", "priority"),
    (in_rule("<tpc dstportstart='22'/>"), 3, "no <tpc> in it", "Did you mean tcp?"),
    (in_rule("<gre/>"), 3, "no <gre> in it", "The protocols are: mac, vlan"),
    (in_rule("<tcp/>\n<udp/>"), 4, "of <tcp> and of <udp>", "a rule for each"),
    (in_rule("<tcp dstport='22'/>"), 3, "no attribute dstport", "Did you mean dstportstart?"),
    (in_rule("<ip srcipaddr='10.0.0.0/8'/>"), 3, "is not an IPv4", "Write srcipaddr='10.0.0.0' and srcipmask='8'."),
    (in_rule("<tcp dstportstart='80-90'/>"), 3, "is not a number", "Write dstportstart='80' and dstportend='90'."),
    (in_rule("<tcp dstportstart='80,443'/>"), 3, "is not a number", "a rule for each value"),
    (in_rule("<ip srcipaddr='10.0.0.0/x'/>"), 3, "is not an IPv4", "A variable such as $NAME"),
    (in_rule("<tcp ipset='blocked'/>"), 3, "an ipset without ipsetflags", "Write ipsetflags="),
    (in_rule("<tcp dstportstart='ssh'/>"), 3, "<tcp dstportstart='ssh'> is not a number", "$NAME"),
    (in_rule("<tcp match='never' dstportstart='1'/>"), 3, "not one of yes, no", ""),
    (in_rule("<tcp><x/></tcp>"), 3, "no <x> in it", "Leave it out"),
    (in_rule("<tcp srcipaddr='$IP-1'/>"), 3, "is no variable; write $NAME", "IPv4 address"),
    (in_rule("<tcp state='$STATE'/>"), 3, "cannot be a variable", "ESTABLISHED"),
    (in_rule("<tcp srcportend='1'/>"), 3, "srcportend and no srcportstart", "leave srcportend out"),
    (in_rule("<tcp srcipmask='24'/>"), 3, "srcipmask and no srcipaddr", ""),
    (in_rule("<all ipsetflags='src'/>"), 3, "ipsetflags and no ipset", ""),
    (in_rule("<tcp srcportstart='20'/>\n<tcp srcportend='0x13'/>"), 4, "runs backwards", "Exchange"),
    (in_rule("<tcp srcipfrom='10.0.0.2' srcipto='10.0.0.1'/>"), 3, "runs backwards", "Exchange"),
    (in_rule("<ip srcportstart='20'/>"), 3, "has srcportstart", "protocol='...' with one of tcp, udp"),
    (in_rule("<ip protocol='icmp' dstportstart='20'/>"), 3, "has dstportstart", "tcp, udp"),
    (in_rule("<ip protocol='$P' dstportstart='20'/>"), 3, "has dstportstart", "tcp, udp"),
    (in_rule("<ip match='no' protocol='tcp'/>\n<ip dstportstart='20'/>"), 4, "has dstportstart", "tcp, udp"),
    (in_rule("<ipv6 protocol='tcp' type='1'/>"), 3, "has type", "one of icmpv6"),
    ("<filter name='a'>\n<filterref/></filter>", 2, "names no filter", "filterref filter="),
    ("<filter name='a'>\n<filterref filter='b' x='1'/></filter>", 2, "no attribute x", ""),
    ("<filter name='a'><filterref filter='b'>\n<param/></filterref></filter>", 2, "no <param>", "parameter?"),
    (
        "<filter name='a'><filterref filter='b'>\n<parameter name='I-P' value='1'/></filterref></filter>",
        2,
        "is not",
        "",
    ),
    (
        "<filter name='a'><filterref filter='b'>\n<parameter name='IP' value='1 2'/></filterref></filter>",
        2,
        "is not",
        "",
    ),
    ("<filter name='a'><filterref filter='b'>\n<parameter name='IP'/></filterref></filter>", 2, "has no value", ""),
)


@pytest.mark.parametrize(("text", "line", "message", "hint"), REFUSED)
def test_refused(text: str, line: int | None, message: str, hint: str) -> None:
    with pytest.raises(CorralError) as caught:
        define(text)
    assert caught.value.details.get("line") == line
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_what_is_left_open_is_written() -> None:
    document = define(
        """<filter name='a' chain='arp-x'><filterref filter='b'><parameter name='B' value='1'/>
        <parameter name='A' value='2'/><parameter name='A' value='1'/></filterref>
        <rule direction='in' action='drop' statematch='0'><arp arpsrcmacaddr='1:2:3:4:5:6' opcode='1'/></rule>
        <rule direction='out' action='accept' statematch='true'/></filter>"""
    )
    assert to_text(document).splitlines() == [
        '<filter name="a" chain="arp-x" priority="-500">',
        f"  <uuid>{document.findtext('uuid')}</uuid>",
        '  <filterref filter="b">',
        '    <parameter name="A" value="2"/>',
        '    <parameter name="A" value="1"/>',
        '    <parameter name="B" value="1"/>',
        "  </filterref>",
        '  <rule action="drop" direction="in" priority="500" statematch="false">',
        '    <arp opcode="Request" arpsrcmacaddr="01:02:03:04:05:06"/>',
        "  </rule>",
        '  <rule action="accept" direction="out" priority="500"/>',
        "</filter>",
    ]


def test_the_uuid_stays_and_belongs_to_one_filter() -> None:
    first = define("<filter name='a'/>")
    assert first.findtext("uuid") == define("<filter name='a'/>").findtext("uuid")
    kept = define(f"<filter name='a'><uuid>{UUID.upper().replace('-', '')}</uuid></filter>")
    assert kept.findtext("uuid") == UUID
    assert define("<filter name='a'/>", kept=kept).findtext("uuid") == UUID
    with pytest.raises(AlreadyExists, match=f"exists with the uuid {UUID}"):
        define(f"<filter name='a'><uuid>{first.findtext('uuid')}</uuid></filter>", kept=kept)
    with pytest.raises(AlreadyExists, match="belongs to filter a"):
        define(f"<filter name='b'><uuid>{UUID}</uuid></filter>", kept)


def test_a_document_that_is_given_is_not_changed() -> None:
    given = parse("<filter name='a'><rule action='drop' direction='in'/></filter>")
    before = to_text(given)
    complete(given, (), kept=None, host_id="host")
    assert to_text(given) == before


def filters(**needs: str) -> dict[str, Element]:
    """Filters and what each refers to, one letter a filter."""
    found = {}
    for name, inside in needs.items():
        references = "".join(f"<filterref filter='{each}'/>" for each in inside)
        found[name] = parse(f"<filter name='{name}'>\n{references}</filter>")
    return found


@pytest.mark.parametrize(
    ("known", "loop"),
    [
        (filters(a="a"), ["a", "a"]),
        (filters(a="b", b="a"), ["a", "b", "a"]),
        (filters(a="bc", b="d", c="d", d="a"), ["a", "b", "d", "a"]),
        (filters(a="xb", x="y", b="c", c="a"), ["a", "b", "c", "a"]),
    ],
)
def test_loops_are_named(known: dict[str, Element], loop: list[str]) -> None:
    with pytest.raises(XmlError) as caught:
        check_loops(known["a"], known.get)
    assert caught.value.details["loop"] == loop and caught.value.line == 2
    assert " -> ".join(loop) in caught.value.message or len(loop) == 2


def test_what_is_no_loop() -> None:
    known = filters(a="bcm", b="d", c="db", d="")
    check_loops(known["a"], known.get)
    # a loop of others is theirs, and has been refused there
    known = filters(a="b", b="c", c="b")
    check_loops(known["a"], known.get)


def test_many_ways_to_one_filter_are_gone_once() -> None:
    names = [chr(ord("b") + number) for number in range(20)]
    known = {name: parse(f"<filter name='{name}'/>") for name in "a"}
    for name, after in zip(["a", *names], [*names, ""]):
        inside = f"<filterref filter='{after}'/>" * 2 if after else ""
        known[name] = parse(f"<filter name='{name}'>{inside}</filter>")
    asked: list[str] = []

    def lookup(name: str) -> Element | None:
        asked.append(name)
        return known.get(name)

    check_loops(known["a"], lookup)
    assert len(asked) == len(names)


@pytest.mark.parametrize(
    ("text", "ignored"),
    [
        ("<filter name='a' priority='5'/>", "filter/@priority, which the root chain has no use for (line 1)"),
        (
            "<filter name='a' chain='arp'>\n<rule action='drop' direction='in'><ip/></rule></filter>",
            "filter/rule/ip, whose frames do not come by the chain arp (line 2)",
        ),
        (
            "<filter name='a' chain='ipv4'>\n<rule action='drop' direction='in'><tcp/></rule></filter>",
            "filter/@chain for the rule of <tcp>, which stands in no chain (line 2)",
        ),
    ],
)
def test_what_has_no_effect_is_said(text: str, ignored: str) -> None:
    assert ignored_parts(parse(text)) == [ignored]


def test_nothing_is_said_of_what_has_one() -> None:
    for chain, inside in (("mac", "<ip/>"), ("arp-x", "<mac/>"), ("arp-x", ""), ("ipv4", "<ip/>"), ("root", "<tcp/>")):
        rule = f"<rule action='drop' direction='in'>{inside}</rule>"
        assert ignored_parts(parse(f"<filter name='a' chain='{chain}'>{rule}</filter>")) == []


def test_filters_that_are_not_there_are_listed() -> None:
    document = filters(a="bc")["a"]
    assert unknown_filters(document, lambda name: name == "b") == ["c"]


# libvirt installs filters of these names.
NAMES = """
    allow-arp allow-dhcp allow-dhcp-server allow-dhcpv6 allow-dhcpv6-server allow-incoming-ipv4 allow-incoming-ipv6
    allow-ipv4 allow-ipv6 clean-traffic clean-traffic-gateway no-arp-ip-spoofing no-arp-mac-spoofing no-arp-spoofing
    no-ip-multicast no-ip-spoofing no-ipv6-multicast no-ipv6-spoofing no-mac-broadcast no-mac-spoofing
    no-other-l2-traffic no-other-rarp-traffic qemu-announce-self qemu-announce-self-rarp
"""


def test_the_built_in_filters_are_complete_and_refer_to_each_other() -> None:
    assert builtin_names() == NAMES.split()
    uuids = set()
    for name in builtin_names():
        document = builtin_document(name)
        assert document is not None and document.get("name") == name
        assert to_text(complete(document, (), kept=document, host_id="x")) == to_text(document)
        assert document.findtext("uuid") == builtin_uuid(name)
        uuids.add(document.findtext("uuid"))
        assert ignored_parts(document) == [] and unknown_filters(document, builtin_names().__contains__) == []
        check_loops(document, builtin_document)
    assert len(uuids) == 24


def test_the_uuids_of_built_in_filters_are_the_same_for_ever() -> None:
    assert builtin_uuid("clean-traffic") == "7ce90c9a-0de1-5c45-b9c8-620c9f77a8b8"
    assert builtin_document("mine") is None and builtin_uuid("mine") is None

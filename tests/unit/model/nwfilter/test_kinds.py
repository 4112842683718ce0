# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of rules are read as what they mean, written in one form, and refused when they are none."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.model.nwfilter import kinds
from ansible_collections.corral.virt.plugins.module_utils.model.nwfilter.kinds import Kind, Plain, flag_words
from ansible_collections.corral.virt.plugins.module_utils.model.nwfilter.protocols import (
    INNER,
    LINK,
    PROTOCOLS,
    chain_prefix,
)
from ansible_collections.corral.virt.plugins.module_utils.model.nwfilter.variables import Variable, parse_variable

ROWS: tuple[tuple[Kind, str, Plain, str], ...] = (
    (kinds.UINT8, "255", 255, "255"),
    (kinds.UINT8, " 7 ", 7, "7"),
    (kinds.UINT16, "0x1F", 0x1F, "0x1f"),
    (kinds.UINT16, "ff", 0xFF, "0xff"),
    (kinds.UINT16, "010", 10, "10"),
    (kinds.UINT32, "4294967295", 0xFFFFFFFF, "4294967295"),
    (kinds.DSCP, "0x3f", 63, "0x3f"),
    (kinds.ETHER_TYPE, "ARP", 0x0806, "arp"),
    (kinds.ETHER_TYPE, "0x0800", 0x0800, "ipv4"),
    (kinds.ETHER_TYPE, "0x835", 0x835, "0x835"),
    (kinds.ETHER_TYPE, "1536", 1536, "1536"),
    (kinds.ENCAPSULATED, "60", 60, "60"),
    (kinds.OPCODE, "request_reverse", 3, "Request_Reverse"),
    (kinds.OPCODE, "2", 2, "Reply"),
    (kinds.OPCODE, "11", 11, "11"),
    (kinds.IP_PROTOCOL, "TCP", 6, "tcp"),
    (kinds.IP_PROTOCOL, "17", 17, "udp"),
    (kinds.IP_PROTOCOL, "0x21", 33, "0x21"),
    (kinds.MAC, "1:2:3:A:b:ff", "01:02:03:0a:0b:ff", "01:02:03:0a:0b:ff"),
    (kinds.MAC_MASK, "FF:FF:80:0:0:0", "ff:ff:80:00:00:00", "ff:ff:80:00:00:00"),
    (kinds.MAC_MASK, "0:0:0:0:0:0", "00:00:00:00:00:00", "00:00:00:00:00:00"),
    (kinds.IPV4, "10.1.2.3", "10.1.2.3", "10.1.2.3"),
    (kinds.IPV4_MASK, "255.255.248.0", 21, "21"),
    (kinds.IPV4_MASK, "0", 0, "0"),
    (kinds.IPV6, "FE80:0::1", "fe80::1", "fe80::1"),
    (kinds.IPV6, "::1", "::1", "::1"),
    (kinds.IPV6, "::ffff:a01:203", "::ffff:10.1.2.3", "::ffff:10.1.2.3"),
    (kinds.IPV6, "::a01:203", "::10.1.2.3", "::10.1.2.3"),
    (kinds.IPV6_MASK, "ffff:fffe::", 31, "31"),
    (kinds.IPV6_MASK, "128", 128, "128"),
    (kinds.STATE_WORDS, "related, ESTABLISHED", ("ESTABLISHED", "RELATED"), "ESTABLISHED,RELATED"),
    (kinds.STATE_WORDS, "NEW,NONE", ("NONE",), "NONE"),
    (kinds.FLAGS, "ACK,SYN/syn", (18, 2), "SYN,ACK/SYN"),
    (kinds.FLAGS, "all/NONE", (63, 0), "ALL/NONE"),
    (kinds.FLAGS, "PSH/", (8, 0), "PSH/NONE"),
    (kinds.SET_NAME, "test:_.-+", "test:_.-+", "test:_.-+"),
    (kinds.SET_FLAGS, "SRC,dst", ("src", "dst"), "src,dst"),
    (kinds.BOOLEAN, "yes", 1, "true"),
    (kinds.BOOLEAN, "0", 0, "false"),
    (kinds.COMMENT, "a 'b' \"c\"; $(d) é", "a 'b' \"c\"; $(d) é", "a 'b' \"c\"; $(d) é"),
)


@pytest.mark.parametrize(("kind", "text", "value", "settled"), ROWS, ids=lambda row: str(getattr(row, "name", row)))
def test_read_and_written(kind: Kind, text: str, value: Plain, settled: str) -> None:
    assert kind.read(text) == value
    assert kind.settle(text) == settled
    assert kind.settle(settled) == settled and kind.read(settled) == value


BROKEN: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    (kinds.UINT8, ("", "256", "-1", "+1", "0x100", "1.0", "g", "٣", "9" * 5000)),
    (kinds.UINT16, ("65536", "0x10000", "0x")),
    (kinds.DSCP, ("64", "0x40")),
    (kinds.VLAN_ID, ("4096", "0xffff")),
    (kinds.ETHER_TYPE, ("15", "0x5ff", "ip")),
    (kinds.ENCAPSULATED, ("59",)),
    (kinds.OPCODE, ("65536", "Ask")),
    (kinds.IP_PROTOCOL, ("256", "gre")),
    (kinds.MAC, ("1:2:3:4:5", "1:2:3:4:5:g", "")),
    (kinds.MAC_MASK, ("ff:00:ff:00:00:00", "00:00:00:00:00:01")),
    (kinds.IPV4, ("10.1.2", "010.1.2.3", "10.1.2.256", "::1", "10.1.2.3/24")),
    (kinds.IPV4_MASK, ("33", "255.0.255.0", "-1", "")),
    (kinds.IPV6, ("10.1.2.3", "a:b:c", "fe80::1%eth0", "::1/64")),
    (kinds.IPV6_MASK, ("129", "ffff:0:ffff::")),
    (kinds.STATE_WORDS, ("", ",", "OLD", "NEWRELATED")),
    (kinds.FLAGS, ("SYN", "SYN/FOO", "")),
    (kinds.SET_NAME, ("", " ", "a" * 32, "a/b", 'a"b')),
    (kinds.SET_FLAGS, ("", "src,", "both", ",".join(["src"] * 7))),
    (kinds.BOOLEAN, ("", "on", "TRUE")),
    (kinds.COMMENT, ("a\nb", "\x1b[31m", "x" * 257)),
)


@pytest.mark.parametrize(("kind", "texts"), BROKEN, ids=lambda row: getattr(row, "name", ""))
def test_refused(kind: Kind, texts: tuple[str, ...]) -> None:
    for text in texts:
        for reads in (kind.read, kind.settle):
            with pytest.raises(ValueError):
                reads(text)


def test_every_mask_and_end_of_a_range_stands_behind_what_it_belongs_to() -> None:
    for protocol in PROTOCOLS.values():
        names = list(protocol.attributes)
        for attribute in protocol.attributes.values():
            if attribute.needs:
                assert names.index(attribute.needs) == names.index(attribute.name) - 1, protocol.name
                assert not attribute.negatable


def test_layers_and_families() -> None:
    assert [name for name, row in PROTOCOLS.items() if row.layer == LINK] == [
        "mac",
        "vlan",
        "stp",
        "arp",
        "rarp",
        "ip",
        "ipv6",
    ]
    inner = {name: row.family for name, row in PROTOCOLS.items() if row.layer == INNER}
    assert len(inner) == 17
    assert all(inner[name] == (6 if name.endswith("v6") else 4) for name in inner)
    assert {name for name, row in PROTOCOLS.items() if row.layer == INNER and row.number is None} == {"all", "all-ipv6"}


@pytest.mark.parametrize(
    ("chain", "prefix"),
    [("root", "root"), ("root-x", None), ("arp", "arp"), ("rarp-1", "rarp"), ("ipv4-ip", "ipv4"), ("ip", None)],
)
def test_chains_are_called_after_protocols(chain: str, prefix: str | None) -> None:
    assert chain_prefix(chain) == prefix


@pytest.mark.parametrize(
    ("text", "variable", "written"),
    [
        ("$IP", Variable("IP"), "$IP"),
        ("$IP[@0]", Variable("IP"), "$IP"),
        ("$A[ @2 ] ", Variable("A", iterator=2), "$A[@2]"),
        ("$A[ 3]", Variable("A", place=3), "$A[3]"),
    ],
)
def test_variables(text: str, variable: Variable, written: str) -> None:
    assert parse_variable(text) == variable and str(variable) == written


@pytest.mark.parametrize(
    "text", ["$", "IP", "$I-P", "$IP[", "$IP[]", "$IP[@]", "$IP[-1]", "$IP[@1001]", "$IP[1]x", "$ IP", "$İP", "$A\n"]
)
def test_what_is_no_variable(text: str) -> None:
    with pytest.raises(ValueError):
        parse_variable(text)


def test_names_of_flags() -> None:
    assert flag_words(18) == ("SYN", "ACK") and flag_words(0) == ()

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel answers over netlink is read; nonsense is passed over."""

from __future__ import annotations

import struct

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.links.netfilter import (
    GET_CHAIN,
    GET_RULE,
    Base,
    attribute,
    bases,
    comments,
    has_table,
    sets,
    verdicts,
)
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost

HEAD = b"\x07\0\0\0"


def told(*answers: bytes) -> FakeHost:
    """A host whose kernel answers so, whatever it is asked."""
    host = FakeHost()
    host.on_netlink = lambda bus, question: answers
    return host


def text(kind: int, value: str) -> bytes:
    """An attribute with a text."""
    return attribute(kind, value.encode() + b"\0")


def rule(chain: str, userdata: bytes, table: str = "t") -> bytes:
    """A rule with what nft keeps beside it."""
    return HEAD + text(1, table) + text(2, chain) + attribute(7, userdata)


def test_questions_name_table_and_chain() -> None:
    host = told()
    comments(host, "t", ["c"])
    ((_call, (bus, (question,))),) = host.calls
    assert (bus, question.kind, question.every) == (12, GET_RULE, True)
    assert question.data == HEAD + b"\x06\0\x01\0t\0\0\0" + b"\x06\0\x02\0c\0\0\0"


def test_comments_of_other_chains_and_tables_do_not_count() -> None:
    mine = rule("c", b"\x00\x03ab\0")
    host = told(
        mine, rule("d", b"\x00\x03xy\0"), rule("c", b"\x00\x03xy\0", "u"), rule("c", b"\x01\x01\x07\x00\x02c\0")
    )
    assert comments(host, "t", ["c"]) == {"c": ["ab", "c"]}


@pytest.mark.parametrize("userdata", [b"", b"\x05", b"\x01\x02ab", b"\x01\xff"])
def test_a_rule_without_a_comment(userdata: bytes) -> None:
    assert comments(told(rule("c", userdata)), "t", ["c"]) == {"c": [""]}


def test_where_chains_begin() -> None:
    hook = attribute(4, attribute(1, struct.pack(">I", 4)) + attribute(2, struct.pack(">i", -300)))
    host = told(HEAD + text(1, "t") + text(3, "c") + hook + attribute(5, struct.pack(">I", 0)))
    assert bases(host, "t", ["c"]) == {"c": Base(4, -300, False)}
    assert bases(told(HEAD + text(1, "t") + text(3, "c")), "t", ["c"]) == {"c": None}
    assert bases(told(), "t", ["c"]) == {}
    assert [each.kind for _call, (_bus, asked) in host.calls for each in asked] == [GET_CHAIN]


def test_elements_lead_to_chains() -> None:
    def element(key: bytes, chain: str) -> bytes:
        verdict = attribute(2, attribute(1, struct.pack(">i", -4)) + text(2, chain))
        return attribute(1, attribute(1, attribute(1, key)) + attribute(2, verdict))

    inside = element(b"vnet0".ljust(16, b"\0"), "out/vnet0") + element(bytes.fromhex("525400000001"), "refuse/x")
    found = verdicts(told(HEAD + text(1, "t") + attribute(3, inside)), "t", ["out"])
    assert found == {"out": {"vnet0": "out/vnet0", "52:54:00:00:00:01": "refuse/x"}}
    assert verdicts(told(), "t", ["out"]) == {"out": {}}


def test_sets_and_tables() -> None:
    host = told(HEAD + text(1, "t") + text(2, "any/vnet0"), HEAD + text(1, "u") + text(2, "other"), HEAD + text(1, "t"))
    assert sets(host, "t") == ["any/vnet0", ""]
    assert has_table(host, "t")
    assert not has_table(told(), "t")


@pytest.mark.parametrize(
    "answer", [b"", b"\x07", HEAD, HEAD + b"\x01\0", HEAD + b"\x00\x00\x01\x00", HEAD + b"\xff" * 9]
)
def test_nonsense_is_nothing(answer: bytes) -> None:
    host = told(answer)
    assert comments(host, "t", ["c"]) == {"c": []}
    assert verdicts(host, "t", ["m"]) == {"m": {}}
    assert sets(host, "t") == []

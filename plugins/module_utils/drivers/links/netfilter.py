# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at a table of nftables without nft, which lists as a whole and takes ten times as long.

Only what can be compared at no cost is read: which chains there are, the comments of their rules, and where the
elements of verdict maps lead. Source of the numbers: linux/netfilter/nf_tables.h and nfnetlink.h; libnftnl's udata.h
for comments.
"""

from __future__ import annotations

import struct
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ...host.api import Host, Question

NETFILTER = 12  # NETLINK_NETFILTER
BRIDGE = 7  # NFPROTO_BRIDGE
_NFTABLES = 10 << 8
GET_TABLE, GET_CHAIN, GET_RULE, GET_SET, GET_ELEMENTS = (_NFTABLES | number for number in (1, 4, 7, 10, 13))
_MESSAGE = struct.Struct("=BBH")  # struct nfgenmsg: family, version, number; the last in the order of the network
_ATTRIBUTE = struct.Struct("=HH")
_TYPE_BITS = 0x3FFF
_TABLE_NAME = 1  # of a table, and of the table of anything else
_CHAIN_NAME, _CHAIN_HOOK, _CHAIN_POLICY = 3, 4, 5
_RULE_CHAIN, _RULE_USERDATA = 2, 7
_SET_NAME, _ELEMENTS_SET, _ELEMENTS = 2, 2, 3
_ELEMENT_KEY, _ELEMENT_DATA = 1, 2
_DATA_VALUE, _DATA_VERDICT, _VERDICT_CHAIN = 1, 2, 2
_MAC_BYTES = 6
_COMMENT = 0  # NFTNL_UDATA_RULE_COMMENT


class Base(NamedTuple):
    """Where a chain begins: its hook and priority as the kernel counts them, and whether it lets packets through."""

    hook: int
    priority: int
    accepts: bool


def bases(host: Host, table: str, names: Sequence[str]) -> Dict[str, Optional[Base]]:
    """Return where those of these chains begin that are there; None for one that packets do not come to by themselves.

    Raises HostError, OperationDenied.
    """
    questions = [_question(GET_CHAIN, _text(_TABLE_NAME, table) + _text(_CHAIN_NAME, name)) for name in names]
    answers = zip(names, host.netlink(NETFILTER, questions))
    return {name: _base(_attributes(answer[0])) for name, answer in answers if answer}


def has_table(host: Host, table: str) -> bool:
    """Return whether our table of the family bridge is there."""
    (answers,) = host.netlink(NETFILTER, [_question(GET_TABLE, _text(_TABLE_NAME, table))])
    return bool(answers)


def comments(host: Host, table: str, names: Sequence[str]) -> Dict[str, List[str]]:
    """Return the comments of the rules of these chains, in order, "" where a rule has none; a chain may be missing."""
    questions = [
        _question(GET_RULE, _text(_TABLE_NAME, table) + _text(_RULE_CHAIN, name), every=True) for name in names
    ]
    found: Dict[str, List[str]] = {name: [] for name in names}
    for name, answers in zip(names, host.netlink(NETFILTER, questions)):
        for each in map(_attributes, answers):  # a kernel before 4.11 tells of all tables and chains
            if _is_of(each, table) and _string(each.get(_RULE_CHAIN, b"")) == name:
                found[name].append(_comment(each.get(_RULE_USERDATA, b"")))
    return found


def verdicts(host: Host, table: str, names: Sequence[str]) -> Dict[str, Dict[str, str]]:
    """Return where the elements of these verdict maps lead: chains by keys, which are MAC addresses or links' names."""
    questions = [
        _question(GET_ELEMENTS, _text(_TABLE_NAME, table) + _text(_ELEMENTS_SET, name), every=True) for name in names
    ]
    return {
        name: dict(pair for answer in answers for pair in _elements(answer))
        for name, answers in zip(names, host.netlink(NETFILTER, questions))
    }


def sets(host: Host, table: str) -> List[str]:
    """Return the names of the sets and maps of our table, those within rules left out."""
    (answers,) = host.netlink(NETFILTER, [_question(GET_SET, _text(_TABLE_NAME, table), every=True)])
    found = (_attributes(answer) for answer in answers)
    names = [_string(each.get(_SET_NAME, b"")) for each in found if _is_of(each, table)]
    return [name for name in names if not name.startswith("__")]


def _question(kind: int, data: bytes, *, every: bool = False) -> Question:
    return Question(kind, _MESSAGE.pack(BRIDGE, 0, 0) + data, every)


def _text(kind: int, text: str) -> bytes:
    return attribute(kind, text.encode("utf-8") + b"\0")


def attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute: its length and type, its value, padded to four bytes."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _split(data: bytes) -> Iterator[Tuple[int, bytes]]:
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            return
        yield kind & _TYPE_BITS, data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3


def _attributes(answer: bytes) -> Dict[int, bytes]:
    return dict(_split(answer[_MESSAGE.size :]))


def _string(value: bytes) -> str:
    return value.rstrip(b"\0").decode("utf-8", "replace")


def _is_of(attributes: Dict[int, bytes], table: str) -> bool:
    return _string(attributes.get(_TABLE_NAME, b"")) == table


def _number(value: bytes) -> int:
    return int.from_bytes(value, "big", signed=True)


def _base(chain: Dict[int, bytes]) -> Optional[Base]:
    """Where a chain begins; in the nested attributes 1 is the hook and 2 the priority."""
    if _CHAIN_HOOK not in chain:
        return None
    hook = dict(_split(chain[_CHAIN_HOOK]))
    policy = _number(chain.get(_CHAIN_POLICY, b"\0\0\0\1"))
    return Base(_number(hook.get(1, b"")), _number(hook.get(2, b"")), policy == 1)


def _comment(userdata: bytes) -> str:
    """The comment in what nft keeps beside a rule: parts of type, length and value, a byte each for the first two."""
    at = 0
    while at + 2 <= len(userdata):
        kind, length = userdata[at], userdata[at + 1]
        if kind == _COMMENT:
            return _string(userdata[at + 2 : at + 2 + length])
        at += 2 + length
    return ""


def _elements(answer: bytes) -> Iterator[Tuple[str, str]]:
    for _kind, element in _split(_attributes(answer).get(_ELEMENTS, b"")):
        parts = dict(_split(element))
        key = dict(_split(parts.get(_ELEMENT_KEY, b""))).get(_DATA_VALUE, b"")
        verdict = dict(_split(dict(_split(parts.get(_ELEMENT_DATA, b""))).get(_DATA_VERDICT, b"")))
        yield _key(key), _string(verdict.get(_VERDICT_CHAIN, b""))


def _key(value: bytes) -> str:
    return value.hex(":") if len(value) == _MAC_BYTES else _string(value)

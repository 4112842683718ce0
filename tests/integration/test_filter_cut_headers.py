# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A header of TCP that is cut in two brings its flags past no rule, and other fragments go their way."""

from __future__ import annotations

import struct

import pytest

from ansible_collections.corral.virt.tests.filters.apply import MAC, OTHER, guarded
from ansible_collections.corral.virt.tests.filters.build import build
from ansible_collections.corral.virt.tests.filters.oracle import IN

pytestmark = pytest.mark.root

NO_SYN = """
<filter name='no-syn'>
  <rule action='drop' direction='in'><tcp flags='SYN,ACK/SYN'/></rule>
</filter>
"""
HEADERS, MORE = 14 + 20, 0x2000
SYN, ACK = 2, 16


def packet(flags: int) -> bytes:
    return build(source=OTHER, target=MAC, protocol=6, flags=flags)


def part(frame: bytes, start: int, end: int | None = None) -> bytes:
    """A fragment: what the packet carries from one place to another, both multiples of eight."""
    body = frame[HEADERS:][start:end]
    place = start // 8 | (0 if end is None else MORE)
    head = bytearray(frame[14:HEADERS])
    struct.pack_into("!H", head, 2, 20 + len(body))
    struct.pack_into("!HHHH", head, 4, 7, place, head[8] << 8 | head[9], 0)
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    struct.pack_into("!H", head, 10, ~(total + (total >> 16)) & 0xFFFF)
    return frame[:14] + bytes(head) + body


def test_flags_are_seen_or_do_not_arrive() -> None:
    syn, ack = packet(SYN), packet(ACK)
    passing = {"whole": ack, "first": part(ack, 0, 24), "later": part(ack, 24)}
    stopped = {"whole": syn, "first": part(syn, 0, 8), "second": part(syn, 8), "cut": part(syn, 0, 16)}
    everything = [*passing.values(), *stopped.values()]
    with guarded() as host:
        open_to_all = host.wire.send(IN, everything, len(everything)).beyond
        assert [frame for frame in everything if not _came(frame, open_to_all)] == []
        host.driver.put({"no-syn": NO_SYN}, "no-syn", {})
        heard = host.wire.send(IN, everything, len(passing)).beyond
    assert [name for name, frame in passing.items() if not _came(frame, heard)] == []
    assert [name for name, frame in stopped.items() if _came(frame, heard)] == []


def _came(frame: bytes, heard: list[bytes]) -> bool:
    return any(each.startswith(frame) for each in heard)

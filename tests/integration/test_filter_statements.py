# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nft makes of the statements of filters: it takes them all, joins no two of them, and learns from DHCP.

What needs connection tracking of bridges is left out: this kernel may lack it.
"""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Iterator

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.learnt import (
    acknowledged,
    declaration,
    element,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.sets import own_set
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.values import (
    DHCP,
    IN,
    OUT,
    ConcreteRule,
    Learnt,
)
from ansible_collections.corral.virt.tests.filters.build import build, mark_of
from ansible_collections.corral.virt.tests.filters.judge import bridge
from ansible_collections.corral.virt.tests.filters.wire import FILTERED
from ansible_collections.corral.virt.tests.unit.drivers.nwfilter.test_ipsets import SAVED, copy_of
from ansible_collections.corral.virt.tests.unit.drivers.nwfilter.test_statements import (
    BOTH_WAYS,
    BPDU,
    FRAMES,
    LEARNT,
    PACKETS,
    concrete,
    statements,
)

pytestmark = pytest.mark.root

MAC = "52:54:00:00:00:01"
LEASES = Learnt("dhcp/vnet0", 4, DHCP)
TRACKED = re.compile(r"\bct (?:state|direction|count)\b|\breject\b")


def all_rules() -> Iterator[ConcreteRule]:
    """The rules of the unit tests, and again with all of their conditions as what must not be."""
    for inside in (*FRAMES, *(f"<stp {each}/>" for each in BPDU), *PACKETS):
        yield concrete(inside, "out accept statematch='false'")
        if " " in inside and "match=" not in inside and "protocol=" not in inside:
            yield concrete(inside.replace(" ", " match='no' ", 1), "inout drop")
    yield from (concrete(inside, rule) for rule, inside in BOTH_WAYS)
    yield from (concrete(inside, learning=how) for how, inside in LEARNT)


def table(lines: list[str], sets: str = "", chain: str = "") -> str:
    """A table with these statements in one chain."""
    own = "set own { type ipv4_addr; size 9; flags dynamic; }\nset own6 { type ipv6_addr; size 9; flags dynamic; }\n"
    own += "set senders { typeof @nh,112,32; size 9; flags dynamic; }\n"
    own += "set any/vnet0 { type ipv4_addr; size 1; flags dynamic; }\n"
    own += f"set {LEASES.name} {{ {declaration(LEASES)} }}\n"
    body = "\n".join(lines)
    return f"table bridge t {{\n{own}{sets}\nchain c {{\n{chain}\n{body}\n}}\n}}\n"


def every_statement() -> list[str]:
    found = []
    for rule in all_rules():
        kept = own_set(rule) or ""
        name = "senders" if "typeof" in kept else "own6" if "ipv6" in kept else "own"
        for way in (OUT, IN):
            found += [re.sub(r"@own\b", f"@{name}", each) for each in statements(rule, way)]
    return list(dict.fromkeys(found))


def nft(text: str) -> str:
    """What nft says of a table that it is not to keep."""
    argv = ["unshare", "--net", "nft", "--debug=netlink", "--check", "--file", "-"]
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_two_conditions_that_must_not_be_are_joined() -> None:
    lines = [line for line in every_statement() if not TRACKED.search(line)]
    told = [block.split("\n\n")[0] for block in re.split(r"^bridge t c\n", nft(table(lines)), flags=re.MULTILINE)[1:]]
    assert len(lines) > 120
    compared = [len(re.findall(r"cmp neq|range neq|lookup reg \d+ set \S+ 0x1 ", block)) for block in told]
    assert [line.count("!=") for line in lines] == compared


def test_copies_of_ipsets_are_taken() -> None:
    copies = [copy_of(saved) for saved, _declaration, _elements in SAVED]
    sets = []
    for number, each in enumerate(copies):
        elements = f"elements = {{ {', '.join(each.elements)} }}" if each.elements else ""
        sets.append(f"set s{number} {{ {each.declaration} {elements} }}")
    nft(table(["accept"], "\n".join(sets)))


def reply(
    kind: int = 5, address: str = "10.0.0.7", client: str = MAC, server: str = "10.0.0.1", cookie: int = 0x63825363
) -> bytes:
    """What a DHCP server says to a client (RFC 2131)."""
    mine = bytes(int(each) for each in address.split("."))
    bootp = struct.pack("!BBBBIHH4s4s4s4s", 2, 1, 6, 0, 7, 0, 0, bytes(4), mine, bytes(4), bytes(4))
    bootp += bytes.fromhex(client.replace(":", "")).ljust(16, b"\0") + bytes(64 + 128)
    bootp += struct.pack("!IBBB", cookie, 53, 1, kind) + b"\xff"
    return build(source_port=67, target_port=68, ip_source=server, ip_target="255.255.255.255", payload=bootp)


def test_addresses_are_learnt_from_what_servers_acknowledge() -> None:
    chain = "type filter hook postrouting priority 0;"
    lines = [f"oifname {FILTERED} {each}" for each in acknowledged(LEASES, MAC, ("10.0.0.1", "10.0.0.2"))]
    looked_up = [f"oifname {FILTERED} ether type ip @nh,128,32 @{LEASES.name} drop"]
    ignored = [
        reply(kind=2, address="10.0.0.8"),  # an offer
        reply(address="0.0.0.0"),
        reply(client="52:54:00:00:00:02", address="10.0.0.9"),
        reply(server="10.0.0.3", address="10.0.0.10"),
        reply(cookie=0, address="10.0.0.11"),
    ]
    with bridge() as (space, wire):
        space.run("nft", "-f", "-", stdin=table([*lines, *looked_up], chain=chain))
        space.run("nft", "add", "element", "bridge", "t", LEASES.name, f"{{ {element(LEASES, '10.0.0.5')} }}")
        asked = [build(ip_target=f"10.0.0.{number}") for number in range(5, 12)]
        wire.send(IN, [*ignored, reply(), reply()], awaited=len(ignored) + 2)
        passed = {mark_of(frame) for frame in wire.send(IN, asked, awaited=5).beyond}
        assert [frame for frame in asked if mark_of(frame) not in passed] == [asked[0], asked[2]]

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real frames through a bridge, past what our filters come to in the kernel: those arrive that should, and no others.

What should arrive is said by an oracle that reads the documents itself, and in the catalogue by hand.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.corral.virt.tests.filters.apply import MAC, Host, guarded
from ansible_collections.corral.virt.tests.filters.cases import CASES, VARIABLES
from ansible_collections.corral.virt.tests.filters.document import rules
from ansible_collections.corral.virt.tests.filters.frames import frames_for
from ansible_collections.corral.virt.tests.filters.judge import differences
from ansible_collections.corral.virt.tests.filters.oracle import Interface
from ansible_collections.corral.virt.tests.filters.proof import prove, shown

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with guarded() as made:
        yield made


# A wire without our driver: the oracle and the frames are tried on rules that are written by hand.
HAND_WRITTEN = """
table bridge hand {
  chain out {
    type filter hook prerouting priority -300
    iifname != vnet0 accept
    ether type ip ip saddr 10.1.2.0/24 ip protocol udp udp sport 20-30 ip frag-off & 0x1fff == 0 drop
    ether type 8021q vlan id 77 drop
    ether daddr 01:80:c2:00:00:00 @ll,112,24 0x424203 @ll,168,8 0 @ll,240,32 77-99 drop
  }
  chain in {
    type filter hook postrouting priority -300
    oifname != vnet0 accept
    ether type arp arp operation 2 arp saddr ip 10.0.0.1 drop
    ether type ip ip daddr 10.1.2.0/24 ip protocol udp udp dport 20-30 ip frag-off & 0x1fff == 0 drop
  }
}
"""
SAME = """
<filter name='same'>
  <rule action='drop' direction='inout' priority='100'>
    <ip dstipaddr='10.1.2.0' dstipmask='24' protocol='udp' dstportstart='20' dstportend='30'/>
  </rule>
  <rule action='drop' direction='out'><vlan vlanid='77'/></rule>
  <rule action='drop' direction='out'><stp root-cost='77' root-cost-hi='99'/></rule>
  <rule action='drop' direction='in'><arp opcode='2' arpsrcipaddr='10.0.0.1'/></rule>
</filter>
"""


def test_the_oracle_agrees_with_rules_that_are_written_by_hand(host: Host) -> None:
    wire = host.wire
    frames = frames_for(rules({"same": SAME}, "same", {}))
    assert not differences(wire, Interface({"open": "<filter name='open'/>"}, "open", MAC), frames)
    assert differences(wire, Interface({"same": SAME}, "same", MAC), frames)
    host.space.run("nft", "-f", "-", stdin=HAND_WRITTEN)
    try:
        found = differences(wire, Interface({"same": SAME}, "same", MAC), frames)
    finally:
        host.space.run("nft", "delete", "table", "bridge", "hand")
    assert not found, shown(found)


@pytest.mark.parametrize("case", CASES)
def test_every_attribute_of_every_protocol(case: str, host: Host) -> None:
    prove(host, CASES[case], case, VARIABLES)

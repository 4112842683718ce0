# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules that look into ipsets, by what they do to frames; ipset(8) is played, the copies are the kernel's.

Source of the rules: the set match of iptables-extensions(8): src and dst say which end of a packet each part of an
element is compared with, and the other direction of a rule exchanges them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost
from ansible_collections.corral.virt.tests.filters.apply import MAC, OTHER, Driver, Host, tree
from ansible_collections.corral.virt.tests.filters.build import build, mark_of
from ansible_collections.corral.virt.tests.filters.judge import bridge
from ansible_collections.corral.virt.tests.filters.oracle import IN, OUT

pytestmark = pytest.mark.root

SAVED = {
    "hosts": "create hosts hash:ip family inet\nadd hosts 10.0.0.1\nadd hosts 10.0.0.3\n",
    "nets": "create nets hash:net family inet\nadd nets 10.8.0.0/16\nadd nets 10.9.9.0/24\n",
    "services": "create services hash:ip,port family inet\nadd services 10.0.0.5,tcp:80\n"
    "add services 10.0.0.5,udp:53\n",
    "cards": "create cards hash:mac\nadd cards 52:54:00:BB:00:02\n",
    "six": "create six hash:ip family inet6\nadd six 2001:db8::5\n",
}
FILTER = """
<filter name='sets'>
  <rule action='drop' direction='out' statematch='false'><all ipset='hosts' ipsetflags='dst'/></rule>
  <rule action='drop' direction='in'><all ipset='nets' ipsetflags='src'/></rule>
  <rule action='accept' direction='in' statematch='false'>
    <udp dstportstart='99' ipset='services' ipsetflags='src,src'/>
  </rule>
  <rule action='drop' direction='in'><udp dstportstart='99'/></rule>
  <rule action='drop' direction='out'><tcp ipset='services' ipsetflags='dst,dst'/></rule>
  <rule action='drop' direction='in'><all dscp='7' ipset='cards' ipsetflags='src'/></rule>
  <rule action='drop' direction='inout'><all-ipv6 ipset='six' ipsetflags='src'/></rule>
</filter>
"""
HERE = {"source": MAC, "target": OTHER, "ip_source": "10.0.0.7"}
THERE = {"source": OTHER, "target": MAC, "ip_target": "10.0.0.7"}
SIX = {"layer": "ipv6"}
FRAMES: tuple[tuple[str, dict[str, Any], bool], ...] = (
    (OUT, {**HERE, "ip_target": "10.0.0.1"}, False),
    (OUT, {**HERE, "ip_target": "10.0.0.2"}, True),
    (OUT, {**HERE, "ip_target": "10.0.0.3"}, False),
    (OUT, {**HERE, "ip_source": "10.0.0.1", "ip_target": "10.0.0.2"}, True),
    (IN, {**THERE, "ip_source": "10.0.0.1"}, False),
    (IN, {**THERE, "ip_source": "10.0.0.2"}, True),
    (IN, {**THERE, "ip_source": "10.8.255.255"}, False),
    (IN, {**THERE, "ip_source": "10.9.0.0"}, True),
    (IN, {**THERE, "ip_source": "10.9.9.9"}, False),
    (OUT, {**HERE, "ip_target": "10.8.0.0"}, False),
    (OUT, {**HERE, "ip_target": "10.7.255.255"}, True),
    (IN, {**THERE, "ip_source": "10.0.0.5", "source_port": 53, "target_port": 99}, True),
    (IN, {**THERE, "ip_source": "10.0.0.5", "source_port": 54, "target_port": 99}, False),
    (IN, {**THERE, "ip_source": "10.0.0.6", "source_port": 53, "target_port": 99}, False),
    (IN, {**THERE, "ip_source": "10.0.0.5", "source_port": 80, "target_port": 99}, False),
    (OUT, {**HERE, "protocol": 6, "ip_target": "10.0.0.5", "target_port": 80}, False),
    (OUT, {**HERE, "protocol": 6, "ip_target": "10.0.0.5", "target_port": 53}, True),
    (OUT, {**HERE, "protocol": 6, "ip_target": "10.0.0.6", "target_port": 80}, True),
    (IN, {**THERE, "protocol": 6, "ip_source": "10.0.0.5", "source_port": 80}, False),
    (IN, {**THERE, "ip_source": "10.0.0.2", "dscp": 7}, False),
    (IN, {**THERE, "ip_source": "10.0.0.2", "dscp": 7, "source": "52:54:00:bb:00:03"}, True),
    (IN, {**THERE, **SIX, "ip_source": "2001:db8::5", "ip_target": "2001:db8::7"}, False),
    (IN, {**THERE, **SIX, "ip_source": "2001:db8::6", "ip_target": "2001:db8::7"}, True),
    (OUT, {**HERE, **SIX, "ip_source": "2001:db8::7", "ip_target": "2001:db8::5"}, False),
    (OUT, {**HERE, **SIX, "ip_source": "2001:db8::5", "ip_target": "2001:db8::7"}, True),
)


class WithIpsets(LocalHost):
    """The machine, with ipsets."""

    def run(self, argv: Sequence[str], **more: Any) -> Completed:
        """Play ``ipset save``."""
        if argv[0] != "ipset":
            return super().run(argv, **more)
        return Completed(tuple(argv), 0, SAVED[argv[2]].encode(), b"")


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with bridge() as (space, wire), tree() as root:
        yield Host(Driver(root, space, WithIpsets()), wire, space)


def test_frames_are_looked_up_in_copies_of_ipsets(host: Host) -> None:
    host.driver.put({"sets": FILTER}, "sets", {})
    wrong = []
    for way in (OUT, IN):
        entries = [(build(**fields), fields, passes) for towards, fields, passes in FRAMES if towards == way]
        heard = host.wire.send(way, [frame for frame, _fields, _passes in entries], sum(entry[2] for entry in entries))
        came = {mark_of(frame) for frame in heard.beyond}
        wrong += [(way, fields) for frame, fields, passes in entries if (mark_of(frame) in came) != passes]
    assert not wrong

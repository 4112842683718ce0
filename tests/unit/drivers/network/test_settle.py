# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One form of a document, and what is told about parts that nobody reads."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.network.passes.complete import complete
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.passes.ignored import ignored_parts
from ansible_collections.corral.virt.plugins.module_utils.drivers.surroundings import Surroundings
from ansible_collections.corral.virt.plugins.module_utils.model.network.identity import NETWORK
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text

OVS = "<forward mode='bridge'/><bridge name='br0'/><virtualport type='openvswitch'/>"
IP = "<ip address='10.1.2.1' prefix='24'/>"


def document(body: str) -> Element:
    return parse(f"<network><name>lab</name>{body}</network>")


def stored(body: str) -> Element:
    return complete(document(body), Surroundings(), (), kept=None, host_id="host")


@pytest.mark.parametrize(
    ("body", "alike"),
    [
        (f"<forward/>{IP}", f"<forward mode='nat'/>{IP}"),
        (f"<forward dev='eth0'/>{IP}", f"<forward dev='eth0'><interface dev='eth0'/></forward>{IP}"),
        (f"<forward><nat/></forward>{IP}", f"<forward><nat><port start='0' end='0'/></nat></forward>{IP}"),
        ("<forward mode='none'/>", ""),
        ("<bridge/>", "<bridge name='' stp='on' delay='0'/>"),
        ("<mtu size='0'/><domain/><dns/><port/><metadata/>", "<metadata><x/></metadata>"),
        (
            "<ip address='10.1.2.1' netmask='255.255.255.0'/>",
            "<ip address='10.1.2.1' netmask='255.255.255.0' prefix='0'/>",
        ),
        ("<ip address='10.1.2.1'><dhcp/><tftp/></ip>", "<ip address='10.1.2.1'><dhcp><bootp/></dhcp></ip>"),
        (f"{IP}<portgroup name='a'/>", f"{IP}<portgroup name='a' default='no'><bandwidth/><virtualport/></portgroup>"),
        (f"{IP}<bandwidth><inbound average='0'/></bandwidth>", IP),
        (f"{OVS}<vlan><tag id='1'/></vlan>", f"{OVS}<vlan trunk='no'><tag id='1'/></vlan>"),
        (f"{OVS}<vlan><tag id='1'/><tag id='2'/></vlan>", f"{OVS}<vlan trunk='yes'><tag id='1'/><tag id='2'/></vlan>"),
        ("<dns><forwarder addr='FD00:0::1'/></dns>", "<dns><forwarder addr='fd00::1'/></dns>"),
        ("", "<o:options xmlns:o='http://libvirt.org/schemas/network/dnsmasq/1.0'/>"),
    ],
)
def test_two_ways_of_writing_are_stored_as_one(body: str, alike: str) -> None:
    assert compare(stored(body), stored(alike), NETWORK) == ()


def test_the_users_document_is_left_as_it_is() -> None:
    given = document("<forward mode='none'/><ip><dhcp><range/></dhcp></ip>")
    before = to_text(given)
    complete(given, Surroundings(), (), kept=None, host_id="host")
    assert to_text(given) == before


def test_what_nobody_reads_is_told() -> None:
    body = (
        "<forward mode='nat'><driver name='vfio'/></forward>\n<bridge name='a' zone='lab' color='red'/><domain name='b'"
        " register='yes'/><ip address='10.1.2.1' prefix='24'><dhcp><bootp file='x'/></dhcp><what/></ip>"
    )
    assert ignored_parts(document(body)) == [
        "network/bridge/@color (line 2)",
        "network/ip/what (line 2)",
        "network/bridge/@zone (line 2)",
        "network/domain/@register (line 2)",
        "network/ip/dhcp/bootp (line 2)",
        "network/forward/driver (line 1)",
    ]


def test_names_are_not_resolved_on_a_bridge_of_the_host() -> None:
    body = "<forward mode='bridge'/><bridge name='br0'/><dns enable='no'/>"
    assert ignored_parts(document(body)) == ["network/dns (line 1)"]

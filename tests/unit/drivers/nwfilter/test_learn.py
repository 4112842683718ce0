# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What networks know of an interface's addresses, and what of it counts for one that is guarded already."""

from __future__ import annotations

from typing import List, Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.api import FilterPort, Lease, NetworkDriver
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.live.learn import (
    Addresses,
    Networks,
    settled,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import NotFound
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

MAC = "52:54:00:00:00:01"
DOCUMENT = f"""
<network><name>net</name>
  <ip address='192.0.2.1'><dhcp>
    <host mac='{MAC.upper()}' ip='192.0.2.7'/><host mac='52:54:00:00:00:02' ip='192.0.2.8'/>
    <host name='x' ip='192.0.2.9'/><host mac='{MAC}' ip='nonsense'/>
  </dhcp></ip>
  <ip family='ipv6' address='2001:db8::1'><dhcp>
    <host id='0:3:0:1:{MAC}' ip='2001:db8::6'/><host id='00:03:00:01:{MAC}' ip='2001:db8::7'/>
  </dhcp></ip>
</network>
"""


class Known(NetworkDriver):
    """One network; ``asked`` counts."""

    asked = 0

    def network_xml(self, name: str, *, inactive: bool = False) -> Element:
        self.asked += 1
        if name != "net":
            raise NotFound("no such network")
        return parse(DOCUMENT)

    def network_leases(self, name: str) -> List[Lease]:
        return [Lease(name, MAC, "192.0.2.77"), Lease(name, "other", "192.0.2.78"), Lease(name, MAC, "2001:db8::77")]


def port(network: Optional[str] = "net") -> FilterPort:
    return FilterPort("vnet0", MAC, "g", "f", network=network)


def test_reserved_and_leased_addresses_of_both_families() -> None:
    driver = Known()
    networks = Networks(driver)
    found = networks.addresses(port())
    assert found == Addresses(("192.0.2.7", "2001:db8::7"), ("192.0.2.77", "2001:db8::77"))
    assert (found.first(4), found.first(6)) == (("192.0.2.7",), ("2001:db8::7",))
    assert found.every(4) == ("192.0.2.7", "192.0.2.77")
    assert networks.addresses(port()) == found
    assert driver.asked == 1


def test_nothing_is_known_without_a_network() -> None:
    assert Networks(None).addresses(port()) == Addresses()
    assert Networks(Known()).addresses(port(None)) == Networks(Known()).addresses(port("absent")) == Addresses()


ONE, TWO, SIX = ("192.0.2.1",), ("192.0.2.2",), ("2001:db8::1",)


@pytest.mark.parametrize(
    ("before", "now", "counts"),
    [
        (None, Addresses(ONE, TWO), Addresses(ONE, TWO)),
        (Addresses(), Addresses((), ONE), Addresses()),
        (Addresses((), ONE), Addresses(), Addresses((), ONE)),
        (Addresses((), ONE), Addresses((), TWO), Addresses((), TWO)),
        (Addresses((), ONE), Addresses((), (*TWO, *ONE)), Addresses((), ONE)),
        (Addresses((), ONE), Addresses(TWO, ONE), Addresses(TWO, ONE)),
        (Addresses(ONE), Addresses(), Addresses()),
        (Addresses((), SIX), Addresses((), (*ONE, *SIX)), Addresses((), SIX)),
    ],
)
def test_what_counts_for_an_interface_that_is_guarded_already(
    before: Optional[Addresses], now: Addresses, counts: Addresses
) -> None:
    assert settled(before, now) == counts
    assert settled(counts, now) == counts

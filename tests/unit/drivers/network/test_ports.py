# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an interface of a network is while its guest runs, and which device of the host it gets."""

from __future__ import annotations

from typing import Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CorralError,
    OperationFailed,
    OperationInvalid,
    UnsupportedConfig,
)
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.tests.unit.drivers.network.small_host import Guests, NetHost, document, driver_on

PORTGROUPS = """
<portgroup name='slow' default='yes'>
  <bandwidth><inbound average='100'/></bandwidth>
</portgroup>
<portgroup name='trusted' trustGuestRxFilters='yes'/>
"""


def interface(more: str = "", *, source: str = "network='a'", attributes: str = "") -> Element:
    mac = "<mac address='52:54:00:00:00:01'/>"
    return parse(
        f"<interface type='network'{attributes}>{mac}<source {source}/>{more}<model type='virtio'/></interface>"
    )


def network(forward: str, more: str = "") -> Element:
    return parse(f"<network><name>a</name>{forward}{more}</network>")


class Cards(NetHost):
    """A host with three network cards, of which the last has two virtual functions."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("eth1", "eth2", "eth3"):
            self.add_link(name)
        for number, device in ((0, "eth3v0"), (1, None)):
            place = f"/sys/devices/pci0000:00/0000:03:10.{number}"
            self.add_directory(place)
            if device:
                self.add_directory(f"{place}/net/{device}")
                self.add_link(device)
            self.add_directory("/sys/class/net/eth3/device")
            self.symlink(place, f"/sys/class/net/eth3/device/virtfn{number}")
        self.guests = Guests(self)

    def started(self, document: Element) -> Cards:
        """The same with an active network."""
        driver = driver_on(self, self.guests)
        driver.define_network(document)
        driver.start_network("a")
        return self

    def actual(self, wanted: Element) -> Element:
        """What the driver makes of an interface."""
        return driver_on(self, self.guests).actual_interface(wanted)


def source(found: Element) -> dict[str, str]:
    element = found.find("source")
    assert element is not None
    return dict(element.attrib)


def test_an_inactive_network_has_no_interfaces() -> None:
    host = Cards()
    driver_on(host).define_network(document())
    with pytest.raises(OperationInvalid, match=r"Network a is not active\. Start it first"):
        host.actual(interface())
    with pytest.raises(CorralError, match="no network named 'b'"):
        host.actual(interface(source="network='b'"))


def test_on_a_bridge_it_gets_what_its_portgroup_and_network_say() -> None:
    host = Cards().started(document(more=f"<mtu size='1400'/><port isolated='yes'/>{PORTGROUPS}"))
    found = host.actual(interface())
    assert (found.get("type"), source(found)) == ("bridge", {"bridge": "virbr7"})
    assert found.find("bandwidth/inbound[@average='100']") is not None
    assert found.find("mtu[@size='1400']") is not None
    assert found.find("port[@isolated='yes']") is not None
    assert found.find("model[@type='virtio']") is not None
    trusted = host.actual(interface(source="network='a' portgroup='trusted'"))
    assert (trusted.get("trustGuestRxFilters"), trusted.find("bandwidth")) == ("yes", None)


def test_what_it_says_itself_stays() -> None:
    host = Cards().started(document(more=f"<mtu size='1400'/><port isolated='yes'/>{PORTGROUPS}"))
    own = "<bandwidth><outbound average='7'/></bandwidth><mtu size='1300'/><port isolated='no'/>"
    found = host.actual(interface(own))
    assert [each.get("size") for each in found.findall("mtu")] == ["1300"]
    assert [each.get("isolated") for each in found.findall("port")] == ["no"]
    assert found.find("bandwidth/inbound") is None


def test_the_bandwidth_of_the_network_is_that_of_its_bridge() -> None:
    host = Cards().started(document(more="<bandwidth><inbound average='100'/></bandwidth>"))
    assert host.actual(interface()).find("bandwidth") is None


def test_a_portgroup_that_is_not_there() -> None:
    host = Cards().started(document(more=PORTGROUPS))
    with pytest.raises(UnsupportedConfig, match=r"no portgroup 'fast'\. Its portgroups are: slow, trusted"):
        host.actual(interface(source="network='a' portgroup='fast'"))


def test_a_bridge_of_the_host_and_virtual_ports() -> None:
    host = Cards()
    host.add_link("br0", "bridge")
    port = "<virtualport type='openvswitch'><parameters profileid='p'/></virtualport>"
    host.started(network(f"<forward mode='bridge'/><bridge name='br0'/>{port}", "<vlan><tag id='7'/></vlan>"))
    found = host.actual(
        interface("<virtualport><parameters interfaceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/></virtualport>")
    )
    assert source(found) == {"bridge": "br0"}
    (merged,) = found.findall("virtualport")
    assert merged.get("type") == "openvswitch"
    assert dict(merged[0].attrib) == {"profileid": "p", "interfaceid": "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f"}
    assert found.find("vlan/tag[@id='7']") is not None
    with pytest.raises(UnsupportedConfig, match="disagree on the profileid of the virtual port: q and p"):
        host.actual(interface("<virtualport type='openvswitch'><parameters profileid='q'/></virtualport>"))


def test_a_bridge_of_its_own_has_no_virtual_ports() -> None:
    host = Cards().started(document())
    with pytest.raises(
        UnsupportedConfig, match=r"has no <virtualport type='openvswitch'>\. Leave the virtual port out"
    ):
        host.actual(interface("<virtualport type='openvswitch'/>"))


def direct(guest: str, device: str) -> str:
    parts = f"<source network='a' dev='{device}' mode='bridge'/><target dev='{guest}'/>"
    return f"<interface type='direct'>{parts}</interface>"


def test_of_several_devices_the_least_used_is_taken() -> None:
    devices = "<interface dev='eth1'/><interface dev='eth2'/>"
    host = Cards().started(network(f"<forward mode='bridge'>{devices}</forward>"))
    assert source(host.actual(interface())) == {"dev": "eth1", "mode": "bridge"}
    host.guests.add("g", direct("macvtap0", "eth1"))
    found = host.actual(interface())
    assert (found.get("type"), source(found)) == ("direct", {"dev": "eth2", "mode": "bridge"})
    host.guests.add("h", direct("macvtap1", "eth2"))
    assert source(host.actual(interface())) == {"dev": "eth1", "mode": "bridge"}
    assert driver_on(host, host.guests).network_guests("a") == ["g", "h"]


def test_a_device_that_is_passed_through_is_given_once() -> None:
    host = Cards().started(network("<forward mode='passthrough'><interface dev='eth1'/></forward>"))
    assert source(host.actual(interface())) == {"dev": "eth1", "mode": "passthrough"}
    host.guests.add("g", direct("macvtap0", "eth1"))
    with pytest.raises(OperationFailed, match="All devices of network a are in use, by g"):
        host.actual(interface())


def test_a_guest_with_two_interfaces_gets_two_devices() -> None:
    devices = "<interface dev='eth1'/><interface dev='eth2'/>"
    host = Cards().started(network(f"<forward mode='passthrough'>{devices}</forward>"))
    driver = driver_on(host, host.guests)
    second = interface()
    second[0].set("address", "52:54:00:00:00:02")
    assert [source(driver.actual_interface(each))["dev"] for each in (interface(), second)] == ["eth1", "eth2"]
    assert source(driver.actual_interface(interface()))["dev"] == "eth1", "asked again, it is the same"


def test_virtual_functions_of_a_card() -> None:
    host = Cards().started(
        network("<forward mode='hostdev' managed='yes'><driver name='vfio'/><pf dev='eth3'/></forward>")
    )
    found = host.actual(interface())
    assert (found.get("type"), found.get("managed")) == ("hostdev", "yes")
    assert address(found) == "0000:03:10.0"
    given = "<source network='a'><address type='pci' domain='0x0000' bus='0x03' slot='0x10' function='0x0'/></source>"
    host.guests.add("g", f"<interface type='hostdev'>{given}</interface>")
    assert address(host.actual(interface())) == "0000:03:10.1"


def address(found: Element) -> str:
    element = found.find("source/address")
    assert element is not None
    domain, bus, slot, function = (element.get(name, "")[2:] for name in ("domain", "bus", "slot", "function"))
    return f"{domain}:{bus}:{slot}.{function}"


@pytest.mark.parametrize(("mode", "device"), [("private", "eth3v0"), ("vepa", "eth3v0"), ("passthrough", "eth3v0")])
def test_functions_with_a_driver_of_the_host_can_be_shared(mode: str, device: Optional[str]) -> None:
    host = Cards().started(network(f"<forward mode='{mode}'><pf dev='eth3'/></forward>"))
    assert source(host.actual(interface())) == {"dev": device, "mode": mode}


def test_a_card_without_functions() -> None:
    host = Cards().started(network("<forward mode='hostdev'><pf dev='eth1'/></forward>"))
    with pytest.raises(OperationFailed, match=r"virtual functions of eth1, which has none.*sriov_numvfs"):
        host.actual(interface())


def test_a_network_whose_devices_are_gone_is_not_started() -> None:
    with pytest.raises(OperationFailed, match="Network a uses eth9, and this host has no such device"):
        Cards().started(network("<forward mode='private'><interface dev='eth9'/></forward>"))


LIMITED = "<bandwidth><inbound average='1000'/></bandwidth>"
FLOOR = """
<interface type='network'><mac address='52:54:00:00:00:{0}'/><source network='a'/><target dev='vnet{0}'/>
<bandwidth><inbound average='10' floor='{1}'/></bandwidth></interface>
"""


def test_what_guests_are_guaranteed_comes_and_goes_with_them() -> None:
    host = NetHost()
    guests = Guests(host)
    driver = driver_on(host, guests)
    driver.define_network(document(more=LIMITED))
    driver.start_network("a")

    def classes() -> dict[str, str]:
        rows = (line.split() for line in host.classes["virbr7"] if line.startswith("class"))
        return {words[words.index("classid") + 1]: words[words.index("rate") + 1] for words in rows}

    guests.add("g", FLOOR.format("11", 300))
    driver.renew_limits("a")
    assert classes() == {"1:1": "1000kbps", "1:2": "700kbps", "1:3": "300kbps"}
    guests.add("h", FLOOR.format("12", 800))
    with pytest.raises(UnsupportedConfig, match="cannot guarantee 1100 kB/s: it has 1000 kB/s"):
        driver.renew_limits("a")
    assert classes()["1:3"] == "300kbps"
    del guests.documents["h"]
    driver.renew_limits("a")
    assert classes() == {"1:1": "1000kbps", "1:2": "700kbps", "1:3": "300kbps"}
    guests.documents.clear()
    driver.renew_limits("a")
    assert classes() == {"1:1": "1000kbps", "1:2": "1000kbps"}
    assert driver.network_faults("a") == []


def test_a_network_without_a_limit_guarantees_nothing() -> None:
    host = NetHost()
    driver = driver_on(host)
    driver.define_network(document())
    driver.start_network("a")
    with pytest.raises(UnsupportedConfig, match="Network a can guarantee nothing, since it has no inbound limit"):
        driver.actual_interface(parse(FLOOR.format("11", 300)))

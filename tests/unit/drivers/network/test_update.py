# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of a network that guests use: the same dnsmasq where it can be, and nothing half done."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.network_effects import NETWORK_EFFECTS
from ansible_collections.corral.virt.plugins.module_utils.converge.resource.effects import LIVE
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.live.update import is_live
from ansible_collections.corral.virt.plugins.module_utils.errors import OperationFailed, OperationInvalid
from ansible_collections.corral.virt.plugins.module_utils.model.network.identity import NETWORK
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.tests.unit.drivers.network.small_host import FORWARD, NetHost, document, driver_on

RESERVED = "<host mac='52:54:00:00:00:01' name='one' ip='192.0.2.11'/>"


@pytest.fixture
def host() -> NetHost:
    found = NetHost()
    driver = driver_on(found)
    driver.define_network(document())
    driver.start_network("a")
    return found


def update(host: NetHost, wanted: Element) -> None:
    """What a run does: compare what is active with what is wanted, and let the driver change that."""
    driver = driver_on(host)
    done = driver.normalise_network(wanted)
    driver.update_network("a", done, compare(driver.network_xml("a"), done, NETWORK))


def test_a_reserved_address_is_read_by_the_same_dnsmasq(host: NetHost) -> None:
    (before,) = host.servers()
    update(host, document(hosts=RESERVED))
    (after,) = host.servers()
    assert (after.process, after.signals) == (before.process, ["SIGHUP"])
    assert host.read("/var/lib/corral/networks/a.hosts") == b"52:54:00:00:00:01,192.0.2.11,one\n"
    assert driver_on(host).network_xml("a").find("ip/dhcp/host[@name='one']") is not None
    assert driver_on(host).network_xml("a", inactive=True).find("ip/dhcp/host") is None
    update(host, document())
    assert host.read("/var/lib/corral/networks/a.hosts") == b""
    assert driver_on(host).network_faults("a") == []


def test_a_name_is_read_by_the_same_dnsmasq(host: NetHost) -> None:
    (before,) = host.servers()
    update(host, document(more="<dns><host ip='192.0.2.5'><hostname>five</hostname></host></dns>"))
    assert [each.process for each in host.servers()] == [before.process]
    assert host.read("/var/lib/corral/networks/a.addnhosts") == b"192.0.2.5\tfive\n"


def test_a_forwarder_needs_another_dnsmasq(host: NetHost) -> None:
    (before,) = host.servers()
    update(host, document(more="<dns><forwarder addr='203.0.113.53'/></dns>"))
    (after,) = host.servers()
    assert after.process != before.process
    assert driver_on(host).network_faults("a") == []


def test_limits_come_and_go(host: NetHost) -> None:
    update(host, document(more="<bandwidth><inbound average='1000'/></bandwidth>"))
    assert host.classes["virbr7"]
    update(host, document())
    assert "virbr7" not in host.classes
    assert driver_on(host).network_faults("a") == []


def test_a_network_becomes_isolated_and_then_routed(host: NetHost) -> None:
    isolated = document()
    isolated.remove(isolated.find("forward"))  # type: ignore[arg-type]
    before = host.tables["corral"]
    update(host, isolated)
    assert host.tables["corral"] != before
    host.add_file(FORWARD["ipv4"], b"0\n")
    routed = document()
    routed.find("forward").set("mode", "route")  # type: ignore[union-attr]
    update(host, routed)
    assert host.setting(FORWARD["ipv4"]) == "1"
    assert driver_on(host).network_faults("a") == []


def test_what_would_cut_guests_off_is_refused(host: NetHost) -> None:
    (before,) = host.servers()
    for wanted in (document(net="198.51.100"), document(more="<mtu size='1400'/>")):
        with pytest.raises(OperationInvalid, match="cannot change while it is active"):
            update(host, wanted)
    bridged = parse("<network><name>a</name><forward mode='bridge'/><bridge name='br0'/></network>")
    with pytest.raises(OperationInvalid, match="cannot change while it is active"):
        update(host, bridged)
    assert [each.process for each in host.servers()] == [before.process]
    assert driver_on(host).network_faults("a") == []


def test_what_cannot_be_made_is_taken_back(host: NetHost) -> None:
    driver = driver_on(host)
    before = driver.network_xml("a").findall("dns/forwarder")
    host.dies = b"dnsmasq: bad option at line 5\n"
    with pytest.raises(OperationFailed, match="bad option at line 5"):
        update(host, document(more="<dns><forwarder addr='203.0.113.53'/></dns>"))
    host.dies = None
    driver = driver_on(host)
    assert driver.network_xml("a").findall("dns/forwarder") == before
    assert [fault.what for fault in driver.network_faults("a")] == ["dnsmasq"]
    driver.mend_network("a")
    assert driver.network_faults("a") == []


def test_all_that_converge_takes_for_live_can_be_changed_while_guests_use_it() -> None:
    places = [row.place for row in NETWORK_EFFECTS if row.active == LIVE]
    assert len(places) > 20
    assert [place for place in places if not is_live(place.replace("*", "x"))] == []
    refused = [row.place for row in NETWORK_EFFECTS if row.active != LIVE]
    assert [place for place in refused if is_live(place)] == []


def test_a_name_and_its_parts() -> None:
    assert is_live("dns/forwarder/@addr")
    assert is_live("ip/dhcp/host")
    assert is_live("title")
    assert not is_live("ip/@address")
    assert not is_live("ip")
    assert not is_live("domainx")
    assert not is_live("bridge/@name")

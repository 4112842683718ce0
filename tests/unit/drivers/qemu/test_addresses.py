# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of guests: who knows them, in which order they are asked, and what is said when nobody does."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Fault, GuestAddress, Lease
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
from ansible_collections.corral.virt.plugins.module_utils.host.fake_stream import FakeStream
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import document
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_links import LinkedHost, SmallNetworks, connected_on
from ansible_collections.corral.virt.tests.unit.drivers.qemu.test_talk import CHANNEL, SOCKET, agent

MAC = "52:54:00:00:00:0a"
NETWORK = f"<interface type='network'><mac address='{MAC}'/><source network='default'/></interface>"
BRIDGE = f"<interface type='bridge'><mac address='{MAC}'/><source bridge='br0'/></interface>"
USER = f"<interface type='user'><mac address='{MAC}'/></interface>"
LEASE = Lease("default", MAC.upper(), "192.0.2.7")
AGENT_ROW = {
    "name": "eth0",
    "hardware-address": MAC,
    "ip-addresses": [{"ip-address": "192.0.2.5", "prefix": 24}, {"ip-address": "fe80::1", "prefix": 64}],
}


def neighbour(address: str, *, dev: str = "virbr0", mac: str = MAC, state: str = "STALE") -> Any:
    return {"dst": address, "dev": dev, "lladdr": mac, "state": [state]}


@pytest.fixture
def host() -> LinkedHost:
    return LinkedHost()


@pytest.fixture
def driver(host: LinkedHost) -> QemuDriver:
    return connected_on(host)


def started(driver: QemuDriver, devices: str = NETWORK) -> QemuDriver:
    driver.define_domain(document("a", devices, disk=""))
    driver.start_domain("a")
    return driver


def networks(driver: QemuDriver) -> SmallNetworks:
    assert driver.site.neighbours is not None
    found = driver.site.neighbours.network
    assert isinstance(found, SmallNetworks)
    return found


def test_the_agent_is_asked_first_then_leases_then_neighbours(host: LinkedHost, driver: QemuDriver) -> None:
    started(driver, NETWORK + CHANNEL)
    assert driver.domain_addresses("a", agent=True) == []
    host.neighbours.append(neighbour("192.0.2.9"))
    host.sleep(1)
    assert driver.domain_addresses("a") == [GuestAddress(MAC, "192.0.2.9", "arp")]
    networks(driver).leases.append(LEASE)
    host.sleep(1)
    assert [(each.address, each.source) for each in driver.domain_addresses("a")] == [("192.0.2.7", "lease")]
    host.journal("a", "VSERPORT_CHANGE", id="channel0", open=True)
    host.add_stream(SOCKET, FakeStream(agent({"guest-network-get-interfaces": [AGENT_ROW]})))
    found = driver.domain_addresses("a", agent=True)
    assert found == [GuestAddress(MAC, "192.0.2.5", "agent", 24), GuestAddress(MAC, "fe80::1", "agent", 64)]
    assert driver.domain_addresses("a")[0].source == "lease"  # the agent is not asked without need


def test_neighbours_are_listed_once_for_all_guests_of_a_look(
    host: LinkedHost, driver: QemuDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(driver)
    asked = []
    shown = host._shown
    monkeypatch.setattr(host, "_shown", lambda argv: (asked.append(argv), shown(argv))[1])
    for _guest in range(3):
        driver.domain_addresses("a")
    assert len([argv for argv in asked if "neigh" in argv]) == 1


def test_waiting_takes_what_others_can_reach(host: LinkedHost, driver: QemuDriver) -> None:
    started(driver)
    host.neighbours.append(neighbour("fe80::7"))
    assert driver.wait_address("a", timeout=2) == []
    host.on_sleep = lambda: networks(driver).leases.append(LEASE)
    assert [each.source for each in driver.wait_address("a", timeout=5)] == ["lease"]


def test_a_port_is_looked_for_at_a_leased_address(host: LinkedHost, driver: QemuDriver) -> None:
    started(driver)
    networks(driver).leases.append(LEASE)
    host.ports.add(("192.0.2.7", 22))
    assert driver.wait_port("a", 22, timeout=1)


@pytest.mark.parametrize(
    "row",
    [
        neighbour("192.0.2.9", state="FAILED"),
        neighbour("192.0.2.9", dev="eth7"),
        neighbour("192.0.2.9", mac="52:54:00:00:00:0b"),
        neighbour("nonsense"),
    ],
)
def test_neighbours_that_are_somebody_else(host: LinkedHost, driver: QemuDriver, row: Any) -> None:
    started(driver)
    host.neighbours.append(row)
    assert driver.domain_addresses("a") == []


@pytest.mark.parametrize("devices", [NETWORK, BRIDGE.replace("br0", "virbr0")])
@pytest.mark.parametrize("address", ["192.0.2.100", "192.0.2.110", "192.0.2.77"])
def test_an_address_that_was_only_offered_is_none_yet(
    host: LinkedHost, driver: QemuDriver, devices: str, address: str
) -> None:
    started(driver, devices)
    host.neighbours.append(neighbour(address))
    assert driver.domain_addresses("a") == []
    networks(driver).leases.append(Lease("default", MAC, address))
    host.sleep(1)
    assert [each.source for each in driver.domain_addresses("a")] == ["lease"]


def test_an_interface_on_the_bridge_of_a_network_has_its_leases(host: LinkedHost, driver: QemuDriver) -> None:
    started(driver, BRIDGE.replace("br0", "virbr0"))
    networks(driver).leases.append(LEASE)
    assert [each.source for each in driver.domain_addresses("a")] == ["lease"]


def test_a_host_without_ip_knows_no_neighbours(host: LinkedHost, driver: QemuDriver) -> None:
    started(driver)
    host.programs.pop("ip")
    assert driver.domain_addresses("a") == []


def test_a_guest_that_is_off_has_none(driver: QemuDriver) -> None:
    driver.define_domain(document("a", NETWORK, disk=""))
    networks(driver).leases.append(LEASE)
    assert driver.domain_addresses("a") == [] and driver.explain_addresses("a") == []


# why not


def packets(host: LinkedHost, received: int) -> None:
    host.link("vnet0")["stats64"] = {"rx": {"packets": received}}


def test_a_guest_without_interfaces(driver: QemuDriver) -> None:
    assert started(driver, "").explain_addresses("a") == ["The guest a has no network interface."]


def test_what_is_said_when_nobody_knows(host: LinkedHost, driver: QemuDriver) -> None:
    started(driver)
    where = f"The interface {MAC} on the network default:"
    packets(host, 0)
    assert driver.explain_addresses("a") == [
        f"{where} the guest has sent nothing yet: is it up, and does it have a driver for the card?"
    ]
    packets(host, 3)
    assert "has no lease yet" in driver.explain_addresses("a")[0]
    networks(driver).faults = [Fault("dnsmasq", "dnsmasq has ended.")]
    assert driver.explain_addresses("a") == [f"{where} dnsmasq has ended."]
    networks(driver).active = False
    assert driver.explain_addresses("a") == [f"{where} that network is not active."]
    networks(driver).known = False
    assert driver.explain_addresses("a") == [f"{where} There is no network named 'default'."]


def test_a_cable_that_is_pulled_out_and_a_link_that_is_gone(host: LinkedHost, driver: QemuDriver) -> None:
    host.more = lambda monitor: {"set_link": {}}
    started(driver, BRIDGE.replace("</interface>", "<link state='down'/></interface>"))
    assert "cable is pulled out" in driver.explain_addresses("a")[0]
    driver.destroy_domain("a")
    started(driver, BRIDGE)
    packets(host, 1)
    assert "host has not met its address" in driver.explain_addresses("a")[0]
    del host.links["vnet0"]
    assert "its link vnet0 is gone" in driver.explain_addresses("a")[0]


def test_behind_user_networking_the_agent_alone_knows(driver: QemuDriver) -> None:
    assert "known to the guest's agent only" in started(driver, USER).explain_addresses("a")[0]

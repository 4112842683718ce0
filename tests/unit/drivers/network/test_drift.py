# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be wrong with an active network: each is found, named, put right, and then not found again."""

from __future__ import annotations

from typing import Callable, Dict, Tuple

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Fault
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.live.mend import MENDERS, plan
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.live.observe import settings
from ansible_collections.corral.virt.plugins.module_utils.errors import OperationFailed
from ansible_collections.corral.virt.plugins.module_utils.model.network.core import Network
from ansible_collections.corral.virt.tests.unit.drivers.network.small_host import (
    CONF6,
    FORWARD,
    Guests,
    NetHost,
    document,
    driver_on,
)

MORE = """
<mtu size='1400'/>
<bandwidth><inbound average='1000' peak='2000'/><outbound average='500'/></bandwidth>
<ip family='ipv6' address='2001:db8:1::1' prefix='64'/>
<route address='203.0.113.0' prefix='24' gateway='192.0.2.2'/>
"""
TAP = """
<interface type="network">
  <mac address="52:54:00:00:00:01"/><source network="a"/><target dev="vnet0"/>
</interface>
"""

Spoil = Callable[[NetHost], object]


def spoil_address(host: NetHost) -> None:
    host.addresses = [each for each in host.addresses if ":" in each[1]]


def spoil_route(host: NetHost) -> None:
    host.routes.clear()


def kill_dnsmasq(host: NetHost) -> None:
    host.end_process(host.servers()[0].process.pid)


def flush(host: NetHost) -> None:
    host.tables["corral"] = "table inet corral {\n}"


def edit(host: NetHost) -> None:
    host.tables["corral"] += "\n# accept"


def drop_table(host: NetHost) -> None:
    host.tables.clear()


def set_file(path: str, value: str) -> Spoil:
    return lambda host: host.add_file(path, f"{value}\n".encode())


def set_link(**changes: object) -> Spoil:
    return lambda host: [setattr(host.nodes["virbr7"], name, value) for name, value in changes.items()]


def free_tap(host: NetHost) -> None:
    host.nodes["vnet0"].master = None


# what was done to it, and the faults that it is named by
DRIFT: Dict[str, Tuple[Spoil, Tuple[str, ...]]] = {
    "bridge deleted": (lambda host: host.remove_link("virbr7"), ("bridge",)),
    "bridge down": (set_link(up=False), ("bridge",)),
    "another mac": (set_link(mac="02:00:00:00:00:99"), ("bridge",)),
    "another mtu": (set_link(mtu=1500), ("bridge",)),
    "stp off": (set_link(stp=0), ("bridge",)),
    "address gone": (spoil_address, ("address",)),
    "route gone": (spoil_route, ("route",)),
    "ipv6 off": (set_file(f"{CONF6}/virbr7/disable_ipv6", "1"), ("ipv6",)),
    "guests may turn the host around": (set_file(f"{CONF6}/virbr7/accept_ra", "1"), ("ipv6",)),
    "forwarding off": (set_file(FORWARD["ipv4"], "0"), ("forwarding",)),
    "forwarding of ipv6 off": (set_file(FORWARD["ipv6"], "0"), ("forwarding",)),
    "table gone": (drop_table, ("ruleset",)),
    "table flushed": (flush, ("ruleset",)),
    "table edited": (edit, ("ruleset",)),
    "dnsmasq killed": (kill_dnsmasq, ("dnsmasq",)),
    "configuration edited": (set_file("/var/lib/corral/networks/a.conf", "port=0"), ("configuration",)),
    "hosts edited": (set_file("/var/lib/corral/networks/a.hosts", ""), ("configuration",)),
    "limits gone": (lambda host: host.classes.clear(), ("bandwidth",)),
    "tap on no bridge": (free_tap, ("ports",)),
}


@pytest.fixture
def host() -> NetHost:
    found = NetHost()
    driver = driver_on(found)
    driver.define_network(document(more=MORE, hosts="<host mac='52:54:00:00:00:01' ip='192.0.2.11'/>"))
    driver.start_network("a")
    found.add_link("vnet0", "tun", master="virbr7")
    return found


@pytest.fixture
def guests(host: NetHost) -> Guests:
    found = Guests(host)
    found.add("g", TAP)
    return found


@pytest.mark.parametrize("name", DRIFT)
def test_drift_is_found_and_mended(host: NetHost, guests: Guests, name: str) -> None:
    spoil, words = DRIFT[name]
    assert driver_on(host, guests).network_faults("a") == []
    spoil(host)
    driver = driver_on(host, guests)
    found = driver.network_faults("a")
    assert {fault.what for fault in found} - {"ports" if "bridge" in words else ""} == set(words)
    assert all(fault.detail.endswith(".") for fault in found)
    driver.mend_network("a")
    assert driver.network_faults("a") == []
    assert host.nodes["vnet0"].master == "virbr7"
    assert len(host.servers()) == 1


def test_every_fault_that_is_found_has_somebody_to_mend_it() -> None:
    words = {word for _spoil, faults in DRIFT.values() for word in faults}
    assert words == {word for word, _mender in MENDERS}


def test_a_new_bridge_gets_another_dnsmasq(host: NetHost, guests: Guests) -> None:
    (before,) = host.servers()
    host.remove_link("virbr7")
    driver_on(host, guests).mend_network("a")
    (after,) = host.servers()
    assert after.process != before.process


def test_lists_of_hosts_are_read_again_by_the_same_dnsmasq(host: NetHost) -> None:
    (before,) = host.servers()
    host.add_file("/var/lib/corral/networks/a.hosts", b"")
    driver_on(host).mend_network("a")
    (after,) = host.servers()
    assert (after.process, after.signals) == (before.process, ["SIGHUP"])


def test_guests_are_not_read_while_all_taps_have_a_bridge(host: NetHost, guests: Guests) -> None:
    guests.documents["g"] = None  # type: ignore[assignment]
    assert driver_on(host, guests).network_faults("a") == []


def test_a_name_that_is_no_bridge_cannot_be_mended(host: NetHost) -> None:
    host.remove_link("virbr7")
    host.add_link("virbr7", "veth")
    driver = driver_on(host)
    assert [fault.what for fault in driver.network_faults("a")] == ["bridge"]
    with pytest.raises(Exception, match="is not a bridge"):
        driver.mend_network("a")
    driver.destroy_network("a")
    assert host.nodes["virbr7"].kind == "veth"


def test_what_only_the_owner_of_the_host_can_mend() -> None:
    with pytest.raises(OperationFailed, match=r"It is not there\. Make it first"):
        plan({"device"}, [Fault("device", "It is not there.")])


def test_a_guest_whose_portgroup_was_removed_is_connected_all_the_same(host: NetHost) -> None:
    guests = Guests(host)
    guests.add("g", TAP.replace('network="a"', 'network="a" portgroup="gone"'))
    free_tap(host)
    driver_on(host, guests).mend_network("a")
    assert host.nodes["vnet0"].master == "virbr7"


def test_advice_is_about_active_networks(host: NetHost) -> None:
    driver = driver_on(host)
    assert driver.network_advice("a") == []
    driver.destroy_network("a")
    assert driver.network_advice("a") == []
    assert driver.explain()["table"] == "inet corral"


def test_an_isolated_network_forwards_nothing() -> None:
    text = document()
    text.remove(text.find("forward"))  # type: ignore[arg-type]
    assert "forwarding" not in {setting.word for setting in settings(Network(text))}
    assert [setting.name for setting in settings(Network(document()))][-1] == "net/ipv4/ip_forward"

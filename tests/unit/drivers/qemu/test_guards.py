# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network filters of a guest's cards: when the nwfilter driver is asked, and that it is told of every end."""

from __future__ import annotations

from typing import List, cast

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.effects import GUEST
from ansible_collections.corral.virt.plugins.module_utils.converge.resource.differences import waiting_changes
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CorralError,
    NotFound,
    UnsupportedConfig,
    XmlError,
)
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import document
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_links import LinkedHost, SmallFilters, connected_on
from ansible_collections.corral.virt.tests.unit.drivers.qemu.test_cards import card, start

CLEAN = "<filterref filter='clean'><parameter name='IP' value='192.0.2.7'/></filterref>"
GUARDED = card("bridge", f"<source bridge='br0'/>{CLEAN}")
PLAIN = card("bridge", "<source bridge='br0'/>", mac="52:54:00:00:00:0b")


@pytest.fixture
def host() -> LinkedHost:
    return LinkedHost()


@pytest.fixture
def driver(host: LinkedHost) -> QemuDriver:
    return connected_on(host)


def filters(driver: QemuDriver) -> SmallFilters:
    assert driver.site.neighbours is not None
    return cast(SmallFilters, driver.site.neighbours.nwfilter)


def test_a_tap_is_guarded_before_it_is_on_its_bridge(host: LinkedHost, driver: QemuDriver) -> None:
    masters: List[object] = []
    guard = filters(driver).guard_ports
    filters(driver).guard_ports = lambda ports: (masters.append(host.link("vnet0").get("master")), guard(ports))[1]  # type: ignore[method-assign]
    start(driver, GUARDED, PLAIN)
    assert masters == [None]
    assert host.link("vnet0")["master"] == "br0"
    port = filters(driver).guarded["vnet0"]
    assert (port.guest, port.mac, port.filter, port.parameters) == (
        "a",
        "52:54:00:00:00:0a",
        "clean",
        (("IP", "192.0.2.7"),),
    )
    assert list(filters(driver).guarded) == ["vnet0"]


def test_all_cards_of_a_guest_are_guarded_in_one_go(driver: QemuDriver) -> None:
    network = card("network", "<source network='default'/><filterref filter='clean'/>", mac="52:54:00:00:00:0b")
    start(driver, GUARDED, network)
    assert filters(driver).events == ["guard vnet0 vnet1"]
    assert filters(driver).guarded["vnet1"].network == "default"


def test_a_link_whose_name_is_known_is_guarded_before_it_is_there(host: LinkedHost, driver: QemuDriver) -> None:
    start(driver, card("bridge", f"<source bridge='br0'/><target dev='mine'/>{CLEAN}"))
    assert filters(driver).events == ["guard mine"]


@pytest.mark.parametrize("end", ["destroyed", "by itself", "never started"])
def test_the_rules_go_with_the_guest(host: LinkedHost, driver: QemuDriver, end: str) -> None:
    if end == "never started":
        host.links["vnet0"] = 0  # so that the tap cannot be connected where it belongs
        with pytest.raises(CorralError):
            start(driver, card("bridge", f"<source bridge='none'/>{CLEAN}"))
        assert not filters(driver).guarded
        return
    start(driver, GUARDED)
    if end == "destroyed":
        driver.destroy_domain("a")
    else:
        host.end("a")
        driver.settle()
    assert filters(driver).events == ["guard vnet0", "release vnet0"]


def test_a_filter_that_is_refused_lets_no_guest_run(host: LinkedHost, driver: QemuDriver) -> None:
    filters(driver).refuses = True
    with pytest.raises(UnsupportedConfig, match="The kernel lacks something"):
        start(driver, GUARDED)
    assert not driver.lookup_domain("a").active
    assert "vnet0" not in host.links or host.link("vnet0").get("master") is None


def test_what_is_wrong_with_a_filter_is_foreseen(driver: QemuDriver) -> None:
    driver.define_domain(document("a", GUARDED.replace("'clean'", "'missing'"), disk=""))
    with pytest.raises(NotFound, match="no filter named 'missing'"):
        driver.check_start(driver.domain_xml("a"))


def test_a_network_without_a_bridge_has_no_filters(driver: QemuDriver) -> None:
    driver.define_domain(document("a", card("network", f"<source network='direct'/>{CLEAN}"), disk=""))
    with pytest.raises(UnsupportedConfig, match="packets pass no Linux bridge"):
        driver.check_start(driver.domain_xml("a"))


@pytest.mark.parametrize(
    ("kind", "inner", "said"),
    [
        ("direct", f"<source dev='eth0' mode='bridge'/>{CLEAN}", "not supported for an interface of type 'direct'"),
        ("user", CLEAN, "not supported for an interface of type 'user'"),
        ("bridge", "<source bridge='br0'/><filterref/>", "needs the name"),
        (
            "bridge",
            "<source bridge='br0'/><filterref filter='f'><parameter name='A'/></filterref>",
            "a name and a value",
        ),
        (
            "bridge",
            "<source bridge='br0'/><filterref filter='f'><parameter name='A' value='1 2'/></filterref>",
            "the value '1 2', which is not",
        ),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(driver: QemuDriver, kind: str, inner: str, said: str) -> None:
    with pytest.raises(XmlError, match=said):
        driver.normalise_domain(document("a", card(kind, inner), disk=""))


def test_rules_that_are_lost_are_found_and_put_back(driver: QemuDriver) -> None:
    start(driver, GUARDED, PLAIN)
    assert driver.domain_faults("a") == []
    filters(driver).guarded.clear()
    assert [fault.detail for fault in driver.domain_faults("a")] == ["vnet0 has no rules."]
    driver.mend_domain("a")
    assert driver.domain_faults("a") == []
    driver.destroy_domain("a")
    assert driver.domain_faults("a") == []


def test_links_that_are_connected_again_have_their_rules_first(driver: QemuDriver) -> None:
    """A network asks for it, and only what is lost is put back."""
    start(driver, GUARDED, PLAIN)
    driver.guard_links(["vnet0", "vnet1"])
    assert filters(driver).events == ["guard vnet0"]
    filters(driver).guarded.clear()
    driver.guard_links(["vnet1"])
    assert not filters(driver).guarded
    driver.guard_links(["vnet0", "vnet1"])
    assert filters(driver).events == ["guard vnet0", "guard vnet0"]


def change(driver: QemuDriver, *cards: str) -> None:
    wanted = driver.normalise_domain(document("a", "".join(cards), disk=""))
    changes = waiting_changes(GUEST, driver.domain_xml("a"), wanted, "a")
    assert set(changes.values()) == {"live"}
    driver.update_domain("a", wanted, list(changes))
    assert not waiting_changes(GUEST, driver.domain_xml("a"), wanted, "a")


def test_a_filter_is_given_changed_and_taken_while_the_guest_runs(driver: QemuDriver) -> None:
    start(driver, card("bridge", "<source bridge='br0'/>"))
    change(driver, GUARDED)
    assert filters(driver).guarded["vnet0"].parameters == (("IP", "192.0.2.7"),)
    change(driver, GUARDED.replace("192.0.2.7", "192.0.2.8"))
    assert filters(driver).guarded["vnet0"].parameters == (("IP", "192.0.2.8"),)
    driver.destroy_domain("a")
    assert filters(driver).events[-1] == "release vnet0"
    assert not filters(driver).guarded


def test_a_filter_that_is_taken_away_has_no_rules_left(driver: QemuDriver) -> None:
    start(driver, GUARDED)
    change(driver, card("bridge", "<source bridge='br0'/>"))
    assert not filters(driver).guarded

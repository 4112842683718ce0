# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""USB ports: given out when the guest starts, checked when it is defined."""

from __future__ import annotations

import re

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.addresses_usb import assign_usb_ports
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError
from ansible_collections.corral.virt.plugins.module_utils.model.domain.core import Domain
from ansible_collections.corral.virt.tests.unit.drivers.qemu.passes.small_guest import devices, placed, qemu

TABLET = "<input type='tablet' bus='usb'/>"
HUB = "<hub type='usb'/>"


def at(port: str, bus: int = 0) -> str:
    """A tablet at a port."""
    return f"<input type='tablet' bus='usb'><address type='usb' bus='{bus}' port='{port}'/></input>"


def started(machine: str, written: str) -> Domain:
    """A guest with the ports that it has when it runs."""
    domain = placed(machine, written)
    assign_usb_ports(domain, qemu())
    return domain


def usb(domain: Domain) -> list[str]:
    """Where the hubs and the USB devices are."""
    return [text for text in devices(domain, "input", "hub", "controller") if "usb" in text]


def test_a_definition_leaves_the_ports_open() -> None:
    assert devices(placed("pc", TABLET), "input") == ["input -"]


def test_the_lowest_free_ports_are_given_out() -> None:
    assert usb(started("q35", TABLET * 2 + at("2"))) == ["input usb 0:1", "input usb 0:3", "input usb 0:2"]


def test_a_second_controller_serves_when_the_first_is_full() -> None:
    more = "<controller type='usb' index='0'/><controller type='usb' index='1' model='ehci'/>"
    assert usb(started("pc", more + TABLET * 3))[-1] == "input usb 1:1"


def test_a_bus_may_be_asked_for() -> None:
    more = "<controller type='usb' index='0'/><controller type='usb' index='1' model='ehci'/>"
    asked = "<input type='tablet' bus='usb'><address type='usb' bus='1'/></input>"
    assert usb(started("pc", more + asked)) == ["input usb 1:1"]


def test_the_number_of_ports_can_be_chosen() -> None:
    more = "<controller type='usb' index='0' model='qemu-xhci' ports='8'/>"
    assert usb(started("q35", more + TABLET * 8))[-1] == "input usb 0:8"


def test_hubs_are_added_when_ports_run_out() -> None:
    found = usb(started("pc", TABLET * 3))
    assert sorted(found) == ["hub usb 0:1", "input usb 0:1.1", "input usb 0:1.2", "input usb 0:2"]


def test_many_devices_take_hubs_on_hubs() -> None:
    found = usb(started("pc", TABLET * 20))
    assert len(found) == len(set(found))
    assert sum(text.startswith("hub") for text in found) == 3


def test_ports_of_the_users_hubs_are_used() -> None:
    hub = HUB.replace("/>", "><address type='usb' bus='0' port='2'/></hub>")
    assert usb(started("pc", hub + at("2.4") + TABLET * 2)) == [
        "hub usb 0:2",
        "input usb 0:2.4",
        "input usb 0:1",
        "input usb 0:2.1",
    ]


def test_usb_2_companions_have_no_ports_of_their_own() -> None:
    more = "<controller type='usb' model='ich9-ehci1'/><controller type='usb' model='ich9-uhci1'/>"
    assert usb(started("pc", more + TABLET * 6))[-1] == "input usb 0:6"


def test_a_second_run_changes_nothing() -> None:
    domain = started("pc", TABLET * 9)
    before = usb(domain)
    assign_usb_ports(domain, qemu())
    assert usb(domain) == before


REFUSED = [
    (at("1") * 2, "USB port 1 of bus 0 is used twice"),
    (at("3"), "the USB bus 0 has no port 3"),
    (at("1", bus=7), "there is no USB bus 7"),
    (at("1.1"), "leads through a hub that is not there"),
    (at("1.1.1.1.1"), "is up to 4 numbers"),
    (at("0"), "is up to 4 numbers"),
    (at("x"), "is up to 4 numbers"),
    ("<controller type='usb' model='none'/>" + TABLET, "has USB devices, and no USB controller"),
    ("<controller type='usb' index='0' model='ehci'/>" * 2, "two USB controllers with the index 0"),
]


@pytest.mark.parametrize(("written", "said"), REFUSED, ids=[said for _written, said in REFUSED])
def test_refused_when_it_is_defined(written: str, said: str) -> None:
    with pytest.raises(CorralError, match=re.escape(said)):
        placed("pc", written)

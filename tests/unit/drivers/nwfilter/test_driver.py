# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network filter driver: the documents of filters, and who uses them."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Request, Success, User
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.driver import NftablesDriver
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.open import open_driver
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    AlreadyExists,
    NotFound,
    OperationInvalid,
    XmlError,
)
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text

from .small_kernel import ARP, FilterHost, Guests, World, filter_document, new_world, table, whats


@pytest.fixture
def world() -> World:
    """A host with two filters."""
    return new_world()


def test_what_was_defined_is_there(world: World) -> None:
    driver = world.driver()
    found = driver.lookup_nwfilter("web")
    assert (found.name, found.chain, found.builtin) == ("web", "root", False)
    assert driver.lookup_nwfilter(found.uuid).name == "web"
    assert {"web", "outer", "clean-traffic"} <= {each.name for each in driver.list_nwfilters()}
    assert driver.nwfilter_xml("web").find("rule/tcp") is not None
    assert driver.lookup_nwfilter("no-arp-spoofing").builtin


@pytest.mark.parametrize("reference", ["absent", "", "a/b", ".x"])
def test_what_was_not_defined_is_not_found(world: World, reference: str) -> None:
    for call in (world.driver().lookup_nwfilter, world.driver().nwfilter_xml):
        with pytest.raises(NotFound, match="There is no network filter"):
            call(reference)


def test_a_second_definition_keeps_the_uuid(world: World) -> None:
    before = world.driver().lookup_nwfilter("web")
    world.driver().define_nwfilter(filter_document("web", ARP))
    assert world.driver().lookup_nwfilter("web").uuid == before.uuid
    with pytest.raises(AlreadyExists):
        world.driver().define_nwfilter(filter_document("other", f"<uuid>{before.uuid}</uuid>"))


def test_normalising_is_what_defining_keeps(world: World) -> None:
    done = world.driver().normalise_nwfilter(filter_document("new", ARP))
    world.driver().define_nwfilter(done)
    kept = world.driver().nwfilter_xml("new")
    assert to_text(kept) == to_text(done) == to_text(world.driver().normalise_nwfilter(kept))


def test_a_circle_is_refused(world: World) -> None:
    with pytest.raises(XmlError, match="outer"):
        world.driver().define_nwfilter(filter_document("web", "<filterref filter='outer'/>"))


def test_a_damaged_definition_hides_no_other_and_is_replaced(world: World) -> None:
    world.host.add_file("/etc/corral/nwfilters/web.xml", b"<filter")
    assert "web" in {each.name for each in world.driver().list_nwfilters()}
    with pytest.raises(XmlError, match=r"web\.xml"):
        world.driver().nwfilter_xml("web")
    world.driver().define_nwfilter(filter_document("web", ARP))
    assert world.driver().nwfilter_xml("web").find("rule/arp") is not None


def test_a_built_in_filter_is_not_removed_and_can_be_replaced(world: World) -> None:
    driver = world.driver()
    with pytest.raises(OperationInvalid, match="built in"):
        driver.undefine_nwfilter("allow-arp")
    uuid = driver.lookup_nwfilter("allow-arp").uuid
    driver.define_nwfilter(filter_document("allow-arp", ARP))
    assert not driver.lookup_nwfilter("allow-arp").builtin
    world.start("g", "vnet0", "allow-arp")
    assert any("10.0.0.1" in rule for rule in world.host.chain("out/vnet0"))
    driver.undefine_nwfilter("allow-arp")
    assert driver.lookup_nwfilter("allow-arp").builtin
    assert driver.lookup_nwfilter("allow-arp").uuid == uuid
    assert not any("10.0.0.1" in rule for rules in table(world).chains.values() for rule in rules)
    assert whats(world, "g") == []


def test_a_document_with_its_own_uuid_takes_the_place_of_a_built_in_one(world: World) -> None:
    uuid = "5c6d49af-b071-6127-b4ec-6f8ed4b55335"
    world.driver().define_nwfilter(filter_document("clean-traffic", f"<uuid>{uuid}</uuid>{ARP}"))
    assert world.driver().lookup_nwfilter(uuid).name == "clean-traffic"


# users


def test_users_are_named(world: World) -> None:
    world.start("b", "vnet0", "web")
    world.start("a", "vnet1", "outer")
    world.guests.inactive["c"] = world.guests.documents["b"]
    world.guests.inactive["a"] = world.guests.documents["b"]
    assert world.driver().nwfilter_users("web") == [
        User("filter", "outer"),
        User("guest", "a"),
        User("guest", "b"),
        User("guest", "c"),
    ]
    with pytest.raises(OperationInvalid, match="in use by filter outer, guest a, guest b, guest c"):
        world.driver().undefine_nwfilter("web")
    assert world.driver().lookup_nwfilter("web").name == "web"


def test_an_unused_filter_is_removed(world: World) -> None:
    world.driver().undefine_nwfilter("outer")
    world.driver().undefine_nwfilter("web")
    with pytest.raises(NotFound):
        world.driver().lookup_nwfilter("web")
    with pytest.raises(NotFound):
        world.driver().undefine_nwfilter("web")


def test_the_driver_opens_beside_qemu() -> None:
    answer = open_driver(Request(None, FilterHost(), hypervisor=Guests()))
    assert isinstance(answer, Success)
    assert isinstance(answer.driver, NftablesDriver)
    assert answer.driver.explain() == {"table": "bridge corral", "config": "/etc/corral/nwfilters"}
    assert not isinstance(open_driver(Request(None, FilterHost())), Success)

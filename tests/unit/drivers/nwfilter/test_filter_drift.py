# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others do to the table, and what networks learn, is found and put right."""

from __future__ import annotations

from typing import Callable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.live.memo import memo_path
from ansible_collections.corral.virt.plugins.module_utils.errors import XmlError
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout

from .small_kernel import ARP, World, filter_document, new_world, table, whats

SOURCE = "<rule action='accept' direction='out'><ip srcipaddr='$IP'/></rule>"


@pytest.fixture
def world() -> World:
    """A host with two filters."""
    return new_world()


def drop_table(world: World) -> None:
    world.host.table = None


def flush_table(world: World) -> None:
    for rules in table(world).chains.values():
        rules.clear()


def delete_rule(world: World) -> None:
    world.host.chain("in3/vnet0").pop()


def insert_rule(world: World) -> None:
    world.host.chain("in3/vnet0").insert(0, "accept")


def edit_rule(world: World) -> None:
    world.host.chain("in3/vnet0")[0] = "tcp dport 81 accept"


def swap_rules(world: World) -> None:
    world.host.chain("in3/vnet0").reverse()


def delete_element(world: World) -> None:
    del table(world).maps["in3"]["vnet0"]


def lead_elsewhere(world: World) -> None:
    table(world).maps["in3"]["vnet0"] = "out/vnet0"


def delete_base_rule(world: World) -> None:
    world.host.chain("out").clear()


def drop_by_policy(world: World) -> None:
    hook, priority, _accepts = table(world).bases["out"]
    table(world).bases["out"] = (hook, priority, False)


def move_base(world: World) -> None:
    table(world).bases["out"] = (0, 17, True)


def forget_memo(world: World) -> None:
    del world.host.files[memo_path(Layout.system())]


def damage_memo(world: World) -> None:
    world.host.add_file(memo_path(Layout.system()), b'{"boot_id": 5}')


DRIFT: list[Callable[[World], None]] = [
    drop_table,
    flush_table,
    delete_rule,
    insert_rule,
    edit_rule,
    swap_rules,
    delete_element,
    lead_elsewhere,
    delete_base_rule,
    drop_by_policy,
    move_base,
    forget_memo,
    damage_memo,
]


@pytest.mark.parametrize("drift", DRIFT)
def test_drift_is_found_and_mended(world: World, drift: Callable[[World], None]) -> None:
    world.start("a", "vnet0", "web")
    world.start("b", "vnet1", "clean-traffic", IP="192.0.2.5")
    wanted = table(world).shown()
    drift(world)
    assert whats(world, "a")
    assert world.driver().nwfilter_faults("web")
    world.driver().mend_nwfilter("web")
    assert table(world).shown() == wanted
    assert whats(world, "a", "b") == []
    before = len(world.host.texts)
    world.driver().mend_nwfilter("web")
    assert len(world.host.texts) == before


@pytest.mark.parametrize("drift", DRIFT)
def test_a_guest_mends_its_own(world: World, drift: Callable[[World], None]) -> None:
    world.start("a", "vnet0", "web")
    world.start("b", "vnet1", "web")
    wanted = table(world).shown()
    drift(world)
    world.driver().guard_ports(world.guests.ports("a"))
    assert table(world).shown() == wanted


def test_a_lost_set_is_found(world: World) -> None:
    world.start("g", "vnet0", "clean-traffic")
    table(world).sets.clear()
    assert whats(world, "g") == ["set"]
    world.driver().mend_nwfilter("clean-traffic")
    assert whats(world, "g") == []


def test_faults_name_the_interface(world: World) -> None:
    port = world.start("g", "vnet0", "web")
    delete_rule(world)
    (fault,) = world.driver().port_faults([port])
    assert fault.detail == "The rules for vnet0 of guest g were edited: 1 are missing, 0 are not ours."
    assert world.driver().nwfilter_faults("clean-traffic") == []


def test_a_rule_that_cannot_be_made_any_more_is_a_fault(world: World) -> None:
    port = world.start("g", "vnet0", "web")
    world.host.add_file("/etc/corral/nwfilters/web.xml", b"<filter")
    (fault,) = world.driver().port_faults([port])
    assert "web.xml" in fault.detail
    with pytest.raises(XmlError):
        world.driver().mend_nwfilter("web")


# addresses


def test_a_reserved_address_is_the_guests(world: World) -> None:
    world.driver().define_nwfilter(filter_document("source", SOURCE))
    world.networks.hosts["52:54:00:00:00:00"] = "192.0.2.7"
    world.networks.leases["52:54:00:00:00:00"] = ["192.0.2.99"]
    world.start("g", "vnet0", "source")
    assert any("192.0.2.7" in rule for rule in world.host.chain("out/vnet0"))
    assert table(world).sets == {}
    world.networks.hosts["52:54:00:00:00:00"] = "192.0.2.8"
    assert whats(world, "g") == ["rules"]
    world.driver().mend_nwfilter("source")
    assert any("192.0.2.8" in rule for rule in world.host.chain("out/vnet0"))
    assert whats(world, "g") == []


def test_a_lease_counts_from_the_start_on(world: World) -> None:
    world.driver().define_nwfilter(filter_document("source", SOURCE))
    world.networks.leases["52:54:00:00:00:00"] = ["192.0.2.9"]
    world.start("g", "vnet0", "source")
    assert any("192.0.2.9" in rule for rule in world.host.chain("out/vnet0"))
    world.networks.leases.clear()
    assert whats(world, "g") == []
    world.networks.leases["52:54:00:00:00:00"] = ["192.0.2.10"]
    assert whats(world, "g") == ["rules"]


def test_a_lease_does_not_count_where_the_address_is_learnt_already(world: World) -> None:
    world.driver().define_nwfilter(filter_document("source", SOURCE))
    world.start("g", "vnet0", "source")
    (name,) = table(world).sets
    table(world).sets[name].append("192.0.2.9")
    world.networks.leases["52:54:00:00:00:00"] = ["192.0.2.9"]
    assert whats(world, "g") == []
    world.driver().define_nwfilter(filter_document("source", SOURCE + ARP))
    assert table(world).sets[name] == ["192.0.2.9"]
    assert whats(world, "g") == []


def test_an_ipset_is_copied_and_copied_again(world: World) -> None:
    rule = "<rule action='accept' direction='in' statematch='false'><all ipset='good' ipsetflags='src'/></rule>"
    saved = ["create good hash:ip family inet", "add good 192.0.2.1"]
    world.host.add_program("ipset", lambda argv, stdin: Completed(argv, 0, "\n".join(saved).encode(), b""))
    world.driver().define_nwfilter(filter_document("sets", rule))
    world.start("g", "vnet0", "sets")
    assert list(table(world).sets.values()) == [["192.0.2.1"]]
    assert whats(world, "g") == []
    saved.append("add good 192.0.2.2")
    assert whats(world, "g") == ["set"]
    world.driver().mend_nwfilter("sets")
    assert list(table(world).sets.values()) == [["192.0.2.1", "192.0.2.2"]]
    assert whats(world, "g") == []

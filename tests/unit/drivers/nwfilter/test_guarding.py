# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Interfaces get their rules, lose them, or are refused them, in a kernel that is played here."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.api import FilterPort
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.live.memo import memo_path
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    InvalidArgument,
    MissingProgram,
    NotFound,
    OperationDenied,
    OperationFailed,
    UnsupportedConfig,
    XmlError,
)
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text

from .small_kernel import ARP, REJECT, TCP, FilterHost, World, filter_document, new_world, table, whats


@pytest.fixture
def world() -> World:
    """A host with two filters."""
    return new_world()


def test_a_guarded_interface_has_its_rules_and_no_faults(world: World) -> None:
    world.start("g", "vnet0", "outer")
    assert table(world).maps["out"] == {"vnet0": "out/vnet0"}
    assert any("dport 80" in rule and "web#1" in rule for rule in world.host.chain("in3/vnet0"))
    assert whats(world, "g") == []
    assert world.driver().nwfilter_faults("web") == world.driver().nwfilter_faults("outer") == []


def test_all_interfaces_take_one_transaction(world: World) -> None:
    for number in range(3):
        world.start(f"g{number}", f"vnet{number}", "outer", guard=False)
    before = len(world.host.texts)
    world.driver().guard_ports([port for name in sorted(world.guests.documents) for port in world.guests.ports(name)])
    assert len(world.host.texts) == before + 1
    world.driver().define_nwfilter(filter_document("web", TCP.format(443)))
    assert len(world.host.texts) == before + 2
    for device in ("vnet0", "vnet1", "vnet2"):
        assert any("dport 443" in rule for rule in world.host.chain(f"in3/{device}"))
    assert whats(world, "g0", "g1", "g2") == []


def test_a_filter_that_nobody_uses_says_nothing_to_the_kernel(world: World) -> None:
    world.start("g", "vnet0", "clean-traffic", IP="192.0.2.5")
    before = len(world.host.texts)
    world.driver().define_nwfilter(filter_document("web", ARP))
    assert len(world.host.texts) == before


def test_another_filter_takes_the_place_of_the_first_and_leaves_nothing(world: World) -> None:
    world.start("g", "vnet0", "clean-traffic", IP="192.0.2.5")
    world.driver().define_nwfilter(filter_document("refusing", REJECT))
    world.start("g", "vnet0", "refusing")
    assert "refuse/525400000000" in table(world).chains
    world.start("g", "vnet0", "web")
    assert sorted(name for name in table(world).chains if "/" in name) == [
        "in/vnet0",
        "in3/vnet0",
        "out/vnet0",
        "out3/vnet0",
    ]
    assert table(world).maps["refuse"] == {}
    assert whats(world, "g") == []


def test_a_released_link_leaves_nothing_and_the_last_one_no_table(world: World) -> None:
    world.start("a", "vnet0", "clean-traffic")
    world.start("b", "vnet1", "web")
    world.driver().release_ports(["vnet0", "vnet7"])
    assert not any("vnet0" in name for name in (*table(world).chains, *table(world).sets))
    assert whats(world, "b") == []
    world.driver().release_ports(["vnet1"])
    assert world.host.table is None
    assert memo_path(Layout.system()) not in world.host.files
    before = len(world.host.texts)
    world.driver().release_ports(["vnet1"])
    assert len(world.host.texts) == before


def test_a_link_that_is_another_guests_by_now_is_not_released(world: World) -> None:
    world.start("old", "vnet0", "web")
    world.stop("old")
    world.start("new", "vnet0", "outer")
    world.driver().release_ports(["vnet0"], guest="old")
    assert whats(world, "new") == []
    world.driver().release_ports(["vnet0"], guest="new")
    assert world.host.table is None


def test_what_was_learnt_about_another_guest_is_forgotten(world: World) -> None:
    world.start("g", "vnet0", "clean-traffic")
    (name,) = table(world).sets
    table(world).sets[name].append("192.0.2.9")
    world.driver().guard_ports(world.guests.ports("g"))
    world.driver().mend_nwfilter("clean-traffic")
    assert table(world).sets[name] == ["192.0.2.9"]
    world.stop("g")
    world.start("new", "vnet0", "clean-traffic")
    assert table(world).sets[name] == []


def test_links_that_are_gone_with_their_guests_are_swept_in_time(world: World) -> None:
    world.start("a", "vnet0", "web")
    world.start("b", "vnet1", "web")
    world.stop("a")
    world.host.set_links("lo", "vnet1", "vnet2")
    world.start("c", "vnet2", "web")
    assert "out/vnet0" in table(world).chains  # somebody may be about to make it
    world.host.clock += 3600
    world.driver().guard_ports(world.guests.ports("c"))
    assert "out/vnet0" not in table(world).chains
    assert whats(world, "b", "c") == []


def test_a_starting_guest_whose_document_knows_no_device_yet_gets_new_rules_too(world: World) -> None:
    world.start("g", "vnet0", "web")
    target = world.guests.documents["g"].find("devices/interface/target")
    assert target is not None
    del target.attrib["dev"]
    world.driver().define_nwfilter(filter_document("web", TCP.format(443)))
    assert any("dport 443" in rule for rule in world.host.chain("in3/vnet0"))


def test_a_table_that_is_made_anew_has_the_rules_of_guests_that_are_not_active_yet(world: World) -> None:
    world.start("early", "vnet0", "web")
    world.stop("early")
    world.host.table = None
    world.start("other", "vnet1", "web")
    assert "out/vnet0" in table(world).maps["out"].values()
    world.host.clock += 3600
    world.host.table = None
    world.driver().guard_ports(world.guests.ports("other"))
    assert list(table(world).maps["out"]) == ["vnet1"]


def test_another_boot_begins_anew(world: World) -> None:
    world.start("g", "vnet0", "web")
    memo = world.host.files[memo_path(Layout.system())]
    world.host.reboot()
    world.host.table = None
    world.host.files[memo_path(Layout.system())] = memo  # a runtime directory that outlives the boot
    world.host.set_links("vnet0")
    world.start("g", "vnet0", "web")
    assert whats(world, "g") == []


def test_a_filter_that_does_not_fit_one_guest_changes_nothing_for_any(world: World) -> None:
    world.start("a", "vnet0", "web", PORT="80")
    world.start("b", "vnet1", "web")
    shown, kept = table(world).shown(), to_text(world.driver().nwfilter_xml("web"))
    wanted = filter_document("web", TCP.format("$PORT"))
    for call in (world.driver().define_nwfilter, lambda wanted: world.driver().check_nwfilter(wanted)):
        with pytest.raises(XmlError, match=r"guest b, interface vnet1: filter web, rule 1.*PORT"):
            call(wanted)
    assert (table(world).shown(), to_text(world.driver().nwfilter_xml("web"))) == (shown, kept)
    assert whats(world, "a", "b") == []


def test_what_the_kernel_refuses_changes_nothing_and_names_rule_and_feature(world: World) -> None:
    world.start("g", "vnet0", "web")
    shown, kept = table(world).shown(), to_text(world.driver().nwfilter_xml("web"))
    world.host.refuses = r"\bct state\b"
    stateful = "<rule action='accept' direction='out'><tcp dstportstart='22'/></rule>"
    with pytest.raises(UnsupportedConfig, match=r"^Filter web, rule 1 needs .*nf_conntrack_bridge") as caught:
        world.driver().define_nwfilter(filter_document("web", stateful))
    assert "statematch='false'" in (caught.value.hint or "")
    assert caught.value.details == {"filter": "web", "rule": 1}
    assert (table(world).shown(), to_text(world.driver().nwfilter_xml("web"))) == (shown, kept)
    assert whats(world, "g") == []
    assert not [path for path in world.host.files if path.endswith(".new")]


def test_a_refused_guard_leaves_nothing(world: World) -> None:
    world.host.refuses, world.host.words = r"\breject\b", "Could not process rule: No such file or directory"
    world.driver().define_nwfilter(filter_document("refusing", REJECT))
    with pytest.raises(UnsupportedConfig, match="nft_reject_bridge"):
        world.start("g", "vnet0", "refusing")
    assert world.host.table is None
    assert memo_path(Layout.system()) not in world.host.files


def test_a_refusal_that_no_feature_explains_says_what_the_kernel_said(world: World) -> None:
    world.host.refuses, world.host.words = r"dport 80\b", "Could not process rule: Too many links"
    with pytest.raises(OperationFailed, match=r"of filter web, rule 1: .*Too many links\.$"):
        world.start("g", "vnet0", "web")


def test_a_kernel_without_filters_of_bridges(world: World) -> None:
    world.host.refuses, world.host.words = "chain", "Could not process rule: Operation not supported"
    with pytest.raises(UnsupportedConfig, match="lacks the packet filter of bridges"):
        world.start("g", "vnet0", "web")


def test_without_nft(world: World) -> None:
    port = world.start("g", "vnet0", "web", guard=False)
    del world.host.programs["nft"]
    for call in (world.driver().check_ports, world.driver().guard_ports):
        with pytest.raises(MissingProgram) as caught:
            call([port])
        assert caught.value.hint == "Install the package nftables."


def test_in_a_session_filters_are_defined_only() -> None:
    world = World(FilterHost(euid=1000))
    world.driver().define_nwfilter(filter_document("web", ARP))
    port = world.start("g", "vnet0", "web", guard=False)
    for call in (world.driver().check_ports, world.driver().guard_ports):
        with pytest.raises(OperationDenied, match="session"):
            call([port])


def test_ports_are_checked_before_they_are_there(world: World) -> None:
    port = FilterPort("vnet%d", "52:54:00:00:00:01", "g", "web")
    world.driver().check_ports([port, FilterPort("", "52:54:00:00:00:02", "g", "outer")])
    with pytest.raises(NotFound, match="absent"):
        world.driver().check_ports([FilterPort("vnet0", "52:54:00:00:00:01", "g", "absent")])
    with pytest.raises(InvalidArgument):
        world.driver().check_ports([FilterPort("a b", "52:54:00:00:00:01", "g", "web")])
    assert world.host.table is None


def test_a_guest_that_is_just_being_started_gets_a_new_definition_too(world: World) -> None:
    """It is guarded and not active yet, and must not come up with rules that no document has any more."""
    world.start("g", "vnet0", "outer")
    document = world.guests.documents.pop("g")
    with pytest.raises(XmlError, match=r"guest g, interface vnet0: .*\$UNKNOWN has no value"):
        world.driver().define_nwfilter(filter_document("web", TCP.format("$UNKNOWN")))
    world.driver().define_nwfilter(filter_document("web", TCP.format(443)))
    assert any("dport 443" in rule for rule in world.host.chain("in3/vnet0"))
    world.guests.documents["g"] = document
    assert whats(world, "g") == []
    world.stop("g")
    world.host.clock += 3600
    world.driver().define_nwfilter(filter_document("web", TCP.format("$UNKNOWN")))


@pytest.mark.parametrize(
    ("rule", "lacks"),
    [
        ("<rule action='accept' direction='out'><tcp dstportstart='22'/></rule>", "nf_conntrack_bridge"),
        ("<rule action='drop' direction='out'><tcp connlimit-above='3'/></rule>", "nft_connlimit"),
        (REJECT, "nft_reject_bridge"),
    ],
)
def test_what_the_kernel_lacks_is_foreseen(world: World, rule: str, lacks: str) -> None:
    """Before a guest is started, and before a definition comes to one that runs; also in check mode."""
    world.host.refuses = r"\bct (state|count)\b|\breject$"
    port = world.start("g", "vnet0", "web")
    texts = len(world.host.texts)
    with pytest.raises(UnsupportedConfig, match=rf"^Filter web, rule 1 needs .*{lacks}"):
        world.driver().check_nwfilter(filter_document("web", rule))
    world.stop("g")
    world.driver().release_ports(["vnet0"])
    world.driver().define_nwfilter(filter_document("web", rule))
    with pytest.raises(UnsupportedConfig, match=lacks) as caught:
        world.driver().check_ports([port])
    assert caught.value.details == {"filter": "web", "rule": 1}
    assert len(world.host.texts) == texts + 1


def test_the_kernel_is_not_asked_for_what_every_one_has(world: World) -> None:
    comment = "<rule action='drop' direction='in'><tcp comment='reject, ct state'/></rule>"
    world.driver().define_nwfilter(filter_document("web", comment))
    world.driver().check_ports([FilterPort("vnet%d", "52:54:00:00:00:01", "g", "web")])
    assert not [call for call in world.host.calls if call[0] == "run"]

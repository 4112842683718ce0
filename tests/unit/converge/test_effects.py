# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a difference does to a guest that runs, and the laws of the plan that follow from it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.effects import DOMAIN_EFFECTS, effect_of
from ansible_collections.corral.virt.plugins.module_utils.converge.plan import Current, Wanted, make_plan
from ansible_collections.corral.virt.plugins.module_utils.converge.resource.effects import AT_ONCE
from ansible_collections.corral.virt.plugins.module_utils.converge.resource.values import Plan
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Domain
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.live import ROWS
from ansible_collections.corral.virt.plugins.module_utils.model.domain.identity import DOMAIN
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare, take
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, clone, parse


def text(**parts: str) -> str:
    """A complete small guest; each part can be written anew."""
    said = {
        "title": "",
        "memory": "<memory unit='KiB'>4096</memory><currentMemory unit='KiB'>4096</currentMemory>",
        "vcpu": "<vcpu placement='static' current='2'>4</vcpu>",
        "cd": "<source file='/a.iso'/>",
        "cd_tune": "",
        "format": "raw",
        "tray": "",
        "bus": "sata",
        "tune": "",
        "link": "",
        "passwd": "passwd='secret-1'",
        "balloon": "<memballoon model='virtio'/>",
        **parts,
    }
    return (
        f"<domain><name>a</name><uuid>u</uuid>{said['title']}{said['memory']}{said['vcpu']}<devices>"
        f"<disk type='file' device='cdrom'><driver name='qemu' type='{said['format']}'/>{said['cd']}"
        f"<target dev='sda' bus='{said['bus']}' {said['tray']}/>{said['cd_tune']}<readonly/></disk>"
        f"<disk type='file' device='disk'><source file='/d'/><target dev='vda' bus='virtio'/>{said['tune']}</disk>"
        f"<interface type='user'><mac address='52:54:00:00:00:01'/>{said['link']}</interface>"
        f"<graphics type='vnc' {said['passwd']}/>{said['balloon']}</devices></domain>"
    )


def document(**parts: str) -> Element:
    return parse(text(**parts))


def running(live: Element, kept: Element, state: str = "running") -> Current:
    return Current(Domain("a", "u", True, state=state), kept, live)


def planned(live: Element, wanted: Element, *, kept: Any = None, state: str = "running", **more: Any) -> Plan:
    return make_plan(running(live, live if kept is None else kept, state), wanted, Wanted("a", **more))


LIMITED = "<iotune><total_bytes_sec>1000</total_bytes_sec></iotune>"
SMALLER = "<memory unit='KiB'>4096</memory><currentMemory unit='KiB'>2048</currentMemory>"
LARGER = "<memory unit='KiB'>8192</memory><currentMemory unit='KiB'>8192</currentMemory>"

NO_BALLOON = "<memballoon model='none'/>"
ALL_FOUR = "<vcpu placement='static'>4</vcpu>"

# (what the guest has, what it is to have, the effects of the differences)
CASES: list[tuple[dict[str, str], dict[str, str], list[str]]] = [
    ({}, {"title": "<title>t</title>"}, ["live"]),
    ({"title": "<title>t</title>"}, {}, ["live"]),
    ({}, {"title": "<metadata><x xmlns='urn:x'>1</x></metadata>"}, ["live"]),
    (
        {"title": "<metadata><x xmlns='urn:x'>1</x></metadata>"},
        {"title": "<metadata><x xmlns='urn:x'>2</x></metadata>"},
        ["live"],
    ),
    ({}, {"title": "<cputune><shares>9</shares></cputune>"}, ["live"]),
    ({"title": "<cputune><shares>9</shares></cputune>"}, {"title": "<cputune><shares>8</shares></cputune>"}, ["live"]),
    (
        {"title": "<memtune><hard_limit unit='KiB'>9</hard_limit></memtune>"},
        {"title": "<memtune><hard_limit unit='KiB'>8</hard_limit></memtune>"},
        ["live"],
    ),
    ({"title": "<blkiotune><weight>9</weight></blkiotune>"}, {}, ["live"]),
    (
        {"title": "<cputune><vcpupin vcpu='0' cpuset='0'/></cputune>"},
        {"title": "<cputune><vcpupin vcpu='0' cpuset='1'/></cputune>"},
        ["next_boot"],
    ),
    ({}, {"memory": SMALLER}, ["live"]),
    ({}, {"memory": LARGER}, ["next_boot", "next_boot"]),
    ({"memory": LARGER}, {}, ["next_boot", "live"]),
    (
        {"balloon": "<memballoon model='none'/>"},
        {"memory": SMALLER, "balloon": "<memballoon model='none'/>"},
        ["next_boot"],
    ),
    ({}, {"vcpu": "<vcpu placement='static' current='3'>4</vcpu>"}, ["hotplug"]),
    ({}, {"vcpu": ALL_FOUR}, ["hotplug"]),
    ({}, {"vcpu": "<vcpu placement='static' current='1'>4</vcpu>"}, ["hotplug"]),
    ({}, {"vcpu": "<vcpu placement='static' current='6'>8</vcpu>"}, ["next_boot", "next_boot"]),
    ({}, {"vcpu": "<vcpu placement='static' current='4'>8</vcpu>"}, ["hotplug", "next_boot"]),
    (
        {"vcpu": "<vcpu placement='static'>4</vcpu>"},
        {"vcpu": "<vcpu placement='static' current='4'>8</vcpu>"},
        ["next_boot"] * 2,
    ),
    ({}, {"cd": "<source file='/b.iso'/>"}, ["live"]),
    ({}, {"cd": ""}, ["live"]),
    ({"cd": ""}, {}, ["live"]),
    ({}, {"cd": "<source file='/b.qcow2'/>", "format": "qcow2"}, ["live", "live"]),
    ({"tray": "tray='open'"}, {}, ["live"]),
    ({"bus": "usb"}, {"bus": "usb", "cd": ""}, ["next_boot"]),
    ({}, {"tune": LIMITED}, ["live"]),
    ({"tune": LIMITED}, {"tune": LIMITED.replace("1000", "2000")}, ["live"]),
    ({"cd": ""}, {"cd_tune": LIMITED}, ["live", "live"]),
    ({"cd": ""}, {"cd": "", "cd_tune": LIMITED}, ["next_boot"]),
    ({"cd": "", "bus": "usb"}, {"bus": "usb", "cd_tune": LIMITED}, ["next_boot", "next_boot"]),
    ({}, {"link": "<link state='down'/>"}, ["live"]),
    ({"link": "<link state='down'/>"}, {"link": "<link state='up'/>"}, ["live"]),
    ({}, {"passwd": "passwd='secret-2'"}, ["live"]),
    ({}, {"passwd": ""}, ["next_boot"]),
    ({"passwd": ""}, {}, ["next_boot"]),
    ({}, {"passwd": "passwd='secret-1' passwdValidTo='2030-01-01T00:00:00'"}, ["live"]),
]


@pytest.mark.parametrize(("has", "wants", "effects"), CASES)
def test_the_effect_of_each_difference(has: dict[str, str], wants: dict[str, str], effects: list[str]) -> None:
    live, wanted = document(**has), document(**wants)
    changes = compare(live, wanted, DOMAIN)
    assert [effect_of(change, active=True, live=live, wanted=wanted) for change in changes] == effects
    assert {effect_of(change, active=False) for change in changes} == {"live"}


@pytest.mark.parametrize(("has", "wants", "effects"), CASES)
def test_what_is_made_is_not_made_again(has: dict[str, str], wants: dict[str, str], effects: list[str]) -> None:
    """The second plan has no step, and what is pending is what was not made."""
    live, wanted = document(**has), document(**wants)
    first = planned(live, wanted)
    assert [step.action for step in first.steps] == ["define", *(["update"] if first.live else [])]
    assert len(first.live) + len(first.pending) == len(effects)
    after = clone(live)
    for change in first.live:
        take(after, wanted, change, DOMAIN)
    second = planned(after, wanted, kept=wanted)
    assert second.steps == ()
    assert [change.path for change in second.pending] == [change.path for change in first.pending]


@pytest.mark.parametrize(("has", "wants", "effects"), CASES)
def test_next_boot_leaves_the_guest_alone(has: dict[str, str], wants: dict[str, str], effects: list[str]) -> None:
    plan = planned(document(**has), document(**wants), apply="next_boot")
    assert [(step.action, step.effect) for step in plan.steps] == [("define", "next_boot")]
    assert len(plan.pending) == len(effects)


@pytest.mark.parametrize(("has", "wants", "effects"), CASES)
def test_restart_is_for_what_cannot_be_live(has: dict[str, str], wants: dict[str, str], effects: list[str]) -> None:
    plan = planned(document(**has), document(**wants), apply="restart")
    steps = ["define", "update"] if set(effects) <= set(AT_ONCE) else ["define", "shutdown", "start"]
    assert [step.action for step in plan.steps] == steps
    assert plan.pending == ()


def test_drift_is_mended_where_the_definition_is_the_same() -> None:
    kept, drifted = document(), document(cd="", memory=SMALLER)
    plan = planned(drifted, document(), kept=kept)
    assert [(step.action, step.effect) for step in plan.steps] == [("update", "live")]
    assert plan.steps[0].detail == (
        "/domain/currentMemory: 2048 -> 4096",
        '/domain/devices/disk[sda]/source: new: <source file="/a.iso"/>',
    )


def test_a_run_that_does_not_describe_the_guest_leaves_what_is_pending() -> None:
    current = running(document(), document(title="<title>t</title>"))
    plan = make_plan(current, None, Wanted("a"))
    assert plan.steps == ()
    assert len(plan.pending) == 1


def test_what_needs_the_guest_is_done_while_it_runs() -> None:
    wanted = document(title="<title>t</title>")
    assert [s.action for s in planned(document(), wanted, state="paused").steps] == ["define", "update"]
    resumed = make_plan(running(document(), document(), "paused"), wanted, Wanted("a", state="running"))
    assert [step.action for step in resumed.steps] == ["define", "resume", "update"]
    paused = make_plan(running(document(), document()), wanted, Wanted("a", state="paused"))
    assert [step.action for step in paused.steps] == ["define", "update", "suspend"]


@pytest.mark.parametrize("state", ["stopped", "absent"])
def test_a_guest_that_is_to_end_is_not_changed_before(state: str) -> None:
    plan = make_plan(running(document(), document()), document(title="<title>t</title>"), Wanted("a", state=state))
    assert "update" not in [step.action for step in plan.steps]
    assert plan.pending == ()


def test_going_back_to_what_still_runs_is_in_force_at_once() -> None:
    plan = planned(document(), document(), kept=document(memory=LARGER))
    assert [(step.action, step.effect) for step in plan.steps] == [("define", "live")]


def test_no_secret_is_in_a_plan() -> None:
    plan = planned(document(), document(passwd="passwd='secret-2'"))
    assert "secret-" not in repr(plan) + str([step.as_dict() for step in plan.steps])


def test_every_row_that_is_at_once_can_be_done_by_qemu() -> None:
    """The table of effects promises nothing that the driver's table lacks, and the driver has nothing unused."""
    promised = {row.place for row in DOMAIN_EFFECTS if row.active in AT_ONCE}
    assert {place for place in promised if not any(fnmatchcase(place, row.place) for row in ROWS)} == set()
    assert {row.place for row in ROWS} == promised

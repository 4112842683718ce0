# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that are killed, and calls that fail, at every step: no interface is open, and nothing of a filter is lost."""

from __future__ import annotations

from copy import deepcopy
from typing import Callable, Dict

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError, HostError, NotFound
from ansible_collections.corral.virt.plugins.module_utils.host.fake import Killed
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text

from .small_kernel import ARP, TCP, World, filter_document, guest, new_world, table, whats

Action = Callable[[World], object]
MOST = 60
SOURCE = "<rule action='accept' direction='out'><ip srcipaddr='$IP'/></rule>"


def define(world: World) -> object:
    return world.driver().define_nwfilter(filter_document("web", TCP.format(443)))


def replace_built_in(world: World) -> object:
    return world.driver().define_nwfilter(filter_document("allow-arp", ARP))


def undefine(world: World) -> None:
    world.driver().undefine_nwfilter("spare")


def guard(world: World) -> object:
    return world.start("new", "vnet2", "outer")


def change_filter(world: World) -> object:
    return world.start("a", "vnet0", "learning", IP="192.0.2.5")


def mend(world: World) -> None:
    world.host.chain("in3/vnet0").clear()
    world.driver().mend_nwfilter("web")


def restore(world: World) -> None:
    world.host.table = None
    world.driver().mend_nwfilter("web")


def release(world: World) -> None:
    world.guests.documents.pop("a", None)
    world.driver().release_ports(["vnet0"], guest="a")


def release_all(world: World) -> None:
    world.guests.documents.clear()
    world.driver().release_ports(["vnet0", "vnet1"])


ACTIONS: Dict[str, Action] = {
    each.__name__: each
    for each in (define, replace_built_in, undefine, guard, change_filter, mend, restore, release, release_all)
}


def prepared() -> World:
    """A host with two guests."""
    world = new_world()
    world.driver().define_nwfilter(filter_document("spare", ARP))
    world.start("a", "vnet0", "web")
    world.driver().define_nwfilter(filter_document("learning", f"<filterref filter='allow-arp'/>{SOURCE}"))
    world.start("b", "vnet1", "learning")
    return world


def documents(world: World) -> Dict[str, str]:
    """The documents of filters."""
    found = {}
    for name in ("web", "outer", "spare", "allow-arp", "learning"):
        try:
            found[name] = to_text(world.driver().nwfilter_xml(name))
        except NotFound:
            continue
    return found


def done(name: str) -> World:
    """The host when the action is done at once."""
    world = prepared()
    ACTIONS[name](world)
    return world


def kernel(world: World) -> object:
    """What the kernel has."""
    return None if world.host.table is None else world.host.table.shown()


def look_after(world: World) -> None:
    """What runs for the guests do: look, and guard anew."""
    for name in world.guests.documents:
        ports = world.guests.ports(name)
        if world.driver().port_faults(ports):
            world.driver().guard_ports(ports)
        assert whats(world, name) == []


def copied(world: World) -> World:
    """The same once more; its kernel is its own."""
    made = deepcopy(world)
    made.host.on_netlink = made.host._told
    made.host.add_program("nft", made.host._nft)
    return made


def points(name: str) -> int:
    """How many changing calls the action makes."""
    world = prepared()
    before = world.host.mutations
    ACTIONS[name](world)
    assert world.host.mutations - before < MOST
    return world.host.mutations - before


@pytest.mark.parametrize("name", ACTIONS)
def test_a_killed_run_leaves_the_old_or_the_new_and_the_next_one_completes_it(name: str) -> None:
    start, wanted = prepared(), done(name)
    before, after = documents(start), documents(wanted)
    for n in range(1, points(name) + 1):
        world = copied(start)
        world.host.kill_at(n)
        with pytest.raises(Killed):
            ACTIONS[name](world)
        world.host.revive()
        assert documents(world) in (before, after)
        look_after(world)
        if name == "undefine" and "spare" not in documents(world):
            continue
        ACTIONS[name](world)
        look_after(world)
        assert documents(world) == after
        assert kernel(world) == kernel(wanted)


@pytest.mark.parametrize("name", ACTIONS)
def test_a_call_that_fails_loses_nothing(name: str) -> None:
    start, wanted = prepared(), done(name)
    before, after = documents(start), documents(wanted)
    for n in range(1, points(name) + 1):
        world = copied(start)
        world.host.fail_at(n, HostError("No space left on device."))
        try:
            ACTIONS[name](world)
        except CorralError:
            assert documents(world) == before
        else:
            assert documents(world) == after
        assert not [path for path in world.host.files if path.endswith(".new")]
        world.host.revive()
        look_after(world)
        if name != "undefine" or "spare" in documents(world):
            ACTIONS[name](world)
        assert kernel(world) == kernel(wanted)


@pytest.mark.parametrize("n", range(1, 12))
def test_a_definition_that_fails_leaves_the_kernel_as_it_was(n: int) -> None:
    world = prepared()
    shown = table(world).shown()
    world.host.fail_at(n, HostError("No space left on device."))
    try:
        define(world)
    except CorralError:
        assert table(world).shown() == shown


def test_a_guest_that_was_refused_is_forgotten() -> None:
    world = prepared()
    world.guests.documents["bad"] = guest("bad", "vnet2", "web")
    shown = table(world).shown()
    world.host.refuses = r"/vnet2 "
    with pytest.raises(CorralError):
        world.driver().guard_ports(world.guests.ports("bad"))
    assert table(world).shown() == shown

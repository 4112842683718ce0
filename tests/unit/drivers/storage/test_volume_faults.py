# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that are killed, and calls that fail, at every step: a volume is there wholly or not at all, and others stay."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Callable, Dict, Tuple

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume import change, content, make
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.look import Facts, look, look_all
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.shelf import Shelf
from ansible_collections.corral.virt.plugins.module_utils.errors import AlreadyExists, CorralError, HostError, NotFound
from ansible_collections.corral.virt.plugins.module_utils.host.fake import Killed
from ansible_collections.corral.virt.tests.unit.drivers.storage.small_images import (
    SEALED,
    TARGET,
    ImageHost,
    backing,
    qcow2,
    shelf_on,
    volume,
)

IMAGE, OUT = "/srv/image", "/srv/out"
SECRET = b"open sesame"
MOST = 200

Act = Callable[[Shelf], object]


@dataclass(frozen=True)
class Case:
    """What was there before, and what is done. ``halfway`` says that a killed run may leave neither, until the next."""

    before: Tuple[Act, ...]
    act: Act
    halfway: bool = False


def empty(shelf: Shelf) -> object:
    return make.create(shelf, volume("a", 8192, "qcow2"))


def raw(shelf: Shelf) -> object:
    return make.create(shelf, volume("a", 4096, allocation=2048))


def filled(shelf: Shelf) -> object:
    return make.create(shelf, volume("a", 16384, "qcow2"), filling=content.from_path(shelf, IMAGE, None))


def layer(shelf: Shelf) -> object:
    return make.create(shelf, volume("a", 8192, "qcow2", backing(f"{TARGET}/base", "raw")))


def sealed(shelf: Shelf) -> object:
    return make.create(shelf, volume("a", 8192, "qcow2", SEALED), secret=SECRET)


def resealed(shelf: Shelf) -> object:
    filling = content.from_volume(shelf, look(shelf, "sealed"), SECRET)
    return make.create(shelf, volume("a", 8192, "raw", SEALED), filling=filling, secret=b"another")


def seal_another(shelf: Shelf) -> object:
    return make.create(shelf, volume("sealed", 8192, "raw", SEALED), secret=SECRET)


CASES: Dict[str, Case] = {
    "empty": Case((), empty),
    "raw, partly allocated": Case((), raw),
    "from an image": Case((), filled),
    "linked clone": Case((), layer),
    "encrypted": Case((), sealed),
    "encrypted from an encrypted one": Case((seal_another,), resealed),
    "grow": Case((empty,), lambda shelf: change.resize(shelf, "a", 16384)),
    "shrink": Case((raw,), lambda shelf: change.resize(shelf, "a", 2048, shrink=True)),
    "grow an encrypted one": Case((sealed,), lambda shelf: change.resize(shelf, "a", 16384, secret=SECRET)),
    "upload": Case((raw,), lambda shelf: change.upload(shelf, "a", "/srv/words")),
    "wipe": Case((raw,), lambda shelf: change.wipe(shelf, "a")),
    "wipe an image": Case((filled,), lambda shelf: change.wipe(shelf, "a"), halfway=True),
    "delete": Case((layer,), lambda shelf: change.delete(shelf, "a")),
    "permissions": Case(
        (empty,),
        lambda shelf: change.update(shelf, "a", volume(more="<permissions><mode>0640</mode></permissions>")),
    ),
}


@cache
def _prepared(name: str) -> ImageHost:
    host = ImageHost()
    host.add_file(IMAGE, qcow2(8192, b"words"))
    host.add_file("/srv/words", b"words")
    host.add_file(f"{TARGET}/base", bytes(4096))
    for act in CASES[name].before:
        act(shelf_on(host))
    look_all(shelf_on(host))
    return host


def prepared(name: str) -> ImageHost:
    """A host on which everything before the case's own act was done."""
    return deepcopy(_prepared(name))


def state(host: ImageHost) -> object:
    """All that a user can see of the volume."""
    try:
        found: Facts = look(shelf_on(host, read_only=True), "a")
    except NotFound:
        return "absent"
    return found.image, found.capacity, found.backing, found.found.mode, host.data(found.path)


def finish(host: ImageHost, name: str) -> None:
    """What a next run does: the same, where it is not done."""
    with suppress(AlreadyExists, NotFound):
        CASES[name].act(shelf_on(host))


def assert_tidy(host: ImageHost, others: object) -> None:
    """Nothing unfinished, no secret and no lock is left; the other volumes are what they were."""
    assert not [name for name in host.in_pool() if name.startswith(".corral-")]
    assert host.entries("/run/corral/keys") == []
    assert host.entries("/run/corral/locks") == []
    assert host.locks == set()
    assert rest(host) == others


def rest(host: ImageHost) -> object:
    found = look_all(shelf_on(host, read_only=True))
    return [(facts.name, facts.image, host.data(facts.path)) for facts in found if facts.name != "a"]


@pytest.mark.parametrize("name", CASES)
def test_a_run_that_is_killed_at_any_step(name: str) -> None:
    host = prepared(name)
    old, others = state(host), rest(host)
    CASES[name].act(shelf_on(host))
    new = state(host)
    for step in range(1, MOST):
        host = prepared(name)
        host.kill_at(step)
        try:
            CASES[name].act(shelf_on(host))
        except Killed:
            host.revive()
            assert CASES[name].halfway or state(host) in (old, new), f"killed at step {step}"
            shown = [facts.name for facts in look_all(shelf_on(host, read_only=True))]
            assert not [each for each in shown if each.startswith(".")]
            finish(host, name)
            assert state(host) == new, f"killed at step {step}"
            make.create(shelf_on(host), volume("next", 512))
            change.delete(shelf_on(host), "next")
            assert_tidy(host, others)
            continue
        assert step > 2
        return
    pytest.fail(f"more than {MOST} steps")


@pytest.mark.parametrize("name", CASES)
def test_a_call_that_fails_at_any_step(name: str) -> None:
    host = prepared(name)
    old, others = state(host), rest(host)
    CASES[name].act(shelf_on(host))
    new = state(host)
    for step in range(1, MOST):
        host = prepared(name)
        last = host.mutations + step
        host.fail_at(step, HostError("The disk is full."))
        try:
            CASES[name].act(shelf_on(host))
        except CorralError as error:
            assert "disk is full" in str(error), f"failed at step {step}"
            assert CASES[name].halfway or state(host) in (old, new), f"failed at step {step}"
        done = host.mutations < last
        host.revive()
        finish(host, name)
        assert state(host) == new, f"failed at step {step}"
        make.create(shelf_on(host), volume("next", 512))
        change.delete(shelf_on(host), "next")
        assert_tidy(host, others)
        if done:
            return
    pytest.fail(f"more than {MOST} steps")


def test_a_killed_run_while_another_works(name: str = "from an image") -> None:
    """What is unfinished and locked is somebody's, and stays."""
    host = prepared(name)
    shelf = shelf_on(host)
    host.add_file(shelf.part("b"), b"half")
    host.add_file("/run/corral/keys/" + shelf.key("b") + "-key0", SECRET)
    with host.lock(shelf.layout.work_lock(shelf.key("b"))):
        make.create(shelf, volume("c", 512))
        assert host.data(shelf.part("b")) == b"half"
    make.create(shelf, volume("d", 512))
    assert host.stat(shelf.part("b")) is None
    assert host.entries("/run/corral/keys") == []


def test_what_another_host_leaves_on_a_network_file_system() -> None:
    host = prepared("empty")
    host.add_file(shelf_on(host).part("b"), b"half")
    host.machine = "f" * 32
    make.create(shelf_on(host), volume("c", 512))
    assert len([name for name in host.in_pool() if name.endswith(".part")]) == 1
    assert [facts.name for facts in look_all(shelf_on(host))] == ["base", "c"]


@pytest.mark.parametrize("step", range(1, 6))
def test_a_download_that_is_killed(step: int) -> None:
    host = prepared("grow")
    host.add_file(OUT, b"old")
    host.kill_at(step)
    try:
        change.download(shelf_on(host), "a", OUT)
    except Killed:
        host.revive()
        assert host.data(OUT) in (b"old", host.data(f"{TARGET}/a"))
        change.download(shelf_on(host), "a", OUT)
    assert host.data(OUT) == host.data(f"{TARGET}/a")
    assert host.entries("/srv") == ["image", "out", "words"]

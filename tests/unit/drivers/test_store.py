# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents on disk: what is listed, what decides, and a kill at every single step."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any, Callable, List, Tuple

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.store import Store
from ansible_collections.corral.virt.plugins.module_utils.errors import HostError, InvalidArgument, LockBusy
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost, Killed
from ansible_collections.corral.virt.plugins.module_utils.host.layout import FOLDERS, Layout
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost

State = Tuple[Any, ...]


def new_store(kind: str = "domain") -> Tuple[FakeHost, Store]:
    host = FakeHost()
    return host, Store(host, Layout.system(), kind)


def state_of(store: Store, name: str = "a") -> State:
    """What a reader can see of one object."""
    status = store.read_status(name) or {}
    return (
        store.read_config(name),
        store.autostart(name),
        store.is_live(name),
        store.read_live(name),
        status.get("id"),
        name in store.names(),
        name in store.live_names(),
    )


@pytest.mark.parametrize("kind", sorted(FOLDERS))
def test_persistent_documents_of_every_kind(kind: str) -> None:
    _host, store = new_store(kind)
    assert store.names() == []
    assert store.read_config("a") is None
    store.write_config("b", b"<b/>")
    store.write_config("a", b"<a/>")
    assert store.names() == ["a", "b"]
    assert store.read_config("a") == b"<a/>"
    assert store.remove_config("a")
    assert not store.remove_config("a")
    assert store.names() == ["b"]


def test_documents_are_private() -> None:
    host, store = new_store()
    store.write_config("a", b"<a/>")
    store.write_live("a", b"<a/>", {})
    for path in (store.config_path("a"), store.live_path("a")):
        assert host.files[path].mode == 0o600


def test_reading_changes_nothing() -> None:
    host, store = new_store()
    state_of(store)
    store.live_names()
    assert host.mutations == 0


def test_foreign_and_broken_files_do_not_break_the_list() -> None:
    host, store = new_store()
    store.write_config("a", b"<a/>")
    directory = store.layout.config_dir("domain")
    for foreign in ("README", "b.xml.orig", ".hidden.xml", ".xml", "c.xml~"):
        host.add_file(f"{directory}/{foreign}", b"\xff\0")
    host.add_file(f"{directory}/half.xml", b"<dom")
    host.add_directory(f"{directory}/folder.xml")
    assert store.names() == ["a", "folder", "half"]
    assert store.read_config("half") == b"<dom"
    with pytest.raises(HostError, match=r"/etc/corral/domains/folder\.xml"):
        store.read_config("folder")


def test_a_broken_status_is_listed_and_names_its_file() -> None:
    """It may well run: passing it over would let a second one be started."""
    host, store = new_store()
    store.write_live("a", b"<a/>", {"id": 1})
    for broken in (b"", b"{", b"[]", b"\xff"):
        host.add_file(store.layout.live_status("domain", "a"), broken)
        assert store.live_names() == ["a"]
        with pytest.raises(HostError, match=r"/run/corral/domains/a\.json is damaged"):
            store.read_status("a")


def test_names_that_cannot_be() -> None:
    _host, store = new_store()
    for call in (store.read_config, store.read_live, store.remove_config, store.autostart):
        with pytest.raises(InvalidArgument, match="slash"):
            call("../../etc/passwd")


def test_links_that_a_killed_run_left_are_dropped() -> None:
    host, store = new_store()
    for name in ("a", "b", "c"):
        store.write_config(name, b"<a/>")
        store.set_autostart(name, True)
    for name in ("b", "c"):
        host.remove(store.config_path(name))
    with store.lock("c"):
        store.drop_loose_links()
    assert store.autostart("a") and host.entries(store.layout.autostart_dir("domain")) == ["a.xml", "c.xml"]
    store.drop_loose_links()
    assert host.entries(store.layout.autostart_dir("domain")) == ["a.xml"]
    before = host.mutations
    store.drop_loose_links()
    assert host.mutations == before, "there is nothing to do"


def test_autostart_is_a_link_and_goes_with_the_document() -> None:
    host, store = new_store()
    store.write_config("a", b"<a/>")
    assert not store.autostart("a")
    store.set_autostart("a", True)
    store.set_autostart("a", True)
    assert store.autostart("a")
    assert host.resolve(store.layout.autostart_link("domain", "a")) == store.config_path("a")
    store.write_config("a", b"<changed/>")
    assert store.autostart("a"), "a new definition keeps it"
    store.set_autostart("a", False)
    store.set_autostart("a", False)
    assert not store.autostart("a")
    store.set_autostart("a", True)
    store.remove_config("a")
    store.write_config("a", b"<new/>")
    assert not store.autostart("a"), "a new object of that name does not inherit it"


def test_live_documents() -> None:
    host, store = new_store()
    store.write_live("a", b"<a/>", {"id": 3, "pid": 9, "start": 8, "state": "running", "reason": "booted"})
    assert (store.is_live("a"), store.live_names(), store.read_live("a")) == (True, ["a"], b"<a/>")
    assert store.read_status("a") == {
        "id": 3,
        "pid": 9,
        "start": 8,
        "state": "running",
        "reason": "booted",
        "boot_id": host.boot,
    }
    store.write_live("a", b"<b/>")
    assert (store.read_live("a"), (store.read_status("a") or {})["id"]) == (b"<b/>", 3)
    store.write_status("a", {"state": "paused"})
    assert (store.read_status("a") or {})["state"] == "paused"
    assert store.remove_live("a")
    assert not store.remove_live("a")
    assert not store.is_live("a")


def test_what_another_boot_left_is_not_live() -> None:
    """Below an embed root the runtime directory outlives a reboot."""
    host = FakeHost()
    store = Store(host, Layout.embed("/srv/lab"), "domain")
    store.write_live("a", b"<a/>", {"id": 1})
    host.reboot()
    assert (store.is_live("a"), store.read_live("a"), store.live_names()) == (False, None, [])
    store.write_live("a", b"<b/>", {"id": 1})
    assert (store.read_live("a"), store.live_names()) == (b"<b/>", ["a"])


def test_ids_grow_and_begin_again_with_a_boot() -> None:
    host, store = new_store()
    assert [store.allocate_id() for _time in range(3)] == [1, 2, 3]
    assert Store(host, store.layout, "domain").allocate_id() == 4
    assert Store(host, store.layout, "network").allocate_id() == 1
    host.reboot()
    assert Store(host, store.layout, "domain").allocate_id() == 1


def test_a_lost_or_broken_id_file_gives_no_id_twice() -> None:
    host, store = new_store()
    for name in ("a", "b"):
        store.write_live(name, b"", {"id": store.allocate_id()})
    for broken in (b"{", b"{}", b'{"boot_id": 1}'):
        host.add_file(store.layout.next_id("domain"), broken)
        assert store.allocate_id() == 3
    host.remove(store.layout.next_id("domain"))
    assert store.allocate_id() == 3


def test_ids_are_allocated_under_a_lock() -> None:
    host, store = new_store()
    with host.lock(store.layout.ids_lock("domain")), pytest.raises(LockBusy):
        store.allocate_id()
    with store.names_lock():
        assert store.allocate_id() == 1


def test_locks_are_by_object() -> None:
    _host, store = new_store()
    with store.lock("a"):
        with store.lock("b"), store.names_lock():
            pass
        with pytest.raises(LockBusy), store.lock("a", timeout=1):
            pass
    with store.lock("a"):
        pass


def define(store: Store) -> None:
    store.write_config("a", b"<new/>")


def undefine(store: Store) -> None:
    store.remove_config("a")


def start(store: Store) -> None:
    with store.lock("a"):
        store.write_live("a", b"<live/>", {"id": store.allocate_id(), "state": "running"})


def end(store: Store) -> None:
    with store.lock("a"):
        store.remove_live("a")


def change_state(store: Store) -> None:
    store.write_status("a", {"id": 77, "state": "paused"})


def change_live(store: Store) -> None:
    store.write_live("a", b"<hotplugged/>")


def let_start_by_itself(store: Store) -> None:
    store.set_autostart("a", True)


def let_not_start_by_itself(store: Store) -> None:
    store.set_autostart("a", False)


def nothing(store: Store) -> None:
    pass


def defined_to_start(store: Store) -> None:
    define(store)
    let_start_by_itself(store)


def forgotten_with_its_link(store: Store) -> None:
    """As a kill in the middle of undefine leaves it."""
    defined_to_start(store)
    store.host.remove(store.config_path("a"))


@pytest.mark.parametrize(
    ("before", "change"),
    [
        (nothing, define),
        (define, define),
        (forgotten_with_its_link, define),
        (define, undefine),
        (defined_to_start, undefine),
        (define, let_start_by_itself),
        (defined_to_start, let_not_start_by_itself),
        (define, start),
        (start, end),
        (start, change_state),
        (start, change_live),
    ],
)
def test_killed_at_every_step_the_old_or_the_new_state_is_seen(
    before: Callable[[Store], None], change: Callable[[Store], None]
) -> None:
    host, store = new_store()
    before(store)
    old = state_of(store)
    change(store)
    new = state_of(store)
    steps = 0
    while steps < 100:
        steps += 1
        host, store = new_store()
        before(store)
        host.kill_at(steps)
        # a run of its own, which makes its directories again
        try:
            change(Store(host, store.layout, "domain"))
        except Killed:
            host.revive()
            assert state_of(store) in (old, new), f"killed at step {steps}"
            change(Store(host, store.layout, "domain"))
            again = state_of(store)
            assert again[:4] == new[:4] and again[5:] == new[5:], f"mended after a kill at step {steps}"
        else:
            break
    assert 1 < steps < 100


def test_a_full_disk_is_told_and_leaves_the_old_state() -> None:
    host, store = new_store()
    store.write_config("a", b"<old/>")
    host.fail_at(1, HostError("Cannot write /etc/corral/domains/a.xml: No space left on device."))
    with pytest.raises(HostError, match="No space left"):
        store.write_config("a", b"<new/>")
    assert store.read_config("a") == b"<old/>"


def test_the_status_is_json_that_a_person_can_read() -> None:
    host, store = new_store()
    store.write_status("a", {"id": 1})
    data = host.files[store.layout.live_status("domain", "a")].data
    assert json.loads(data) == {"id": 1, "boot_id": host.boot}
    assert data.endswith(b"\n")


def test_on_real_files_no_two_runs_get_the_same_id(tmp_path: Path) -> None:
    layout = Layout.embed(str(tmp_path))
    given: List[int] = []

    def run() -> None:
        store = Store(LocalHost(), layout, "domain")
        given.extend(store.allocate_id() for _time in range(10))

    threads = [threading.Thread(target=run) for _time in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given) == list(range(1, 61))


def test_on_real_files_a_life_from_definition_to_removal(tmp_path: Path) -> None:
    store = Store(LocalHost(), Layout.embed(str(tmp_path)), "domain")
    with store.lock("a"), store.names_lock():
        store.write_config("a", b"<a/>")
        store.set_autostart("a", True)
        store.write_live("a", b"<live/>", {"id": store.allocate_id()})
    assert state_of(store) == (b"<a/>", True, True, b"<live/>", 1, True, True)
    assert store.remove_live("a") and store.remove_config("a")
    assert state_of(store) == (None, False, False, None, None, False, False)
    modes = {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_dir()}
    assert modes == {0o700}

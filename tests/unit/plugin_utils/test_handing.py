# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Handing a guest over: two hosts that answer from memory, and every step of it fails, or ends the run, once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Optional

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.corral.virt.plugins.module_utils.converge.handover import program
from ansible_collections.corral.virt.plugins.plugin_utils.handing import HandOver, Refused

DISK, SHARED = "/images/web1.qcow2", "/srv/nfs/data.raw"
OPTIONS = {
    "name": "web1",
    "to": "host2",
    "uri": None,
    "to_uri": None,
    "timeout": 60,
    "force": False,
    "shared": [],
    "replace": False,
    "remove_copied": False,
}


# what changes something, and has to come from the run that has claimed the guest last
FENCED = frozenset(program.DOING)


def part(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "what": "image", "writable": True, "kind": "file", "size": 4, "allocated": 4, **more}


class Host:
    """A host with a guest or without it; ``fails`` are calls that answer with an error, ``dies`` those that end us."""

    def __init__(self, *, has: bool) -> None:
        self.defined, self.active, self.autostart = has, has, has
        self.note: Optional[dict[str, Any]] = None
        self.files: dict[str, str] = {DISK: "v1", SHARED: "s"} if has else {SHARED: "s"}
        self.part = ""
        self.calls: list[str] = []
        self.fails: dict[str, str] = {}
        self.dies = ""
        self.problems: list[str] = []
        self.left: list[str] = []
        self.run = ""

    def ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        order = json.loads(json.dumps(order))  # it goes over a wire
        call = order["call"]
        self.calls.append(call)
        if call in self.fails:
            return {"error": {"type": "OperationFailed", "message": self.fails[call], "hint": None}}
        if call in FENCED and self.run != order["run"]:
            return {"error": {"type": "OperationInvalid", "message": "Another run hands it over.", "hint": None}}
        found: dict[str, Any] = getattr(self, f"do_{call}")(order)
        if call == self.dies:
            self.dies = ""
            raise KeyboardInterrupt
        return found

    def do_claim(self, order: Any) -> dict[str, Any]:
        self.run = order["run"]
        return {}

    def do_describe(self, order: Any) -> dict[str, Any]:
        state = {"there": self.defined, "persistent": self.defined, "note": self.note}
        facts = {"uuid": "u1", "active": self.active, "was": "running" if self.active else "shut off"}
        more = {"autostart": self.autostart, "document": "<domain/>", "memory": 2048, "state": "/var/lib/corral"}
        parts = [part(DISK), part(SHARED)]
        return {**state, **facts, **more, "parts": parts, "ties": [], "directories": [], "host": "1"}

    def do_note(self, order: Any) -> dict[str, Any]:
        self.note = order["note"]
        return {}

    def do_quiet(self, order: Any) -> dict[str, Any]:
        self.autostart = False
        return {}

    def do_stop(self, order: Any) -> dict[str, Any]:
        self.active = False
        return {}

    def do_mark(self, order: Any) -> dict[str, Any]:
        return {}

    do_unmark = do_mark

    def do_sized(self, order: Any) -> dict[str, Any]:
        return {"size": 4, "mode": 0o600}

    def do_read(self, order: Any) -> dict[str, Any]:
        data = self.files[order["path"]] if not order["offset"] else None
        return {"data": data, "offset": 0, "length": 4}

    def do_digest(self, order: Any) -> dict[str, Any]:
        return {"digest": self.files[order["path"]]}

    def do_forget(self, order: Any) -> dict[str, Any]:
        self.defined = False
        return {}

    do_withdraw = do_forget

    def do_resume(self, order: Any) -> dict[str, Any]:
        self.active, self.autostart = order["was"] != "off", order["autostart"]
        return {}

    def do_delete(self, order: Any) -> dict[str, Any]:
        for path in order["paths"]:
            self.files.pop(path, None)
        return {}

    def do_judge(self, order: Any) -> dict[str, Any]:
        states = {SHARED: "shared", DISK: "other" if DISK in self.files else "missing"}
        rows = [{"from": path, "path": path, "state": state} for path, state in states.items()]
        usual = {"defined": self.defined, "active": self.active, "problems": self.problems, "parts": rows}
        return {**usual, "left": self.left, "available": 4096, "same_host": False}

    def do_begin(self, order: Any) -> dict[str, Any]:
        return {}

    def do_write(self, order: Any) -> dict[str, Any]:
        self.part = order["data"]
        return {}

    def do_finish(self, order: Any) -> dict[str, Any]:
        assert self.part == order["digest"]
        self.files[order["path"]] = self.part
        return {}

    def do_define(self, order: Any) -> dict[str, Any]:
        self.defined, self.autostart = True, order["autostart"]
        return {"changed": True}

    def do_start(self, order: Any) -> dict[str, Any]:
        changed, self.active = not self.active, True
        return {"changed": changed, "active": True}


def hand_over(give: Host, take: Host, *, check: bool = False, **options: Any) -> dict[str, Any]:
    return HandOver(give, take, {**OPTIONS, **options}, lambda _text: None).run(check=check)


def steps(result: Mapping[str, Any]) -> list[str]:
    return [row["action"] for row in result["actions"]]


def test_a_guest_goes_from_one_host_to_the_other() -> None:
    give, take = Host(has=True), Host(has=False)
    expected = hand_over(give, take, check=True)
    assert give.calls == ["describe"] and take.calls == ["judge"]
    done = hand_over(give, take)
    assert steps(done) == steps(expected) == ["stop", "copy", "define", "start", "undefine"]
    assert (done["copied"], done["shared"]) == ([DISK], [SHARED]) == (expected["copied"], expected["shared"])
    assert (give.defined, give.active, take.defined, take.active, take.autostart) == (False, False, True, True, True)
    assert take.files[DISK] == "v1" and give.files[DISK] == "v1"
    assert give.note is not None and give.note["stage"] == "gone"
    assert hand_over(give, take)["changed"] is False


def test_one_that_is_off_is_not_started_there_and_its_images_may_go() -> None:
    give, take = Host(has=True), Host(has=False)
    give.active = give.autostart = False
    assert steps(hand_over(give, take, remove_copied=True)) == ["copy", "define", "undefine", "delete"]
    assert (take.active, take.autostart) == (False, False)
    assert DISK not in give.files and SHARED in give.files


STEPS = ["note", "quiet", "stop", "begin", "write", "finish", "define", "start", "forget"]


@pytest.mark.parametrize("step", STEPS)
def test_a_run_that_is_killed_after_a_step_is_finished_by_the_next(step: str) -> None:
    give, take = Host(has=True), Host(has=False)
    (give if hasattr(give, f"do_{step}") and step in ("note", "quiet", "stop", "forget") else take).dies = step
    with pytest.raises(KeyboardInterrupt):
        hand_over(give, take)
    assert not (give.active and take.active)
    if take.active:
        take.files[DISK] = "v2"  # it has written to its disk by now, which must never be put back
    hand_over(give, take)
    assert (give.defined, give.active, take.defined, take.active, take.autostart) == (False, False, True, True, True)
    assert take.files[DISK] in ("v1", "v2") and (take.files[DISK] == "v2") is (step in ("start", "forget"))


FAILURES = [("give", "stop"), ("take", "begin"), ("take", "finish"), ("take", "define"), ("take", "start")]


@pytest.mark.parametrize(("host", "step"), FAILURES)
def test_a_failure_lets_the_guest_run_on_where_it_was(host: str, step: str) -> None:
    give, take = Host(has=True), Host(has=False)
    (give if host == "give" else take).fails[step] = "no such luck."
    with pytest.raises(Refused, match=r"no such luck.*still on its old host, as it was before"):
        hand_over(give, take)
    assert (give.defined, give.active, give.autostart, take.defined, take.active) == (True, True, True, False, False)
    give.fails.clear()
    take.fails.clear()
    hand_over(give, take)
    assert take.active and not give.defined


def test_a_host_that_is_lost_when_it_may_have_the_guest_keeps_it() -> None:
    give, take = Host(has=True), Host(has=False)

    def lost(order: Any) -> dict[str, Any]:
        take.defined = True
        raise AnsibleConnectionFailure("gone")

    take.do_define = lost  # type: ignore[method-assign]
    with pytest.raises(AnsibleConnectionFailure):
        hand_over(give, take)
    assert not give.active and give.note is not None and give.note["stage"] == "given"
    hand_over(give, take)
    assert take.active and not give.defined


def test_what_stands_in_the_way_is_said_before_anything_is_done() -> None:
    give, take = Host(has=True), Host(has=False)
    take.problems = ["There is no network named 'lab'", "there is another guest named web1 (uuid u2)"]
    with pytest.raises(Refused, match="no network named 'lab'; there is another guest named web1"):
        hand_over(give, take)
    assert give.active and give.note is None
    take.problems, take.files[DISK] = [], "somebody else's"
    with pytest.raises(Refused, match=f"other files in the place of {DISK}"):
        hand_over(give, take)
    assert give.active and take.files[DISK] == "somebody else's"
    take.left = [DISK]
    hand_over(give, take)
    assert take.files[DISK] == "v1"


def test_two_copies_never_run() -> None:
    give, take = Host(has=True), Host(has=False)
    take.dies = "start"
    with pytest.raises(KeyboardInterrupt):
        hand_over(give, take)
    give.active = True  # somebody has started it past everything that refuses to
    with pytest.raises(Refused, match="host2 has got it, and it runs here"):
        hand_over(give, take)
    stranger = Host(has=True)
    with pytest.raises(Refused, match="has it already, and not from this host"):
        hand_over(Host(has=True), stranger)


def test_memory_is_looked_at() -> None:
    give, take = Host(has=True), Host(has=False)
    give.do_describe = lambda order: {**Host.do_describe(give, order), "memory": 8192}  # type: ignore[method-assign]
    with pytest.raises(Refused, match="8 MiB of memory, of which 4 MiB are free"):
        hand_over(give, take)


def test_a_name_that_no_guest_has() -> None:
    with pytest.raises(Refused, match="no guest named 'web1'"):
        hand_over(Host(has=False), Host(has=False))


@pytest.mark.parametrize("step", ["stop", "begin", "finish", "define", "start"])
def test_of_two_runs_the_later_one_goes_on(step: str) -> None:
    """The first one has done a step when the second begins; whatever it tries afterwards comes to nothing."""
    give, take = Host(has=True), Host(has=False)
    host = give if step == "stop" else take
    real = host.ask

    def ask(order: Mapping[str, Any]) -> dict[str, Any]:
        found = real(order)
        if order["call"] == step:
            host.ask = real  # type: ignore[method-assign]
            hand_over(give, take)
        return found

    host.ask = ask  # type: ignore[method-assign]
    with pytest.raises(Refused, match="Another run"):
        hand_over(give, take)
    assert (give.defined, give.active, take.defined, take.active) == (False, False, True, True)
    assert take.files[DISK] == "v1" and take.autostart

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole of vm, killed or refused at each call to the host: the next run of the same task comes to the same end."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError, HostError
from ansible_collections.corral.virt.plugins.module_utils.host.fake import Killed
from ansible_collections.corral.virt.plugins.module_utils.model.domain.owned import mark_owned
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.converge.guest_run import GUEST, converge
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import (
    IMAGE,
    RUNNER,
    GuestHost,
    document,
    driver_on,
)

MOST = 400
KERNEL = "/root/vmlinuz"
VARIABLES, ENTRIES = "/var/lib/corral/nvram", b"boot entries"
UEFI = (
    "<domain type='qemu'><name>old</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>"
    "<os><type arch='x86_64' machine='q35'>hvm</type><loader readonly='yes' type='pflash'>/fw/CODE.fd</loader>"
    "<nvram template='/fw/VARS.fd'/></os><features><acpi/></features></domain>"
)
OWNED = "/var/lib/corral/images/owned.raw"

Options = dict[str, Any]
DIRECT: Options = {**GUEST, "kernel": KERNEL}


# What reads of the host may fail with an error of its own.
READS = ("stat", "resolve", "read", "tail", "entries", "process", "wait_exit", "open_monitor")


class Unreadable:
    """A host of which the n-th read fails, counted without those that were made before in the same way."""

    def __init__(self, host: GuestHost, at: int) -> None:
        self._host = host
        self._at = at
        self.seen: set[tuple[str, str]] = set()

    def __getattr__(self, name: str) -> Any:
        serve = getattr(self._host, name)
        if name not in READS:
            return serve

        def counted(subject: Any, *given: Any, **named: Any) -> Any:
            call = (name, str(subject))
            new = call not in self.seen
            self.seen.add(call)
            if new and len(self.seen) == self._at:
                raise HostError(f"Cannot {name} {subject}: Input/output error.")
            return serve(subject, *given, **named)

        return counted


class Case(NamedTuple):
    """What was done before, and the task: the options of vm."""

    before: tuple[Options, ...]
    task: Options


def owned_xml() -> str:
    """A guest whose image goes with it."""
    found = document(disk=OWNED)
    mark_owned(found, OWNED)
    return to_text(found)


CASES: dict[str, Case] = {
    "define and start": Case((), {**DIRECT, "state": "running", "autostart": True}),
    "transient": Case((), {**DIRECT, "state": "running", "transient": True}),
    "edit and restart": Case(
        ({**DIRECT, "state": "running"},), {**DIRECT, "vcpus": 2, "state": "running", "apply": "restart"}
    ),
    "edit at once": Case(({**DIRECT, "state": "running"},), {**DIRECT, "title": "new", "state": "running"}),
    "restart": Case(({**DIRECT, "state": "running"},), {"name": "a", "state": "restarted"}),
    "rename": Case(
        ({**DIRECT, "name": "old", "autostart": True},),
        {**DIRECT, "vcpus": 2, "renamed_from": "old", "state": "running"},
    ),
    "rename with its variables": Case(
        ({"xml": UEFI, "state": "running"}, {"name": "old", "state": "stopped"}),
        {
            "xml": UEFI.replace(">old<", ">a<").replace("<vcpu>1<", "<vcpu>2<"),
            "renamed_from": "old",
            "state": "running",
        },
    ),
    "cut the power": Case(
        ({**DIRECT, "state": "running"},), {"name": "a", "state": "stopped", "force": True, "timeout": 0}
    ),
    "absent": Case(({**DIRECT, "state": "running", "autostart": True},), {"name": "a", "state": "absent"}),
    "absent with its images": Case(
        ({"xml": owned_xml(), "state": "running"},), {"name": "a", "state": "absent", "storage": "owned"}
    ),
}


@cache
def _prepared(name: str) -> GuestHost:
    """A host with a secret kernel and another guest that has the kernel's directory closed to it, and runs."""
    host = GuestHost()
    host.add_directory("/root", mode=0o700)
    host.add_file(KERNEL, b"kernel", mode=0o600)
    host.add_file(OWNED, b"owned")
    for path in ("/fw/CODE.fd", "/fw/VARS.fd"):
        host.add_file(path, b"firmware", mode=0o644)
    converge(host, name="other", memory="64MiB", virt_type="qemu", state="running")
    for options in CASES[name].before:
        converge(host, **options)
    for path in host.below(VARIABLES):
        if path.endswith(".fd"):
            host.files[path] = replace(host.files[path], data=ENTRIES)
    return host


def prepared(name: str) -> GuestHost:
    """A host on which everything before the task was done."""
    return deepcopy(_prepared(name))


def seen(host: GuestHost) -> dict[str, Any]:
    """All that a user can see of the guests."""
    driver = driver_on(host, read_only=True)
    found = {}
    for guest in driver.list_domains():
        kept = driver.domain_xml(guest.name, inactive=True)
        what = (kept.findtext("vcpu"), kept.findtext("title"), kept.findtext("uuid"))
        found[guest.name] = (guest.state, guest.persistent, guest.autostart, *what)
    return found


def assert_tidy(host: GuestHost) -> None:
    """Everything on the host belongs to a guest that is there, and every image to whom it should."""
    guests = seen(host)
    running = {name for name, found in guests.items() if found[0] == "running"}
    assert set(host.guests) == running and len(host.processes) == len(running)
    assert host.locks == set()
    if host.owner(IMAGE) != (0, 0):
        assert host.owner(IMAGE) == RUNNER and "a" in running
    assert host.owner(KERNEL) == (0, 0)
    for name in {"a", "old"} - running:
        assert host.stat(f"/run/corral/guests/{name}") is None
        assert host.stat(f"/run/corral/domains/{name}.xml") is None
    for name in {"a", "old"} - set(guests):
        assert [path for path in host.below("/etc/corral") if path.endswith(f"/{name}.xml")] == []
        assert [path for path in host.below(VARIABLES) if f"/{name}_" in path] == []
    assert all(host.files[path].data == ENTRIES for path in host.below(VARIABLES) if path.endswith(".fd"))
    assert [path for path in host.below("/etc/corral") + host.below("/run/corral/domains") if "tmp" in path] == []


@cache
def goal(name: str) -> dict[str, Any]:
    """What a run that nobody disturbs comes to."""
    host = prepared(name)
    converge(host, **CASES[name].task)
    return seen(host)


@pytest.mark.parametrize("name", CASES)
def test_a_run_that_is_killed_at_any_step(name: str) -> None:
    wanted, old = goal(name), seen(prepared(name))
    for step in range(1, MOST):
        host = prepared(name)
        host.kill_at(step)
        try:
            converge(host, **CASES[name].task)
        except Killed:
            host.revive()
            assert _mixed(seen(host), old, wanted), f"killed at step {step}: {seen(host)}"
            converge(host, **CASES[name].task)
            assert seen(host) == wanted, f"killed at step {step}"
            assert_tidy(host)
            continue
        assert step > 5
        return
    pytest.fail(f"more than {MOST} steps")


def _mixed(now: dict[str, Any], old: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether every fact is an old one or a new one; a guest is off between its definition and its start."""
    known = [*old.values(), *wanted.values(), ("shut off", True, False)]
    facts = [{found[place] for found in known if len(found) > place} for place in range(6)]
    return "other" in now and all(fact in facts[place] for found in now.values() for place, fact in enumerate(found))


@pytest.mark.parametrize("name", CASES)
def test_a_call_that_fails_at_any_step(name: str) -> None:
    wanted = goal(name)
    for step in range(1, MOST):
        host = prepared(name)
        last = host.mutations + step
        host.fail_at(step, HostError("No space left on device."))
        try:
            converge(host, **CASES[name].task)
        except CorralError as error:
            assert "No space left on device" in str(error), f"failed at step {step}"
        done = host.mutations < last
        host.revive()
        converge(host, **CASES[name].task)
        assert seen(host) == wanted, f"failed at step {step}"
        assert_tidy(host)
        if done:
            return
    pytest.fail(f"more than {MOST} steps")


@pytest.mark.parametrize("name", ["define and start", "edit and restart", "rename", "absent with its images"])
def test_what_cannot_be_read(name: str) -> None:
    wanted = goal(name)
    for step in range(1, MOST):
        host = prepared(name)
        faulty = Unreadable(host, step)
        try:
            converge(faulty, **CASES[name].task)  # type: ignore[arg-type]
        except CorralError as error:
            assert error.message.endswith((".", "?"))
        if len(faulty.seen) < step:
            return
        host.revive()
        converge(host, **CASES[name].task)
        assert seen(host) == wanted, f"failed at step {step}"
        assert_tidy(host)
    pytest.fail(f"more than {MOST} steps")


WRITES = ("write", "make_directory", "symlink", "lock")


def fill_disk(host: GuestHost, step: int) -> list[str]:
    """Let nothing be written any more from the n-th writing call on; returns the calls that were refused."""
    real, count, refused = host.changing, [0], list[str]()

    def changing(call: str, subject: Any) -> None:
        count[0] += call in WRITES
        if call in WRITES and count[0] >= step:
            refused.append(f"{call} {subject}")
            raise HostError(f"Cannot {call} {subject}: No space left on device.")
        real(call, subject)

    host.changing = changing  # type: ignore[method-assign]
    return refused


@pytest.mark.parametrize("name", ["define and start", "edit and restart", "absent with its images"])
def test_a_disk_that_fills_up_and_stays_full(name: str) -> None:
    wanted = goal(name)
    for step in range(1, MOST):
        host = prepared(name)
        refused = fill_disk(host, step)
        try:
            converge(host, **CASES[name].task)
        except CorralError as error:
            assert "No space left on device" in str(error), f"full at step {step}"
        del host.changing  # there is room again
        host.revive()
        converge(host, **CASES[name].task)
        assert seen(host) == wanted, f"full at step {step}: {refused}"
        assert_tidy(host)
        if not refused:
            return
    pytest.fail(f"more than {MOST} steps")

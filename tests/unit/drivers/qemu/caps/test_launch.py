# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A QEMU is started, asked and always ended."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.launch import Account, probe_binary
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.model import KVM, TCG
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    HostError,
    MissingLibrary,
    MissingProgram,
    MonitorClosed,
    OperationFailed,
    TimedOut,
    UnsupportedConfig,
)
from ansible_collections.corral.virt.plugins.module_utils.host.fake import Killed
from ansible_collections.corral.virt.tests.unit.drivers.qemu.caps.small_qemu import BINARY, SCRATCH, SmallHost


def test_one_start_without_kvm(host: SmallHost) -> None:
    caps = probe_binary(host, BINARY, SCRATCH, kvm=False)
    assert list(caps.accels) == [TCG]
    (started,) = host.started
    assert started.command is not None
    assert started.command.argv == (
        *(BINARY, "-S", "-no-user-config", "-nodefaults", "-nographic", "-machine", "none,accel=tcg"),
        *("-chardev", "socket,id=monitor,fd=3,server=on,wait=on", "-mon", "chardev=monitor,mode=control"),
    )
    assert started.command.env["LC_ALL"] == "C"


def test_two_starts_with_kvm(host: SmallHost) -> None:
    caps = probe_binary(host, BINARY, SCRATCH, kvm=True)
    assert list(caps.accels) == [KVM, TCG] and caps.kvm
    machines = [started.command.argv[6] for started in host.started if started.command]
    assert machines == ["none,accel=kvm:tcg", "none,accel=tcg"]


def test_qemu_ends_by_quit_and_leaves_no_socket(host: SmallHost) -> None:
    probe_binary(host, BINARY, SCRATCH, kvm=False)
    assert host.processes == {}
    assert host.started[0].signals == []
    assert host.stat(f"{SCRATCH}.sock") is None


def test_qemu_that_does_not_obey_is_killed(host: SmallHost) -> None:
    host.deaf = True
    before = host.monotonic()
    probe_binary(host, BINARY, SCRATCH, kvm=False)
    assert host.started[0].signals == ["SIGKILL"]
    assert host.processes == {}
    assert host.monotonic() - before < 10


def test_qemu_of_a_run_that_was_killed_is_ended_by_the_next(host: SmallHost) -> None:
    for step in range(1, 30):
        host.started.clear()
        host.kill_at(step)
        try:
            probe_binary(host, BINARY, SCRATCH, kvm=True)
        except Killed:
            host.revive()
            probe_binary(host, BINARY, SCRATCH, kvm=True)
            assert host.processes == {}
            continue
        break
    else:
        pytest.fail("the run was killed at every step")


def test_runs_as_the_user_of_the_guests(host: SmallHost) -> None:
    probe_binary(host, BINARY, SCRATCH, kvm=False, account=Account((64055, 108), (108, 104)))
    command = host.started[0].command
    assert command is not None
    assert (command.user, command.groups, command.fds[0].owner) == ((64055, 108), (108, 104), None)


def test_qemu_that_ends_at_once_is_quoted(host: SmallHost) -> None:
    host.mute, host.said = True, b"warning\nqemu-system-x86_64: cannot allocate memory.\n"
    with pytest.raises(OperationFailed, match=r"asked what it can do: qemu-system-x86_64: cannot allocate memory\. Is"):
        probe_binary(host, BINARY, SCRATCH, kvm=False)
    assert host.processes == {}


def test_words_of_an_earlier_run_are_not_quoted(host: SmallHost) -> None:
    host.add_file(f"{SCRATCH}.log", b"an old complaint\n")
    host.mute = True
    with pytest.raises(OperationFailed, match="asked what it can do: Nothing listens on the monitor"):
        probe_binary(host, BINARY, SCRATCH, kvm=False)


@pytest.mark.parametrize("error", [MonitorClosed("query-machines"), TimedOut("QEMU did not answer.")])
def test_qemu_that_dies_or_hangs_while_it_is_asked(
    host: SmallHost, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = host.open_monitor

    def broken(path: str, *, timeout: float = 30.0) -> object:
        host.monitors[path].answers["query-machines"] = error
        return opened(path, timeout=timeout)

    monkeypatch.setattr(host, "open_monitor", broken)
    with pytest.raises(OperationFailed):
        probe_binary(host, BINARY, SCRATCH, kvm=False)
    assert host.processes == {}


def test_something_else_that_speaks_qmp_is_no_qemu(host: SmallHost, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = host.open_monitor

    def odd(path: str, *, timeout: float = 30.0) -> object:
        host.monitors[path].answers["query-version"] = {"storage-daemon": {}}
        return opened(path, timeout=timeout)

    monkeypatch.setattr(host, "open_monitor", odd)
    with pytest.raises(OperationFailed, match="does not answer like a QEMU"):
        probe_binary(host, BINARY, SCRATCH, kvm=False)
    assert host.processes == {}


def test_old_qemu_is_an_error_of_its_own(host: SmallHost, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = host.open_monitor

    def old(path: str, *, timeout: float = 30.0) -> object:
        host.monitors[path].answers["query-version"] = {"qemu": {"major": 4, "minor": 2, "micro": 0}}
        return opened(path, timeout=timeout)

    monkeypatch.setattr(host, "open_monitor", old)
    with pytest.raises(UnsupportedConfig, match="too old"):
        probe_binary(host, BINARY, SCRATCH, kvm=False)


def test_missing_binary_and_missing_library_stay_what_they_are(
    host: SmallHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MissingProgram):
        probe_binary(host, "/usr/bin/qemu-nothing", SCRATCH, kvm=False)

    def lacking(path: str, *, timeout: float = 30.0) -> object:
        raise MissingLibrary("qemu.qmp")

    monkeypatch.setattr(host, "open_monitor", lacking)
    with pytest.raises(MissingLibrary):
        probe_binary(host, BINARY, SCRATCH, kvm=False)
    assert host.processes == {}


def test_binary_that_cannot_be_executed(host: SmallHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(command: object) -> object:
        raise HostError("Cannot run it: Exec format error.")

    monkeypatch.setattr(host, "spawn", refused)
    with pytest.raises(OperationFailed, match=r"cannot be started as a QEMU: .*Exec format error"):
        probe_binary(host, BINARY, SCRATCH, kvm=False)

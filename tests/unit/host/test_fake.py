# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host in memory behaves like a machine, records what is asked of it, and fails where a test wants it to."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CommandFailed,
    HostError,
    LockBusy,
    MissingProgram,
    MonitorClosed,
    MonitorError,
)
from ansible_collections.corral.virt.plugins.module_utils.host.api import (
    Append,
    Completed,
    Device,
    Host,
    Listen,
    Process,
    Spawn,
    Tap,
    first_descriptors,
)
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost, Killed
from ansible_collections.corral.virt.plugins.module_utils.host.fake_monitor import FakeMonitor


def test_is_a_host() -> None:
    host: Host = FakeHost()
    assert host.architecture() == "x86_64"


def test_files() -> None:
    host = FakeHost()
    host.write("/etc/a", b"one", mode=0o640, owner=(5, 6))
    found = host.stat("/etc/a")
    assert found and (found.kind, found.size, found.mode, found.uid, found.gid) == ("file", 3, 0o640, 5, 6)
    assert host.read("/etc/a") == b"one"
    assert host.read("/etc/a", limit=2) == b"on"
    assert host.tail("/etc/a", 2) == b"ne"
    assert host.read("/etc/b") is None
    assert host.remove("/etc/a")
    assert not host.remove("/etc/a")


def test_a_write_changes_the_inode() -> None:
    host = FakeHost()
    host.write("/etc/a", b"1")
    first = host.stat("/etc/a")
    host.write("/etc/a", b"2")
    second = host.stat("/etc/a")
    assert first and second and first.inode != second.inode


def test_files_need_their_directory() -> None:
    with pytest.raises(HostError, match=r"Cannot write /nowhere/a: No such file or directory"):
        FakeHost().write("/nowhere/a", b"")


def test_links_are_followed_like_by_the_kernel() -> None:
    host = FakeHost()
    host.add_file("/srv/real/a", b"x")
    host.symlink("/srv/real", "/srv/link")
    host.symlink("../real/a", "/srv/real/b")
    assert host.resolve("/srv/link/b") == "/srv/real/a"
    assert host.read("/srv/link/b") == b"x"
    link = host.stat("/srv/link/b")
    assert link and link.kind == "link"
    host.change_mode("/srv/link/b", 0o600)
    assert host.files["/srv/real/a"].mode == 0o600
    host.remove("/srv/link/b")
    assert host.read("/srv/real/a") == b"x"


def test_directories() -> None:
    host = FakeHost()
    host.make_directory("/srv/x/y", mode=0o700, owner=(7, 7))
    assert (host.files["/srv/x"].owner, host.files["/srv/x/y"].owner) == ((0, 0), (7, 7))
    host.write("/srv/x/y/b", b"")
    host.write("/srv/x/y/a", b"")
    assert host.entries("/srv/x/y") == ["a", "b"]
    assert host.entries("/srv/none") == []
    assert host.remove_tree("/srv/x")
    assert host.entries("/srv") == []
    assert not host.remove_tree("/srv/x")


def test_locks_exclude() -> None:
    host = FakeHost()
    with host.lock("/run/l"), pytest.raises(LockBusy, match="/run/l"), host.lock("/run/l", timeout=5):
        pass
    assert host.uptime == 1005.0
    with host.lock("/run/l"):
        pass


def test_programs_answer_as_scripted() -> None:
    host = FakeHost()
    answers = [Completed(("p",), 0, b"1", b""), Completed(("p",), 3, b"", b"no\n")]
    host.add_program("p", *answers)
    assert host.run(["p", "x"]).stdout == b"1"
    with pytest.raises(CommandFailed, match="no"):
        host.run(["p"])
    assert host.run(["p"], check=False).code == 3
    assert ("run", ("p", "x")) in host.calls


def test_a_program_may_be_a_function_of_its_input() -> None:
    host = FakeHost()
    host.add_program("cat", lambda argv, stdin: Completed(argv, 0, stdin, b""))
    assert host.run(["/usr/bin/cat"], stdin=b"abc").stdout == b"abc"


def test_no_program_starts_by_accident() -> None:
    host = FakeHost()
    with pytest.raises(MissingProgram):
        host.run(["sh"])
    with pytest.raises(MissingProgram):
        host.spawn(Spawn(("sh",), log="/tmp/log"))
    assert host.find_program("sh") is None


def test_processes() -> None:
    host = FakeHost()
    host.add_program("qemu")
    host.write("/tmp/kept", b"old")
    host.write("/tmp/emptied", b"old")
    fds = (Listen("/run/m", 0o660, (64, 64)), Append("/tmp/kept"), Append("/tmp/emptied", empty=True))
    process = host.spawn(Spawn(("qemu",), log="/tmp/log", fds=fds))
    assert (host.read("/tmp/kept"), host.read("/tmp/emptied")) == (b"old", b"")
    socket = host.stat("/run/m")
    assert socket and (socket.kind, socket.uid) == ("socket", 64)
    assert host.process(process.pid) == process
    assert not host.signal(Process(process.pid, process.start + 1), "SIGKILL")
    assert not host.wait_exit(process, timeout=3)
    assert host.signal(process, "SIGTERM")
    assert host.process(process.pid) is None
    assert host.wait_exit(process, timeout=3)


def test_time_passes_only_by_waiting() -> None:
    host = FakeHost()
    process = host.add_process(10, 99, ignores=["SIGTERM"])
    start = host.monotonic()
    host.on_sleep = lambda: host.end_process(10) if host.monotonic() - start > 2 else None
    assert host.signal(process, "SIGTERM")
    assert host.process(10) == process
    assert host.wait_for(lambda: host.process(10) is None, timeout=10)
    assert 2 < host.monotonic() - start < 3
    assert not host.wait_for(lambda: False, timeout=1)


def test_monitors() -> None:
    host = FakeHost()
    script = host.add_monitor("/run/m", FakeMonitor({"query-status": {"status": "running"}, "add": dict}))
    script.add_event("STOP")
    script.add_event("SHUTDOWN", guest=True)
    monitor = host.open_monitor("/run/m")
    assert monitor.execute("query-status") == {"status": "running"}
    assert monitor.execute("add", {"a": 1}) == {"a": 1}
    with pytest.raises(MonitorError, match="has not been found"):
        monitor.execute("nope")
    event = monitor.wait_event(["SHUTDOWN"], timeout=1)
    assert event and event["data"] == {"guest": True}
    assert monitor.wait_event(["SHUTDOWN"], timeout=1) is None
    assert monitor.wait_event(["STOP"], timeout=1)
    script.gone = True
    with pytest.raises(MonitorClosed):
        monitor.execute("query-status")
    with pytest.raises(HostError, match="Nothing listens"):
        host.open_monitor("/run/other")


def test_fail_at_fails_once() -> None:
    host = FakeHost()
    host.write("/tmp/0", b"")
    host.fail_at(2, HostError("The disk is full."))
    host.write("/tmp/1", b"")
    with pytest.raises(HostError, match="full"):
        host.write("/tmp/2", b"")
    host.write("/tmp/3", b"")
    assert host.entries("/tmp") == ["0", "1", "3"]


def test_kill_at_ends_everything_that_follows() -> None:
    host = FakeHost()
    host.kill_at(2)
    host.write("/tmp/1", b"")
    with pytest.raises(Killed):
        host.remove("/tmp/1")
    with pytest.raises(Killed):
        host.write("/tmp/2", b"")
    assert host.read("/tmp/1") == b""
    host.revive()
    assert host.remove("/tmp/1")


def test_commands_to_qemu_count_as_changes_but_queries_do_not() -> None:
    host = FakeHost()
    host.add_monitor("/run/m", FakeMonitor({"stop": {}, "query-status": {}}))
    monitor = host.open_monitor("/run/m")
    host.kill_at(1)
    monitor.execute("query-status")
    with pytest.raises(Killed):
        monitor.execute("stop")


def test_reboot() -> None:
    host = FakeHost()
    process = host.add_process(10, 99)
    host.write("/run/x", b"")
    host.write("/etc/x", b"")
    before = host.boot_id()
    host.reboot()
    assert host.boot_id() != before
    assert host.process(process.pid) is None
    assert (host.read("/run/x"), host.read("/etc/x")) == (None, b"")


def test_settings_of_the_kernel() -> None:
    host = FakeHost()
    host.add_file("/proc/sys/net/ipv4/ip_forward", b"0\n")
    host.set_kernel("/proc/sys/net/ipv4/ip_forward", "1")
    assert host.read("/proc/sys/net/ipv4/ip_forward") == b"1\n"
    with pytest.raises(HostError, match=r"Cannot set /proc/sys/net/gone: No such file"):
        host.set_kernel("/proc/sys/net/gone", "1")
    with pytest.raises(HostError, match="no setting of the kernel"):
        host.set_kernel("/proc/sys/../../etc/a", "1")


def test_taps_have_the_first_free_name_and_go_with_their_process() -> None:
    host = FakeHost()
    host.add_program("qemu")
    host.links["vnet0"] = 0
    made = host.spawn(Spawn(("qemu",), log="/l", fds=(Tap("vnet%d", queues=2), Tap("mine"), Tap("vnet%d"))))
    assert made.taps == ("vnet1", "mine", "vnet2") and host.process(made.pid) == made
    with pytest.raises(HostError, match="mine: File exists"):
        host.spawn(Spawn(("qemu",), log="/l", fds=(Tap("mine"),)))
    with pytest.raises(HostError, match="No such device"):
        host.spawn(Spawn(("qemu",), log="/l", fds=(Tap("none", kind="there"),)))
    assert host.spawn(Spawn(("qemu",), log="/l", fds=(Tap("vnet0", kind="macvtap"),))).taps == ("vnet0",)
    host.signal(made, "SIGKILL")
    assert set(host.links) == {"vnet0"}


def test_descriptors_are_counted_by_queues() -> None:
    fds = (Listen("/s"), Tap("vnet%d", queues=3), Device("/dev/vhost-net"), Append("/l"))
    assert first_descriptors(fds) == [3, 4, 7, 8]


def test_a_device_that_is_missing_keeps_a_program_from_being_spawned() -> None:
    host = FakeHost()
    host.add_program("qemu")
    with pytest.raises(HostError, match="/dev/vhost-net"):
        host.spawn(Spawn(("qemu",), log="/l", fds=(Device("/dev/vhost-net"),)))
    assert not host.processes

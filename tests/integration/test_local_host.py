# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real programs and processes, and a real QEMU that is left running: what the memory of a fake host cannot show."""

from __future__ import annotations

import errno
import grp
import os
import pty
import pwd
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Callable, Iterator, List, Set

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CommandFailed,
    HostError,
    LockBusy,
    MissingProgram,
    MonitorClosed,
    TimedOut,
)
from ansible_collections.corral.virt.plugins.module_utils.host.api import Append, Listen, Process, Spawn
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost

ROOT = Path(__file__).resolve().parents[2]
QEMU = "qemu-system-x86_64"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="switching to another user needs root")

Start = Callable[..., Process]


@pytest.fixture
def host() -> LocalHost:
    return LocalHost()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def start(host: LocalHost, log: Path) -> Iterator[Start]:
    """Spawn programs and end those that are left."""
    started: List[Process] = []

    def spawn(*argv: str, **fields: object) -> Process:
        started.append(host.spawn(Spawn(argv, log=str(log), **fields)))  # type: ignore[arg-type]
        return started[-1]

    yield spawn
    for process in started:
        host.signal(process, "SIGKILL")
        assert host.wait_exit(process, timeout=60)


def said(host: LocalHost, log: Path, *, lines: int = 1) -> List[str]:
    """Return what a spawned program has written, once it has."""
    assert host.wait_for(lambda: host.tail(str(log), 10**6).count(b"\n") >= lines, timeout=60, watch=[str(log)])
    return log.read_text().splitlines()


def status_of(process: Process, field: str) -> str:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{field}:"))


def children() -> Set[str]:
    """Our own children; Ansible's, of tests before, may be among them."""
    pid = os.getpid()
    return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


# run


def test_run_returns_what_a_program_says(host: LocalHost) -> None:
    done = host.run(["sh", "-c", "cat; echo err >&2; exit 3", "name"], stdin=b"in", check=False)
    assert (done.code, done.stdout, done.stderr) == (3, b"in", b"err\n")
    assert done.argv[0] == "sh"


def test_run_without_input_reads_nothing(host: LocalHost) -> None:
    assert host.run(["cat"]).stdout == b""


def test_run_takes_and_gives_megabytes(host: LocalHost) -> None:
    data = os.urandom(5_000_000)
    assert host.run(["cat"], stdin=data).stdout == data


def test_a_program_that_does_not_read_its_input(host: LocalHost) -> None:
    assert host.run(["true"], stdin=b"x" * 1_000_000).code == 0


def test_programs_speak_english(host: LocalHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("CORRAL_TEST", "kept")
    done = host.run(["sh", "-c", 'echo "$LC_ALL $CORRAL_TEST $MORE"'], env={"MORE": "more"})
    assert done.stdout == b"C kept more\n"


def test_a_failed_program_is_told_with_its_own_words(host: LocalHost) -> None:
    with pytest.raises(CommandFailed, match="sh ended with 4: it is broken") as caught:
        host.run(["sh", "-c", "echo it is broken >&2; exit 4"])
    assert caught.value.code == 4
    with pytest.raises(CommandFailed, match="ended with -9"):
        host.run(["sh", "-c", "kill -9 $$"])


def test_a_program_that_is_not_there(host: LocalHost, tmp_path: Path) -> None:
    with pytest.raises(MissingProgram, match=r"no-such-program is missing on this host\. Install it"):
        host.run(["no-such-program"])
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    with pytest.raises(MissingProgram, match="interpreter"):
        host.run([str(script)])
    with pytest.raises(MissingProgram, match="interpreter"):
        host.spawn(Spawn((str(script),), log=str(tmp_path / "log")))
    script.write_text("this is no program\0")
    with pytest.raises(HostError, match="Exec format error"):
        host.run([str(script)])


def test_a_shell_line_is_refused(host: LocalHost) -> None:
    with pytest.raises(TypeError):
        host.run("echo x")


def test_system_programs_are_found_without_their_directory_in_path(
    host: LocalHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "relative:/nonexistent")
    assert host.find_program("sh") in ("/bin/sh", "/usr/bin/sh")
    assert host.find_program("no-such-program") is None
    assert host.run(["true"]).code == 0


def test_a_program_that_takes_too_long_is_ended_with_its_children(host: LocalHost, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    begin = time.monotonic()
    with pytest.raises(TimedOut, match=r"sh did not end within 2 seconds and was stopped"):
        host.run(["sh", "-c", f"sleep 300 & echo $! $$ > {pids}; wait"], timeout=2)
    assert time.monotonic() - begin < 60
    for pid in pids.read_text().split():
        assert host.wait_for(lambda pid=pid: host.process(int(pid)) is None, timeout=60)  # type: ignore[misc]


def test_a_program_that_ignores_the_request_to_end_is_killed(host: LocalHost) -> None:
    before = children()
    with pytest.raises(TimedOut):
        host.run(["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], timeout=0.3)
    assert children() <= before


def test_a_child_in_the_background_does_not_hold_us(host: LocalHost) -> None:
    begin = time.monotonic()
    done = host.run(["sh", "-c", "sleep 300 & echo $!"])
    assert time.monotonic() - begin < 60
    process = host.process(int(done.stdout))
    assert process and host.signal(process, "SIGKILL")


def test_run_is_quick(host: LocalHost) -> None:
    """Popen's own timed wait looks after 63 ms, then after 113; a module that runs ten programs would pay for it.

    On a busy machine most runs are slow; one that is not is enough.
    """

    def seconds() -> float:
        begin = time.monotonic()
        host.run(["sleep", "0.07"])
        return time.monotonic() - begin

    assert any(seconds() < 0.1 for _time in range(100))


# spawn


def test_a_spawned_program_has_a_session_of_its_own_and_none_of_our_descriptors(
    host: LocalHost, start: Start, tmp_path: Path
) -> None:
    before = children()
    inherited = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(inherited, True)
    process = start("sleep", "60")
    os.close(inherited)
    assert host.process(process.pid) == process
    assert os.getsid(process.pid) not in (os.getsid(0), process.pid), "it can never get a terminal again"
    assert status_of(process, "PPid") != str(os.getpid())
    # its loader has a library open for a moment
    assert host.wait_for(lambda: sorted(os.listdir(f"/proc/{process.pid}/fd")) == ["0", "1", "2"], timeout=60)
    assert os.readlink(f"/proc/{process.pid}/fd/0") == "/dev/null"
    assert os.readlink(f"/proc/{process.pid}/fd/1") == os.readlink(f"/proc/{process.pid}/fd/2") == str(tmp_path / "log")
    assert children() <= before, "nothing is left for us to reap"


def test_it_gets_exactly_its_environment_directory_umask_and_words(host: LocalHost, start: Start, log: Path) -> None:
    start("sh", "-c", 'env; pwd; umask; echo "$0 $1"', "a b", "$c", env={"A": "1"}, cwd="/usr", umask=0o077)
    lines = said(host, log, lines=5)
    assert "A=1" in lines
    assert not [line for line in lines if line.startswith(("HOME=", "PATH=/"))]
    assert {"/usr", "0077", "a b $c"} <= set(lines)


def test_its_signals_are_the_defaults(start: Start, host: LocalHost) -> None:
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        process = start("sleep", "60")
    finally:
        signal.signal(signal.SIGHUP, old)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    settable = sum(1 << (number - 1) for number in signal.valid_signals())  # the C library keeps two for its threads
    assert int(status_of(process, "SigIgn"), 16) & settable == 0
    assert int(status_of(process, "SigBlk"), 16) == 0
    assert host.signal(process, "SIGTERM")
    assert host.wait_exit(process, timeout=60)


def test_the_log_is_appended_to_and_not_for_everybody(host: LocalHost, start: Start, log: Path) -> None:
    start("sh", "-c", "echo one; echo two >&2")
    said(host, log, lines=2)
    start("echo", "three")
    assert said(host, log, lines=3) == ["one", "two", "three"]
    assert log.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["a plain name", "a (b) c", "x) S 1 1 1", ") Z"])
def test_the_start_time_is_read_whatever_the_program_is_called(
    host: LocalHost, start: Start, tmp_path: Path, name: str
) -> None:
    shutil.copy(shutil.which("sleep") or "", tmp_path / name)
    process = start(str(tmp_path / name), "60")
    assert host.wait_for(lambda: Path(f"/proc/{process.pid}/comm").read_text().strip() == name[:15], timeout=60)
    assert host.process(process.pid) == process
    boot_ticks = float(Path("/proc/uptime").read_text().split()[0]) * os.sysconf("SC_CLK_TCK")
    assert 0 <= boot_ticks - process.start < 60 * os.sysconf("SC_CLK_TCK")


def test_a_program_that_ends_at_once_has_had_a_pid_and_a_start(host: LocalHost, start: Start) -> None:
    process = start("true")
    assert process.pid > 0 and process.start > 0
    assert host.wait_exit(process, timeout=60)
    assert host.process(process.pid) is None
    assert not host.signal(process, "SIGTERM")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"argv": ("no-such-program",)}, "no-such-program is missing"),
        ({"argv": ("/etc/passwd",)}, "/etc/passwd is missing"),
        ({"cwd": "/no/such/directory"}, "Cannot change to /no/such/directory: No such file or directory"),
        ({"log": "/no/such/log"}, "Cannot open the log /no/such/log"),
        ({"log": "/dev"}, "Cannot open the log /dev: Is a directory"),
        ({"fds": (Listen("/no/such/socket"),)}, "Cannot listen on /no/such/socket"),
        ({"fds": (Listen("/tmp/" + "x" * 120),)}, "Cannot listen on /tmp/x+: File name too long"),
        ({"argv": ("true", "a\0b")}, "Cannot run .*/true: embedded null"),
        ({"env": {"A=": "x"}}, "Cannot run .*/true"),
    ],
)
def test_what_cannot_be_spawned_is_told(
    host: LocalHost, tmp_path: Path, fields: dict[str, object], message: str
) -> None:
    before = children()
    command = {"argv": ("true",), "log": str(tmp_path / "log"), **fields}
    with pytest.raises(HostError, match=message):
        host.spawn(Spawn(**command))  # type: ignore[arg-type]
    assert children() <= before


def test_a_log_is_never_opened_through_a_link(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HostError, match="Cannot open the log"):
        host.spawn(Spawn(("true",), log=str(tmp_path / "log")))
    assert not (tmp_path / "elsewhere").exists()


LISTENER = """
import os, socket, stat, sys
for number in map(int, sys.argv[1:]):
    server = socket.socket(fileno=number)
    print(number, server.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN), server.getsockname(), flush=True)
    connection, _peer = server.accept()
    connection.sendall(b"hello %d" % number)
"""


def test_sockets_are_its_descriptors_in_order(host: LocalHost, start: Start, tmp_path: Path, log: Path) -> None:
    import socket

    paths = [str(tmp_path / f"s{index}") for index in range(12)]
    Path(paths[0]).write_bytes(b"what was there")
    numbers = [str(3 + index) for index in range(12)]
    fds = tuple(Listen(path, mode=0o600 + index) for index, path in enumerate(paths))
    start(sys.executable, "-c", LISTENER, *numbers, fds=fds)
    for index, path in enumerate(paths):
        found = host.stat(path)
        assert found and (found.kind, found.mode) == ("socket", 0o600 + index)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            assert client.recv(100) == b"hello %d" % (3 + index)
    assert said(host, log, lines=12)[0] == f"3 1 {paths[0]}"


def test_files_are_among_its_descriptors(host: LocalHost, start: Start, tmp_path: Path) -> None:
    kept, emptied, new = (tmp_path / name for name in ("kept", "emptied", "new"))
    kept.write_text("old\n")
    emptied.write_text("old\n")
    files = (Append(str(kept)), Listen(str(tmp_path / "s")), Append(str(emptied), empty=True), Append(str(new), 0o644))
    process = start("sh", "-c", "for n in 3 5 6; do echo $n >&$n; done", fds=files)
    assert host.wait_exit(process, timeout=60)
    assert [path.read_text() for path in (kept, emptied, new)] == ["old\n3\n", "5\n", "6\n"]
    assert new.stat().st_mode & 0o777 == 0o644
    (tmp_path / "link").symlink_to(kept)
    with pytest.raises(HostError, match=r"Cannot open .*/link"):
        start("true", fds=(Append(str(tmp_path / "link"), empty=True),))
    assert kept.read_text() == "old\n3\n"


def test_a_socket_with_a_long_path(host: LocalHost, start: Start, tmp_path: Path) -> None:
    directory = tmp_path / ("x" * 120)
    directory.mkdir()
    before = os.getcwd()
    process = start("sleep", "60", fds=(Listen(str(directory / "s"), mode=0o666),))
    found = host.stat(str(directory / "s"))
    assert found and (found.kind, found.mode) == ("socket", 0o666)
    assert os.readlink(f"/proc/{process.pid}/cwd") == "/"
    assert os.getcwd() == before


@as_root
def test_it_runs_as_another_user_who_owns_his_sockets(host: LocalHost, start: Start, tmp_path: Path, log: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    extra = grp.getgrnam("daemon").gr_gid
    path = str(tmp_path / "s")
    process = start(
        "sleep",
        "60",
        user=(nobody.pw_uid, nobody.pw_gid),
        groups=(nobody.pw_gid, extra),
        fds=(Listen(path, 0o660, (nobody.pw_uid, extra)),),
    )
    assert status_of(process, "Uid").split() == [str(nobody.pw_uid)] * 4
    assert status_of(process, "Gid").split() == [str(nobody.pw_gid)] * 4
    assert sorted(status_of(process, "Groups").split()) == sorted([str(nobody.pw_gid), str(extra)])
    assert int(status_of(process, "CapEff"), 16) == 0
    socket = host.stat(path)
    assert socket and (socket.uid, socket.gid, socket.mode) == (nobody.pw_uid, extra, 0o660)
    assert (log.stat().st_uid, log.stat().st_mode & 0o777) == (0, 0o640), "the log is ours"


@as_root
def test_a_program_runs_to_its_end_as_another_user(host: LocalHost) -> None:
    nobody = pwd.getpwnam("nobody")
    script = "import os; print(os.getresuid(), os.getresgid(), os.getgroups())"
    done = host.run([sys.executable, "-c", script], user=(nobody.pw_uid, nobody.pw_gid))
    assert done.stdout.decode().strip() == f"{(nobody.pw_uid,) * 3} {(nobody.pw_gid,) * 3} []"


def test_another_user_needs_root(host: LocalHost) -> None:
    script = f"""
        import os, sys
        sys.path.insert(0, {str(ROOT)!r})
        from ansible_collections.corral.virt.plugins.module_utils.host import local_spawn
        from ansible_collections.corral.virt.plugins.module_utils.host.api import Spawn
        if os.geteuid() == 0:
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
        me = (os.getuid(), os.getgid())
        local_spawn.spawn(Spawn(("true",), log="/dev/null", user=me))
        print("as myself", flush=True)
        local_spawn.spawn(Spawn(("true",), log="/dev/null", user=(1, 1)))
    """
    done = host.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert done.stdout == b"as myself\n"
    assert b"Cannot switch to user 1 and group 1: Operation not permitted" in done.stderr


CALLER = """
import sys
sys.path.insert(0, {root!r})
from ansible_collections.corral.virt.plugins.module_utils.host.api import Spawn
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost
process = LocalHost().spawn(Spawn(("sleep", "300"), log={log!r}))
print(process.pid, process.start, flush=True)
"""


def test_it_outlives_its_caller_and_does_not_hold_the_callers_pipes(host: LocalHost, log: Path) -> None:
    begin = time.monotonic()
    script = CALLER.format(root=str(ROOT), log=str(log))
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True, timeout=250)
    assert time.monotonic() - begin < 250, "the pipe was closed when the caller ended"
    pid, start = map(int, done.stdout.split())
    process = Process(pid, start)
    assert host.process(pid) == process
    assert host.signal(process, "SIGKILL")
    assert host.wait_exit(process, timeout=60)


def test_it_outlives_the_terminal_of_its_caller(host: LocalHost, log: Path, tmp_path: Path) -> None:
    """As when an ssh connection with a terminal breaks: the kernel hangs up on every process that has it."""
    script = CALLER.format(root=str(ROOT), log=str(log)) + "import time; time.sleep(300)"
    caller, terminal = pty.fork()
    if caller == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup would have it ignored
        os.execv(sys.executable, [sys.executable, "-c", script])
    words = b""
    while b"\n" not in words:
        words += os.read(terminal, 1000)
    os.close(terminal)
    _pid, how = os.waitpid(caller, 0)
    assert os.WIFSIGNALED(how) and os.WTERMSIG(how) == signal.SIGHUP
    pid, start = map(int, words.split())
    time.sleep(0.2)
    process = Process(pid, start)
    assert host.process(pid) == process
    assert host.signal(process, "SIGTERM")
    assert host.wait_exit(process, timeout=60)


# processes


def test_a_process_is_not_mistaken_for_another_one_of_its_pid(host: LocalHost, start: Start) -> None:
    process = start("sleep", "60")
    other = Process(process.pid, process.start + 1)
    assert not host.signal(other, "SIGKILL")
    assert host.wait_exit(other, timeout=0)
    assert host.process(process.pid) == process
    assert not host.wait_exit(process, timeout=0.1)


def test_a_zombie_is_no_process(host: LocalHost) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    try:
        assert host.wait_for(lambda: host.process(child) is None, timeout=60)
        assert Path(f"/proc/{child}").exists()
    finally:
        os.waitpid(child, 0)


@pytest.mark.parametrize("pid", [0, -1, 2**22 + 1])
def test_numbers_that_are_no_process(host: LocalHost, pid: int) -> None:
    assert host.process(pid) is None
    assert not host.signal(Process(pid, 0), "SIGKILL")
    assert host.wait_exit(Process(pid, 0), timeout=1)


def refuse_pidfd(pid: int, flags: int = 0) -> int:
    raise OSError(errno.ENOSYS, "no")


@pytest.mark.parametrize("modern", [True, False])
def test_waiting_returns_when_the_process_ends(
    host: LocalHost, start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, modern: bool
) -> None:
    """With a pidfd, and where the kernel has none."""
    release = tmp_path / "release"
    if not modern:
        monkeypatch.setattr(os, "pidfd_open", refuse_pidfd)
    process = start("sh", "-c", f"until [ -e {release} ]; do sleep 0.05; done")
    assert not host.wait_exit(process, timeout=0.05)
    release.touch()
    begin = time.monotonic()
    assert host.wait_exit(process, timeout=300)
    assert time.monotonic() - begin < 60
    other = start("sleep", "60")
    assert host.signal(other, "SIGTERM")
    assert host.wait_exit(other, timeout=60)
    assert host.run(["true"]).code == 0
    with pytest.raises(TimedOut):
        host.run(["sleep", "60"], timeout=0.1)


def test_wait_for_asks_when_a_watched_file_changes(host: LocalHost, start: Start, log: Path) -> None:
    asked: List[float] = []

    def condition() -> bool:
        asked.append(time.monotonic())
        return log.exists() and b"up" in log.read_bytes()

    began = time.monotonic()
    start("sh", "-c", "sleep 0.4; echo up")
    assert host.wait_for(condition, timeout=60, watch=[str(log)])
    assert len(asked) <= 6 + 4 * (time.monotonic() - began)
    assert not host.wait_for(lambda: False, timeout=0.1, watch=[str(log)])
    assert not host.wait_for(lambda: False, timeout=0.1)


def test_a_lock_holds_between_processes_and_ends_with_them(host: LocalHost, tmp_path: Path) -> None:
    path = str(tmp_path / "l")
    script = f"""
        import sys, time
        sys.path.insert(0, {str(ROOT)!r})
        from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost
        with LocalHost().lock({path!r}):
            print("locked", flush=True)
            time.sleep(300)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout and holder.stdout.readline() == b"locked\n"
        with pytest.raises(LockBusy, match=f"process {holder.pid}"), host.lock(path, timeout=0.2):
            pass
        holder.kill()
        holder.wait()
        with host.lock(path, timeout=60):
            pass


# QEMU


@pytest.mark.guest
@pytest.mark.parametrize("directory", ["short", "long" * 40])
def test_a_real_qemu_inherits_its_monitor_and_is_spoken_to(
    host: LocalHost, start: Start, tmp_path: Path, log: Path, directory: str
) -> None:
    path = tmp_path / directory / "monitor.sock"
    path.parent.mkdir()
    chardev = ("-chardev", "socket,id=m,fd=3,server=on,wait=on", "-mon", "chardev=m,mode=control")
    process = start(QEMU, "-M", "none", "-nodefaults", "-display", "none", *chardev, fds=(Listen(str(path)),))
    monitor = host.open_monitor(str(path), timeout=60)
    assert monitor.execute("query-status")["status"] in ("running", "prelaunch")
    assert len(monitor.execute("query-qmp-schema")) > 500
    monitor.close()
    assert host.process(process.pid) == process, "QEMU stays when the session ends"

    again = host.open_monitor(str(path), timeout=60)
    assert again.execute("stop") == {}
    assert again.execute("cont") == {}
    assert again.wait_event(["RESUME"], timeout=60)
    assert again.wait_event(["STOP"], timeout=60)
    with pytest.raises(TimedOut, match="Another program may be connected"):
        host.open_monitor(str(path), timeout=0.5)
    assert again.execute("quit") == {}
    ended = again.wait_event(["SHUTDOWN"], timeout=60)
    assert ended and ended["data"]["reason"] == "host-qmp-quit"
    assert host.wait_exit(process, timeout=60)
    with pytest.raises(MonitorClosed):
        again.execute("query-status")
    again.close()


@pytest.mark.guest
def test_a_real_qemu_that_refuses_to_start_says_why_in_its_log(host: LocalHost, start: Start, log: Path) -> None:
    process = start(QEMU, "-M", "none", "-device", "no-such-device")
    assert host.wait_exit(process, timeout=60)
    assert "'no-such-device' is not a valid device model name" in log.read_text()


@pytest.mark.guest
def test_a_real_qemu_that_hangs_does_not_hang_us(host: LocalHost, start: Start, tmp_path: Path) -> None:
    path = str(tmp_path / "m")
    chardev = ("-chardev", "socket,id=m,fd=3,server=on,wait=on", "-mon", "chardev=m,mode=control")
    process = start(QEMU, "-M", "none", "-nodefaults", "-display", "none", *chardev, fds=(Listen(path),))
    session = host.open_monitor(path, timeout=60)
    assert host.signal(process, "SIGSTOP")
    begin = time.monotonic()
    with pytest.raises(TimedOut):
        session.execute("query-status", timeout=0.3)
    session.close()
    with pytest.raises(TimedOut):
        host.open_monitor(path, timeout=0.3)
    assert time.monotonic() - begin < 60

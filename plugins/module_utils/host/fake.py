# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in memory for tests: files, processes, programs, monitors and a clock, and nothing that can start a process.

Every call is recorded in ``calls`` as (name, first argument), and every call that changes something is counted, so
that a test can let the n-th of them fail (``fail_at``) or let the run be killed there (``kill_at``).
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import posixpath
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple, Union

from ..errors import CommandFailed, HostError, LockBusy, MissingProgram, OperationFailed
from ..values import public_url
from .api import Completed, Device, Downloaded, Inherited, Listen, Monitor, Process, Question, Read, Spawn, Stream, Tap
from .fake_files import FakeFile, FakeFiles, Owner
from .fake_monitor import FakeMonitor
from .fake_stream import FakeStream

Answer = Union[Completed, BaseException, Callable[[Tuple[str, ...], bytes], Completed]]


class Killed(BaseException):
    """The run was killed here: no ``except Exception`` can go on after it."""


@dataclass
class FakePage:
    """What a server has under a URL; ``sent`` is how much of it comes before the line is cut."""

    data: bytes
    etag: Optional[str] = None
    modified: Optional[str] = None
    sent: Optional[int] = None
    asked: int = 0


@dataclass
class FakeProcess:
    """One process that runs; ``command`` is what it was spawned from."""

    process: Process
    command: Optional[Spawn] = None
    ignores: Set[str] = field(default_factory=set)
    signals: List[str] = field(default_factory=list)


class FakeHost(FakeFiles):
    """The Host protocol in memory. Its attributes are the machine: tests set and read them directly."""

    def __init__(self, *, euid: int = 0, egid: int = 0) -> None:
        super().__init__((euid, egid))
        self.environment: Dict[str, str] = {"HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        self.users: Dict[str, Owner] = {"root": (0, 0)}
        self.user_groups: Dict[str, Tuple[int, ...]] = {}
        self.name = "host.example"
        self.machine = "0123456789abcdef0123456789abcdef"
        self.boot = "00000000-0000-4000-8000-000000000001"
        self.cpu = "x86_64"
        self.code = "code of this test"
        self.uptime = 1000.0
        self.locks: Set[str] = set()
        self.programs: Dict[str, str] = {}
        self.processes: Dict[int, FakeProcess] = {}
        self.monitors: Dict[str, FakeMonitor] = {}
        self.streams: Dict[str, FakeStream] = {}
        self.links: Dict[str, int] = {}  # the links of the host, each with the process that it goes with, or 0
        self.ports: Set[Tuple[str, int]] = set()
        self.pages: Dict[str, FakePage] = {}
        self.mutations = 0
        self.on_spawn: Callable[[FakeProcess], None] = lambda started: None
        self.on_sleep: Callable[[], None] = lambda: None
        self.on_netlink: Callable[[int, Question], Tuple[bytes, ...]] = lambda bus, question: ()
        self._answers: Dict[str, List[Answer]] = {}
        self._next_pid = 1000
        self._fault: Optional[Tuple[int, BaseException, bool]] = None

    # what a test arranges

    def add_program(self, name: str, *answers: Answer, path: str = "") -> None:
        """Install a program; its runs take the answers in order, the last one for ever after."""
        self.programs[name] = path or f"/usr/bin/{name}"
        self._answers[name] = list(answers)

    def add_process(self, pid: int, start: int, *, ignores: Sequence[str] = ()) -> Process:
        """Let a process run that was not spawned here; it does not end by the signals in ``ignores``."""
        self.processes[pid] = FakeProcess(Process(pid, start), ignores=set(ignores))
        return self.processes[pid].process

    def end_process(self, pid: int) -> None:
        """Let a process be gone, and with it the taps that it had open."""
        if self.processes.pop(pid, None) is not None:
            self.links = {name: owner for name, owner in self.links.items() if owner != pid}

    def add_monitor(self, path: str, monitor: Optional[FakeMonitor] = None) -> FakeMonitor:
        """Let QEMU listen there."""
        self.monitors[path] = monitor or FakeMonitor()
        self.monitors[path].host = self
        return self.monitors[path]

    def add_stream(self, path: str, stream: FakeStream) -> FakeStream:
        """Let somebody listen on a unix socket for plain bytes."""
        self.streams[path] = stream
        stream.host = self
        return stream

    def reboot(self, boot: str = "00000000-0000-4000-8000-000000000002") -> None:
        """End all processes and locks and empty /run; everything else stays."""
        self.boot = boot
        self.processes.clear()
        self.links.clear()
        self.monitors.clear()
        self.streams.clear()
        self.locks.clear()
        self.files = {path: node for path, node in self.files.items() if not path.startswith("/run/")}

    def fail_at(self, n: int, error: BaseException) -> None:
        """Let the n-th changing call from now on (counted from 1) fail without effect; later ones work again."""
        self._fault = (self.mutations + n, error, False)

    def kill_at(self, n: int) -> None:
        """Let the run be killed in place of the n-th changing call from now on; all later ones are killed too."""
        self._fault = (self.mutations + n, Killed(), True)

    def revive(self) -> None:
        """Let a new run begin after a kill: no fault, and the locks of the dead one are free."""
        self._fault = None
        self.locks.clear()

    def changing(self, call: str, subject: Any) -> None:
        """Record and count a call that changes something; raises the fault that is due."""
        super().changing(call, subject)
        self.mutations += 1
        if self._fault:
            at, error, for_ever = self._fault
            if self.mutations == at or (for_ever and self.mutations > at):
                raise error

    # facts

    def euid(self) -> int:
        return self.identity[0]

    def egid(self) -> int:
        return self.identity[1]

    def env(self, name: str) -> Optional[str]:
        return self.environment.get(name)

    def hostname(self) -> str:
        return self.name

    def machine_id(self) -> str:
        return self.machine

    def boot_id(self) -> str:
        return self.boot

    def architecture(self) -> str:
        return self.cpu

    def code_id(self) -> str:
        return self.code

    def user(self, name: str) -> Optional[Owner]:
        return self.users.get(name)

    def groups(self, name: str) -> Tuple[int, ...]:
        return self.user_groups.get(name, ())

    def now(self) -> float:
        return self.clock

    def monotonic(self) -> float:
        return self.uptime

    def sleep(self, seconds: float) -> None:
        self.clock += seconds
        self.uptime += seconds
        self.on_sleep()

    # locks

    @contextmanager
    def lock(self, path: str, *, timeout: float = 30.0) -> Iterator[None]:
        self.changing("lock", path)
        if path in self.locks:
            self.sleep(timeout)
            raise LockBusy(f"{path} is locked by another run.", path=path)
        self.locks.add(path)
        try:
            yield
        finally:
            self.locks.discard(path)

    # large files

    def download(
        self,
        url: str,
        path: str,
        *,
        digests: Sequence[str] = (),
        etag: Optional[str] = None,
        modified: Optional[str] = None,
        limit: Optional[int] = None,
        timeout: float = 3600.0,
    ) -> Downloaded:
        self.changing("download", (url, path))
        page = self.pages.get(url)
        if page is None:
            raise OperationFailed(f"The server of {public_url(url)} answered 404 Not Found.")
        page.asked += 1
        if (etag or modified) and (etag, modified) == (page.etag, page.modified):
            return Downloaded(changed=False, etag=etag, modified=modified)
        if page.sent is not None or (limit is not None and len(page.data) > limit):
            raise OperationFailed(f"{public_url(url)} was cut: {page.sent} of {len(page.data)} bytes have come.")
        self._put_new("write", path, FakeFile("file", page.data, 0o600, self.identity))
        sums = {name: hashlib.new(name, page.data).hexdigest() for name in digests}
        return Downloaded(True, len(page.data), sums, page.etag, page.modified)

    def unpack(self, path: str, target: str, kind: str) -> None:
        self.changing("unpack", (path, target))
        unpackers = {"gzip": gzip.decompress, "xz": lzma.decompress, "bzip2": bz2.decompress}
        try:
            data = unpackers[kind](self.read(path) or b"")
        except (EOFError, OSError, ValueError, lzma.LZMAError) as error:
            raise OperationFailed(f"{path} is damaged: {error}.") from None
        self._put_new("write", target, FakeFile("file", data, 0o600, self.identity))

    # the kernel

    def netlink(self, bus: int, questions: Sequence[Question]) -> List[Tuple[bytes, ...]]:
        self.calls.append(("netlink", (bus, tuple(questions))))
        return [self.on_netlink(bus, question) for question in questions]

    # programs and processes

    def find_program(self, name: str) -> Optional[str]:
        if name.startswith("/"):
            return name if name in self.programs.values() or name in self.files else None
        return self.programs.get(name)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float = 60.0,
        env: Optional[Mapping[str, str]] = None,
        check: bool = True,
        user: Optional[Owner] = None,
    ) -> Completed:
        self.changing("run", tuple(argv))
        completed = self._answer(tuple(argv), stdin)
        if check and completed.code:
            raise CommandFailed(completed.argv, completed.code, completed.stderr.decode("utf-8", "replace"))
        return completed

    def spawn(self, command: Spawn) -> Process:
        self.changing("spawn", command)
        if self.find_program(command.argv[0]) is None:
            raise MissingProgram(command.argv[0])
        pid = self._next_pid + 1
        taps = [name for inherited in command.fds for name in self._open_for(inherited, pid)]
        self._next_pid = pid
        started = FakeProcess(Process(pid, int(self.uptime * 100), taps=tuple(taps)), command)
        self.processes[started.process.pid] = started
        self.on_spawn(started)
        return started.process

    def _open_for(self, inherited: Inherited, pid: int) -> List[str]:
        """Open what a process inherits; returns the names of links."""
        if isinstance(inherited, Tap):
            return [self._open_tap(inherited, pid)]
        if isinstance(inherited, (Device, Read)):
            if inherited.path not in self.files:
                raise HostError(f"Cannot open {inherited.path}: No such file or directory.", path=inherited.path)
        elif isinstance(inherited, Listen):
            owner = inherited.owner or self.identity
            self._put_new("listen on", inherited.path, FakeFile("socket", b"", inherited.mode, owner))
        elif inherited.path not in self.files or inherited.empty:
            self._put_new("open", inherited.path, FakeFile("file", b"", inherited.mode, self.identity))
        return []

    def _open_tap(self, tap: Tap, pid: int) -> str:
        name = tap.name
        if "%d" in name:
            name = next(free for number in count() if (free := tap.name.replace("%d", str(number))) not in self.links)
        if tap.kind == "tap" and name in self.links:
            raise HostError(f"Cannot make the link {name}: File exists.")
        if tap.kind != "tap" and name not in self.links:
            raise HostError(f"Cannot open the link {name}: No such device.")
        self.links.setdefault(name, pid)
        return name

    def process(self, pid: int) -> Optional[Process]:
        found = self.processes.get(pid)
        return found.process if found else None

    def signal(self, process: Process, name: str) -> bool:
        self.changing("signal", (process, name))
        if self.process(process.pid) != process:
            return False
        found = self.processes[process.pid]
        found.signals.append(name)
        if name in ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP") and name not in found.ignores:
            self.end_process(process.pid)
        return True

    def wait_exit(self, process: Process, *, timeout: float) -> bool:
        if self.process(process.pid) != process:
            return True
        self.sleep(timeout)
        return self.process(process.pid) != process

    def wait_for(self, condition: Callable[[], bool], *, timeout: float, watch: Sequence[str] = ()) -> bool:
        deadline = self.uptime + timeout
        while not condition():
            if self.uptime >= deadline:
                return False
            self.sleep(0.1)
        return True

    def open_monitor(self, path: str, *, timeout: float = 30.0) -> Monitor:
        self.calls.append(("open_monitor", path))
        if path not in self.monitors:
            raise HostError(f"Nothing listens on the monitor {path}.", path=path)
        return self.monitors[path].opened()

    def open_stream(self, path: str) -> Stream:
        self.calls.append(("open_stream", path))
        if path not in self.streams:
            raise HostError(f"Cannot connect to {path}: Connection refused.", path=path)
        return self.streams[path].opened()

    def reaches(self, address: str, port: int, *, timeout: float) -> bool:
        self.calls.append(("reaches", (address, port)))
        return (address, port) in self.ports

    # inside

    def _answer(self, argv: Tuple[str, ...], stdin: bytes) -> Completed:
        if self.find_program(argv[0]) is None:
            raise MissingProgram(argv[0])
        answers = self._answers.get(posixpath.basename(argv[0]), [])
        if not answers:
            return Completed(argv, 0, b"", b"")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, Completed) else answer(argv, stdin)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one seam to the machine: what drivers may ask of the host they run on.

``host.local`` answers from the real machine, ``host.fake`` from memory. Nothing else in module_utils
opens a file, starts a process, looks at the environment or reads a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, ContextManager, Dict, List, Mapping, Optional, Protocol, Sequence, Tuple, Union


@dataclass(frozen=True)
class FileStat:
    """What a path is: ``kind`` is file, directory, block, char, fifo, socket or link (never followed).

    ``allocated`` is what it takes on its disk, in bytes.
    """

    kind: str
    size: int
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    device: int
    inode: int
    allocated: int = 0


@dataclass(frozen=True)
class FileSystem:
    """The file system that a path is on: its ``size``, what of it is ``available`` to us, a ``block``; in bytes."""

    size: int
    available: int
    block: int = 4096


@dataclass(frozen=True)
class Downloaded:
    """What a server has sent. ``changed`` is False when it said that what we have is still right, and sent nothing.

    ``size`` is in bytes, ``digests`` are hexadecimal by the name of their algorithm; ``etag`` and ``modified`` are the
    server's own words, to be shown to it the next time.
    """

    changed: bool
    size: int = 0
    digests: Mapping[str, str] = field(default_factory=dict)
    etag: Optional[str] = None
    modified: Optional[str] = None


@dataclass(frozen=True)
class Completed:
    """A program that has ended."""

    argv: Tuple[str, ...]
    code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class Listen:
    """A listening unix socket that a spawned program inherits as a file descriptor.

    ``owner`` is (uid, gid) of the socket file; an existing file at ``path`` is replaced.
    """

    path: str
    mode: int = 0o600
    owner: Optional[Tuple[int, int]] = None


@dataclass(frozen=True)
class Append:
    """A file that a spawned program inherits open for appending; it is emptied first where ``empty`` is set."""

    path: str
    mode: int = 0o600
    empty: bool = False


@dataclass(frozen=True)
class Read:
    """A file that a spawned program inherits open for reading."""

    path: str


@dataclass(frozen=True)
class Device:
    """A device file that a spawned program inherits open for reading and writing."""

    path: str


@dataclass(frozen=True)
class Tap:
    """A link of the host that a spawned program inherits as descriptors, one a queue, frames on them.

    ``kind`` says what it is: a ``tap`` that is made for the program and goes with it (with a ``%d`` in its name the
    kernel puts the first free number there), a tap of that name that is ``there`` already, or a ``macvtap`` that is.
    ``headers`` puts a virtio header before each frame. ``device`` is where taps come from.
    """

    name: str
    queues: int = 1
    kind: str = "tap"
    headers: bool = True
    device: str = "/dev/net/tun"


Inherited = Union[Listen, Append, Read, Device, Tap]


def first_descriptors(fds: Sequence[Inherited], first: int = 3) -> List[int]:
    """Return the number of the first descriptor that each of these becomes in a spawned program."""
    numbers = []
    for each in fds:
        numbers.append(first)
        first += each.queues if isinstance(each, Tap) else 1
    return numbers


@dataclass(frozen=True)
class Spawn:
    """A program to be left running in a session of its own.

    ``fds`` become the descriptors 3, 4, ... of the program, in order, a ``Tap`` one for each queue. ``user`` is the
    (uid, gid) it runs as, with ``groups`` as its supplementary groups. Standard input is /dev/null; output and errors
    are appended to ``log``.
    """

    argv: Tuple[str, ...]
    log: str
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "/"
    umask: int = 0o027
    user: Optional[Tuple[int, int]] = None
    groups: Tuple[int, ...] = ()
    fds: Tuple[Inherited, ...] = ()


@dataclass(frozen=True)
class Process:
    """A process that cannot be mistaken for a later one of the same pid.

    ``start`` is its start time in clock ticks since boot (field 22 of proc(5) stat). One that was just spawned has in
    ``taps`` the names of the links that it got, in their order.
    """

    pid: int
    start: int
    taps: Tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Question:
    """A message to the kernel over netlink(7): its type, and what follows the header.

    ``every`` asks for all that there is of it, which is answered by a message each.
    """

    kind: int
    data: bytes
    every: bool = False


class Monitor(Protocol):
    """A QMP session that has negotiated its capabilities."""

    def execute(self, command: str, arguments: Optional[Mapping[str, Any]] = None, *, timeout: float = 30.0) -> Any:
        """Run one command; raises MonitorError, MonitorClosed or TimedOut."""

    def wait_event(self, names: Sequence[str], *, timeout: float) -> Optional[Dict[str, Any]]:
        """Return the next event of these names (those that came earlier included), or None in time or at the end."""

    def lend_file(self, path: str, command: str, arguments: Mapping[str, Any]) -> None:
        """Make a file of our own, or empty it, and let QEMU have it open for writing, by a command that takes one.

        Raises HostError beside what ``execute`` does.
        """

    def close(self) -> None:
        """End the session; QEMU stays."""


class Stream(Protocol):
    """A connection to a unix socket over which plain bytes go."""

    def send(self, data: bytes, *, timeout: float) -> None:
        """Send all of it; raises TimedOut, or HostError when the other side has gone."""

    def receive(self, *, timeout: float) -> bytes:
        """Return what has come, at least a byte; nothing when the other side has gone. Raises TimedOut."""

    def close(self) -> None:
        """End the connection."""


class Host(Protocol):
    """Everything that a driver may know of, and do to, the machine. Failures raise HostError."""

    # facts
    def euid(self) -> int: ...

    def egid(self) -> int: ...

    def env(self, name: str) -> Optional[str]: ...

    def hostname(self) -> str: ...

    def machine_id(self) -> str: ...

    def boot_id(self) -> str: ...

    def architecture(self) -> str: ...

    def code_id(self) -> str: ...

    def user(self, name: str) -> Optional[Tuple[int, int]]: ...

    def groups(self, name: str) -> Tuple[int, ...]: ...

    def now(self) -> float: ...

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...

    # files; every write is a temporary file beside the target, fsync, rename
    def stat(self, path: str) -> Optional[FileStat]: ...

    def resolve(self, path: str) -> str: ...

    def writable(self, path: str) -> bool: ...

    def read(
        self, path: str, *, offset: int = 0, limit: Optional[int] = None, owner: Optional[int] = None
    ) -> Optional[bytes]: ...

    def tail(self, path: str, size: int) -> bytes: ...

    def write(
        self,
        path: str,
        data: bytes,
        *,
        mode: int = 0o600,
        owner: Optional[Tuple[int, int]] = None,
        lasting: bool = True,
    ) -> None: ...

    def shorten(self, path: str, keep: int, *, mark: bytes = b"") -> None: ...

    def entries(self, path: str) -> List[str]: ...

    def make_directory(self, path: str, *, mode: int = 0o755, owner: Optional[Tuple[int, int]] = None) -> None: ...

    def remove(self, path: str) -> bool: ...

    def remove_tree(self, path: str) -> bool: ...

    def rename(self, path: str, target: str, *, replace: bool = False) -> bool: ...

    def file_system(self, path: str) -> Optional[FileSystem]: ...

    def symlink(self, target: str, path: str) -> None: ...

    def change_owner(self, path: str, uid: int, gid: int) -> None: ...

    def change_mode(self, path: str, mode: int) -> None: ...

    def set_kernel(self, path: str, value: str) -> None: ...

    def lock(self, path: str, *, timeout: float = 30.0) -> ContextManager[None]: ...

    # large files; what fails leaves nothing behind
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
    ) -> Downloaded: ...

    def unpack(self, path: str, target: str, kind: str) -> None: ...

    # the kernel
    def netlink(self, bus: int, questions: Sequence[Question]) -> List[Tuple[bytes, ...]]:
        """Return the answers to each question, without headers; none for what is not there.

        ``bus`` is a protocol of linux/netlink.h. Only questions that change nothing belong here. Raises HostError, and
        OperationDenied where only root is answered.
        """

    # programs and processes
    def find_program(self, name: str) -> Optional[str]: ...

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float = 60.0,
        env: Optional[Mapping[str, str]] = None,
        check: bool = True,
        user: Optional[Tuple[int, int]] = None,
    ) -> Completed: ...

    def spawn(self, command: Spawn) -> Process: ...

    def process(self, pid: int) -> Optional[Process]: ...

    def signal(self, process: Process, name: str) -> bool: ...

    def wait_exit(self, process: Process, *, timeout: float) -> bool: ...

    def wait_for(self, condition: Callable[[], bool], *, timeout: float, watch: Sequence[str] = ()) -> bool: ...

    def open_monitor(self, path: str, *, timeout: float = 30.0) -> Monitor: ...

    def open_stream(self, path: str) -> Stream: ...

    def reaches(self, address: str, port: int, *, timeout: float) -> bool: ...

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leave a program running on the real machine, so that it outlives us, our terminal and our pipes.

We fork a child that begins a session and forks the program's process, which becomes a child of init. That process
tells us its pid and start time through a pipe that closes when the program is executed, and before that whatever
went wrong. What changes the whole process (directory, umask, user) happens there, never in ours.

Several threads may do so at the same time. Of our threads the child has only the one that forked, so what another one
holds stays held for ever there: the child takes no lock of Python's, and so it imports nothing.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import stat
from contextlib import suppress
from typing import Any, Dict, List, NoReturn, Optional, Tuple

from ..errors import HostError, MissingProgram
from .api import Append, Device, Inherited, Listen, Process, Read, Spawn, Tap, first_descriptors
from .local_address import socket_address
from .local_files import refusal
from .local_process import find_program, look_at

_BACKLOG = 16


class StepError(Exception):
    """What went wrong in the child: what it wanted to do, to what."""

    def __init__(self, verb: str, subject: str, error: BaseException) -> None:
        super().__init__(verb)
        self.report = {
            "verb": verb,
            "subject": subject,
            "errno": getattr(error, "errno", None),
            "text": str(error),
        }


def spawn(command: Spawn) -> Process:
    """Start the program; returns when it has been executed.

    Raises MissingProgram, or HostError with the step that failed. It is our process no more: it cannot become a
    zombie of ours.
    """
    program = find_program(command.argv[0])
    if program is None:
        raise MissingProgram(command.argv[0], hint="Install it, or add its directory to PATH.")
    if any(isinstance(each, Tap) for each in command.fds):
        from . import local_tap  # noqa: F401  # the child imports nothing: a thread that is importing is not in it
    reader, writer = os.pipe2(os.O_CLOEXEC)
    try:
        child = _fork(command, program, reader, writer)
    except OSError as error:
        os.close(reader)
        raise refusal("start", program, error) from error
    finally:
        os.close(writer)
    with open(reader, "rb") as pipe:
        said = pipe.read()
    with suppress(ChildProcessError):
        os.waitpid(child, 0)
    return _outcome(said.decode("utf-8", "replace").splitlines(), program)


def _outcome(lines: List[str], program: str) -> Process:
    """Return the process from what it said: its pid and start time, and an error where there was one."""
    reports = [json.loads(line) for line in lines]
    failure = next((report for report in reports if "verb" in report), None)
    if failure:
        raise _error(failure)
    if not reports:
        raise HostError(f"{program} was killed before it could be started.")
    taps = next((report["taps"] for report in reports if "taps" in report), ())
    return Process(reports[0]["pid"], reports[0]["start"], taps=tuple(taps))


def _error(failure: Dict[str, Any]) -> HostError:
    code: Optional[int] = failure["errno"]
    if failure["verb"] == "run" and code == errno.ENOENT:
        return MissingProgram(failure["subject"], hint="The file is there, but its interpreter or loader is not.")
    reason = OSError(code, os.strerror(code)) if code else ValueError(failure["text"])
    return refusal(failure["verb"], failure["subject"], reason)


def _fork(command: Spawn, program: str, reader: int, writer: int) -> int:
    """Fork the child that begins the session; returns its pid."""
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.close(reader)
        count = first_descriptors((*command.fds, Device("")))[-1]
        writer = fcntl.fcntl(writer, fcntl.F_DUPFD_CLOEXEC, count)
        _become(command, program, writer)
    except StepError as error:
        _tell(writer, error.report)
    except BaseException as error:
        _tell(writer, StepError("start", program, error).report)
    os._exit(127)


def _tell(writer: int, report: Dict[str, Any]) -> None:
    os.write(writer, json.dumps(report).encode("utf-8") + b"\n")


# from here on everything runs in the process that becomes the program


def _become(command: Spawn, program: str, writer: int) -> NoReturn:
    """Turn this process into the program; raises StepError."""
    found = look_at(os.getpid())
    if found is None:
        raise StepError("start", program, ValueError("/proc is not mounted"))
    _tell(writer, {"pid": found.pid, "start": found.start})
    log = _open_file("open the log", Append(command.log, 0o640))
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    taps: List[str] = []
    inherited = [number for each in command.fds for number in _inherited(each, taps)]
    _place([null, log, log, *inherited], writer)
    if taps:
        _tell(writer, {"taps": taps})
    _drop_privileges(command)
    os.umask(command.umask)
    try:
        os.chdir(command.cwd)
    except OSError as error:
        raise StepError("change to", command.cwd, error) from error
    _reset_signals()
    try:
        os.execve(program, list(command.argv), dict(command.env))
    except (OSError, ValueError) as error:
        raise StepError("run", program, error) from error


def _inherited(what: Inherited, taps: List[str]) -> List[int]:
    """Return what it becomes; the names of links are appended to ``taps``."""
    if isinstance(what, Tap):
        return _open_tap(what, taps)
    if isinstance(what, (Device, Read)):
        return [_open_there(what.path, os.O_RDWR if isinstance(what, Device) else os.O_RDONLY)]
    return [_listen(what) if isinstance(what, Listen) else _open_file("open", what)]


def _open_there(path: str, flags: int) -> int:
    try:
        return os.open(path, flags | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise StepError("open", path, error) from error


def _open_tap(tap: Tap, taps: List[str]) -> List[int]:
    from .local_tap import open_tap

    try:
        name, descriptors = open_tap(tap)
    except (OSError, ValueError) as error:
        raise StepError("make" if tap.kind == "tap" else "open", f"the link {tap.name}", error) from error
    taps.append(name)
    return descriptors


def _open_file(verb: str, file: Append) -> int:
    """Open a file for appending, made of our own user; never through a link."""
    os.umask(0o777 & ~file.mode)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(file.path, flags | (os.O_TRUNC if file.empty else 0), file.mode)
        os.set_blocking(descriptor, True)
    except (OSError, ValueError) as error:
        raise StepError(verb, file.path, error) from error
    return descriptor


def _listen(listen: Listen) -> int:
    """Return the descriptor of a listening socket at the path, in place of what was there."""
    try:
        with suppress(FileNotFoundError):
            os.unlink(listen.path)
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        os.umask(0o777 & ~listen.mode)
        with socket_address(listen.path) as address:
            server.bind(address)
            if listen.owner:
                _give_socket(address, listen.owner)
        server.listen(_BACKLOG)
        return server.detach()
    except (OSError, ValueError) as error:
        raise StepError("listen on", listen.path, error) from error


def _give_socket(address: str, owner: Tuple[int, int]) -> None:
    """Give the socket file away; the directory may be another user's, who could put a link to a file there."""
    descriptor = os.open(address, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK))
        os.chown(f"/proc/self/fd/{descriptor}", *owner)
    finally:
        os.close(descriptor)


def _place(descriptors: List[int], writer: int) -> None:
    """Make the descriptors 0, 1, 2, ... in order, and close all others but the writer, which is above them."""
    count = len(descriptors)
    # Out of the way first, so that none is overwritten before it has been copied.
    high = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, count + 1) for each in descriptors]
    for place, descriptor in enumerate(high):
        os.dup2(descriptor, place, inheritable=True)
    for name in os.listdir("/proc/self/fd"):
        if int(name) >= count and int(name) != writer:
            with suppress(OSError):
                os.close(int(name))


def _drop_privileges(command: Spawn) -> None:
    if command.user is None:
        return
    uid, gid = command.user
    try:
        if os.geteuid() == 0:
            os.setgroups(list(command.groups))
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        raise StepError("switch to", f"user {uid} and group {gid}", error) from error


def _reset_signals() -> None:
    """Undo what Python and whoever started us (nohup, Ansible) changed: the program expects the defaults."""
    for number in signal.valid_signals():
        with suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])

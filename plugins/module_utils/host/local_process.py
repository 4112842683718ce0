# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs and processes of the real machine: run one to its end, look at one, signal one, wait for its end.

``subprocess`` is imported in this file only.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import IO, Callable, Iterator, Mapping, Optional, Sequence, Tuple

from ..errors import CommandFailed, HostError, MissingProgram, TimedOut
from .api import Completed, Process
from .local_files import refusal, steady_umask

# A login of an ordinary user lacks the directories in which nft, ip and dnsmasq are.
_MORE_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin")

# Seconds that a program has between being asked to end and being killed.
_GRACE = 2.0


def find_program(name: str) -> Optional[str]:
    """Return the path of a program, looked up in PATH and in the system's directories; None when there is none."""
    directories = [part for part in os.environ.get("PATH", "").split(os.pathsep) if part.startswith("/")]
    return shutil.which(name, path=os.pathsep.join([*directories, *_MORE_DIRECTORIES]))


class LocalProcesses:
    """The process half of the Host protocol, without ``spawn``."""

    def find_program(self, name: str) -> Optional[str]:
        """Return the path of a program, or None."""
        return find_program(name)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float = 60.0,
        env: Optional[Mapping[str, str]] = None,
        check: bool = True,
        user: Optional[Tuple[int, int]] = None,
    ) -> Completed:
        """Run a program to its end, speaking English, in a session of its own; ``env`` adds to our environment.

        ``user`` is the (uid, gid) that it runs as, without any other group.

        Raises MissingProgram, CommandFailed when ``check`` and the code is not 0, and TimedOut after ``timeout``
        seconds, when the program and its children have been ended. Input and output go through memory files: a
        child that goes on in the background cannot hold us.
        """
        if isinstance(argv, str):
            raise TypeError("argv is a sequence of words, never one string")
        with _memory(stdin) as given, _memory() as out, _memory() as err:
            child = _start(tuple(argv), given, out, err, env, user)
            code = _wait(child, tuple(argv), timeout)
            completed = Completed(tuple(argv), code, _content(out), _content(err))
        if check and code:
            raise CommandFailed(argv, code, completed.stderr.decode("utf-8", "replace"))
        return completed

    def process(self, pid: int) -> Optional[Process]:
        """Return the process of that pid, or None when it is gone or only waits to be reaped."""
        return look_at(pid)

    def signal(self, process: Process, name: str) -> bool:
        """Send a signal such as SIGTERM; False when the process is gone, even if its pid is in use again."""
        number = signal.Signals[name]
        try:
            with _pidfd(process) as descriptor:
                if look_at(process.pid) != process:
                    return False
                if descriptor is None:
                    os.kill(process.pid, number)
                else:
                    signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return False
        except OSError as error:
            raise refusal(f"send {name} to", f"process {process.pid}", error) from error
        return True

    def wait_exit(self, process: Process, *, timeout: float) -> bool:
        """Wait until the process has ended; False after ``timeout`` seconds."""
        with suppress(ProcessLookupError), _pidfd(process) as descriptor:
            if look_at(process.pid) != process:
                return True
            if descriptor is None:
                return self.wait_for(lambda: look_at(process.pid) != process, timeout=timeout)
            return _is_over(descriptor, timeout)
        return True

    def wait_for(self, condition: Callable[[], bool], *, timeout: float, watch: Sequence[str] = ()) -> bool:
        """Wait until the condition holds; False after ``timeout`` seconds.

        Files in ``watch`` tell when it is worth asking: then the condition is asked when one of them has changed, and
        four times a second. Without them it is asked at growing intervals of at most 50 ms.
        """
        deadline = time.monotonic() + timeout
        delay = 0.001
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if watch:
                _wait_for_change(watch, min(left, 0.25))
            else:
                time.sleep(min(delay, left))
                delay = min(delay * 2, 0.05)
        return True


def look_at(pid: int) -> Optional[Process]:
    """Return the process of that pid; None when it is gone or a zombie. See proc(5), stat."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # the second field is the program's name in parentheses, which may itself hold spaces and parentheses
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError, NotADirectoryError):
        return None
    except OSError as error:
        raise refusal("look at", f"process {pid}", error) from error
    return None if fields[0] in (b"Z", b"X") else Process(pid, int(fields[19]))


@contextmanager
def _pidfd(process: Process) -> Iterator[Optional[int]]:
    """Hold on to whatever has the pid now; None where the kernel or Python cannot. Raises ProcessLookupError."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        raise
    except (AttributeError, OSError):
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_over(descriptor: int, timeout: float) -> bool:
    """Wait for the end of a process by its pidfd."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(0, timeout) * 1000))


def _wait_for_change(paths: Sequence[str], timeout: float) -> None:
    before = _signatures(paths)
    deadline = time.monotonic() + timeout
    while _signatures(paths) == before and time.monotonic() < deadline:
        time.sleep(0.005)


def _signatures(paths: Sequence[str]) -> Tuple[object, ...]:
    return tuple(_signature(path) for path in paths)


def _signature(path: str) -> object:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns)


@contextmanager
def _memory(data: bytes = b"") -> Iterator[IO[bytes]]:
    """A file that is never on a disk, since what goes through it may be secret."""
    with open(os.memfd_create("corral", os.MFD_CLOEXEC), "w+b", buffering=0) as file:
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]
        file.seek(0)
        yield file


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def _start(
    argv: Tuple[str, ...],
    given: IO[bytes],
    out: IO[bytes],
    err: IO[bytes],
    env: Optional[Mapping[str, str]],
    user: Optional[Tuple[int, int]],
) -> subprocess.Popen[bytes]:
    program = find_program(argv[0])
    if program is None:
        raise MissingProgram(argv[0], hint="Install it, or add its directory to PATH.")
    environment = {**os.environ, "LC_ALL": "C", **(env or {})}
    try:
        with steady_umask():
            # the seam's one place that runs programs; it knows of no module object
            return subprocess.Popen(  # pylint: disable=ansible-bad-function
                argv,
                executable=program,
                stdin=given,
                stdout=out,
                stderr=err,
                env=environment,
                cwd="/",
                start_new_session=True,
                user=user[0] if user else None,
                group=user[1] if user else None,
                extra_groups=() if user else None,
            )
    except FileNotFoundError as error:
        raise MissingProgram(argv[0], hint=f"{program} is there, but its interpreter or loader is not.") from error
    except (OSError, ValueError) as error:
        raise refusal("run", argv[0], error) from error


def _wait(child: subprocess.Popen[bytes], argv: Tuple[str, ...], timeout: float) -> int:
    """Return the exit code; ends the child's process group when it takes too long or we are interrupted."""
    try:
        _wait_quickly(child, timeout)
        return child.wait(0.01)
    except subprocess.TimeoutExpired as error:
        _end_group(child)
        raise TimedOut(
            f"{argv[0]} did not end within {timeout:g} seconds and was stopped.", argv=list(argv), timeout=timeout
        ) from error
    except BaseException:
        _end_group(child)
        raise


def _wait_quickly(child: subprocess.Popen[bytes], timeout: float) -> None:
    """Wait like Popen.wait, but return at once when the child ends; Popen's own timed wait sleeps and looks."""
    with _pidfd(Process(child.pid, 0)) as descriptor:
        if descriptor is None:
            child.wait(timeout)
        else:
            _is_over(descriptor, timeout)


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """Ask the child and all that it started to end, and kill what is left; nothing stays to be reaped."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        child.wait(_GRACE)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    try:
        child.wait(_GRACE)
    except subprocess.TimeoutExpired:
        raise HostError(
            f"Process {child.pid} cannot be ended.", hint="It waits for the kernel: look at its disk or network."
        ) from None

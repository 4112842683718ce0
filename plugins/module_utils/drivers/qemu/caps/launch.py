# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start a QEMU binary without a machine, ask it what it can do, and end it again, whatever happens."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import Iterator, Tuple

from ....errors import CorralError, HostError, MissingLibrary, MissingProgram, MonitorError, OperationFailed, TimedOut
from ....host.api import Host, Listen, Monitor, Process, Spawn
from .account import OURSELVES, Account
from .model import KVM, TCG, Capabilities
from .probe import add_tcg, needs_tcg, probe

# Seconds: to answer on the monitor after a start, to end by itself, to be gone after SIGKILL.
START, END, KILLED = 15.0, 2.0, 5.0

# QEMU gets no more of our environment than it needs; its words shall be English.
ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}

# How QEMU begins what is neither an error nor a warning, as that it waits for us.
NEWS = ": info: "


def monitor(wait: str) -> Tuple[str, ...]:
    """The arguments for a monitor on descriptor 3; with ``on`` QEMU goes on once somebody asks, see guest.launch."""
    return ("-chardev", f"socket,id=monitor,fd=3,server=on,wait={wait}", "-mon", "chardev=monitor,mode=control")


def probe_binary(host: Host, binary: str, scratch: str, *, kvm: bool, account: Account = OURSELVES) -> Capabilities:
    """Start the binary once, or twice with KVM, and return what it answers.

    ``scratch`` is the beginning of the paths of a log and a socket, in a directory that is there; whoever calls holds
    a lock for it. ``kvm`` says that KVM has been proven. Raises MissingProgram when there is no such binary, and
    OperationFailed with QEMU's own words when it cannot be asked.
    """
    try:
        with _monitor(host, binary, scratch, f"{KVM}:{TCG}" if kvm else TCG, account) as monitor:
            caps = probe(monitor.execute, binary=binary)
        if needs_tcg(caps):
            with _monitor(host, binary, scratch, TCG, account) as monitor:
                caps = add_tcg(caps, monitor.execute)
    except (KeyError, TypeError) as error:
        raise OperationFailed(f"{binary} does not answer like a QEMU: {error!r} is wrong.") from error
    return caps


def arguments(binary: str, accel: str) -> Tuple[str, ...]:
    """The command line of a QEMU that only answers questions; it waits until somebody asks."""
    return (
        *(binary, "-S", "-no-user-config", "-nodefaults", "-nographic"),
        *("-machine", f"none,accel={accel}"),
        *monitor(wait="on"),
    )


@contextmanager
def _monitor(host: Host, binary: str, scratch: str, accel: str, account: Account) -> Iterator[Monitor]:
    log, socket = f"{scratch}.log", f"{scratch}.sock"
    process = start(host, arguments(binary, accel), log, socket, account)
    try:
        monitor = host.open_monitor(socket, timeout=START)
        try:
            yield monitor
        finally:
            with suppress(MonitorError, TimedOut, HostError):
                monitor.execute("quit", timeout=END)
            monitor.close()
    except MissingLibrary:
        raise
    except (MonitorError, TimedOut, HostError) as error:
        raise _unanswered(host, binary, log, error) from error
    finally:
        end(host, process)
        host.remove(socket)


def start(host: Host, argv: Tuple[str, ...], log: str, socket: str, account: Account) -> Process:
    """Start a QEMU as somebody, with a fresh log; raises MissingProgram, or OperationFailed when it is no program."""
    _sweep(host, socket)
    host.remove(log)
    inherited = (Listen(socket),)  # ours alone: no guest that has broken out may answer for QEMU, or ask it
    try:
        return host.spawn(Spawn(argv, log, ENVIRONMENT, user=account.user, groups=account.groups, fds=inherited))
    except MissingProgram:
        raise
    except HostError as error:
        raise OperationFailed(f"{argv[0]} cannot be started as a QEMU: {error.message}") from error


def _sweep(host: Host, socket: str) -> None:
    """End the QEMU of a run that was killed before it could do so itself: its socket is still there."""
    if host.stat(socket) is None:
        return
    with suppress(MonitorError, TimedOut, HostError):
        left = host.open_monitor(socket, timeout=END)
        with suppress(MonitorError, TimedOut):
            left.execute("quit", timeout=END)
        left.close()
    host.remove(socket)


def end(host: Host, process: Process, *, patience: float = END) -> None:
    """Let a process that was told to end do so, and kill it when it does not."""
    if not host.wait_exit(process, timeout=patience):
        host.signal(process, "SIGKILL")
        host.wait_exit(process, timeout=KILLED)


def words(host: Host, log: str) -> str:
    """The last line that a QEMU wrote into its log and that is more than news; empty when there is none."""
    lines = host.tail(log, 2000).decode("utf-8", "replace").strip().splitlines()
    return next((line.strip() for line in reversed(lines) if NEWS not in line), "")


def _unanswered(host: Host, binary: str, log: str, error: CorralError) -> OperationFailed:
    said = words(host, log) or error.message
    return OperationFailed(
        f"{binary} could not be asked what it can do: {said.rstrip('.')}.",
        hint="Is it a QEMU system emulator that runs on this host? Try it by hand with --version.",
        cause=error.message,
    )

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs and files inside a guest, by its agent.

The channel of an agent serves one client at a time, and the next one waits until it hangs up. So none is held for
long. Handles of files and the numbers of processes outlive a session, so the work goes on in the next one.
Source of the rules: QEMU's qga/qapi-schema.json, qga/commands.c and qga/commands-posix.c.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from contextlib import ExitStack, suppress
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from ....errors import CorralError, OperationDenied, OperationFailed, OperationInvalid, TimedOut
from ...contracts.inside import Ended
from .agent import Agent, AgentError
from .site import Site
from .talk import agent_of

# How long a session is held while others may wait, in seconds; a new one costs up to a tenth of a second.
TURN = 2.0
# The agent has no event for the end of a program. It is asked again after a tenth of the time that it has run already.
SHORTEST_PAUSE, LONGEST_PAUSE, SHARE = 0.005, 1.0, 10
# From this pause on, others get their turn meanwhile.
LONG_PAUSE = 0.2
# Bytes of a file in one command.
CHUNK = 256 << 10
# The agent keeps 16 MiB of each of the two outputs of a program; base64 makes a third more of it.
MOST_OUTPUT = 2 * (16 << 20) * 4 // 3 + 4096
MOST_CHUNK = CHUNK * 4 // 3 + 4096
SHORT_ANSWER = 4096
# No channel is slower than that, in bytes a second: what is sent and what comes may take so much longer.
SLOWEST = 256 << 10

ALLOW = (
    "In the guest, look at /etc/sysconfig/qemu-ga (Fedora, RHEL and their like: BLOCK_RPCS, BLACKLIST_RPC, or the"
    " --block-rpcs and --allow-rpcs of FILTER_RPC_ARGS and QEMU_GA_ARGS) or /etc/qemu/qemu-ga.conf (block-rpcs,"
    " allow-rpcs). Allow guest-exec, guest-exec-status, and guest-file-open, -write, -read, -seek and -close there, and"
    " restart the service qemu-guest-agent."
)
UPDATE = "Its agent is too old for that; QEMU's agent has it since version 2.5."
CONFINED = (
    "In a guest with SELinux, which keeps the agent from running programs, allow it with"
    " 'setsebool -P virt_qemu_ga_run_unconfined on' where its policy has that, or with"
    " 'semanage permissive -a virt_qemu_ga_t'."
)
# What an agent says → what that means, and what to do about it.
REFUSALS: Tuple[Tuple[Tuple[str, ...], str, str], ...] = (
    (("disabled", "not allowed", "blocked"), "The guest agent of {name} is not allowed {command}.", ALLOW),
    (("has not been found",), "The guest agent of {name} does not know {command}.", UPDATE),
)


class InsideGuest:
    """The ``Inside`` of a guest that QEMU runs; ``patience`` is how many seconds its agent may take to answer."""

    def __init__(self, site: Site, name: str, patience: float) -> None:
        self._site = site
        self._name = name
        self._patience = patience

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float = 0) -> Ended:
        """Run a program to its end; raises TimedOut after ``timeout`` seconds, where that is not 0."""
        clock = self._site.host.monotonic
        with Turns(self._site, self._name, self._patience) as turns:
            pid = _number(turns.ask("guest-exec", _order(argv, stdin)), "pid")
            began = clock()
            while True:
                found = turns.ask("guest-exec-status", {"pid": pid}, most=MOST_OUTPUT)
                if found.get("exited") is True:
                    return _ended(found)
                ran = clock() - began
                if timeout and ran >= timeout:
                    _kill(turns, pid)
                    raise TimedOut(f"The command did not end within {timeout:g} seconds, and was killed.")
                turns.pause(min(max(SHORTEST_PAUSE, ran / SHARE), LONGEST_PAUSE))

    def write(self, path: str, data: bytes, *, append: bool = False) -> None:
        """Write to a file, from its beginning or from its end on; a file that is not there is made."""
        with (
            Turns(self._site, self._name, self._patience) as turns,
            OpenFile(turns, path, "a" if append else "w") as at,
        ):
            start = 0
            while start < len(data):
                piece = b64encode(data[start : start + CHUNK]).decode("ascii")
                written = _number(turns.ask("guest-file-write", {"handle": at, "buf-b64": piece}), "count")
                if written < 1:
                    raise OperationFailed(f"The guest wrote nothing to {path}: its file system may be full.")
                start += written

    def read(self, path: str, *, offset: int, size: int) -> Tuple[bytes, bool]:
        """Return at most ``size`` bytes of a file from ``offset`` on, and whether this was the last of it."""
        with Turns(self._site, self._name, self._patience) as turns, OpenFile(turns, path, "r") as at:
            if offset:
                turns.ask("guest-file-seek", {"handle": at, "offset": offset, "whence": 0})
            had = bytearray()
            while len(had) < size:
                wanted = min(CHUNK, size - len(had))
                found = turns.ask("guest-file-read", {"handle": at, "count": wanted}, most=MOST_CHUNK)
                piece = _bytes(found, "buf-b64")[:wanted]
                had += piece
                if found.get("eof") is True or not piece:
                    return bytes(had), True
            return bytes(had), False


class Turns:
    """Sessions with the agent of a guest, one after the other, so that others get their turn."""

    def __init__(self, site: Site, name: str, patience: float) -> None:
        self._site, self._name, self._patience = site, name, patience
        self._session = ExitStack()
        self._agent: Optional[Agent] = None
        self._until = 0.0

    def __enter__(self) -> Turns:
        return self

    def __exit__(self, *_failure: object) -> None:
        self._hang_up()

    def ask(self, command: str, arguments: Mapping[str, Any], *, most: int = SHORT_ANSWER) -> Dict[str, Any]:
        """Run one command that answers with an object, whose text has at most ``most`` bytes."""
        found = self.ask_any(command, arguments, most=most)
        return found if isinstance(found, dict) else {}

    def ask_any(self, command: str, arguments: Mapping[str, Any], *, most: int = SHORT_ANSWER) -> Any:
        """Run one command; raises what kept the agent from it."""
        sent = sum(len(value) for value in arguments.values() if isinstance(value, str))
        patience = self._patience + (sent + most) / SLOWEST
        try:
            return self._connected().execute(command, arguments, timeout=patience, most=most)
        except AgentError as error:
            raise _refused(self._name, error) from error
        except TimedOut as error:
            raise _silent(self._name) from error

    def pause(self, seconds: float) -> None:
        """Wait; others may speak to the agent meanwhile, when that is long enough."""
        if seconds >= LONG_PAUSE:
            self._hang_up()
        self._site.host.sleep(seconds)

    def _connected(self) -> Agent:
        now = self._site.host.monotonic()
        if self._agent is not None and now >= self._until:
            self._hang_up()
        if self._agent is None:
            self._agent = self._session.enter_context(agent_of(self._site, self._name, timeout=self._patience))
            self._until = now + TURN
        return self._agent

    def _hang_up(self) -> None:
        self._agent = None
        self._session.close()


class OpenFile:
    """A file that is open in the guest, as the number of its handle; it is closed in the end."""

    def __init__(self, turns: Turns, path: str, mode: str) -> None:
        self._turns = turns
        self._handle = _whole(turns.ask_any("guest-file-open", {"path": path, "mode": mode}))

    def __enter__(self) -> int:
        return self._handle

    def __exit__(self, kind: object, *_failure: object) -> None:
        try:
            self._turns.ask("guest-file-close", {"handle": self._handle})
        except CorralError:
            if kind is None:  # what was written last may be lost; after another failure that one is told
                raise


def _order(argv: Sequence[str], stdin: bytes) -> Dict[str, Any]:
    order: Dict[str, Any] = {"path": argv[0], "arg": list(argv[1:]), "capture-output": True}
    return {**order, "input-data": b64encode(stdin).decode("ascii")} if stdin else order


def _ended(found: Mapping[str, Any]) -> Ended:
    if found.get("out-truncated") is True or found.get("err-truncated") is True:
        raise OperationFailed(
            "The command wrote more than the guest agent keeps, which is 16 MiB.",
            hint="Let it write to a file in the guest, and fetch that.",
        )
    signal = found.get("signal")
    code = 128 + signal if isinstance(signal, int) else _number(found, "exitcode")
    return Ended(code, _bytes(found, "out-data"), _bytes(found, "err-data"))


def _kill(turns: Turns, pid: int) -> None:
    """End a program; the agent has no command for that, so another program does it."""
    with suppress(CorralError):
        turns.ask("guest-exec", {"path": "/bin/sh", "arg": ["-c", f"kill -KILL {pid}"]})


def _refused(name: str, error: AgentError) -> CorralError:
    """What an agent's refusal means."""
    said = error.description.lower()
    if "handle" in said and "has not been found" in said:
        return _anew(name)
    for words, message, hint in REFUSALS:
        if any(word in said for word in words):
            return OperationDenied(message.format(name=name, command=error.command), hint=hint, said=error.description)
    if error.command == "guest-exec-status":
        return _anew(name)
    confined = error.command == "guest-exec" and "permission denied" in said
    return OperationFailed(error.message, hint=CONFINED if confined else None)


def _anew(name: str) -> OperationInvalid:
    """The agent does not know what it was asked to do before: it is another one by now."""
    return OperationInvalid(
        f"The guest agent of {name} was started anew in the middle of it, so nobody knows what has become of it.",
        hint="The guest was probably rebooted. Look in it what was done, and run this again.",
    )


def _silent(name: str) -> TimedOut:
    return TimedOut(
        f"The guest agent of {name} did not answer in time.",
        hint="The guest may hang, its agent may have been restarted, or somebody else may hold the agent's channel.",
    )


def _number(found: Mapping[str, Any], key: str) -> int:
    return _whole(found.get(key))


def _whole(found: Any) -> int:
    if isinstance(found, int) and not isinstance(found, bool):
        return found
    raise OperationFailed("What listens to the channel of the guest agent does not speak its language.")


def _bytes(found: Mapping[str, Any], key: str) -> bytes:
    try:
        return b64decode(found.get(key) or "", validate=True)
    except (TypeError, ValueError) as error:
        raise OperationFailed("What the guest agent sent is not what it says: no base64.") from error

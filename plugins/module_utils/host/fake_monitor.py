# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A QMP session in memory for tests: scripted answers, events that a test puts in, and what was asked."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Protocol, Sequence, Tuple, Union

from ..errors import MonitorClosed, MonitorError

Arguments = Mapping[str, Any]
Answer = Union[Callable[[Arguments], Any], BaseException, Dict[str, Any], List[Any], str, int, None]


class Machine(Protocol):
    """What a monitor needs of the fake host: its counter of changing calls, and its clock."""

    def changing(self, call: str, subject: Any) -> None: ...
    def sleep(self, seconds: float) -> None: ...


class FakeMonitor:
    """The Monitor protocol from a table: command -> answer.

    An answer is a value, an error to raise, or a function of the arguments. A command that is not in the table is
    answered like by QEMU: CommandNotFound. Commands whose names begin with ``query-`` do not count as changes.
    """

    def __init__(self, answers: Optional[Mapping[str, Answer]] = None) -> None:
        self.answers: Dict[str, Answer] = {"quit": {}, **(answers or {})}
        self.events: List[Dict[str, Any]] = []
        self.commands: List[Tuple[str, Dict[str, Any]]] = []
        self.lent = ""
        self.closed = False
        self.gone = False
        self.host: Optional[Machine] = None

    def add_event(self, name: str, **data: Any) -> None:
        """Let QEMU have sent an event."""
        self.events.append({"event": name, "data": data, "timestamp": {"seconds": 0, "microseconds": 0}})

    def opened(self) -> FakeMonitor:
        """Return the session, open again."""
        self.closed = False
        return self

    def execute(self, command: str, arguments: Optional[Arguments] = None, *, timeout: float = 30.0) -> Any:
        given = dict(arguments or {})
        if self.host and not command.startswith("query-"):
            self.host.changing("execute", (command, given))
        self.commands.append((command, given))
        if self.closed or self.gone:
            raise MonitorClosed(command)
        if command not in self.answers:
            raise MonitorError(command, "CommandNotFound", f"The command {command} has not been found")
        answer = self.answers[command]
        if isinstance(answer, BaseException):
            raise answer
        return answer(given) if callable(answer) else answer

    def wait_event(self, names: Sequence[str], *, timeout: float) -> Optional[Dict[str, Any]]:
        for index, event in enumerate(self.events):
            if event["event"] in names:
                return self.events.pop(index)
        if self.host and not self.gone:
            self.host.sleep(timeout)
        return None

    def lend_file(self, path: str, command: str, arguments: Arguments) -> None:
        self.lent = path
        self.execute(command, arguments)

    def close(self) -> None:
        self.closed = True

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small client of the QEMU guest agent, over the socket of the guest's channel.

What answers is a program inside the guest: it may be slow, talk nonsense, or not be there. So every exchange is
bounded in time and in bytes, begins with guest-sync-delimited (which also takes away what an earlier client left), and
no answer is trusted to have the shape that it should. Source of the rules: QEMU's qga/qapi-schema.json.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional

from ....errors import HostError, MonitorClosed, MonitorError, OperationFailed, TimedOut
from ....host.api import Host, Stream
from ....host.layout import short_name
from ....model.domain.chardev import Channel
from ....model.domain.core import Domain
from .journal import Entry

CHANNEL = "org.qemu.guest_agent.0"
# The byte that ends what came before, in both directions; no JSON text in UTF-8 holds it.
DELIMITER = b"\xff"
# More than any answer that we ask for; a guest that sends more is not an agent.
MOST = 1 << 20
SYNC_TIMEOUT, ANSWER_TIMEOUT = 5.0, 10.0
# An agent that is restarted takes with it what it has read. So who gets no answer to his first words for so long says
# them again, and then waits twice as long.
REPEAT = 2.0
# The agent answers guest-shutdown only when it fails: silence for so long is success.
SILENCE = 2.0


class AgentError(MonitorError):
    """The agent answered a command with an error."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(command, "AgentError", description)
        self.message = f"The guest agent refused {command}: {description}"


def agent_channel(domain: Domain) -> Optional[Channel]:
    """The guest's channel that the agent listens to, or None."""
    rows = [channel for channel in domain.all(Channel) if channel.name == CHANNEL and channel.type == "unix"]
    return rows[0] if rows else None


def agent_socket(domain: Domain, directory: str) -> Optional[str]:
    """The socket of that channel, which is in the guest's directory unless the document says another one."""
    channel = agent_channel(domain)
    if channel is None:
        return None
    source = channel.source
    return source.path if source is not None and source.path else f"{directory}/channel-{short_name(CHANNEL)}"


def agent_opened(domain: Domain, entries: Iterable[Entry]) -> Optional[bool]:
    """Whether the guest has its end of the channel open, None without a channel; read from the journal of events."""
    channel = agent_channel(domain)
    if channel is None:
        return None
    opened = False
    for entry in entries:
        if entry.name == "VSERPORT_CHANGE" and entry.data.get("id") == channel.id():
            opened = bool(entry.data.get("open"))
    return opened


class Agent:
    """A session with the agent of one guest; ``open_agent`` makes it."""

    def __init__(self, host: Host, stream: Stream) -> None:
        self._host = host
        self._stream = stream
        self._read = b""

    def sync(self, *, timeout: float = SYNC_TIMEOUT) -> None:
        """Make sure that the agent listens, and that the next answer is ours; raises TimedOut or MonitorClosed."""
        deadline = self._host.monotonic() + timeout
        first = number = int(self._host.now() * 1000) & 0x7FFFFFFF
        pause = REPEAT
        while True:
            self._send("guest-sync-delimited", {"id": number}, timeout, before=DELIMITER)
            try:
                return self._answered(first, number, self._host.monotonic() + pause, deadline)
            except TimedOut:
                if self._host.monotonic() >= deadline:
                    raise
            number, pause = number + 1, pause * 2

    def execute(
        self,
        command: str,
        arguments: Optional[Mapping[str, Any]] = None,
        *,
        timeout: float = ANSWER_TIMEOUT,
        most: Optional[int] = None,
    ) -> Any:
        """Run one command whose answer has at most ``most`` bytes; raises AgentError, TimedOut or MonitorClosed."""
        deadline = self._host.monotonic() + timeout
        self._send(command, arguments, timeout)
        while True:
            answer = self._line(deadline, most)
            if "error" in answer:
                raise AgentError(command, _words(answer["error"]))
            if "return" in answer:
                return answer["return"]

    def shutdown(self, mode: str) -> None:
        """Ask the guest's system to power down, or to reboot (``mode`` is powerdown or reboot)."""
        with suppress(TimedOut, MonitorClosed):  # no answer is the good answer
            self.execute("guest-shutdown", {"mode": mode}, timeout=SILENCE)

    def close(self) -> None:
        """End the session."""
        self._stream.close()

    def _answered(self, first: int, last: int, soon: float, deadline: float) -> None:
        """Read until the last of these numbers has come back: ``soon``, or in time when one of the others has."""
        until = min(soon, deadline)
        while True:
            self._skip_to(DELIMITER, until)
            number = self._line(until).get("return")
            if number == last:
                return
            if isinstance(number, int) and first <= number < last:
                until = deadline  # it listens, and answers one after the other

    def _send(
        self, command: str, arguments: Optional[Mapping[str, Any]], timeout: float, *, before: bytes = b""
    ) -> None:
        request: Dict[str, Any] = {"execute": command}
        if arguments:
            request["arguments"] = dict(arguments)
        try:
            self._stream.send(before + json.dumps(request).encode() + b"\n", timeout=timeout)
        except HostError as error:
            raise MonitorClosed(command, "its channel was closed") from error

    def _skip_to(self, mark: bytes, deadline: float) -> None:
        """Forget what comes before the mark, and the mark."""
        skipped = 0
        while mark not in self._read:
            skipped += len(self._read)
            self._read = b""
            self._more(deadline, skipped)
        self._read = self._read.partition(mark)[2]

    def _line(self, deadline: float, most: Optional[int] = None) -> Dict[str, Any]:
        """The next line as an object; an empty one for what is none."""
        while b"\n" not in self._read:
            self._more(deadline, len(self._read), most)
        line, _newline, self._read = self._read.partition(b"\n")
        try:
            found = json.loads(line.strip(DELIMITER))
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def _more(self, deadline: float, had: int, most: Optional[int] = None) -> None:
        left = deadline - self._host.monotonic()
        if left <= 0:
            raise TimedOut("The guest agent did not answer in time.")
        if had > (most or MOST):
            raise OperationFailed("What listens to the channel of the guest agent does not speak its language.")
        data = self._stream.receive(timeout=left)
        if not data:
            raise MonitorClosed("guest agent", "its channel was closed")
        self._read += data


def open_agent(host: Host, path: str, *, timeout: float = SYNC_TIMEOUT) -> Agent:
    """Connect to the agent behind a socket; raises HostError, TimedOut, MonitorClosed or OperationFailed."""
    agent = Agent(host, host.open_stream(path))
    try:
        agent.sync(timeout=timeout)
    except BaseException:
        agent.close()
        raise
    return agent


def describe(agent: Agent) -> Dict[str, Any]:
    """What a guest says of itself: ``hostname``, ``os`` (pretty name and kernel) and ``interfaces``.

    A command that this agent lacks, or that fails, leaves its part empty.
    """
    name, system = _asked(agent, "guest-get-host-name"), _asked(agent, "guest-get-osinfo")
    return {
        "hostname": _text(name, "host-name"),
        "os": {"name": _text(system, "pretty-name"), "kernel": _text(system, "kernel-release")},
        "interfaces": interfaces(agent),
    }


def interfaces(agent: Agent) -> List[Dict[str, Any]]:
    """The guest's network interfaces: ``name``, ``mac`` and ``addresses`` (each with its prefix length)."""
    rows = _asked(agent, "guest-network-get-interfaces")
    return [_interface(row) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _interface(row: Mapping[str, Any]) -> Dict[str, Any]:
    rows = row.get("ip-addresses")
    found = [_address(entry) for entry in rows] if isinstance(rows, list) else []
    return {
        "name": _text(row, "name"),
        "mac": _text(row, "hardware-address"),
        "addresses": [address for address in found if address],
    }


def _address(entry: Any) -> str:
    """An address with its prefix length; nothing for what is none, such as a name that we would look up."""
    from ipaddress import ip_interface

    prefix = entry.get("prefix") if isinstance(entry, dict) else None
    try:
        return str(ip_interface(f"{_text(entry, 'ip-address')}/{prefix}"))
    except ValueError:
        return ""


def reachable(rows: List[Dict[str, Any]]) -> Iterator[str]:
    """The addresses at which others may reach a guest, IPv4 first: not its loopback, not those of one link only."""
    found = [address.partition("/")[0] for row in rows for address in row["addresses"]]
    usable = [address for address in found if not address.lower().startswith(("127.", "::1", "fe80:", "169.254."))]
    yield from sorted(usable, key=lambda address: ":" in address)


def _asked(agent: Agent, command: str) -> Any:
    try:
        return agent.execute(command)
    except AgentError:
        return None


def _text(found: Any, key: str) -> Optional[str]:
    value = found.get(key) if isinstance(found, dict) else None
    return value if isinstance(value, str) else None


def _words(error: Any) -> str:
    return _text(error, "desc") or "it does not say why"

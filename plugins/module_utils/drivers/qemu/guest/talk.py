# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Speaking to what runs: a monitor session that says which process hangs, and a session with the guest's agent."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator, List, Optional

from ....errors import OperationInvalid, TimedOut
from ....host.api import Host, Monitor, Process
from ....model.domain.core import Domain
from .agent import SYNC_TIMEOUT, Agent, agent_opened, agent_socket, open_agent
from .site import Site
from .status import Status
from .stop import runs

# QEMU greets within milliseconds unless it hangs, or somebody else is connected.
GREETING_TIMEOUT = 10.0

# What the kernel says of a process (proc(5) stat, field 3), for those that cannot answer.
PLIGHTS = {
    "T": ("it is stopped by a signal", "kill -CONT {pid} lets it go on."),
    "t": ("a debugger holds it", "End the debugger."),
    "D": ("it waits for its storage", "Look at dmesg, and at the storage of its images."),
}
# Any program waits for its storage now and then: one that does so after these seconds, too, hangs.
PASSING = 0.5


def status_of(site: Site, name: str) -> Status:
    """The status of a guest that runs; raises OperationInvalid."""
    status = site.status(name)
    if status is None or not runs(site, status):
        raise OperationInvalid(f"Guest {name} is not running.")
    return status


def process_of(site: Site, name: str) -> Optional[Process]:
    """The process of a guest that runs, or None."""
    status = site.status(name)
    return Process(status.pid, status.start) if status is not None and runs(site, status) else None


@contextmanager
def monitor_of(site: Site, name: str) -> Iterator[Monitor]:
    """Hold a session with QEMU; one that does not answer in time is an error that names its process."""
    status = status_of(site, name)
    monitor = open_monitor(site, name, status)
    try:
        yield monitor
    except TimedOut as error:
        raise hung(site.host, name, status.pid, error) from error
    finally:
        monitor.close()


def open_monitor(site: Site, name: str, status: Optional[Status]) -> Monitor:
    """Open a session with QEMU; one that cannot answer, or does not greet in time, is an error that names its process.

    One that the kernel says cannot answer is not waited for: a look at many guests would take that long for each.
    """
    if status is not None and _lasting(site.host, status.pid) in PLIGHTS:
        raise hung(site.host, name, status.pid, TimedOut("QEMU does not answer."))
    try:
        return site.host.open_monitor(site.layout.monitor(name), timeout=GREETING_TIMEOUT)
    except TimedOut as error:
        raise hung(site.host, name, status.pid if status else 0, error) from error


def hung(host: Host, name: str, pid: int, error: TimedOut) -> TimedOut:
    """The error for a QEMU that does not answer."""
    why, advice = PLIGHTS.get(_state(host, pid), ("", error.hint or ""))
    told = f"{error.message.rstrip('.')}; its process is {pid}" + (f", and {why}." if why else ".")
    hint = advice.format(pid=pid) + " The guest can be ended by state: stopped with force: true and timeout: 0."
    return TimedOut(f"Guest {name} hangs: {told}", hint=hint.strip(), name=name, pid=pid)


def explain_hang(site: Site, name: str) -> List[str]:
    """Why the QEMU of a guest does nothing, as sentences; empty for one that does something, or is not there."""
    process = process_of(site, name)
    plight = None if process is None else PLIGHTS.get(_lasting(site.host, process.pid))
    if process is None or plight is None:
        return []
    why, advice = plight
    return [f"Its QEMU (process {process.pid}) hangs, because {why}.", advice.format(pid=process.pid)]


def _lasting(host: Host, pid: int) -> str:
    state = _state(host, pid)
    if state != "D":
        return state
    host.sleep(PASSING)
    return _state(host, pid)


def _state(host: Host, pid: int) -> str:
    fields = (host.read(f"/proc/{pid}/stat") or b"").rpartition(b")")[2].split()
    return fields[0].decode("ascii", "replace") if fields else ""


def agent_state(site: Site, name: str) -> Optional[bool]:
    """Whether the guest has opened the channel of its agent; None for a guest without one, or that is off."""
    document = site.active(name)
    return None if document is None else agent_opened(Domain(document), site.journal(name).entries)


@contextmanager
def agent_of(site: Site, name: str, *, timeout: float = SYNC_TIMEOUT) -> Iterator[Agent]:
    """Hold a session with the agent; raises OperationInvalid where there is none, else what kept it from answering."""
    status_of(site, name)
    document = site.active(name)
    path = None if document is None else agent_socket(Domain(document), site.layout.domain_directory(name))
    if path is None:
        raise OperationInvalid(
            f"Guest {name} has no channel for a guest agent.", hint="Give it one with guest_agent: true."
        )
    if not agent_state(site, name):
        raise OperationInvalid(
            f"The guest agent of {name} does not listen: nothing in the guest has opened its channel.",
            hint="Install and start qemu-guest-agent in the guest.",
        )
    agent = open_agent(site.host, path, timeout=timeout)
    try:
        yield agent
    finally:
        agent.close()

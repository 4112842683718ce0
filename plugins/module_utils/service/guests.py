# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a guest in its unit: started, shut down, and what is done when it has ended by itself."""

from __future__ import annotations

from typing import Callable, Optional

from ..drivers.api import Domain, HypervisorDriver
from ..errors import CorralError, MonitorError, NotFound, OperationInvalid, TimedOut
from ..host.api import Host, Spawn
from ..host.layout import Layout
from ..xml.parse import parse
from .call import Call

Say = Callable[[str], None]

OFF, CRASHED = "shut off", "crashed"
# Seconds that a guest has to shut down, and to be saved, where the unit says nothing else.
STOP_SECONDS, SAVE_SECONDS = ("CORRAL_STOP_SECONDS", 90.0), ("CORRAL_SAVE_SECONDS", 300.0)
# What the host's shutdown does to a guest, in the words of libvirt-guests: it is saved when this says suspend.
ON_SHUTDOWN, SUSPEND = "CORRAL_ON_SHUTDOWN", "suspend"
# One that is still booting does not hear the power button, so it is pressed again after this many seconds.
PRESS_AGAIN = 10.0
GROUPS = "/sys/fs/cgroup"
# Where each hierarchy of control groups is, by what /proc/self/cgroup calls it (cgroups(7)).
HIERARCHIES = {"": (GROUPS, f"{GROUPS}/unified"), "name=systemd": (f"{GROUPS}/systemd",)}


def start_guest(call: Call, say: Say) -> None:
    """Start a guest, and tell systemd its process; one that runs already is taken into the unit."""
    guests, name = call.connection.hypervisor, call.name
    document, paused = call.order.get("document"), _paused(call)
    log = Layout.system().domain_log(name)
    said = call.host.stat(log)
    before = _found(guests, name)
    if before is not None and before.active and document is None:
        _adopt(call.host, before)
    elif document is not None:
        guests.create_domain(parse(document), paused=paused)
    else:
        guests.start_domain(name, paused=paused)
    runs = guests.lookup_domain(name)
    pid = int(runs.runtime.get("pid") or 0)
    call.host.write(call.units.pid_file(call.instance), f"{pid}\n".encode(), lasting=False)
    try:
        _follow(call.host, log, said.size if said else 0, pid)
    except CorralError as error:
        say(f"What QEMU says is in {log} only: {error}")


def _paused(call: Call) -> bool:
    """Whether a guest is started without running: as ordered; one that the host starts again is as it was."""
    if call.order:
        return bool(call.order.get("paused"))
    saved = call.connection.hypervisor.saved_domain(call.name)
    return saved is not None and saved.paused


def _found(guests: HypervisorDriver, name: str) -> Optional[Domain]:
    try:
        return guests.lookup_domain(name)
    except NotFound:
        return None


def _adopt(host: Host, domain: Domain) -> None:
    """Move the process of a guest that was started outside into the control groups that we are in."""
    for line in (host.read("/proc/self/cgroup") or b"").decode("utf-8", "surrogateescape").splitlines():
        _number, controllers, path = line.split(":", 2)
        for top in HIERARCHIES.get(controllers, ()):
            members = f"{top}{path.rstrip('/')}/cgroup.procs"
            if host.stat(members) is not None:
                host.set_kernel(members, str(domain.runtime.get("pid")))


def _follow(host: Host, log: str, start: int, pid: int) -> None:
    """Let the journal have what QEMU says in its log from a byte on: a tail of it, which goes with QEMU."""
    words = ("systemd-cat", "--identifier=qemu", "tail", f"--bytes=+{start + 1}")
    host.spawn(Spawn((*words, "--follow=name", f"--pid={pid}", log), log="/dev/null", env={"PATH": "/usr/bin:/bin"}))


def stop_guest(call: Call, say: Say) -> None:
    """Ask a guest to shut down, and end it when its time is over; with the host it is saved, where that is wanted."""
    guests, name = call.connection.hypervisor, call.name
    domain = _found(guests, name)
    if domain is None or not domain.active or _saved(call, say):
        return
    if domain.state == CRASHED:
        guests.destroy_domain(name)  # it was kept to be looked at, and hears nothing
        return
    limit = _seconds(call.host, *STOP_SECONDS)
    try:
        _ask(guests, domain, limit)
    except (TimedOut, MonitorError, OperationInvalid) as error:
        domain = _found(guests, name)
        if domain is None or not domain.active:
            return
        say(f"Guest {name} is ended by force, since it did not shut down within {limit:g} s: {error.message}")
        guests.destroy_domain(name)
    except NotFound:
        return  # a transient guest is gone when it has ended


def _saved(call: Call, say: Say) -> bool:
    """Save a guest whose host goes down, where that is wanted; one that cannot be saved goes on, and is shut down."""
    if call.host.env(ON_SHUTDOWN) != SUSPEND or not call.units.host_ends():
        return False
    limit = _seconds(call.host, *SAVE_SECONDS)
    try:
        call.connection.hypervisor.save_domain(call.name, timeout=limit, resume=True)
    except CorralError as error:
        say(f"Guest {call.name} is shut down, since it could not be saved: {error.message}")
        return False
    say(f"Guest {call.name} is saved, and goes on when the host is back.")
    return True


def _ask(guests: HypervisorDriver, domain: Domain, limit: float) -> None:
    if domain.state == "paused":
        guests.resume_domain(domain.name)
    guests.shutdown_domain(domain.name)
    left = limit
    while not _has_ended(guests, domain.name, min(left, PRESS_AGAIN)):
        left -= PRESS_AGAIN
        if left <= 0:
            raise TimedOut("it was asked, and goes on.")
        guests.shutdown_domain(domain.name, again=True)


def _has_ended(guests: HypervisorDriver, name: str, timeout: float) -> bool:
    try:
        guests.wait_domain(name, (OFF,), timeout=timeout)
    except TimedOut:
        return False
    return True


def _seconds(host: Host, variable: str, default: float) -> float:
    try:
        return max(float(host.env(variable) or default), 0.0)
    except ValueError:
        return default


def after_guest(call: Call, say: Say) -> None:
    """Clean up after a guest that has ended, and let systemd start it again where its definition wants that."""
    call.host.remove(call.units.pid_file(call.instance))
    guests = call.connection.hypervisor
    try:
        name = call.name
    except NotFound:
        return  # a transient guest whose name is too long for a unit, and that has gone
    domain = _found(guests, name)
    if domain is None or domain.active:
        return
    say(f"Guest {name} is off: {domain.reason}.")
    if guests.settle_domain(name) == "restart":
        say(f"Guest {name} is started again, as its definition says for this.")
        call.units.start_later(name)

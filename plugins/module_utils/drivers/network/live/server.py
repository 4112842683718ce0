# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process of dnsmasq: starting it, telling it to read again, ending it, and finding one that a killed run left.

dnsmasq writes its process id to a file when its sockets are open, so that file says that it is ready. It is ours when
its command line names our configuration.
"""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass, replace
from typing import Optional, Tuple

from ....errors import MissingProgram, OperationFailed
from ....host.api import Host, Process, Spawn
from ....model.network.core import Network
from ..dnsmasq.conf import Files
from ..site import Site
from .status import Status
from .taken import taken_by

READY_TIMEOUT = 15.0
TERM_TIMEOUT = 5.0
KILL_TIMEOUT = 5.0
PACKAGE = "Install the package dnsmasq-base (Debian, Ubuntu) or dnsmasq."

# The user that dnsmasq becomes when its sockets are open; without it dnsmasq takes the one it was built with.
USER = "dnsmasq"


@dataclass(frozen=True)
class Digests:
    """What dnsmasq was given: its configuration, and its lists of hosts."""

    conf: str
    hosts: str


def digests(files: Files) -> Digests:
    """Return what stands in the status for these texts."""
    return Digests(_digest(files.conf), _digest(f"{files.hosts}\0{files.addnhosts}"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def rows(site: Site, name: str, files: Files) -> Tuple[Tuple[str, bytes], ...]:
    """The files of a network's dnsmasq, each with what it holds."""
    layout = site.layout
    paths = (layout.network_conf(name), layout.network_hosts(name), layout.network_addnhosts(name))
    return tuple(zip(paths, (text.encode("utf-8") for text in (files.conf, files.hosts, files.addnhosts))))


def on_disk(site: Site, name: str, files: Files) -> bool:
    """Whether the files hold what they should."""
    return all(site.host.read(path) == data for path, data in rows(site, name, files))


def write_files(site: Site, name: str, files: Files) -> None:
    """Write what differs; dnsmasq's own user reads the lists of hosts."""
    for path, data in rows(site, name, files):
        if site.host.read(path) != data:
            site.host.write(path, data, mode=0o644)


def remove_files(site: Site, name: str) -> None:
    """Remove everything but the leases."""
    layout = site.layout
    for path in (layout.network_conf(name), layout.network_hosts(name), layout.network_addnhosts(name)):
        site.host.remove(path)
    site.host.remove(layout.network_pid(name))


def find_server(site: Site, name: str, status: Optional[Status]) -> Optional[Process]:
    """The network's dnsmasq that runs: the one in the status, or one that a killed run did not write down."""
    known = status.process if status else None
    if known is not None and site.host.process(known.pid) == known:
        return known
    return _unknown(site, name)


def _unknown(site: Site, name: str) -> Optional[Process]:
    written = site.host.read(site.layout.network_pid(name), limit=32)
    found = site.host.process(int(written)) if written and written.strip().isdigit() else None
    if found is None:
        return None
    words = (site.host.read(f"/proc/{found.pid}/cmdline") or b"").split(b"\0")
    return found if _conf_option(site, name).encode() in words else None


def _conf_option(site: Site, name: str) -> str:
    return f"--conf-file={site.layout.network_conf(name)}"


def command(site: Site, name: str) -> Spawn:
    """What dnsmasq is started with; without a file for its process id it would take the host's own dnsmasq's."""
    user = (f"--user={USER}",) if site.host.user(USER) else ()
    options = (_conf_option(site, name), f"--pid-file={site.layout.network_pid(name)}", *user)
    return Spawn(("dnsmasq", "--keep-in-foreground", *options), site.layout.network_log(name))


def start_server(site: Site, name: str, files: Files, index: int) -> None:
    """Start dnsmasq in place of one that runs, write it down and wait until it answers; raises what it says."""
    host, status = site.host, site.status(name) or Status()
    end_server(site, name, status)
    write_files(site, name, files)
    host.remove(site.layout.network_pid(name))
    spawn, given = command(site, name), digests(files)
    before = host.stat(spawn.log)
    try:
        process = host.spawn(spawn)
    except MissingProgram:
        raise MissingProgram("dnsmasq", hint=PACKAGE) from None
    now = replace(status, pid=process.pid, start=process.start, index=index, conf=given.conf, hosts=given.hosts)
    site.store.write_status(name, now.to_plain())
    _wait_ready(site, name, process, before.size if before else 0)


def check_ground(site: Site, network: Network) -> None:
    """Raise OperationFailed for directories that are missing or closed to dnsmasq, which would not say so."""
    if any(ip.serves_dhcp() for ip in network.ips) or network.wants_dns():
        check_way(site.host, site.layout.networks_dir, "its lists of hosts")
    for root in sorted({ip.tftp_root for ip in network.ips if ip.tftp_root}):
        found = site.host.stat(site.host.resolve(root))
        if found is None or found.kind != "directory":
            raise OperationFailed(
                f"The directory {root}, from which network {network.name} serves files by TFTP, is not there.",
                hint="Make it, readable for everybody, or correct the TFTP root.",
            )
        check_way(site.host, root, "the files for TFTP", listed=True)


def check_way(host: Host, directory: str, what: str, *, listed: bool = False) -> None:
    """Raise OperationFailed where dnsmasq's user could not get at files; with ``listed`` it has to read the directory.

    dnsmasq would be silent about it.
    """
    user = next((name for name in (USER, "nobody") if host.user(name)), None)
    uid, gid = (host.user(user) if user else None) or (-1, -1)
    place, needed = host.resolve(directory), 5 if listed else 1
    while place != "/":
        found = host.stat(place)
        mode = 0o5 if found is None else found.mode >> (6 if found.uid == uid else 3 if found.gid == gid else 0)
        if user and mode & needed != needed:
            raise OperationFailed(
                f"dnsmasq, which runs as {user}, cannot get through {place} to {what}.",
                hint=f"Let others pass (chmod {'o+rx' if needed > 1 else 'o+x'} {place}), or use another place.",
            )
        place, needed = posixpath.dirname(place), 1


def _wait_ready(site: Site, name: str, process: Process, logged: int) -> None:
    host, path = site.host, site.layout.network_pid(name)

    def settled() -> bool:
        return _is_ready(host, path, process) or host.process(process.pid) != process

    host.wait_for(settled, timeout=READY_TIMEOUT)
    if host.process(process.pid) != process:
        raise _ended(site, name, logged)
    if not _is_ready(host, path, process):
        raise OperationFailed(
            f"The dnsmasq of network {name} did not get ready within {READY_TIMEOUT:g} seconds.",
            hint=f"Look at {site.layout.network_log(name)} and at the system's log.",
        )


def _is_ready(host: Host, path: str, process: Process) -> bool:
    return (host.read(path, limit=32) or b"").strip() == str(process.pid).encode()


def _ended(site: Site, name: str, logged: int) -> OperationFailed:
    log = site.layout.network_log(name)
    found = site.host.stat(log)
    words = site.host.tail(log, max(0, (found.size if found else 0) - logged)).decode("utf-8", "replace").strip()
    said = words.splitlines()[-1].partition("dnsmasq: ")[2] or words.splitlines()[-1] if words else "it said nothing"
    hint = taken_by(site.host, said) or f"Look at {log} and at the system's log."
    return OperationFailed(f"The dnsmasq of network {name} ended at once: {said}.", hint=hint)


def reload_server(site: Site, name: str, files: Files, process: Process) -> None:
    """Let dnsmasq read its lists of hosts again, which cuts nobody off, and write that down."""
    write_files(site, name, files)
    site.host.signal(process, "SIGHUP")
    status = site.status(name) or Status()
    now = replace(status, pid=process.pid, start=process.start, hosts=digests(files).hosts)
    site.store.write_status(name, now.to_plain())


def end_server(site: Site, name: str, status: Optional[Status]) -> None:
    """End the network's dnsmasq where it runs; it has written its leases down already."""
    process, host = find_server(site, name, status), site.host
    if process is None:
        return
    host.signal(process, "SIGTERM")
    if host.wait_exit(process, timeout=TERM_TIMEOUT):
        return
    host.signal(process, "SIGKILL")
    if not host.wait_exit(process, timeout=KILL_TIMEOUT):
        raise OperationFailed(f"The dnsmasq of network {name} (process {process.pid}) does not end.")

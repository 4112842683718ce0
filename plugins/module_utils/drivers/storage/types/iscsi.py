# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools that are an iSCSI target, logged into by the host's own initiator; volumes are its logical units.

iscsiadm takes a password on its command line only, where everybody could read it. So the password goes into the record
of the target (``record_paths``, ``with_password``), which iscsiadm has made and only root reads, and the record is
deleted with the session.

Source of the rules: libvirt's storage_backend_iscsi.c and viriscsi.c; iscsiadm(8).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Optional, Tuple

from ....errors import InvalidArgument
from ....model.storage.pool import Pool
from .base import AUTH, DEVICE, HOST, INITIATOR, Argv, PoolType, Run, Step, first_device

DEFAULT_PORT = 3260
TARGET = "/dev/disk/by-path"
# Where open-iscsi keeps its records: Debian's and others' directory, and that of Red Hat and SUSE.
RECORDS = ("/etc/iscsi/nodes", "/var/lib/iscsi/nodes")


@dataclass(frozen=True)
class Session:
    """A line of ``iscsiadm --mode session``."""

    number: int
    portal: str
    target: str


def portal(pool: Pool) -> str:
    """Return the server as HOST:PORT,1: its first group of portals, as libvirt asks for it."""
    host = next(iter(pool.given().hosts), None)
    name, port = ("", None) if host is None else (host.name or "", host.port)
    shown = f"[{name}]" if ":" in name else name
    return f"{shown}:{port or DEFAULT_PORT},1"


def _node(pool: Pool, *words: str) -> Argv:
    return ("iscsiadm", "--mode", "node", "--portal", portal(pool), "--targetname", first_device(pool), *words)


def _update(pool: Pool, name: str, value: str) -> Run:
    return Run(_node(pool, "--op", "update", "--name", name, "--value", value))


def interface_name(pool: Pool) -> str:
    """Return what open-iscsi is told to call the interface by which the pool's own initiator speaks."""
    return f"corral-{(pool.uuid or '')[:8]}"


def _interface(pool: Pool) -> List[Step]:
    """An initiator of its own is an interface of open-iscsi; making one that is there already is no failure."""
    initiator = pool.given().initiator
    if initiator is None:
        return []
    base = ("iscsiadm", "--mode", "iface", "--interface", interface_name(pool), "--op")
    return [
        Run((*base, "new"), lax=True),
        Run((*base, "update", "--name", "iface.initiatorname", "--value", initiator)),
    ]


def _through(pool: Pool) -> Argv:
    return () if pool.given().initiator is None else ("--interface", interface_name(pool))


def record_steps(pool: Pool) -> List[Step]:
    """Return what makes the record of the target; a password goes in between it and ``login_steps``."""
    auth = pool.given().auth
    steps = [
        *_interface(pool),
        Run(_node(pool, *_through(pool), "--op", "new"), undo=_node(pool, "--op", "delete")),
        _update(pool, "node.startup", "manual"),
    ]
    if auth is not None:
        steps.append(_update(pool, "node.session.auth.authmethod", "CHAP"))
        steps.append(_update(pool, "node.session.auth.username", auth.username or ""))
    return steps


def login_steps(pool: Pool) -> List[Step]:
    """Return what begins the session."""
    return [Run(_node(pool, *_through(pool), "--login"))]


def record_paths(pool: Pool) -> List[str]:
    """Return where the target's record can lie: a file, or a directory with a file for each interface."""
    found = re.fullmatch(r"\[?(.*?)\]?:([0-9]+),([0-9]+)", portal(pool))
    server = ",".join(found.groups()) if found else ""
    return [f"{directory}/{first_device(pool)}/{server}" for directory in RECORDS]


def with_password(record: str, password: str) -> str:
    """Return a record with this password for the session; raises InvalidArgument for one that it cannot hold."""
    if not password or not password.isprintable() or password != password.strip() or len(password.encode()) > 255:
        raise InvalidArgument("The value of the secret is no CHAP password: one line of 1 to 255 bytes is wanted.")
    name, end = "node.session.auth.password", "# END RECORD"
    kept = [line for line in record.splitlines() if not line.startswith((f"{name} ", f"{name}=", end))]
    return "\n".join([*kept, f"{name} = {password}", end]) + "\n"


def _start(pool: Pool) -> List[Step]:
    return [*record_steps(pool), *login_steps(pool)]


def _stop(pool: Pool) -> List[Step]:
    return [Run(_node(pool, *_through(pool), "--logout")), Run(_node(pool, "--op", "delete"), lax=True)]


def sessions_argv() -> Argv:
    """Return the command that lists sessions; it ends with 21 where there are none."""
    return ("iscsiadm", "--mode", "session")


def read_sessions(text: str) -> List[Session]:
    """Return the sessions in the order in which they are listed; transports other than TCP count as well."""
    found = re.finditer(r"^\w+:\s+\[([0-9]{1,9})\]\s+(\S+)\s+(\S+)", text, re.MULTILINE)
    return [Session(int(match.group(1)), match.group(2), match.group(3)) for match in found]


def session_of(sessions: List[Session], pool: Pool) -> Optional[Session]:
    """Return the session with the pool's target, None where there is none."""
    return next((session for session in sessions if session.target == first_device(pool)), None)


def rescan_argv(session: Session) -> Argv:
    """Return the command that looks for logical units that are new or have grown."""
    return ("iscsiadm", "--mode", "session", "-r", str(session.number), "-R")


def host_number(names: List[str]) -> Optional[int]:
    """Return the SCSI host of a session from what lies in /sys/class/iscsi_session/sessionN/device."""
    found: Tuple[Optional[re.Match[str]], ...] = tuple(re.fullmatch(r"target([0-9]+):[0-9]+:[0-9]+", n) for n in names)
    return next((int(match.group(1)) for match in found if match), None)


ISCSI = PoolType(
    "iscsi",
    source=frozenset({HOST, DEVICE, INITIATOR, AUTH}),
    hosts=(1, 1),
    devices=(1, 1),
    default_target=TARGET,
    makes_volumes=False,
    programs=("iscsiadm", "lsblk"),
    start=_start,
    stop=_stop,
)

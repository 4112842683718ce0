# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real machine: the Host protocol over the kernel, with its parts in the ``local_*`` files and ``monitor``."""

from __future__ import annotations

import hashlib
import os
import pwd
import time
from typing import ContextManager, List, Optional, Sequence, Tuple

from .api import Downloaded, Monitor, Process, Question, Spawn, Stream
from .local_code import code_id
from .local_files import LocalFiles
from .local_lock import locked
from .local_process import LocalProcesses


class LocalHost(LocalFiles, LocalProcesses):
    """The machine that we run on. It has no state of its own."""

    def euid(self) -> int:
        """Return the effective user id."""
        return os.geteuid()

    def egid(self) -> int:
        """Return the effective group id."""
        return os.getegid()

    def env(self, name: str) -> Optional[str]:
        """Return a variable of our environment."""
        return os.environ.get(name)

    def hostname(self) -> str:
        """Return the host's name as the kernel knows it."""
        return os.uname().nodename

    def machine_id(self) -> str:
        """Return the 32 hexadecimal digits of machine-id(5), or a digest of the host's name where there are none."""
        known = (self.read("/etc/machine-id", limit=64) or b"").decode("ascii", "replace").strip().lower()
        if len(known) == 32 and set(known) <= set("0123456789abcdef"):
            return known
        return hashlib.sha256(b"corral.virt " + os.fsencode(self.hostname())).hexdigest()[:32]

    def boot_id(self) -> str:
        """Return the uuid that the kernel gave this boot."""
        return (self.read("/proc/sys/kernel/random/boot_id") or b"").decode("ascii").strip()

    def architecture(self) -> str:
        """Return the machine's name as in uname(2): x86_64, aarch64, ..."""
        return os.uname().machine

    def code_id(self) -> str:
        """Return a digest of our own code."""
        return code_id()

    def user(self, name: str) -> Optional[Tuple[int, int]]:
        """Return (uid, gid) of a user, or None."""
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            return None
        return found.pw_uid, found.pw_gid

    def groups(self, name: str) -> Tuple[int, ...]:
        """Return all group ids of a user, its own first; none for an unknown user."""
        found = self.user(name)
        return tuple(os.getgrouplist(name, found[1])) if found else ()

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return the seconds of a clock that never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def lock(self, path: str, *, timeout: float = 30.0) -> ContextManager[None]:
        """Hold the lock of a file; see ``local_lock.locked``."""
        return locked(path, timeout)

    def download(
        self,
        url: str,
        path: str,
        *,
        digests: Sequence[str] = (),
        etag: Optional[str] = None,
        modified: Optional[str] = None,
        limit: Optional[int] = None,
        timeout: float = 3600.0,
    ) -> Downloaded:
        """Put what a URL leads to into a new file; see ``local_download.download``."""
        from .local_download import Validators, download

        return download(url, path, digests, Validators(etag, modified), limit=limit, timeout=timeout)

    def unpack(self, path: str, target: str, kind: str) -> None:
        """Put what a packed file holds into a new file; see ``local_unpack.unpack``."""
        from .local_unpack import unpack

        unpack(path, target, kind)

    def netlink(self, bus: int, questions: Sequence[Question]) -> List[Tuple[bytes, ...]]:
        """Ask the kernel; see ``local_netlink.ask``."""
        from .local_netlink import ask

        return ask(bus, questions)

    def spawn(self, command: Spawn) -> Process:
        """Leave a program running in a session of its own; see ``local_spawn.spawn``."""
        from .local_spawn import spawn

        return spawn(command)

    def open_monitor(self, path: str, *, timeout: float = 30.0) -> Monitor:
        """Open a QMP session; see ``monitor.open_monitor``."""
        from .monitor import open_monitor

        return open_monitor(path, timeout)

    def open_stream(self, path: str) -> Stream:
        """Connect to a unix socket; see ``local_stream.open_stream``."""
        from .local_stream import open_stream

        return open_stream(path)

    def reaches(self, address: str, port: int, *, timeout: float) -> bool:
        """Return whether somebody takes TCP connections there; see ``local_stream.reaches``."""
        from .local_stream import reaches

        return reaches(address, port, timeout)

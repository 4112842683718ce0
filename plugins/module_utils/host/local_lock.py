# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks between runs on the real machine: flock(2) on a file, which the kernel opens when its holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import Iterator, Optional

from ..errors import LockBusy
from .local_files import attempt

# Seconds between two tries: short at first, since most runs hold a lock for milliseconds.
_FIRST_DELAY, _LONGEST_DELAY = 0.002, 0.1


@contextmanager
def locked(path: str, timeout: float) -> Iterator[None]:
    """Hold the lock of a file (made with mode 0600); raises LockBusy with the holder's pid after ``timeout`` seconds.

    The lock is not reentrant: whoever holds it and asks again waits for himself.
    """
    descriptor = _acquire(path, timeout)
    try:
        yield
    finally:
        os.close(descriptor)


def _acquire(path: str, timeout: float) -> int:
    deadline = time.monotonic() + timeout
    delay = _FIRST_DELAY
    while True:
        with attempt("lock", path):
            descriptor = _try(path)
        if descriptor is not None:
            return descriptor
        left = deadline - time.monotonic()
        if left <= 0:
            raise _busy(path, timeout)
        time.sleep(min(delay, left))
        delay = min(delay * 2, _LONGEST_DELAY)


def _try(path: str) -> Optional[int]:
    """Return the descriptor that holds the lock, or None while another one does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_still(path, descriptor):
            with suppress(OSError):  # for messages only: on a full disk we work all the same
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
            return descriptor
    except BlockingIOError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _is_still(path: str, descriptor: int) -> bool:
    """Return whether the file that we have locked is the one that the next run will open."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _busy(path: str, timeout: float) -> LockBusy:
    holder = b""
    with suppress(OSError), open(path, "rb") as file:
        holder = file.read(20).strip()
    pid = int(holder) if holder.isdigit() else None
    who = f"process {pid}" if pid else "another process"
    return LockBusy(
        f"{path} has been locked by {who} for more than {timeout:g} seconds.",
        hint="Wait until that run has ended, or end it.",
        path=path,
        pid=pid,
    )

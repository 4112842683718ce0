# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses of unix sockets: a path that is too long for one goes through a descriptor of its directory."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import Iterator

# What fits into sun_path of sockaddr_un beside its NUL; see unix(7).
SOCKET_PATH_LIMIT = 107


@contextmanager
def socket_address(path: str) -> Iterator[str]:
    """Yield the path as it fits into an address, to bind to or to connect to; raises OSError."""
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        yield path
        return
    directory, name = os.path.split(path)
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        address = f"/proc/self/fd/{descriptor}/{name}"
        if len(os.fsencode(address)) > SOCKET_PATH_LIMIT:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        yield address
    finally:
        os.close(descriptor)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taps and macvtaps of the real machine, opened in the process that becomes the program.

Source of the numbers: the kernel's linux/if_tun.h; of the device file of a macvtap: Documentation/networking/tuntap and
drivers/net/macvtap.c, which names it after the link's index.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from contextlib import suppress
from typing import List, Tuple

from .api import Tap

_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_MULTI_QUEUE, _IFF_NO_PI, _IFF_VNET_HDR = 0x0002, 0x0100, 0x1000, 0x4000
_NAME = 16  # IFNAMSIZ
_REQUEST = struct.Struct(f"{_NAME}sH22x")


def open_tap(tap: Tap) -> Tuple[str, List[int]]:
    """Return the link's name and a descriptor for each of its queues; raises OSError and ValueError.

    A tap that is to be made must not be there: somebody else's link is never taken over.
    """
    if tap.kind == "tap" and "%" not in tap.name and _exists(tap.name):
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
    path = _macvtap_file(tap.name) if tap.kind == "macvtap" else tap.device
    name, descriptors = tap.name, []
    for _queue in range(tap.queues):
        descriptors.append(os.open(path, os.O_RDWR | os.O_CLOEXEC))
        name = _attach(descriptors[-1], name, tap)
    return (tap.name if tap.kind == "macvtap" else name), descriptors


def _exists(name: str) -> bool:
    with suppress(OSError):
        return socket.if_nametoindex(name) > 0
    return False


def _attach(descriptor: int, name: str, tap: Tap) -> str:
    """Let the descriptor be a queue of the link; returns the name that the kernel gave it."""
    flags = _IFF_TAP | _IFF_NO_PI | (_IFF_VNET_HDR if tap.headers else 0) | (_IFF_MULTI_QUEUE if tap.queues > 1 else 0)
    if tap.kind == "there" and not _exists(name):
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
    request = _REQUEST.pack(os.fsencode(name), flags)
    answer = fcntl.ioctl(descriptor, _TUNSETIFF, request)
    return os.fsdecode(_REQUEST.unpack(answer)[0].rstrip(b"\0"))


def _macvtap_file(name: str) -> str:
    """Return the device file of a macvtap; raises ValueError where nobody makes those, as in some containers."""
    path = f"/dev/tap{socket.if_nametoindex(name)}"
    if not os.path.exists(path):
        raise ValueError(f"the kernel has made it, and nobody has made its device file {path}")
    return path

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mounting: the command line, and what is mounted on a host.

Source of the rules: libvirt's storage backends for file systems; proc(5) for mountinfo.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from ....model.storage.options import mount_options
from ....model.storage.pool import Pool
from .base import Argv

# Images are neither run nor devices of this host, whoever wrote what is mounted.
SAFE: Tuple[str, ...] = ("nodev", "nosuid", "noexec")


@dataclass(frozen=True)
class Mount:
    """A line of mountinfo: ``source`` is a device or SERVER:PATH, ``device`` the numbers MAJOR:MINOR."""

    target: str
    source: str
    type: str
    device: str
    options: Tuple[str, ...] = ()


def mount_argv(pool: Pool, source: str, kind: Optional[str], extra: Sequence[str] = ()) -> Argv:
    """Return the command that mounts a source on the pool's target; without a kind mount finds it out."""
    options = ",".join((*SAFE, *extra, *mount_options(pool.element)))
    named = () if kind is None else ("-t", kind)
    return ("mount", "-o", options, *named, source, pool.path() or "")


def umount_argv(pool: Pool) -> Argv:
    """Return the command that takes away what is mounted on the pool's target."""
    return ("umount", pool.path() or "")


def read_mounts(text: str) -> List[Mount]:
    """Return the mounts that /proc/self/mountinfo lists, in its order: a later one covers an earlier one."""
    found = []
    for line in text.splitlines():
        head, dash, tail = line.partition(" - ")
        left, right = head.split(" "), tail.split(" ")
        if dash and len(left) >= 6 and len(right) >= 2:
            options = tuple(left[5].split(","))
            found.append(Mount(_plain(left[4]), _plain(right[1]), right[0], left[2], options))
    return found


def mounted_on(mounts: Sequence[Mount], target: str) -> Optional[Mount]:
    """Return what is seen at a directory, None where nothing is mounted there."""
    return next((mount for mount in reversed(mounts) if mount.target == target), None)


def _plain(text: str) -> str:
    """Space, tab, newline and backslash are written in octal there; others are bytes of the path as they are."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)

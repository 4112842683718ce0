# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeping small what a guest can make others write: its journal, its console log, and what QEMU and helpers say.

All of it is appended to, so it can be cut while it is in use. Whoever may write to the host cuts what has become too
long; between two runs it grows.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Iterator

from ....errors import CorralError, HostError
from .journal import is_long, shorten_quietly
from .site import Site

# Bytes: a log that is longer than the one is cut to the other.
LONGEST, LEFT = 8 << 20, 2 << 20
MARK = b"[corral.virt: truncated, what stood before was removed]\n"

# What QEMU says at each start, or each of a guest with a terminal, and what tells nobody why something went wrong.
NOISE = re.compile(rb"char device redirected to \S+ \(label [^)\n]*\)|info: QEMU waiting for connection on: ")


def telling(log: bytes) -> bytes:
    """The lines of QEMU's log that may tell why something went wrong."""
    return b"".join(line for line in log.splitlines(keepends=True) if not NOISE.search(line))


def has_grown(site: Site, name: str) -> bool:
    """Whether a guest has written so much that something is to be cut."""
    return is_long(site.host, site.layout.journal(name)) or any(_is_long(site, path) for path in logs(site, name))


def trim(site: Site, name: str) -> None:
    """Cut what is too long; the caller holds the guest's lock. What cannot be cut stays as it is."""
    if is_long(site.host, site.layout.journal(name)):
        shorten_quietly(site.host, site.layout.journal(name))
    for path in logs(site, name):
        if _is_long(site, path):
            with suppress(CorralError):
                site.host.shorten(path, LEFT, mark=MARK)


def logs(site: Site, name: str) -> Iterator[str]:
    """The logs of a guest that are ours; where a user wants to have one kept himself, it is his."""
    yield site.layout.domain_console_log(name)
    yield site.layout.domain_log(name)
    yield from helper_logs(site, name)


def helper_logs(site: Site, name: str) -> Iterator[str]:
    """The logs of the processes beside QEMU: one more dot stands in those of a guest whose name begins like ours."""
    for entry in site.host.entries(site.layout.helper_logs):
        if entry.startswith(f"{name}.") and entry.count(".") == name.count(".") + 2:
            yield f"{site.layout.helper_logs}/{entry}"


def _is_long(site: Site, path: str) -> bool:
    found = site.host.stat(path)
    return found is not None and found.kind == "file" and found.size > LONGEST


def forget_logs(site: Site, name: str) -> None:
    """Remove what a guest that is no more has said; what QEMU said stays, for whoever asks why the guest has gone."""
    with suppress(HostError):
        site.host.remove(site.layout.domain_console_log(name))
        for path in list(helper_logs(site, name)):
            site.host.remove(path)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What code this is: a digest that changes with it, for what is remembered of its results."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from typing import Iterator, Optional, Tuple

_PACKAGE = "module_utils"


def code_id() -> str:
    """Return the digest of our own files: that of a kept copy, checksums in Ansible's archive, else sizes and times."""
    loader = globals().get("__loader__")
    known = getattr(loader, "digest", None)
    if known:
        return str(known)
    return _files_id(getattr(loader, "archive", None))


@lru_cache(maxsize=1)
def _files_id(archive: Optional[str]) -> str:
    """The digest of the files: asked for with every guest, and what has been imported stays as it is."""
    rows = sorted(_archived(archive) if archive else _on_disk(os.path.dirname(os.path.dirname(__file__))))
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def _archived(path: str) -> Iterator[Tuple[str, int, int]]:
    import zipfile

    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if _PACKAGE in entry.filename:
                yield entry.filename, entry.CRC, entry.file_size


def _on_disk(directory: str) -> Iterator[Tuple[str, int, int]]:
    for place, _directories, names in os.walk(directory):
        for name in names:
            if name.endswith(".py"):
                found = os.stat(os.path.join(place, name))
                yield os.path.join(place, name), found.st_mtime_ns, found.st_size

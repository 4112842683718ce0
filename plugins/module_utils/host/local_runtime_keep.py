# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep a copy of our code on a host: the half of local_runtime.py that runs once for each version of the code.

The action plugin sends the text of this file behind that one, with the archive. It, too, imports only what Python
brings.
"""

from __future__ import annotations

import base64
import hashlib
import io
import marshal
import os
import tempfile
import time
import zipfile
from contextlib import suppress
from typing import Any, Dict, Tuple

# Copies of so many versions of the code are kept: those of controllers that take turns, and the one before an upgrade.
VERSIONS = 4
# What is being written, and after how many seconds it is rubbish that nobody will finish.
UNFINISHED = ".new-"
ABANDONED = 3600


def keep(place: str, digest: str, path: str, encoded: str) -> None:
    """Write the archive (``encoded`` in base64) and its bytecode (to ``path``) as one copy.

    Raises ValueError when the archive is not what the digest says, OSError when it cannot be written.
    """
    data = base64.b64decode(encoded)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sources = {name: archive.read(name) for name in archive.namelist()}
    if digest_of(sources) != digest:
        raise ValueError("The archive is not what was announced.")
    home = f"{place}/{digest}.zip"
    body = marshal.dumps(compiled(home, sources))
    _write(place, home, data)
    _write(place, path, hashlib.sha256(body).digest() + body)
    _prune(place)


def digest_of(sources: Dict[str, bytes]) -> str:
    """The name of a copy: it changes with every byte of every file in it."""
    rows = [f"{name}\0{hashlib.sha256(source).hexdigest()}\n" for name, source in sorted(sources.items())]
    return hashlib.sha256("".join(rows).encode()).hexdigest()


def compiled(home: str, sources: Dict[str, bytes]) -> Dict[str, Tuple[bool, str, bytes]]:
    """The modules of these files; without those that this Python cannot compile, which it cannot import either."""
    found: Dict[str, Tuple[bool, str, bytes]] = {}
    for path, source in sources.items():
        parts = path[: -len(".py")].split("/")
        package = parts[-1] == "__init__"
        try:
            code: Any = compile(source, f"{home}/{path}", "exec", dont_inherit=True)
        except SyntaxError:
            continue
        found[".".join(parts[:-1] if package else parts)] = (package, path, marshal.dumps(code))
    return found


def _write(place: str, path: str, data: bytes) -> None:
    """Write a file whole or not at all, for us alone."""
    number, temporary = tempfile.mkstemp(dir=place, prefix=UNFINISHED)
    try:
        with open(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise


def _prune(place: str) -> None:
    """Remove the oldest copies, and what a run that was killed has left; another run may be doing the same."""
    with suppress(OSError):
        ages = {entry.name: entry.stat(follow_symlinks=False).st_mtime for entry in os.scandir(place)}
        archives = sorted((name for name in ages if name.endswith(".zip")), key=lambda name: -ages[name])
        old = tuple(name[: -len(".zip")] for name in archives[VERSIONS:])
        for name, age in ages.items():
            if name.startswith(old) or (name.startswith(UNFINISHED) and age < time.time() - ABANDONED):
                os.unlink(f"{place}/{name}")

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A repository of Debian packages in a directory, for machines that reach no other: as much as a tree lacks of some.

What this machine knows of mirrors and proxies is used for the download, and gets into no tree.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable
from pathlib import Path

# Where a machine sees it, by ``--bind-ro=DIR:PLACE``.
PLACE = "/opt/debs"
SOURCE = f"deb [trusted=yes] file:{PLACE} ./\n"
FIELDS = ("Package", "Version", "Architecture", "Depends", "Pre-Depends", "Provides", "Conflicts", "Breaks", "Replaces")


def repository(tree: Path, directory: Path, names: Iterable[str]) -> Path:
    """Download these packages with all that the tree lacks for them, and write the index; returns the directory."""
    state, cache = directory / "state", directory / "cache"
    for place in (state / "lists/partial", cache / "archives/partial"):
        place.mkdir(parents=True, exist_ok=True)
    options = {
        "Dir::State": state,
        "Dir::State::status": tree / "var/lib/dpkg/status",
        "Dir::Cache": cache,
        "Dir::Etc::sourcelist": tree / "etc/apt/sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::Etc::trustedparts": tree / "etc/apt/trusted.gpg.d",
        "APT::Sandbox::User": "root",
        "APT::Install-Recommends": "false",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]
    if not list(state.glob("lists/*Packages*")):
        subprocess.run([*apt, "update"], check=True)
    subprocess.run([*apt, "install", "--download-only", "--yes", *names], check=True, stdout=subprocess.DEVNULL)
    archives = cache / "archives"
    (archives / "Packages").write_text("\n".join(_entry(path) for path in sorted(archives.glob("*.deb"))))
    return archives


def _entry(path: Path) -> str:
    """What an index says of a package."""
    fields = subprocess.run(["dpkg-deb", "--field", path, *FIELDS], check=True, capture_output=True, text=True).stdout
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{fields}Filename: ./{path.name}\nSize: {path.stat().st_size}\nSHA256: {digest}\nDescription: a copy\n"

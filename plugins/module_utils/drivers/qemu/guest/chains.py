# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest's images are on this host: the files below them, and which devices are CD-ROM drives.

Every image of a chain is named to QEMU with its format. An image that does not say the format of the one below it is
refused, because its guest could write a header of its choice there (libvirt's "backing store probing").
"""

from __future__ import annotations

import json
from typing import Any, Dict, FrozenSet, Iterator, List, Mapping, Tuple

from ....errors import HostError, MissingProgram, UnsupportedConfig
from ....host.api import Host
from ....model.domain.core import Domain
from ....model.domain.disk import Disk
from ..context import FoundImage

QCOW_MAGIC = b"QFI\xfb"
DRIVES = "/proc/sys/dev/cdrom/info"


def backing_chains(host: Host, domain: Domain) -> Dict[str, Tuple[FoundImage, ...]]:
    """The images below each disk's own, by its path, for disks whose document leaves that open.

    Raises UnsupportedConfig for a chain that cannot be trusted, MissingProgram without qemu-img.
    """
    return {path: _chain(host, path) for path in _open_paths(domain) if _is_qcow(host, path)}


def _open_paths(domain: Domain) -> Iterator[str]:
    for disk in domain.all(Disk):
        path = disk.source is not None and (disk.source.file or disk.source.dev)
        if path and disk.format == "qcow2" and disk.backing is None:
            yield path


def _is_qcow(host: Host, path: str) -> bool:
    """Whether there is something to look into; what is wrong with the file QEMU says better than we could."""
    found = host.stat(host.resolve(path))
    if found is None or found.kind not in ("file", "block"):
        return False
    return (host.read(path, limit=4) or b"") == QCOW_MAGIC


def _chain(host: Host, path: str) -> Tuple[FoundImage, ...]:
    # qcow2's header has the offset of the backing file's name in bytes 8 to 16: most images need no other program
    header = host.read(path, limit=16) or b""
    if not int.from_bytes(header[8:16], "big"):
        return ()
    rows = _info(host, path)
    return tuple(_below(host, upper, lower) for upper, lower in zip(rows, rows[1:]))


def _info(host: Host, path: str) -> List[Mapping[str, Any]]:
    if host.find_program("qemu-img") is None:
        raise MissingProgram("qemu-img", hint=f"Install qemu-utils or qemu-img: the image {path} has a backing file.")
    done = host.run(["qemu-img", "info", "-U", "--backing-chain", "--output=json", "-f", "qcow2", path])
    try:
        rows = json.loads(done.stdout)
    except ValueError as error:
        raise HostError(f"qemu-img does not answer with JSON about {path}.") from error
    return list(rows)


def _below(host: Host, upper: Mapping[str, Any], lower: Mapping[str, Any]) -> FoundImage:
    kind = upper.get("backing-filename-format")
    name, path = str(upper["filename"]), str(lower["filename"])
    if not kind:
        raise UnsupportedConfig(
            f"The image {name} does not say the format of its backing file {path}.",
            hint=f"Write it into the image: qemu-img rebase -u -b {path} -F {lower.get('format', 'raw')} {name}",
        )
    found = host.stat(host.resolve(path))
    return FoundImage(path, str(kind), "block" if found is not None and found.kind == "block" else "file")


def cd_drives(host: Host, domain: Domain) -> FrozenSet[str]:
    """The paths of the guest's cdroms that are drives of the host, and not images."""
    paths = [disk.source.dev for disk in domain.all(Disk) if disk.device == "cdrom" and disk.source is not None]
    named = [path for path in paths if path]
    if not named:
        return frozenset()
    drives = _drive_names((host.read(DRIVES) or b"").decode("ascii", "replace"))
    return frozenset(path for path in named if host.resolve(path).rpartition("/")[2] in drives)


def _drive_names(info: str) -> FrozenSet[str]:
    """The names in the line "drive name:" of the kernel's list (Documentation/cdrom)."""
    rows = [line.split(":", 1)[1].split() for line in info.splitlines() if line.startswith("drive name:")]
    return frozenset(name for row in rows for name in row)

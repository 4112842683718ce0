# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose the files are: images are handed to QEMU's user at the start and given back at the end.

The same as libvirt's DAC driver does (drvqemu, "POSIX users/groups"), with what was changed kept in the guest's
status, so that it is undone also after a crash.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Iterator, List, Mapping, Optional, Tuple

from ....errors import HostError, UnsupportedConfig
from ....host.api import FileStat, Host
from ....model.domain.core import Domain
from ....model.domain.seed import seed_path
from ....xml.parse import Element
from .nvram import variables_path

Handed = Tuple[str, int, int]
Owner = Tuple[int, int]


@dataclass(frozen=True)
class Runner:
    """The user that QEMU runs as when we are root."""

    name: str
    uid: int
    gid: int
    groups: Tuple[int, ...] = ()

    def may(self, found: FileStat, bit: int) -> bool:
        """Whether a mode bit (4 read, 2 write, 1 pass) is granted to this user."""
        if found.uid == self.uid:
            return bool(found.mode & bit << 6)
        if found.gid == self.gid or found.gid in self.groups:
            return bool(found.mode & bit << 3)
        return bool(found.mode & bit)


@dataclass(frozen=True)
class Image:
    """A file that a guest's disk is made of."""

    path: str
    writable: bool
    made: bool = False  # by us: at the start, or before it, when it is not there


def images(domain: Domain) -> Iterator[Image]:
    """Every local file or device of the guest's disks, backing files included (those are only read); what is ours.

    That is UEFI variables, and what the guest reads at its first boot, which is no disk for all.
    """
    seed = seed_path(domain.element)
    if seed:
        yield Image(seed, False, made=True)
    for disk in domain.element.findall("devices/disk"):
        path = _local(disk)
        read_only = disk.find("readonly") is not None or disk.get("device") == "cdrom"
        if path and path != seed:
            yield Image(path, not read_only)
        for backing in disk.iter("backingStore"):
            inner = _local(backing)
            if inner:
                yield Image(inner, False)
    variables = variables_path(domain)
    if variables:
        yield Image(variables, True, made=True)


def _local(holder: Element) -> str:
    source = holder.find("source")
    if source is None:
        return ""
    return source.get("file") or source.get("dev") or ""


def check_images(domain: Domain, host: Host) -> None:
    """Raise UnsupportedConfig for an image that is not there; one sentence that names the disk."""
    for image in images(domain):
        found = host.stat(host.resolve(image.path))
        if found is None and image.made:
            continue
        if found is None:
            raise UnsupportedConfig(
                f"The image {image.path} of guest {domain.name} does not exist.",
                hint="Create it, or correct the disk's source.",
                path=image.path,
            )
        if found.kind not in ("file", "block"):
            raise UnsupportedConfig(f"{image.path} is a {found.kind}, and a disk needs a file or a block device.")
    for disk in domain.element.findall("devices/disk"):
        path, driver = _local(disk), disk.find("driver")
        if path and driver is not None and driver.get("type") == "qcow2":
            _check_head(path, domain, host)


def _check_head(path: str, domain: Domain, host: Host) -> None:
    from .chains import QCOW_MAGIC

    if (host.read(path, limit=4) or b"") != QCOW_MAGIC:
        raise UnsupportedConfig(
            f"The image {path} of guest {domain.name} is no qcow2 image, and its disk says that it is one.",
            hint="Write format: raw if it is a raw image (type='raw' in <driver>), or name the right one.",
            path=path,
        )


def to_hand(domain: Domain, host: Host, runner: Runner, borrowed: Mapping[str, Owner]) -> List[Handed]:
    """The images that QEMU's user could not use by right, with the owners to give them back to; raises HostError.

    ``borrowed`` has the owners of those that other guests were handed: whoever ends last gives them back. An image in
    a directory that the user cannot pass through is an error: no owner of the file would help.
    """
    rows: List[Handed] = []
    for image in images(domain):
        path = host.resolve(image.path)
        found = host.stat(path)
        if found is None or any(path == row[0] for row in rows):
            continue
        check_reachable(path, host, runner, f"the image of guest {domain.name}")
        usable = runner.may(found, 4) and (not image.writable or runner.may(found, 2))
        if not usable or path in borrowed:
            rows.append((path, *borrowed.get(path, (found.uid, found.gid))))
    return rows


def blocked_by(path: str, host: Host, runner: Runner) -> str:
    """The first directory on the way to a path that the user cannot pass through, or an empty text."""
    parts = posixpath.dirname(path).split("/")
    for count in range(1, len(parts) + 1):
        directory = "/".join(parts[:count]) or "/"
        found = host.stat(directory)
        if found is not None and not runner.may(found, 1):
            return directory
    return ""


def check_reachable(path: str, host: Host, runner: Runner, what: str) -> None:
    """Raise HostError when the user cannot get to a file, naming the directory in the way."""
    directory = blocked_by(path, host, runner)
    if directory:
        raise HostError(
            f"QEMU runs as {runner.name}, who cannot pass through {directory} to {path}, {what}.",
            hint=f"Move it to /var/lib/corral/images, or let everybody through: chmod o+x {directory}",
            path=path,
        )


def hand_over(rows: Tuple[Handed, ...], host: Host, runner: Runner) -> None:
    """Make the files the runner's own."""
    for path, _uid, _gid in rows:
        host.change_owner(path, runner.uid, runner.gid)


def give_back(rows: Tuple[Handed, ...], host: Host, runner: Optional[Runner], in_use: Tuple[str, ...]) -> None:
    """Restore the owners of files that are still the runner's and that no other guest uses."""
    for path, uid, gid in rows:
        found = host.stat(path)
        ours = found is not None and (runner is None or found.uid == runner.uid)
        if ours and path not in in_use:
            host.change_owner(path, uid, gid)

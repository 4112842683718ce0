# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pool whose volumes are files in a directory: where each of them is, who works on it, what killed runs have left.

A volume comes into being beside its place, under a name of this host's and this volume's own, and is renamed when it is
whole. Whoever works on a volume holds a lock with the same digest in its name, which the kernel opens when he dies: so
what lies there without its lock being held is left over.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Iterator, List, Optional

from ....errors import HostError, InvalidArgument, NotFound, OperationDenied, XmlError
from ....host.api import FileStat, Host
from ....host.layout import Layout
from ..passes.check_volume import check_volume_name
from ..types.base import PART_PREFIX
from .command import Key
from .work import KEY, KEY_LENGTH, PART_SUFFIX, WORK_TIMEOUT, holding, sweep


@dataclass(frozen=True)
class Shelf:
    """The files of one active pool. ``target`` is its directory; nothing outside of it is ever touched."""

    host: Host
    layout: Layout
    pool: str
    target: str
    read_only: bool = False

    def root(self) -> str:
        """The directory itself, without links; raises HostError where there is none."""
        real = self.host.resolve(self.target)
        found = self.host.stat(real)
        if found is None or found.kind != "directory":
            raise HostError(
                f"The directory {self.target} of pool {self.pool} is not there.",
                hint="Build the pool, or mount what belongs there.",
                path=self.target,
            )
        return real

    def place(self, name: str) -> str:
        """The path of a volume of this name, whether it is there or not; raises InvalidArgument for what is no name."""
        try:
            return posixpath.join(self.target, check_volume_name(name))
        except XmlError as error:
            raise InvalidArgument(error.message, name=name) from None

    def find(self, name: str) -> FileStat:
        """What is in a volume's place, links followed; raises NotFound, OperationDenied for what leads elsewhere."""
        path = self.place(name)
        found = self.host.stat(path)
        if found is not None and found.kind == "link":
            found = self.host.stat(self.real(name))
        if found is None:
            raise NotFound(f"There is no volume named '{name}' in pool {self.pool}.", name=name)
        if found.kind not in ("file", "block"):
            raise OperationDenied(f"{path} is a {found.kind}, and no volume of pool {self.pool}.", path=path)
        return found

    def real(self, name: str) -> str:
        """The file of a volume, without links; raises OperationDenied for one outside of the pool's directory."""
        path, root = self.host.resolve(self.place(name)), self.root()
        if not path.startswith(root.rstrip("/") + "/"):
            raise OperationDenied(
                f"Volume {name} of pool {self.pool} is a link out of the pool, to {path}.",
                hint="Move the file into the pool, or make a pool of the directory it is in.",
                path=path,
            )
        return path

    def names(self) -> List[str]:
        """The names of all files and links in the directory that could be volumes, sorted."""
        return [name for name in self.host.entries(self.root()) if not name.startswith(PART_PREFIX) and _is_name(name)]

    # work

    def key(self, name: str) -> str:
        """What a volume's lock and its unfinished file are called by."""
        return hashlib.sha256(f"{self.pool}\0{name}".encode("utf-8", "surrogateescape")).hexdigest()[:KEY_LENGTH]

    def part(self, name: str) -> str:
        """Where a volume is made."""
        return posixpath.join(self.root(), f"{self._part_prefix()}{self.key(name)}{PART_SUFFIX}")

    @contextmanager
    def working(self, name: str, *, timeout: float = WORK_TIMEOUT) -> Iterator[str]:
        """Hold a volume's lock and clean up what killed runs left, of this volume and of others; raises LockBusy.

        The value is where the volume is to be made; what lies there at the end is removed.
        """
        if self.read_only:
            raise OperationDenied(f"The connection is read-only; volume {name} is not changed.")
        part = self.part(name)
        self.sweep()
        with self.holding(self.key(name), timeout=timeout):
            self._clear(self.key(name))
            try:
                yield part
            finally:
                self._clear(self.key(name))

    @contextmanager
    def holding(self, key: str, *, timeout: float = WORK_TIMEOUT) -> Iterator[None]:
        """Hold the lock of a volume, by its key; raises LockBusy."""
        with holding(self.host, self.layout, key, timeout=timeout):
            yield

    def sweep(self) -> None:
        """Remove what killed runs have left: unfinished volumes of this host, and secrets."""
        sweep(self.host, self.layout, self._leftovers(), self._clear)

    @contextmanager
    def key_file(self, name: str, secret: Optional[bytes], id: str) -> Iterator[Optional[Key]]:
        """Keep a secret in a file for the programs that are run meanwhile; None for no secret."""
        if secret is None:
            yield None
            return
        path = posixpath.join(self.layout.keys_dir, f"{self.key(name)}-{id}")
        self.host.make_directory(self.layout.keys_dir, mode=0o700)
        try:
            self.host.write(path, secret, mode=0o600)
            yield Key(id, path)
        finally:
            self.host.remove(path)

    def _clear(self, key: str) -> None:
        """Remove the unfinished file and the secrets of a volume whose lock we hold."""
        part = posixpath.join(self.root(), f"{self._part_prefix()}{key}{PART_SUFFIX}")
        if self.host.stat(part) is not None:
            self.host.remove(part)
        for name in self.host.entries(self.layout.keys_dir):
            if name.startswith(f"{key}-"):
                self.host.remove(posixpath.join(self.layout.keys_dir, name))

    def _leftovers(self) -> Iterator[str]:
        """The keys of everything unfinished; that of another host on the same network file system is its own affair."""
        pattern = re.escape(self._part_prefix()) + f"({KEY})" + re.escape(PART_SUFFIX)
        for name in self.host.entries(self.root()):
            match = re.fullmatch(pattern, name)
            if match:
                yield match.group(1)
        for name in self.host.entries(self.layout.keys_dir):
            match = re.fullmatch(f"({KEY})-.*", name)
            if match:
                yield match.group(1)

    def _part_prefix(self) -> str:
        return f"{PART_PREFIX}{hashlib.sha256(self.host.machine_id().encode()).hexdigest()[:8]}-"


def _is_name(name: str) -> bool:
    try:
        check_volume_name(name)
    except XmlError:
        return False
    return True

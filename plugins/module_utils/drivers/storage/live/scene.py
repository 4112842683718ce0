# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One pool on its host: what every look at it and every change of it needs."""

from __future__ import annotations

import posixpath
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Iterator, Optional

from ....errors import NoSupport, OperationInvalid
from ....host.api import Host
from ....model.storage.parts import SecretUse
from ....model.storage.pool import Pool
from ....xml.parse import Element
from ...api import HypervisorDriver, Neighbours
from ..passes.check import need_type
from ..site import Site
from ..types.base import PoolType
from ..volume.shelf import Shelf

# Seconds for which no program that was given a secret runs.
KEPT = 7200.0


@dataclass(frozen=True)
class Scene:
    """A pool with the row of its type; ``neighbours`` are the drivers of guests and of secrets."""

    site: Site
    pool: Pool
    row: PoolType
    neighbours: Optional[Neighbours] = None

    @property
    def host(self) -> Host:
        """The machine."""
        return self.site.host

    @property
    def name(self) -> str:
        """The pool's name."""
        return self.pool.name or ""

    @property
    def target(self) -> str:
        """The directory that the volumes are found in; empty for pools that are nowhere on this host."""
        return self.pool.path() or ""

    @property
    def hypervisor(self) -> Optional[HypervisorDriver]:
        """The driver of the guests."""
        return None if self.neighbours is None else self.neighbours.hypervisor

    def shelf(self) -> Shelf:
        """The files of a pool whose volumes are files; raises OperationInvalid for another."""
        if not self.row.files:
            raise OperationInvalid(f"The volumes of pool {self.name} are no files.")
        return Shelf(self.host, self.site.layout, self.name, self.target, self.site.read_only)

    def secret(self, use: SecretUse, usage: str) -> bytes:
        """The value of a secret that a document names by its uuid or its usage; raises what the secret driver does."""
        if self.neighbours is None:
            raise NoSupport("There are no secrets on this connection.")
        return self.neighbours.secret.use_secret_value(use.uuid or f"{usage}:{use.usage}")

    def _free(self, stem: str) -> str:
        return next(path for path in (f"{stem}-{number}" for number in count()) if self.host.stat(path) is None)

    @contextmanager
    def key_file(self, value: Optional[bytes], use: str = "own") -> Iterator[Optional[str]]:
        """Keep a secret in a file for the programs that are run meanwhile; None for no secret."""
        if value is None:
            yield None
            return
        directory = self.site.layout.keys_dir
        stem = posixpath.join(directory, f"pool-{use}-{self.name}-{self.host.monotonic():.6f}")
        path = self._free(stem)
        self.host.make_directory(directory, mode=0o700)
        try:
            self.host.write(path, value, mode=0o600)
            yield path
        finally:
            self.host.remove(path)

    def sweep_keys(self) -> None:
        """Remove the secrets that runs have left which were killed long ago."""
        directory, long_ago = self.site.layout.keys_dir, (self.host.now() - KEPT) * 1e9
        for name in self.host.entries(directory):
            path = posixpath.join(directory, name)
            found = self.host.stat(path) if name.startswith("pool-") else None
            if found is not None and found.mtime_ns < long_ago:
                self.host.remove(path)


def scene_of(site: Site, document: Element, neighbours: Optional[Neighbours] = None) -> Scene:
    """Look at the pool of a complete document."""
    pool = Pool(document)
    return Scene(site, pool, need_type(pool), neighbours)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removing a guest: everything that could stop it is looked at before anything is done.

What is deleted beside the definition (``storage: owned``) are the images that we made for this guest, which its
metadata names, its UEFI variables and the state of its TPM. An image that the guest may only read, that is shared, or
that another guest needs is never deleted.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Iterator, List, Optional, Set, Tuple

from ....errors import InvalidArgument, NotFound, OperationInvalid
from ....host.api import Host
from ....host.layout import check_name
from ....model.domain.core import Domain
from ....model.domain.disk import Disk
from ....model.domain.owned import owned_paths, owned_volumes
from ....xml.parse import Element
from .chains import QCOW_MAGIC
from .nvram import own_variables
from .saved import saved_files
from .sharing import documents_of, key_of, used_by_others, with_head
from .site import Site

STORAGE = ("keep", "owned")
# The bytes of an image that QEMU locks while it has it open (its block/file-posix.c).
LOCK_BYTES = range(100, 300)


@dataclass(frozen=True)
class Removal:
    """What goes together with a definition: volumes by pool and name, files and whole directories, in this order."""

    files: Tuple[str, ...] = ()
    trees: Tuple[str, ...] = ()
    volumes: Tuple[Tuple[str, str], ...] = ()

    def paths(self) -> List[str]:
        """All of them, for people."""
        return [*(f"the volume {name} of pool {pool}" for pool, name in self.volumes), *self.files, *self.trees]


def plan_removal(site: Site, name: str, storage: str, *, active: bool) -> Removal:
    """Work out what is deleted with a guest; raises OperationInvalid that names what stands in the way.

    ``active`` says that it still runs: its own QEMU holds its images then.
    """
    if storage not in STORAGE:
        raise InvalidArgument(f"storage is {storage!r}; write keep or owned.")
    document = site.require(name)
    saved = [] if active else saved_files(site, name)
    if storage == "keep":
        return Removal(tuple(saved))
    owned = list(_owned_images(site, document))
    headed = with_head(document)
    for path in owned:
        _check(site, name, path, active=active)
        if path in headed:
            _check_snapshots(site.host, name, path)
    variables = own_variables(Domain(document), site.layout.nvram_dir, site.host)
    volumes = tuple(_owned_volumes(site, name, document, active=active))
    return Removal((*saved, *owned, *variables), tuple(_tpm(site, document)), volumes)


def remove_files(site: Site, removal: Removal) -> None:
    """Delete them; what is gone already is fine."""
    for pool, name in removal.volumes:
        if site.neighbours is not None:
            site.neighbours.storage.delete_volume(pool, name)
    for path in removal.files:
        site.host.remove(path)
    for path in removal.trees:
        site.host.remove_tree(path)


def _owned_images(site: Site, document: Element) -> Iterator[str]:
    """The marked images that are disks of the guest which it may write to alone, and that are there."""
    marked = owned_paths(document)
    for disk in Domain(document).all(Disk):
        path = disk.source.file or disk.source.dev if disk.source is not None else None
        private = disk.device == "disk" and not disk.read_only and not disk.shareable
        if path and path in marked and private and site.host.stat(path) is not None:
            yield path


def _owned_volumes(site: Site, name: str, document: Element, *, active: bool) -> Iterator[Tuple[str, str]]:
    """The marked volumes that are disks of the guest which it may write to alone, and that are there."""
    marked = owned_volumes(document)
    for disk in Domain(document).all(Disk) if marked and site.neighbours is not None else ():
        source = disk.source
        place = (source.pool or "", source.volume or "") if source is not None and disk.type == "volume" else ("", "")
        if place in marked and disk.device == "disk" and not disk.read_only and not disk.shareable:
            path = _path_of_volume(site, *place)
            if path is not None:
                _check_volume(site, name, place, path, active=active)
                yield place


def _path_of_volume(site: Site, pool: str, name: str) -> Optional[str]:
    if site.neighbours is None:
        return None
    try:
        return site.neighbours.storage.lookup_volume(pool, name).path
    except NotFound:
        return None  # the volume is gone, or its pool


def _check_volume(site: Site, name: str, place: Tuple[str, str], path: str, *, active: bool) -> None:
    """What the storage driver would refuse when the guest is off already, and what it cannot know."""
    found = site.host.stat(site.host.resolve(path))
    if found is not None and found.kind == "file":
        _check(site, name, site.host.resolve(path), active=active)
    for other in sorted({*site.store.names(), *site.store.live_names()} - {name}):
        for document in documents_of(site, other):
            if place in _volumes(document):
                raise _refused(name, path, f"is also used by the guest {other}")
    above = site.neighbours.storage.volume_layers(*place) if site.neighbours is not None else []
    if above:
        raise _refused(name, path, f"is what the volume {above[0]} stands on")


def _volumes(document: Element) -> Set[Tuple[str, str]]:
    return {(found.get("pool", ""), found.get("volume", "")) for found in document.iterfind("devices/disk/source")}


def _check(site: Site, name: str, path: str, *, active: bool) -> None:
    host = site.host
    found = host.stat(path)
    if found is None:
        return
    if found.kind != "file":
        raise _refused(name, path, f"is a {found.kind}, and only files can be deleted")
    other = used_by_others(site, name, key_of(host, path))
    if other is not None:
        raise _refused(name, path, f"is also used by the guest {other}")
    if not active and _is_held(host, found.inode):
        raise _refused(name, path, "is held open by another program")


def _refused(name: str, path: str, why: str) -> OperationInvalid:
    return OperationInvalid(
        f"Guest {name} is not removed: its image {path} {why}.",
        hint="Mend that, or keep the images with storage: keep.",
        path=path,
    )


def _check_snapshots(host: Host, name: str, path: str) -> None:
    kept = _snapshots(host, path)
    if kept:
        raise _refused(name, path, f"holds {kept} snapshot{'s' if kept > 1 else ''}")


def _snapshots(host: Host, path: str) -> int:
    """How many snapshots an image holds (the header of qcow2, bytes 60 to 64)."""
    head = host.read(path, limit=64) or b""
    return int(struct.unpack(">I", head[60:64])[0]) if head[:4] == QCOW_MAGIC and len(head) == 64 else 0


def _is_held(host: Host, inode: int) -> bool:
    """Whether a program has QEMU's locks on the file: rows of /proc/locks have the inode and the first byte."""
    rows = (host.read("/proc/locks") or b"").decode("ascii", "replace").splitlines()
    fields = [row.split() for row in rows]
    return any(
        len(row) >= 8 and row[-3].rpartition(":")[2] == str(inode) and row[-2].isdigit() and int(row[-2]) in LOCK_BYTES
        for row in fields
    )


def _tpm(site: Site, document: Element) -> Iterator[str]:
    uuid: Optional[str] = Domain(document).uuid
    path = f"{site.layout.tpm_dir}/{check_name('domain', uuid)}" if uuid else ""
    if path and site.host.stat(path) is not None:
        yield path

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What guests share on a host: memory, and images. Two running guests must not write to one image, and nothing that
others use is ever deleted. A guest that runs under a libvirtd counts as well.
"""

from __future__ import annotations

import posixpath
import re
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Iterable, Iterator, List, Optional, Tuple

from ....errors import CorralError, HostError, OperationFailed, OperationInvalid
from ....host.api import Host
from ....model.domain.core import Domain
from ....xml.parse import Element
from ...libvirtd import ForeignGuest
from .chains import QCOW_MAGIC
from .figures import KIB, host_memory
from .foreign import check_foreign, foreigners, has_image, holder
from .images import images
from .site import Site
from .stop import alive
from .volumes import placed, volumes_of

# What QEMU says when somebody else has an image open (its block/file-posix.c, raw_check_lock_bytes).
LOCKED = re.compile(r"Is another process using the image \[(?P<path>[^\]]+)\]")

Key = Tuple[object, ...]


@dataclass(frozen=True)
class Use:
    """One image of one guest: ``key`` tells files apart, whatever path names them."""

    guest: str
    path: str
    key: Key
    writable: bool
    shared: bool


def uses(host: Host, name: str, document: Element) -> Iterator[Use]:
    """The images of a document that are there, backing files that it names included."""
    domain = Domain(document)
    shared = {_source(disk) for disk in document.findall("devices/disk") if disk.find("shareable") is not None}
    for image in images(domain):
        key = key_of(host, image.path)
        if key:
            yield Use(name, image.path, key, image.writable, image.path in shared)


def _source(disk: Element) -> Optional[str]:
    source = disk.find("source")
    return None if source is None else source.get("file") or source.get("dev")


def key_of(host: Host, path: str) -> Key:
    """What tells the file of a path from others; nothing where there is none."""
    real = host.resolve(path)
    found = host.stat(real)
    if found is None:
        return ()
    return (real,) if found.kind == "block" else (found.device, found.inode)


def check_memory(site: Site, name: str, document: Element) -> None:
    """Raise OperationInvalid for a guest with more memory than the host has at all."""
    wanted, there = Domain(document).memory or 0, host_memory(site.host)
    if there is not None and wanted > there:
        raise OperationInvalid(
            f"Guest {name} has {wanted // KIB} MiB of memory, and the whole host has {there // KIB} MiB.",
            hint="Give it less memory.",
        )


def check_free(site: Site, name: str, document: Element) -> None:
    """Raise OperationInvalid when a running guest has an image that this one is about to use, or it has it twice.

    Also when the guest itself runs under a libvirtd.
    """
    mine = list(uses(site.host, name, document))
    _check_once(name, mine)
    foreign = check_foreign(site, name, document)
    for error, found in ((_in_use, running(site, name)), (has_image, _foreign(site, foreign))):
        for theirs in (use for other in found for use in other):
            clash = next((use for use in mine if use.key == theirs.key and _clashes(use, theirs)), None)
            if clash is not None:
                raise error(clash.path, name, theirs.guest)


def _foreign(site: Site, guests: Iterable[ForeignGuest]) -> Iterator[List[Use]]:
    """The images of guests that run under a libvirtd."""
    for guest in guests:
        if guest.document is not None:
            yield list(uses(site.host, guest.name, guest.document))


def _check_once(name: str, mine: List[Use]) -> None:
    for number, use in enumerate(mine):
        if any(use.key == before.key and _clashes(use, before) for before in mine[:number]):
            raise OperationInvalid(
                f"Guest {name} has the image {use.path} twice, maybe as a backing file or by another path.",
                hint="Take one of these disks out: what one writes would destroy what the other sees.",
                path=use.path,
            )


def _clashes(mine: Use, theirs: Use) -> bool:
    return (mine.writable or theirs.writable) and not (mine.shared and theirs.shared)


def _in_use(path: str, name: str, other: str) -> OperationInvalid:
    return OperationInvalid(
        f"The image {path} of guest {name} is in use by the guest {other}, which is running.",
        hint=f"Stop {other} first, or make the disk readonly or shareable in both guests.",
        path=path,
        guest=other,
    )


def running(site: Site, name: str) -> Iterator[List[Use]]:
    """The images of every other guest that runs or is being started."""
    for other, document in others(site, name):
        yield list(uses(site.host, other, document))


def others(site: Site, name: str) -> Iterator[Tuple[str, Element]]:
    """The documents of every other guest that runs or is being started."""
    for other in site.store.live_names():
        with _telling(other):
            document = _running(site, other) if other != name else None
        if document is not None:
            yield other, document


def _running(site: Site, name: str) -> Optional[Element]:
    status = site.status(name)
    if status is None or status.ended is not None or (status.pid and not alive(site, status)):
        return None
    document = site.active(name)
    return site.persistent(name) if document is None else document


def documents_of(site: Site, name: str) -> List[Element]:
    """The documents of a guest, for what must not be overlooked; raises OperationInvalid where one is damaged."""
    with _telling(name):
        return [document for document in (site.persistent(name), site.active(name)) if document is not None]


@contextmanager
def _telling(name: str) -> Iterator[None]:
    try:
        yield
    except CorralError as error:
        raise OperationInvalid(
            f"It cannot be told what guest {name} uses: {error.message}", hint=error.hint, guest=name
        ) from error


def explained(site: Site, name: str, said: str) -> Optional[OperationFailed]:
    """The error for QEMU's words about an image that somebody has open, None when they are about something else."""
    found = LOCKED.search(said)
    if not found:
        return None
    path = found.group("path")
    key = key_of(site.host, path)
    ours = [use.guest for other in running(site, name) for use in other if use.key == key]
    theirs = [use.guest for other in _foreign(site, foreigners(site)) for use in other if use.key == key]
    holders = [*ours, *theirs]
    who = holder(holders[0] if holders else None, foreign=not ours)
    return OperationFailed(
        f"Guest {name} did not start: its image {path} is in use by {who}.",
        hint="Stop that first, or give the guest another image.",
        path=path,
        guest=holders[0] if holders else None,
    )


def used_by_others(site: Site, name: str, key: Key) -> Optional[str]:
    """The other guest, running or only defined, that has this file as an image or below one."""
    for other in sorted({*site.store.names(), *site.store.live_names()} - {name}):
        for document in documents_of(site, other):
            if key in _everything(site.host, other, _with_volumes(site, document)):
                return other
    return None


def _with_volumes(site: Site, document: Element) -> Element:
    """A document that says where its volumes are, as far as its pools are active."""
    try:
        return placed(document, volumes_of(site, document))
    except CorralError:
        return document


def _everything(host: Host, name: str, document: Element) -> List[Key]:
    keys = [use.key for use in uses(host, name, document)]
    return keys + [key_of(host, under) for path in with_head(document) for under in below(host, path)]


def with_head(document: Element) -> List[str]:
    """The images of a document whose heads QEMU reads: in a raw one the guest may have written whatever it likes."""
    disks = document.findall("devices/disk")
    formats = [(disk, disk.find("driver")) for disk in disks]
    formats += [(layer, layer.find("format")) for disk in disks for layer in disk.iter("backingStore")]
    headed = (_source(holder) for holder, said in formats if said is not None and said.get("type") == "qcow2")
    return [path for path in headed if path]


def below(host: Host, path: str) -> Iterator[str]:
    """The local files below a qcow2 image, as the images themselves name them; whatever cannot be read ends it."""
    seen = {path}
    while True:
        try:
            head = host.read(host.resolve(path), limit=65536) or b""
        except HostError:
            return
        if head[:4] != QCOW_MAGIC or len(head) < 20:
            return
        offset, size = struct.unpack(">QI", head[8:20])
        name = head[offset : offset + size].decode("utf-8", "surrogateescape") if offset else ""
        if not name or ":" in name.partition("/")[0]:  # nothing, or a protocol such as nbd:
            return
        path = posixpath.normpath(posixpath.join(posixpath.dirname(host.resolve(path)), name))
        if path in seen:
            return
        seen.add(path)
        yield path

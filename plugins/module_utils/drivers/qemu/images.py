# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images as values: what one layer of a disk is, read out of the document once for everything that writes it.

A disk is a chain: its own image, perhaps with a data file beside it, and the images below it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Dict, Iterator, Optional, Tuple

from ...errors import UnsupportedConfig
from ...model.domain.disk import Disk
from ...model.domain.storage import Auth, BackingStore, DataStore, Encryption, Slice, Source
from ...xml.parse import add, new_element
from .context import Context

# libvirt's formatdomain, "source": the port of a <host> that names none.
DEFAULT_PORTS: Dict[str, int] = {
    "http": 80,
    "https": 443,
    "ftp": 21,
    "ftps": 990,
    "tftp": 69,
    "iscsi": 3260,
    "nbd": 10809,
    "rbd": 6789,
    "gluster": 24007,
    "ssh": 22,
    "sheepdog": 7000,
    "vxhs": 9999,
}


@dataclass(frozen=True)
class Policy:
    """How QEMU treats the bytes of an image: None is QEMU's own choice. Most of it holds for the whole chain."""

    cache: Optional[str] = None
    io: Optional[str] = None
    discard: Optional[str] = None
    discard_no_unref: Optional[bool] = None
    detect_zeroes: Optional[str] = None


@dataclass(frozen=True)
class Image:
    """One image: ``node`` is the stem of its names in QEMU, ``type`` as in <disk type=''>, ``format`` as in <driver>.

    ``ends`` says that there is nothing below it; without it and without ``backing`` that is not known.
    """

    node: str
    type: str
    format: str
    source: Source
    read_only: bool = False
    policy: Policy = field(default_factory=Policy)
    auth: Optional[Auth] = None
    encryption: Optional[Encryption] = None
    cache_size: Optional[int] = None
    cdrom: bool = False
    floppy: bool = False
    data: Optional[Image] = None
    backing: Optional[Image] = None
    ends: bool = False

    @property
    def slice(self) -> Optional[Slice]:
        """The part of the storage that holds the image, or None for the whole of it."""
        return next((part for part in self.source.slices if part.type in (None, "storage")), None)

    def engine(self, name: str) -> Optional[Encryption]:
        """The encryption, if this engine does it."""
        found = self.encryption
        return found if found is not None and (found.engine or "qemu") == name else None

    def needs_format(self) -> bool:
        """Whether a format node stands above the storage."""
        return self.format != "raw" or self.engine("qemu") is not None

    def storage_node(self) -> str:
        """The name of the node that the format reads from: the storage, or the part of it that holds the image."""
        return f"{self.node}-slice-sto" if self.slice is not None else f"{self.node}-storage"

    def top_node(self) -> str:
        """The name of the node that others use: a guest device, a filter, the image above."""
        return f"{self.node}-format" if self.needs_format() else self.storage_node()

    def chain(self) -> Iterator[Image]:
        """This image and those below it."""
        at: Optional[Image] = self
        while at is not None:
            yield at
            at = at.backing


def policy_of(disk: Disk) -> Policy:
    """The policy of a disk's own image; unmapping zeroes without discarding would only write them."""
    cache = None if disk.cache == "default" else disk.cache
    if cache is None and disk.shareable and not disk.read_only:
        cache = "none"
    zeroes = disk.detect_zeroes
    if zeroes == "unmap" and disk.discard != "unmap":
        zeroes = "on"
    return Policy(cache, disk.io, disk.discard, disk.discard_no_unref, zeroes)


def top_image(disk: Disk, context: Context) -> Optional[Image]:
    """The image of a disk with its chain, or None for an empty drive."""
    if disk.is_empty() or disk.source is None:
        return None
    type_, format_, source = _translated(disk, disk.source, context)
    policy = policy_of(disk)
    image = Image(
        node=node(source.index or disk.source.index),
        type=type_,
        format=format_,
        source=source,
        read_only=disk.read_only,
        policy=policy,
        auth=source.auth if disk.type == "volume" else disk.auth or source.auth,
        encryption=disk.encrypted(),
        cache_size=disk.cache_size,
        cdrom=source.dev in context.cdroms,
        floppy=disk.device == "floppy",
    )
    below = _below(disk.backing, replace(policy, detect_zeroes=None))
    ends = disk.backing is not None and below is None
    return replace(image, data=_data(image), backing=below, ends=ends)


def node(index: Optional[int]) -> str:
    """The stem of an image's node names; the live document numbers every image."""
    if index is None:
        raise AssertionError("the image has no index yet")
    return f"libvirt-{index}"


def _below(store: Optional[BackingStore], policy: Policy) -> Optional[Image]:
    if store is None or store.type is None or store.source is None:
        return None
    image = Image(
        node=node(store.index),
        type=store.type,
        format=store.format or "raw",
        source=store.source,
        read_only=True,
        policy=policy,
        auth=store.source.auth,
        encryption=store.source.encryption,
        cache_size=store.cache_size,
    )
    below = _below(store.backing, policy)
    return replace(image, data=_data(image), backing=below, ends=store.backing is not None and below is None)


def _data(image: Image) -> Optional[Image]:
    store: Optional[DataStore] = image.source.data_store
    if store is None or store.source is None:
        return None
    return Image(
        node=node(store.index),
        type=store.type or "file",
        format=store.format or "raw",
        source=store.source,
        read_only=image.read_only,
        policy=image.policy,
        auth=store.source.auth,
        encryption=store.source.encryption,
    )


def _translated(disk: Disk, source: Source, context: Context) -> Tuple[str, str, Source]:
    """Type, format and source; a volume is looked up and becomes what it is on this host."""
    if disk.type != "volume":
        return disk.type or "file", disk.format or "raw", source
    found = context.volumes.get((source.pool or "", source.volume or "", source.mode or ""))
    if found is None:
        raise UnsupportedConfig(
            f"the volume '{source.volume}' of the pool '{source.pool}' is not known here.",
            line=source.line,
            hint="Define and start the pool first, or name the image by its path.",
        )
    element = new_element("source", **found.source)
    for host in found.hosts:
        add(element, "host", **host)
    if found.auth:
        secret = {key: value for key, value in found.auth.items() if key != "username"}
        add(add(element, "auth", username=found.auth["username"]), "secret", **secret)
    usual = "fat" if found.type == "dir" else "raw"
    return found.type, disk.format or found.format or usual, Source(element)

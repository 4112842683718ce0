# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract of storage drivers: pools and their volumes."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import ContextManager, List, Optional, Sequence, Tuple

from ...xml.compare import Change
from ...xml.parse import Element
from .base import Driver, Expected, Fault, Summary, mutates
from .secret import SecretUser


@dataclass(frozen=True)
class Pool(Summary):
    """One storage pool: ``type`` is dir, fs, logical, ...; ``target`` the directory that its volumes are found in.

    ``capacity``, ``allocation`` and ``available`` are bytes, as they were when an active pool was last refreshed.
    """

    type: str = "dir"
    target: Optional[str] = None
    capacity: int = 0
    allocation: int = 0
    available: int = 0


@dataclass(frozen=True)
class Volume:
    """One storage volume. ``type`` is file, block, dir, network or netdir; ``capacity`` and ``allocation`` are bytes.

    ``path`` is what a guest's disk names as its source, ``key`` what is unique on this host, ``backing`` the path of
    the image that it is a layer above. ``origin`` is that of the content that it was made from; it is forgotten when
    the volume is wiped or uploaded to, and None for one that somebody else has made.
    """

    pool: str
    name: str
    key: str
    path: str
    type: str = "file"
    format: Optional[str] = None
    capacity: int = 0
    allocation: int = 0
    backing: Optional[str] = None
    origin: Optional[str] = None


@dataclass(frozen=True)
class Content:
    """What a new volume is filled with: an image that lies on this host, of which ``format`` is its own (None: probe).

    ``volume`` is a volume to be copied (its pool and name), ``path`` a file; one of the two is given. ``origin`` says
    what the content is, such as sha256:DIGEST; the driver keeps it with the volume, and reads nothing into it.
    """

    volume: Optional[Tuple[str, str]] = None
    path: Optional[str] = None
    format: Optional[str] = None
    origin: Optional[str] = None


class StorageDriver(Driver):
    """Storage pools and their volumes. Names are exact; ``lookup_pool`` also takes a uuid. Raises NotFound, ..."""

    kind = "storage"

    def list_pools(self) -> Sequence[Summary]:
        raise self.unsupported("list_pools")

    def lookup_pool(self, reference: str) -> Summary:
        raise self.unsupported("lookup_pool")

    def pool_xml(self, name: str, *, inactive: bool = False) -> Element:
        raise self.unsupported("pool_xml")

    def normalise_pool(self, document: Element) -> Element:
        """Complete a desired document as defining it would, and check it: keeps the uuid of a pool of that name."""
        raise self.unsupported("normalise_pool")

    def default_pool(self) -> Element:
        """The document of the pool ``default`` where nobody has described one."""
        raise self.unsupported("default_pool")

    def ignored_pool_parts(self, document: Element) -> List[str]:
        """What a document says that this driver does not read, as paths for people; it is kept all the same."""
        return []

    def pool_faults(self, name: str) -> List[Fault]:
        """What an active pool lacks on the host: a mount, a directory, a volume group; none for an inactive one."""
        return []

    def pool_guests(self, name: str) -> List[str]:
        """The names of the active guests that use a volume of the pool."""
        return []

    def pool_is_built(self, name: str) -> bool:
        """Whether what the pool lies on is there: its directory, file system, partition table or volume group."""
        raise self.unsupported("pool_is_built")

    def check_pool(self, document: Element, *, start: bool) -> None:
        """Raise what would keep a complete document's pool from being started as the host is now; check mode asks, too.

        Nothing is asked without ``start``: what a pool that stays inactive lacks may come later.
        """

    def check_pool_build(self, document: Element, *, overwrite: bool = False) -> None:
        """Raise what would keep a complete document's pool from being built, as far as looking tells."""

    def expect_pool(self, name: str, expected: Expected) -> None:
        """Check from now on as if a pool were so. For checks of several: nothing else takes note of it."""

    def check_pool_deletion(self, name: str) -> List[str]:
        """What would be deleted with the pool's data; raises OperationInvalid for what stands in the way."""
        raise self.unsupported("check_pool_deletion")

    def list_volumes(self, pool: str) -> List[Volume]:
        """The volumes of an active pool, by name, as they are on the host now."""
        raise self.unsupported("list_volumes")

    def lookup_volume(self, pool: str, name: str) -> Volume:
        raise self.unsupported("lookup_volume")

    def volume_by_path(self, path: str) -> Volume:
        """The volume of an active pool that has this path or key."""
        raise self.unsupported("volume_by_path")

    def volume_xml(self, pool: str, name: str) -> Element:
        raise self.unsupported("volume_xml")

    def normalise_volume(self, pool: str, document: Element, *, content: Optional[Content] = None) -> Element:
        """Complete and check a desired volume of a pool, against the pool's type, its room and what it is made from."""
        raise self.unsupported("normalise_volume")

    def check_new_volume(
        self,
        pool: str,
        document: Element,
        *,
        content: Optional[Content] = None,
        preallocation: Optional[str] = None,
        beside: Sequence[Element] = (),
    ) -> None:
        """Raise what would keep ``create_volume`` from making it, as far as looking tells; changes nothing.

        A volume of that name may be there: it is asked before that one is deleted for the new one. ``beside`` are the
        complete documents of volumes of the pool that are expected to be made before.
        """
        raise self.unsupported("check_new_volume")

    def check_image(self, url: str, *, checksum: Optional[str] = None) -> None:
        """Raise what would keep ``fetch_image`` from reading files of this host; servers are not asked."""

    def check_resize(self, pool: str, name: str, capacity: int) -> None:
        """Raise OperationInvalid for a volume that is in use in a way that lets it keep its size."""

    def check_wipe(self, pool: str, name: str, algorithm: str) -> None:
        """Raise MissingProgram where a volume cannot be overwritten in this way."""

    def check_transfer(
        self, pool: str, name: Optional[str], *, source: Optional[str] = None, target: Optional[str] = None
    ) -> None:
        """Raise what would keep ``source`` from being uploaded, or the volume from being downloaded to ``target``.

        As far as looking tells. ``name`` is None for a volume that is made or gets its size first: then only the files
        are looked at.
        """

    def volume_guests(self, pool: str, name: str) -> List[str]:
        """The names of the active guests that have the volume, or a layer above it, open."""
        return []

    def volume_layers(self, pool: str, name: str) -> List[str]:
        """The volumes of active pools that stand on the volume, for people: what would be lost with its contents."""
        return []

    def secrets_used(self) -> List[SecretUser]:
        """What secrets are needed for: by pools for their servers, and by their volumes that are encrypted.

        Of pools that are not active it is what has been written down.
        """
        return []

    @mutates
    def exclusive(self, name: str, *, timeout: float) -> ContextManager[None]:
        """Keep other runs from working on the pool of this name meanwhile; raises LockBusy."""
        return nullcontext()

    @mutates
    def define_pool(self, document: Element) -> Summary:
        raise self.unsupported("define_pool")

    @mutates
    def create_pool(self, document: Element) -> Summary:
        """Start a pool that has no persistent document and is forgotten when it ends."""
        raise self.unsupported("create_pool")

    @mutates
    def undefine_pool(self, name: str) -> None:
        raise self.unsupported("undefine_pool")

    @mutates
    def build_pool(self, name: str, *, overwrite: bool = False) -> None:
        """Make what the pool lies on; without ``overwrite`` nothing that holds data already is formatted."""
        raise self.unsupported("build_pool")

    @mutates
    def start_pool(self, name: str) -> Summary:
        raise self.unsupported("start_pool")

    @mutates
    def destroy_pool(self, name: str) -> None:
        """Let an active pool go (unmount, deactivate); its data stays."""
        raise self.unsupported("destroy_pool")

    @mutates
    def delete_pool(self, name: str) -> None:
        """Delete what an inactive pool lies on, as ``check_pool_deletion`` lists it; never a foreign file."""
        raise self.unsupported("delete_pool")

    @mutates
    def refresh_pool(self, name: str) -> Summary:
        """Look at an active pool's volumes and room again."""
        raise self.unsupported("refresh_pool")

    @mutates
    def update_pool(self, name: str, wanted: Element, changes: Sequence[Change]) -> None:
        """Let an active pool have what the complete document says at these places, without letting it go."""
        raise self.unsupported("update_pool")

    @mutates
    def mend_pool(self, name: str) -> None:
        """Put right what ``pool_faults`` finds."""
        raise self.unsupported("mend_pool")

    @mutates
    def set_pool_autostart(self, name: str, autostart: bool) -> None:
        raise self.unsupported("set_pool_autostart")

    @mutates
    def create_volume(
        self, pool: str, document: Element, *, content: Optional[Content] = None, preallocation: Optional[str] = None
    ) -> Volume:
        """Make a volume, empty or with a content; it is visible under its name only when it is whole.

        ``preallocation`` is off, metadata, falloc or full, as qemu-img has it; None leaves it to the <allocation>.
        """
        raise self.unsupported("create_volume")

    @mutates
    def resize_volume(self, pool: str, name: str, capacity: int, *, shrink: bool = False) -> None:
        """Change a volume's size, in bytes; also that of a running guest's disk, which sees it at once."""
        raise self.unsupported("resize_volume")

    @mutates
    def update_volume(self, pool: str, name: str, wanted: Element, changes: Sequence[Change]) -> None:
        """Give a volume the permissions and labels of the complete document."""
        raise self.unsupported("update_volume")

    @mutates
    def wipe_volume(self, pool: str, name: str, *, algorithm: str = "zero") -> None:
        raise self.unsupported("wipe_volume")

    @mutates
    def upload_volume(self, pool: str, name: str, path: str) -> None:
        """Replace a volume's bytes by those of a file on this host; whole, or not at all."""
        raise self.unsupported("upload_volume")

    @mutates
    def download_volume(self, pool: str, name: str, path: str) -> None:
        """Copy a volume's bytes into a file on this host; whole, or not at all."""
        raise self.unsupported("download_volume")

    @mutates
    def delete_volume(self, pool: str, name: str) -> None:
        """Delete a volume; refused while a guest has it open or another volume is a layer above it."""
        raise self.unsupported("delete_volume")

    @mutates
    def fetch_image(self, url: str, *, checksum: Optional[str] = None, timeout: float = 3600.0) -> str:
        """Return the path of an image from a URL in the host's cache, fetched, checked and unpacked where need be.

        Runs at the same time fetch it once. ``checksum`` is ALGORITHM:DIGEST of what the server sends.
        """
        raise self.unsupported("fetch_image")

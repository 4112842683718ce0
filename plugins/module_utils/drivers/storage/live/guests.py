# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which active guests use what of a pool: their live documents are the truth, and nothing else is kept."""

from __future__ import annotations

from typing import Callable, Collection, Iterator, List, NamedTuple, Optional, Sequence, Set

from ....host.api import Host
from ....xml.parse import Element
from ...api import HypervisorDriver, Volume
from ...listing import active_told

# Attributes of a <source> that name an image, by the type of the disk.
PATHS = ("file", "dev", "dir", "name")


class Use(NamedTuple):
    """One image that an active guest has open: a path of the host, or a volume by its pool and name.

    ``below`` says that it is a layer below another image of the guest. ``unknown`` is for a guest whose files are
    damaged: it may use any other as well.
    """

    guest: str
    path: str = ""
    pool: str = ""
    volume: str = ""
    unknown: bool = False
    below: bool = False


def uses(hypervisor: Optional[HypervisorDriver]) -> List[Use]:
    """All images of active guests; a guest that ends meanwhile has none."""
    return [] if hypervisor is None else list(_uses(hypervisor))


def _uses(hypervisor: HypervisorDriver) -> Iterator[Use]:
    for each in active_told(hypervisor):
        if not each.whole:  # a disk may be in what was lost
            yield Use(each.guest, unknown=True)
        if each.document is not None:
            yield from of_document(each.guest, each.document)


def of_document(guest: str, document: Element) -> List[Use]:
    """The images in a guest's document: of its disks with what is below them, and of its firmware and kernel."""
    disks = document.findall("devices/disk")
    found = [_of_source(guest, source, disk) for disk in disks for source in disk.iter("source")]
    files = (document.findtext(f"os/{tag}") for tag in ("kernel", "initrd", "loader", "nvram"))
    return [use for use in (*found, *(Use(guest, path.strip()) for path in files if path)) if use.path or use.volume]


def _of_source(guest: str, source: Element, disk: Element) -> Use:
    path = next((value for value in (source.get(name) for name in PATHS) if value), "")
    below = source.getparent() is not disk
    return Use(guest, path, source.get("pool") or "", source.get("volume") or "", below=below)


def below(host: Host, directory: str) -> Callable[[str], bool]:
    """Whether a path leads into a directory."""
    root = host.resolve(directory).rstrip("/") + "/"
    return lambda path: path.startswith("/") and host.resolve(path).startswith(root)


def among(host: Host, volumes: Sequence[Volume]) -> Callable[[str], bool]:
    """Whether a path is that of one of the volumes."""
    known = {path for volume in volumes for path in (volume.path, host.resolve(volume.path))}
    return lambda path: path in known or (path.startswith("/") and host.resolve(path) in known)


def guests_of(found: Sequence[Use], pool: str, has: Callable[[str], bool], names: Collection[str] = ()) -> List[str]:
    """The guests that use a pool, by the volumes' names or by paths; ``names`` are the only volumes that count."""
    return sorted(
        {
            use.guest
            for use in found
            if (use.pool == pool and (not names or use.volume in names)) or has(use.path) or use.unknown
        }
    )


def with_layers(host: Host, volumes: Sequence[Volume], first: Volume) -> List[Volume]:
    """A volume with all those that stand on it, and on those."""
    reached: List[Volume] = [first]
    seen: Set[str] = set()
    while len(seen) < len(reached):
        volume = reached[len(seen)]
        seen.add(f"{volume.pool}/{volume.name}")
        real = host.resolve(volume.path)
        for other in volumes:
            stands = other.backing is not None and other.backing.startswith("/") and host.resolve(other.backing) == real
            if stands and not any((each.pool, each.name) == (other.pool, other.name) for each in reached):
                reached.append(other)
    return reached

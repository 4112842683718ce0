# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest consists of beside its definition: the files and devices that have to be where it is to run.

Images with all that they stand on, UEFI variables, the state of a TPM, what it reads at its first boot, and a kernel of
its own. Firmware belongs to a host's packages, and what QEMU reaches over the network is reached from everywhere.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Optional

from ...drivers.qemu.guest.chains import backing_chains
from ...drivers.qemu.guest.images import images
from ...drivers.qemu.guest.site import Site
from ...drivers.qemu.guest.volumes import placed, volumes_of
from ...host.api import Host
from ...host.layout import Layout
from ...model.domain.core import Domain
from ...model.domain.platform import Tpm
from ...xml.parse import Element, clone

IMAGE, STATE, BOOT = "image", "state", "boot"
# Elements of <os> whose text is a file.
BOOT_FILES = ("kernel", "initrd", "dtb", "shim")
# What ties a guest to its host, by the place in its document, and what it is called.
TIES = (
    ("devices/hostdev", "a device of its host"),
    ("devices/tpm/backend[@type='passthrough']", "the TPM of its host"),
    ("devices/disk[@type='dir']", "a disk made of a directory"),
    ("devices/disk[@type='nvme']", "a disk that is a device of its host"),
    ("devices/disk[@type='vhostuser']", "a disk of another program"),
    ("devices/interface[@type='hostdev']", "a network card of its host"),
    ("devices/interface[@type='vhostuser']", "a network card of another program"),
    ("devices/memory/source/path", "memory in a file"),
)


@dataclass(frozen=True)
class Part:
    """A file or device: ``kind`` as FileStat has it, "" for one that is not there; the rest tells files apart.

    One that is a volume has ``pool`` and ``volume``; its place is the business of the pool, on each host.
    """

    path: str
    what: str
    writable: bool
    kind: str = ""
    size: int = 0
    allocated: int = 0
    mode: int = 0o600
    inode: int = 0
    mtime_ns: int = 0
    pool: str = ""
    volume: str = ""

    def seen(self, host: Host) -> Part:
        """The same with what the host says of it."""
        found = host.stat(host.resolve(self.path))
        if found is None:
            return self
        told = {name: getattr(found, name) for name in ("kind", "size", "allocated", "mode", "inode", "mtime_ns")}
        return replace(self, **told)

    def to_plain(self) -> dict[str, Any]:
        """The part as plain values."""
        return asdict(self)


def parts_of(site: Site, document: Element) -> list[Part]:
    """Every part of a guest, each once; raises what keeps a volume or the chain of an image from being looked at."""
    volumes = volumes_of(site, document)
    found: dict[str, Part] = {}
    for part in (*_images(site, placed(document, volumes)), *_states(site, document), *_boot(document)):
        before = found.get(part.path)
        if before is None or (part.writable and not before.writable):
            found[part.path] = part
    return [part.seen(site.host) for part in found.values()]


def _images(site: Site, document: Element) -> Iterator[Part]:
    domain = Domain(document)
    places = _volume_places(document)
    for image in images(domain):
        what = STATE if image.made else IMAGE
        pool, volume = places.get(image.path, ("", ""))
        yield Part(image.path, what, image.writable, pool=pool, volume=volume)
    for chain in backing_chains(site.host, domain).values():
        yield from (Part(below.path, IMAGE, False) for below in chain)


def _volume_places(document: Element) -> Mapping[str, tuple[str, str]]:
    """The pool and the name of each volume of a document that says where they are, by path."""
    sources = document.iterfind("devices/disk[@type='volume']/source")
    rows = ((source.get("file") or source.get("dev"), source) for source in sources)
    return {path: (source.get("pool", ""), source.get("volume", "")) for path, source in rows if path}


def _states(site: Site, document: Element) -> Iterator[Part]:
    """What is ours beside the images: what the UEFI variables were made from, and the state of the TPM."""
    host, layout, domain = site.host, site.layout, Domain(document)
    for image in images(domain):
        note = f"{image.path}.template"
        if image.made and host.stat(note) is not None:
            yield Part(note, STATE, True)
    emulated = [tpm for tpm in domain.all(Tpm) if tpm.type == "emulator"]
    folder = f"{layout.tpm_dir}/{domain.uuid}"
    if emulated and host.stat(folder) is not None:
        for name in sorted(host.entries(folder)):
            found = host.stat(f"{folder}/{name}")
            if found is not None and found.kind == "file" and not name.startswith("."):
                yield Part(f"{folder}/{name}", STATE, True)


def _boot(document: Element) -> Iterator[Part]:
    for tag in BOOT_FILES:
        path = document.findtext(f"os/{tag}")
        if path:
            yield Part(path, BOOT, False)


def ties(document: Element) -> list[str]:
    """What of a document cannot be handed over, for people."""
    return [words for path, words in TIES if document.find(path) is not None]


def shared_directories(document: Element) -> list[str]:
    """The directories of the host that the guest mounts."""
    sources = document.iterfind("devices/filesystem/source")
    return [path for path in (source.get("dir") for source in sources) if path]


def moved(path: str, state: str, layout: Layout) -> str:
    """Where what lay below our state directory ``state`` of another host lies in ours; other paths are the same."""
    inside = posixpath.relpath(path, state) if path.startswith(f"{state}/") else None
    return path if inside is None else posixpath.join(layout.state, inside)


def adapted(document: Element, state: str, layout: Layout) -> Element:
    """A copy of a document whose paths in our directories are those of this host."""
    copy = clone(document)
    if state == layout.state:
        return copy
    for element in copy.iter():
        for name, value in element.attrib.items():
            element.set(name, moved(str(value), state, layout))
        if element.text:
            element.text = moved(element.text, state, layout)
    return copy


def lacking(document: Element, paths: set[str], volumes: set[tuple[str, str]]) -> Element:
    """A copy of a document without the files that are still to come, to see whether there is all the rest."""
    copy = clone(document)
    for disk in copy.findall("devices/disk"):
        if _waits(disk, paths, volumes):
            _drop(disk)
    for tag in BOOT_FILES:
        element = copy.find(f"os/{tag}")
        if element is not None and element.text in paths:
            _drop(element)
    return copy


def _waits(disk: Element, paths: set[str], volumes: set[tuple[str, str]]) -> bool:
    for source in disk.iter("source"):
        if paths & {source.get("file"), source.get("dev")}:
            return True
        if (source.get("pool", ""), source.get("volume", "")) in volumes:
            return True
    return False


def _drop(element: Optional[Element]) -> None:
    parent = None if element is None else element.getparent()
    if parent is not None and element is not None:
        parent.remove(element)

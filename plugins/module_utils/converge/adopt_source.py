# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What there is to adopt: the directories of a libvirtd, or a directory of documents that virsh has written.

Everything is read, and nothing is written. A file that makes no sense is found too, with what is wrong with it, so that
it hides no other. Source of the places: libvirt's drivers (configDir, autostartDir, nvramDir, saveDir and the like).
"""

from __future__ import annotations

import binascii
import posixpath
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Optional

from ..drivers.libvirtd import foreign_guests, guest_folders
from ..errors import CorralError, HostError, InvalidArgument, OperationInvalid, XmlError
from ..host.api import Host
from ..model.secret.core import Secret
from ..xml.parse import MAX_BYTES, Element, parse
from .options.write import absolute, listed

SYSTEM = "/etc/libvirt"
# kind -> the tag of its documents, its directory below libvirt's, and that of the links to what starts with the host
PLACES: Mapping[str, tuple[str, str, Optional[str]]] = {
    "secrets": ("secret", "secrets", None),
    "filters": ("filter", "nwfilter", None),
    "networks": ("network", "qemu/networks", "qemu/networks/autostart"),
    "pools": ("pool", "storage", "storage/autostart"),
    "guests": ("domain", "qemu", "qemu/autostart"),
}
DOCUMENT, VALUE = ".xml", ".base64"
# What libvirt remembers of the past of a guest, by the names of its directories.
HISTORIES = ("snapshot", "checkpoint")
# The tags of documents that virsh writes, too, and that define nothing of these kinds.
NO_OBJECTS = "domainsnapshot", "domaincheckpoint", "domainbackup", "volume", "interface", "device", "filterbinding"


@dataclass(frozen=True)
class Place:
    """Where a libvirtd keeps what belongs to its guests; ``runs`` are the directories of what is active.

    ``histories`` has directories below which each guest has one of its own with documents, each by what they are of.
    """

    config: str
    nvram: str
    saves: str
    tpm: str
    runs: tuple[str, ...]
    histories: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """One object: ``name`` for people, ``path`` of its file. Without a document ``problem`` says why.

    ``autostart`` is None where nobody says it. ``value`` is that of a secret, ``note`` says why it has none.
    """

    kind: str
    name: str
    path: str
    document: Optional[Element] = None
    autostart: Optional[bool] = None
    value: Optional[bytes] = field(default=None, repr=False)
    note: str = ""
    problem: Optional[CorralError] = None

    @property
    def uuid(self) -> Optional[str]:
        """Its uuid, where its document says one."""
        return None if self.document is None else (self.document.findtext("uuid") or "").strip() or None


def place_of(host: Host, directory: Optional[str]) -> Place:
    """Return where a libvirtd keeps its files: the system's below any directory, or a user's own.

    The default is the system's for root, and the user's own for anyone else.
    """
    config = posixpath.normpath(absolute(directory or _default(host), "libvirt"))
    root = config[: -len(SYSTEM)] if config.endswith(SYSTEM) else None
    state = f"{config}/qemu" if root is None else f"{root}/var/lib/libvirt/qemu"
    tpm = f"{state}/swtpm" if root is None else f"{root}/var/lib/libvirt/swtpm"
    runs = guest_folders(host) if root is None else guest_folders(host, f"{root}/run/libvirt")
    histories = {what: f"{state}/{what}" for what in HISTORIES}
    return Place(config, f"{state}/nvram", f"{state}/save", tpm, tuple(runs), histories)


def _default(host: Host) -> str:
    if host.euid() == 0:
        return SYSTEM
    home = host.env("XDG_CONFIG_HOME") or f"{host.env('HOME') or '/nonexistent'}/.config"
    return f"{home}/libvirt"


def read_libvirt(host: Host, place: Place, kinds: Sequence[str]) -> Iterator[Found]:
    """Yield the objects of these kinds that a libvirtd has defined; raises HostError where there is no directory."""
    _check_directory(host, place.config)
    for kind in kinds:
        tag, folder, _links = PLACES[kind]
        for path, name in _documents(host, f"{place.config}/{folder}"):
            yield _found(host, place, kind, tag, path, name)
    if "guests" in kinds:
        yield from _without_definition(host, place)


def _without_definition(host: Host, place: Place) -> Iterator[Found]:
    """The guests that run and that nobody has defined: there is nothing of them that could be taken over."""
    folder = f"{place.config}/{PLACES['guests'][1]}"
    for other in foreign_guests(host, list(place.runs)):
        if host.stat(f"{folder}/{other.name}{DOCUMENT}") is None:
            problem = OperationInvalid(
                f"The guest {other.name} runs under libvirtd (process {other.pid}) without a definition, and is gone"
                " there once it ends.",
                hint=f"Write its document while it runs (virsh dumpxml --inactive --security-info {other.name}), let it"
                " end there, and take that over (dumps).",
                pid=other.pid,
            )
            yield Found("guests", other.name, other.path, problem=problem)


def histories(host: Host, place: Place, name: str) -> Mapping[str, list[str]]:
    """Return what libvirt remembers of the past of a guest: the names of its snapshots and checkpoints."""
    if "/" in name:
        return {}
    found = {what: [entry for _path, entry in _documents(host, f"{at}/{name}")] for what, at in place.histories.items()}
    return {what: names for what, names in found.items() if names}


def read_dumps(host: Host, directory: str, kinds: Sequence[str]) -> Iterator[Found]:
    """Yield the objects of these kinds whose documents are in a directory, whatever the files are called.

    Raises HostError for a directory that is not there, and InvalidArgument for one without any document.
    """
    directory = absolute(directory, "dumps")
    _check_directory(host, directory)
    files = list(_documents(host, directory))
    if not files:
        raise InvalidArgument(
            f"dumps: there is no file in {directory} whose name ends in {DOCUMENT}.",
            hint="Write them with virsh, such as: virsh dumpxml --inactive --security-info NAME > NAME.xml",
        )
    found = [_dumped(host, path, name) for path, name in files]
    for kind in kinds:
        yield from (each for each in found if each is not None and each.kind == kind)


def _check_directory(host: Host, path: str) -> None:
    there = host.stat(host.resolve(path))
    if there is None or there.kind != "directory":
        raise HostError(
            f"There is no directory {path} on this host.",
            hint="Say where libvirt's files are (libvirt), or those that virsh has written (dumps).",
        )


def _documents(host: Host, folder: str) -> Iterator[tuple[str, str]]:
    """The documents in a directory, each with its file's name without the ending."""
    for entry in host.entries(folder):
        if entry.endswith(DOCUMENT) and not entry.startswith("."):
            yield f"{folder}/{entry}", entry[: -len(DOCUMENT)]


def _found(host: Host, place: Place, kind: str, tag: str, path: str, name: str) -> Found:
    try:
        document = _read(host, path)
        if document.tag != tag:
            raise XmlError(f"{path} begins with <{document.tag}>, and <{tag}> was expected.")
        value, note = _value(host, path, document) if kind == "secrets" else (None, "")
    except CorralError as problem:
        return Found(kind, name, path, problem=problem)
    links = PLACES[kind][2]
    starts = None if links is None else host.stat(f"{place.config}/{links}/{name}{DOCUMENT}") is not None
    return Found(kind, _name(document, name), path, document, starts, value, note)


def _dumped(host: Host, path: str, name: str) -> Optional[Found]:
    """The object of a document, None for something else that virsh writes; what cannot be read may be a guest."""
    kinds = {tag: kind for kind, (tag, _folder, _links) in PLACES.items()}
    try:
        document = _read(host, path)
        if document.tag in NO_OBJECTS:
            return None
        if document.tag not in kinds:
            raise XmlError(f"{path} begins with <{document.tag}>; write {listed([f'<{tag}>' for tag in kinds], 'or')}.")
    except CorralError as problem:
        return Found("guests", name, path, problem=problem)
    kind = kinds[str(document.tag)]
    note = "virsh writes no values; set it with the module secret." if kind == "secrets" else ""
    return Found(kind, _name(document, name), path, document, note=note)


def _read(host: Host, path: str) -> Element:
    data = host.read(path, limit=MAX_BYTES + 1)
    if data is None:
        raise HostError(f"{path} is gone, or is no file.")
    try:
        return parse(data.decode("utf-8"), what=path)
    except UnicodeDecodeError:
        raise XmlError(f"{path} is no UTF-8.") from None


def _name(document: Element, file: str) -> str:
    """What people call an object; a secret by what it is for."""
    if document.tag == "secret":
        return Secret(document).purpose or Secret(document).uuid or file
    name = document.get("name") if document.tag == "filter" else document.findtext("name")
    return (name or "").strip() or file


def _value(host: Host, path: str, document: Element) -> tuple[Optional[bytes], str]:
    """The value beside a secret's document, and why there is none; no message repeats any of it."""
    stem = path[: -len(DOCUMENT)]
    data = host.read(f"{stem}{VALUE}", limit=MAX_BYTES)
    if data:
        try:
            return b64decode(b"".join(data.split()), validate=True), ""
        except (binascii.Error, ValueError):
            return None, f"{stem}{VALUE} is no base64, so it has no value here; set it with the module secret."
    folder, name = posixpath.split(stem)
    others = [entry for entry in host.entries(folder) if entry.startswith(f"{name}.") and entry != f"{name}{DOCUMENT}"]
    others = [entry for entry in others if not entry.endswith(VALUE)]
    if others:
        return None, (
            f"Its value is encrypted with a key of libvirt ({folder}/{others[0]}); read it there (virsh"
            " secret-get-value), and set it with the module secret."
        )
    return None, "It has no value under libvirt."

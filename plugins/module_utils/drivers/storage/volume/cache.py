# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images from elsewhere, fetched once for all runs of a host: checked, unpacked, and kept under what they are.

A file in the cache never changes: another content of the same URL gets another name, because volumes may stand on the
old one. What is known of a URL is in a note beside, which is written when its image is whole.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Iterator, Optional, Tuple
from urllib.parse import unquote, urlsplit

from ....errors import CommandFailed, HostError, InvalidArgument, MissingProgram, OperationFailed
from ....host.api import Downloaded, Host
from ....host.layout import Layout
from ....values import public_url
from ..types.base import PART_PREFIX
from .work import KEY, KEY_LENGTH, PART_SUFFIX, WORK_TIMEOUT, holding, sweep

SCHEMES = ("http", "https", "file")
# The digests of a checksum, and how many hexadecimal digits each has.
DIGESTS = {"sha512": 128, "sha384": 96, "sha256": 64, "sha224": 56, "sha1": 40, "md5": 32}
# A list of checksums is a small file.
LIST_LIMIT = 1 << 20
# How packed files begin.
PACKED: Tuple[Tuple[str, bytes], ...] = (
    ("gzip", b"\x1f\x8b\x08"),
    ("xz", b"\xfd7zXZ\0"),
    ("bzip2", b"BZh"),
    ("zstd", b"\x28\xb5\x2f\xfd"),
)
PACKED_IN = 12 * 3600.0
UNPACKING = "Install zstd: the image is packed by it."


@dataclass(frozen=True)
class Note:
    """What is known of a URL: the file in the cache, and what its server said of it."""

    file: str
    url: str
    etag: Optional[str] = None
    modified: Optional[str] = None


@dataclass(frozen=True)
class Cache:
    """The images of one tree of files."""

    host: Host
    layout: Layout

    def fetch(self, url: str, *, checksum: Optional[str] = None, timeout: float = WORK_TIMEOUT) -> str:
        """Return the path of the image, fetched where it is not there or, without a checksum, has changed.

        ``checksum`` is ALGORITHM:DIGEST of what the server sends, or ALGORITHM:URL of a list of digests. Raises
        InvalidArgument, OperationFailed, TimedOut, HostError; nothing is left of what did not succeed.
        """
        check_local(self.host, url, checksum)
        algorithm, digest = self._wanted(url, checksum, timeout)
        key = hashlib.sha256(f"{url}\0{algorithm}:{digest}".encode("utf-8", "surrogateescape")).hexdigest()[:KEY_LENGTH]
        with self._holding(key, timeout):
            note = self._note(key)
            if note is not None and digest:
                return self._path(note.file)
            return self._path(self._renew(url, key, note, algorithm, digest, timeout).file)

    # fetching

    def _renew(self, url: str, key: str, note: Optional[Note], algorithm: str, digest: str, timeout: float) -> Note:
        """Ask the server, which may say that what we have is still right."""
        part = self._part(key, "packed")
        found = self.host.download(
            url,
            part,
            digests=sorted({"sha256", algorithm or "sha256"}),
            etag=note.etag if note else None,
            modified=note.modified if note else None,
            timeout=timeout,
        )
        if note is not None and not found.changed:
            return note
        if digest and found.digests[algorithm] != digest:
            raise OperationFailed(
                f"{public_url(url)} has the {algorithm} checksum {found.digests[algorithm]}, and not {digest}.",
                hint="Look whether the image was replaced by a newer one, and correct the checksum.",
            )
        return self._keep(url, key, part, found)

    def _keep(self, url: str, key: str, part: str, found: Downloaded) -> Note:
        """Unpack what has come, put it in its place, and write it down last."""
        whole = self._unpacked(key, part, public_url(url))
        note = Note(f"{key}-{found.digests['sha256'][:16]}", public_url(url), found.etag, found.modified)
        if not self.host.rename(whole, self._path(note.file)):
            self.host.remove(whole)  # the same content, of a run that was killed before it wrote its note
        self.host.write(self._path(f"{key}.json"), json.dumps(asdict(note)).encode(), mode=0o600)
        return note

    def _unpacked(self, key: str, part: str, place: str) -> str:
        """The path of what is in a packed file; errors name the place that it came from, and not our own file."""
        head = self.host.read(part, limit=16) or b""
        kind = next((kind for kind, magic in PACKED if head.startswith(magic)), None)
        if kind is None:
            return part
        target = self._part(key, "whole")
        if kind == "zstd":
            self._run_zstd(part, target)
        else:
            try:
                self.host.unpack(part, target, kind)
            except OperationFailed as error:
                said = error.message.replace(part, place)
                raise OperationFailed(said, hint="Look whether the image is whole where it comes from.") from error
        return target

    def _run_zstd(self, part: str, target: str) -> None:
        """Python has no module for it before 3.14."""
        try:
            self.host.write(target, b"", mode=0o600)
            self.host.run(("zstd", "-d", "-q", "-f", "--sparse", "-o", target, part), timeout=PACKED_IN)
        except MissingProgram:
            raise MissingProgram("zstd", hint=UNPACKING) from None
        except CommandFailed as error:
            raise OperationFailed(f"The image could not be unpacked: {error.stderr.strip()[:200]}.") from error

    # checksums

    def _wanted(self, url: str, checksum: Optional[str], timeout: float) -> Tuple[str, str]:
        """The algorithm and the digest that are asked for, both empty for none."""
        if checksum is None:
            return "", ""
        algorithm, _colon, rest = checksum.strip().partition(":")
        length = DIGESTS.get(algorithm.lower())
        if length is None:
            raise InvalidArgument(
                f"The checksum {checksum[:60]!r} names no algorithm of {', '.join(DIGESTS)}.",
                hint="Write it as sha256:DIGEST, or as sha256:URL of a list of digests.",
            )
        if "://" in rest:
            rest = self._listed(rest, url, length, timeout)
        if re.fullmatch(f"[0-9A-Fa-f]{{{length}}}", rest) is None:
            raise InvalidArgument(f"The checksum {rest[:140]!r} has not the {length} digits of {algorithm}.")
        return algorithm.lower(), rest.lower()

    def _listed(self, list_url: str, url: str, length: int, timeout: float) -> str:
        """The digest that a list has for the file of a URL."""
        _check_url(list_url)
        key = hashlib.sha256(f"list\0{list_url}".encode("utf-8", "surrogateescape")).hexdigest()[:KEY_LENGTH]
        with self._holding(key, timeout):
            part = self._part(key, "packed")
            self.host.download(list_url, part, limit=LIST_LIMIT, timeout=timeout)
            text = (self.host.read(part) or b"").decode("utf-8", "replace")
        digest = digest_of(text, posixpath.basename(public_url(url)), length)
        if digest is None:
            name = posixpath.basename(public_url(url))
            raise OperationFailed(f"{public_url(list_url)} has no checksum of that kind for {name}.")
        return digest

    # files

    def _path(self, name: str) -> str:
        return posixpath.join(self.layout.image_cache, name)

    def _note(self, key: str) -> Optional[Note]:
        """What is known of a URL, where its image is still there."""
        try:
            note = Note(**json.loads(self.host.read(self._path(f"{key}.json")) or b""))
        except (TypeError, ValueError):
            return None
        found = self.host.stat(self._path(note.file)) if re.fullmatch("[0-9a-f]+-[0-9a-f]+", str(note.file)) else None
        return note if found is not None and found.kind == "file" else None

    @contextmanager
    def _holding(self, key: str, timeout: float) -> Iterator[None]:
        """Hold the lock of one URL; what a killed run left of it goes before, what we leave goes after."""
        self.host.make_directory(self.layout.image_cache, mode=0o711)
        sweep(self.host, self.layout, self._leftovers(), self._clear)
        with holding(self.host, self.layout, key, timeout=timeout):
            self._clear(key)
            try:
                yield
            finally:
                self._clear(key)

    def _leftovers(self) -> Iterator[str]:
        for name in self.host.entries(self.layout.image_cache):
            match = re.fullmatch(f"{re.escape(PART_PREFIX)}({KEY})-[a-z]+{re.escape(PART_SUFFIX)}", name)
            if match:
                yield match.group(1)

    def _clear(self, key: str) -> None:
        for what in ("packed", "whole"):
            if self.host.stat(self._part(key, what)) is not None:
                self.host.remove(self._part(key, what))

    def _part(self, key: str, what: str) -> str:
        return self._path(f"{PART_PREFIX}{key}-{what}{PART_SUFFIX}")


def digest_of(text: str, name: str, length: int) -> Optional[str]:
    """Return the digest of a file in a list: ``DIGEST  NAME``, ``DIGEST *NAME``, ``ALGORITHM (NAME) = DIGEST``.

    A list of one digest alone is that of the file.
    """
    digests = f"[0-9A-Fa-f]{{{length}}}"
    lone = re.fullmatch(f"\\s*({digests})\\s*", text)
    if lone:
        return lone.group(1).lower()
    for line in text.splitlines():
        match = re.fullmatch(f"\\s*({digests})\\s+\\*?(.+?)\\s*", line)
        found = (match.group(2), match.group(1)) if match else None
        match = re.fullmatch(f"\\s*[A-Za-z0-9-]+ \\((.+)\\) = ({digests})\\s*", line)
        found = (match.group(1), match.group(2)) if match else found
        if found is not None and posixpath.basename(found[0]) == name:
            return found[1].lower()
    return None


def check_local(host: Host, url: str, checksum: Optional[str] = None) -> None:
    """Raise what can be said of an image, and of a list of checksums, before a server is asked.

    InvalidArgument for what is no URL, HostError for files of this host that are not there, are no plain files or
    cannot be read, and MissingProgram where one cannot be unpacked.
    """
    listed = (checksum or "").partition(":")[2]
    for place in (url, *((listed,) if "://" in listed else ())):
        _check_url(place)
        if place.partition(":")[0].lower() == "file":
            _check_file(host, unquote(urlsplit(place).path))


def _check_file(host: Host, path: str) -> None:
    found = host.stat(host.resolve(path))
    if found is None or found.kind != "file":
        what = (
            f"There is no image {path} on this host." if found is None else f"{path} is a {found.kind}, and no image."
        )
        raise HostError(what, hint="Correct the path.", path=path)
    head = host.read(path, limit=16) or b""
    if head.startswith(dict(PACKED)["zstd"]) and host.find_program("zstd") is None:
        raise MissingProgram("zstd", hint=UNPACKING)


def _check_url(url: str) -> None:
    scheme, mark, rest = url.partition("://")
    if scheme.lower() not in SCHEMES or not mark or not rest:
        raise InvalidArgument(
            f"{public_url(url)} is no URL of {', '.join(SCHEMES)}.", hint="Write one such as https://SERVER/IMAGE."
        )
    if any(ord(char) <= 32 or ord(char) == 127 for char in url):
        raise InvalidArgument(f"{public_url(url)!r} has spaces or control characters in it.")

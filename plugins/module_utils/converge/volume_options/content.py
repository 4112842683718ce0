# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a volume is made from, and what it stands on: the options ``image`` and ``backing``, as values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional
from urllib.parse import quote, unquote

from ...errors import InvalidArgument
from ...values import public_url
from ..options.forms import Form, path, words
from ..options.write import listed

# Names of files that are packed: they are unpacked into the host's cache.
PACKED = (".gz", ".xz", ".bz2", ".zst")
CHECKSUM = re.compile(r"(?:sha512|sha384|sha256|sha224|sha1|md5):\S+", re.IGNORECASE)
# How many hexadecimal digits each kind of checksum has, and from where images come; the driver has the same tables.
DIGESTS = {"sha512": 128, "sha384": 96, "sha256": 64, "sha224": 56, "sha1": 40, "md5": 32}
SCHEMES = ("http", "https", "file")
FIELDS = {"volume": words, "pool": words, "path": path, "format": words}
IMAGE = Form("image", "volume", {**FIELDS, "url": words, "checksum": words})
BACKING = Form("backing", "volume", FIELDS)


@dataclass(frozen=True)
class Asked:
    """An image: a volume (its pool and name), a file of the host, or a URL; one of the three is given.

    ``checksum`` is ALGORITHM:DIGEST, or ALGORITHM:URL of a list.
    """

    volume: Optional[tuple[str, str]] = None
    path: Optional[str] = None
    url: Optional[str] = None
    checksum: Optional[str] = None
    format: Optional[str] = None

    @property
    def fetched(self) -> Optional[str]:
        """The URL by which the image goes through the host's cache, where it is checked and unpacked; None else."""
        if self.url is not None:
            return self.url
        if self.path is not None and (self.checksum or self.path.endswith(PACKED)):
            return f"file://{quote(self.path)}"
        return None

    @property
    def place(self) -> str:
        """Where it comes from, for people."""
        if self.volume is not None:
            return f"volume {self.volume[1]} of pool {self.volume[0]}"
        return public_url(self.url) if self.url is not None else str(self.path)

    @property
    def origin(self) -> str:
        """What is kept with a volume that was made from it."""
        return f"{self.place} {self.checksum}" if self.checksum else self.place


def image(value: Any, pool: str) -> Optional[Asked]:
    """Read the option ``image``; ``pool`` is the one of a volume that names none."""
    found = _read(IMAGE, value, pool)
    if found is not None and found.url is not None:
        _check_url(found.url, "image.url")
    if found is not None and found.checksum is not None:
        _check_checksum(found.checksum)
    if found is not None and found.checksum is not None and found.volume is not None:
        raise InvalidArgument("image.checksum is for a file or a URL, and the image is a volume.")
    return found


def backing(value: Any, pool: str) -> Optional[Asked]:
    """Read the option ``backing``; ``pool`` is the one of a volume that names none."""
    found = _read(BACKING, value, pool)
    if found is not None and found.volume is not None and found.format is not None:
        raise InvalidArgument("backing.format is for a path: that of a volume is known.")
    return found


def secrets_in(value: Any) -> set[str]:
    """Return what of the URL in the option ``image`` nobody is shown: its password, and its query with its tokens."""
    url = value.get("url") if isinstance(value, Mapping) else value
    if not isinstance(url, str) or "://" not in url:
        return set()
    rest = url.partition("://")[2]
    server, query = rest.partition("/")[0], rest.partition("?")[2]
    password = server.rpartition("@")[0].partition(":")[2]
    return {password, unquote(password), query} - {""}


def is_same(had: str, wanted: str) -> bool:
    """Whether two origins are the same contents: by their checksums where both have one of a kind, else by place."""
    (place, checksum), (other_place, other) = _parts(had), _parts(wanted)
    if checksum and other and _kind(checksum) == _kind(other):
        return checksum.lower() == other.lower() if "://" not in checksum else checksum == other
    return place == other_place


def _check_url(url: str, place: str) -> None:
    """Raise InvalidArgument for what nothing can be fetched from, before a server is asked: check mode never asks."""
    scheme, mark, rest = url.partition("://")
    if scheme.lower() not in SCHEMES or not mark or not rest:
        raise InvalidArgument(
            f"{place}: {public_url(url)} is no URL of {listed(list(SCHEMES), 'or')}; write one such as https://SERVER/IMAGE."
        )


def _check_checksum(checksum: str) -> None:
    if CHECKSUM.fullmatch(checksum) is None:
        raise InvalidArgument(
            f"image.checksum: {checksum[:60]!r} is no checksum; write sha256:DIGEST, or sha256:URL of a list."
        )
    algorithm, _colon, rest = checksum.partition(":")
    if "://" in rest:
        _check_url(rest, "image.checksum")
        return
    digits = DIGESTS[algorithm.lower()]
    if re.fullmatch(f"[0-9A-Fa-f]{{{digits}}}", rest) is None:
        raise InvalidArgument(f"image.checksum: {rest[:140]!r} has not the {digits} digits of {algorithm}.")


def _parts(origin: str) -> tuple[str, str]:
    place, blank, last = origin.rpartition(" ")
    return (place, last) if blank and CHECKSUM.fullmatch(last) else (origin, "")


def _kind(checksum: str) -> tuple[str, bool]:
    return checksum.partition(":")[0].lower(), "://" in checksum


def _read(form: Form, value: Any, pool: str) -> Optional[Asked]:
    if isinstance(value, str):
        value = _long(value.strip(), form)
    said = form.read(value)
    if not said:
        return None
    sources = [name for name in ("volume", "path", "url") if name in said]
    if len(sources) != 1:
        choices = [name for name in ("volume", "path", "url") if name in form.fields]
        raise InvalidArgument(f"{form.option}: write one of {listed(choices, 'or')}.")
    if "pool" in said and "volume" not in said:
        raise InvalidArgument(f"{form.option}.pool is that of a volume, and no volume is named.")
    volume = (said.get("pool") or pool, said["volume"]) if "volume" in said else None
    rest: Mapping[str, Any] = {name: said.get(name) for name in ("path", "url", "checksum", "format")}
    return Asked(volume=volume, **rest)


def _long(text: str, form: Form) -> dict[str, str]:
    """The long form of a text: a URL, an absolute path, else the name of a volume."""
    if "://" in text and "url" in form.fields:
        return {"url": text}
    return {"path": text} if text.startswith("/") else {"volume": text}

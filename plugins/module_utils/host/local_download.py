# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Large files from servers and from this machine, into a new file, with digests taken on the way.

Ansible's own opener speaks to servers, so that proxies, certificates and .netrc work as in other modules.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Dict, Iterator, Mapping, Optional, Protocol, Sequence
from urllib.parse import unquote, urlsplit

from ..errors import CorralError, HostError, InvalidArgument, OperationFailed, TimedOut
from ..values import public_url
from .api import Downloaded
from .local_files import attempt

SCHEMES = ("http", "https", "file")
PIECE = 1 << 20
# Seconds that a server may be silent.
SILENCE = 60.0


@dataclass(frozen=True)
class Validators:
    """What a server said of what we have: shown to it again, it need not send the same twice."""

    etag: Optional[str] = None
    modified: Optional[str] = None

    def headers(self) -> Dict[str, str]:
        """The conditions of a request (RFC 9110, section 13)."""
        rows = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in rows.items() if value}


class _Stream(Protocol):
    def read(self, size: int) -> bytes: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class _Answer:
    """What is being sent; ``length`` in bytes, None where the server does not say it."""

    stream: _Stream
    length: Optional[int] = None
    etag: Optional[str] = None
    modified: Optional[str] = None


def download(
    url: str,
    path: str,
    digests: Sequence[str],
    known: Validators,
    *,
    limit: Optional[int] = None,
    timeout: float = 3600.0,
) -> Downloaded:
    """Put what a URL leads to into a file that is not there yet (mode 0600), wholly or not at all.

    Raises OperationFailed for what the server does not give, TimedOut, HostError for what cannot be written, and
    InvalidArgument for a URL that is none of http, https and file. More than ``limit`` bytes are refused.
    """
    deadline = time.monotonic() + timeout
    answer = _open(url, known, min(SILENCE, timeout))
    if answer is None:
        return Downloaded(changed=False, etag=known.etag, modified=known.modified)
    sums = {name: hashlib.new(name, usedforsecurity=False) for name in digests}
    with closing(answer.stream):
        size = _save(_pieces(url, answer, deadline, limit), path, sums)
    return Downloaded(
        True, size, {name: found.hexdigest() for name, found in sums.items()}, answer.etag, answer.modified
    )


def _save(pieces: Iterator[bytes], path: str, sums: Mapping[str, Any]) -> int:
    size = 0
    with attempt("write", path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with attempt("write", path), open(descriptor, "wb") as file:
            for piece in pieces:
                size += file.write(piece)
                for found in sums.values():
                    found.update(piece)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        with suppress(OSError):
            os.unlink(path)
        raise
    return size


def _pieces(url: str, answer: _Answer, deadline: float, limit: Optional[int]) -> Iterator[bytes]:
    size = 0
    while True:
        with _speaking(url):
            piece = answer.stream.read(PIECE)
        if not piece:
            break
        size += len(piece)
        if limit is not None and size > limit:
            raise OperationFailed(f"{public_url(url)} has more than {limit} bytes.", url=public_url(url))
        if time.monotonic() > deadline:
            raise TimedOut(f"{public_url(url)} did not come in time.", url=public_url(url))
        yield piece
    if answer.length is not None and size != answer.length:
        raise OperationFailed(
            f"{public_url(url)} was cut: {size} of {answer.length} bytes have come.",
            hint="Try again; look at the server's log if it happens again.",
            url=public_url(url),
        )


def _open(url: str, known: Validators, silence: float) -> Optional[_Answer]:
    """Ask for it; None when what we have is still right."""
    scheme = url.partition(":")[0].lower()
    if scheme not in SCHEMES:
        raise InvalidArgument(
            f"An image cannot be fetched by {scheme[:20]!r}.", hint="Write a URL of http, https or file."
        )
    if scheme == "file":
        return _open_file(unquote(urlsplit(url).path), known)
    with _speaking(url):
        return _ask(url, known, silence)


def _open_file(path: str, known: Validators) -> Optional[_Answer]:
    with attempt("read", path):
        stream = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
        found = os.fstat(stream.fileno())
        etag = f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"
        if stat.S_ISREG(found.st_mode) and etag != known.etag:
            return _Answer(stream, found.st_size, etag)
        stream.close()
    if etag == known.etag:
        return None
    raise HostError(f"{path} is no plain file.", path=path)


def _ask(url: str, known: Validators, silence: float) -> Optional[_Answer]:
    from urllib.error import HTTPError

    from ansible.module_utils.urls import open_url

    try:
        # what is packed stays so: a checksum is one of what the server keeps
        answer = open_url(url, headers=known.headers(), timeout=silence, decompress=False)
    except HTTPError as error:
        with closing(error):
            if error.code == 304:
                return None
        raise
    words = answer.headers
    length = words.get("Content-Length") or ""
    return _Answer(answer, int(length) if length.isdigit() else None, words.get("ETag"), words.get("Last-Modified"))


@contextmanager
def _speaking(url: str) -> Iterator[None]:
    """Turn what goes wrong between a server and us into a sentence without the URL's secrets."""
    shown = public_url(url)
    try:
        yield
    except CorralError:
        raise
    except TimeoutError as error:
        raise TimedOut(f"The server of {shown} was silent for too long.", url=shown) from error
    except Exception as error:  # Ansible's opener raises Exceptions of its own, and http.client has more
        code = getattr(error, "code", None)
        why = _answer(code, error) if code else f"was not reached: {_why(error)}"
        hint = "Correct the URL." if code else "Look at the URL, at proxies and at certificates."
        raise OperationFailed(f"The server of {shown} {why}.", hint=hint, url=shown) from None


def _answer(code: int, error: BaseException) -> str:
    """What an answer means that is an error; the words about redirections are of several lines, and quote URLs."""
    if 300 <= code < 400:
        return f"answered {code}, and where it points leads nowhere: in a circle, too far, or to what is not fetched"
    return " ".join(f"answered {code} {getattr(error, 'reason', '')}".split())


def _why(error: BaseException) -> str:
    """The system's words where there are any: the opener's own quote the URL."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, OSError) and reason.errno is not None and reason.strerror:
        return str(reason.strerror).rstrip(".")
    return type(reason if isinstance(reason, BaseException) else error).__name__

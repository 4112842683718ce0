# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the document of a test host is kept: in memory, or in a file that several runs may use at once."""

from __future__ import annotations

import posixpath
from contextlib import contextmanager
from threading import Lock
from typing import ContextManager, Iterator, Optional, Protocol, Tuple

from ...errors import HostError, InvalidArgument, XmlError
from ...host.api import Host
from ...xml.parse import MAX_BYTES, clone
from ...xml.write import to_text
from .default import DEFAULT_HOST, EMPTY_HOST
from .node import Node, read_node

LOCK_TIMEOUT = 60.0

_HINT = "Write the path of a <node> document, or of a file that is not there yet."


class Keeper(Protocol):
    """Keeps one document. ``path`` is its file, or None."""

    path: Optional[str]

    def read(self) -> Node:
        """Return the document as it is; the caller changes nothing in it."""

    def change(self) -> ContextManager[Node]:
        """Give a document to be changed, and keep it when the block ends without an error."""


class MemoryKeeper:
    """The default host, which lives as long as its connection."""

    path: Optional[str] = None

    def __init__(self) -> None:
        self._node = Node(read_node(DEFAULT_HOST, what="default host", seed="test:///default"), "test:///default")
        self._lock = Lock()

    def read(self) -> Node:
        """Return the document as it is."""
        return self._node

    @contextmanager
    def change(self) -> Iterator[Node]:
        """Give a copy that takes the document's place in the end; one change after the other."""
        with self._lock:
            changed = Node(clone(self._node.root), self._node.seed)
            yield changed
            self._node = changed


class FileKeeper:
    """A host in a file. One that is not there yet is an empty host, and is made by the first change.

    Readers need no lock, as the file is replaced in one step; changes are made one after the other under a lock file
    beside it. The file is written only when it was a test host before, or was not there; comments in it are lost then.
    """

    def __init__(self, host: Host, path: str) -> None:
        self.path: Optional[str] = path
        self._file = host.resolve(path)
        self._host = host
        self._seen: Optional[Tuple[Optional[bytes], Node]] = None
        self._check_place()

    def read(self) -> Node:
        """Return the document as it is now; it is parsed again only when the file has other content."""
        data, seen = self._host.read(self._file, limit=MAX_BYTES + 1), self._seen
        if seen is None or seen[0] != data:
            self._seen = seen = (data, self._parsed(data))
        return seen[1]

    @contextmanager
    def change(self) -> Iterator[Node]:
        """Give the document to be changed, under the lock; raises LockBusy and HostError."""
        folder, name = posixpath.split(self._file)
        with self._host.lock(posixpath.join(folder, f".{name}.lock"), timeout=LOCK_TIMEOUT):
            before = self.read()
            node = Node(clone(before.root), before.seed)
            yield node
            self._seen = (self._save(node), node)

    def _check_place(self) -> None:
        folder = posixpath.dirname(self._file)
        found = self._host.stat(folder)
        if found is None or found.kind != "directory":
            raise HostError(f"{self.path} cannot be a test host, as {folder} is no directory; make that first.")
        file = self._host.stat(self._file)
        if file is not None and file.kind != "file":
            raise InvalidArgument(
                f"{self.path} is a {file.kind}; write the path of a file, such as test:///tmp/lab.xml."
            )

    def _parsed(self, data: Optional[bytes]) -> Node:
        text = EMPTY_HOST if data is None else self._text(data)
        try:
            root = read_node(text, what=f"test host {self.path}", seed=self._file, read=self._read_beside)
        except XmlError as error:
            raise XmlError(error.message, hint=error.hint or _HINT) from None
        return Node(root, self._file)

    def _read_beside(self, path: str) -> str:
        place = posixpath.join(posixpath.dirname(self._file), path)
        data = self._host.read(place)
        if data is None:
            raise HostError(f"{place} is missing, and {self.path} refers to it; put it there.")
        return self._text(data)

    def _text(self, data: bytes) -> str:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            raise XmlError(f"the test host {self.path} is no UTF-8 text.", hint=_HINT) from None

    def _save(self, node: Node) -> bytes:
        """Write the file with the mode and the owner that it had; returns what was written."""
        data = to_text(node.root).encode("utf-8")
        found = self._host.stat(self._file)
        mode = found.mode & 0o7777 if found else 0o600
        foreign = found is not None and found.uid != self._host.euid() and self._host.euid() == 0
        owner = (found.uid, found.gid) if found and foreign else None
        self._host.write(self._file, data, mode=mode, owner=owner)
        return data

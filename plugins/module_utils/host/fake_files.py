# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file tree of the host in memory: entries with owner, mode and links, and the refusals of a real one."""

from __future__ import annotations

import errno
import posixpath
from dataclasses import dataclass, replace
from os import fsdecode, fsencode, strerror
from typing import Any, Dict, List, Optional, Tuple

from ..errors import HostError
from .api import FileStat, FileSystem

Owner = Tuple[int, int]

# What is on every machine.
_DIRECTORIES = ("/", "/dev", "/etc", "/root", "/run", "/tmp", "/usr", "/usr/bin", "/var", "/var/lib", "/var/log")


@dataclass(frozen=True)
class FakeFile:
    """One entry of the file tree; a link keeps its target in ``data``."""

    kind: str = "file"
    data: bytes = b""
    mode: int = 0o600
    owner: Owner = (0, 0)
    mtime_ns: int = 0
    device: int = 0
    inode: int = 0


class FakeFiles:
    """The file half of FakeHost; ``files`` maps each absolute path without links to its entry."""

    def __init__(self, identity: Owner) -> None:
        self.files: Dict[str, FakeFile] = {path: FakeFile("directory", mode=0o755) for path in _DIRECTORIES}
        self.identity = identity
        self.clock = 1_700_000_000.0
        self.disk = FileSystem(100 << 30, 50 << 30)
        self.calls: List[Tuple[str, Any]] = []
        self._next_inode = 1

    def changing(self, call: str, subject: Any) -> None:
        """Record a call that changes something."""
        self.calls.append((call, subject))

    # what a test arranges

    def add_file(self, path: str, data: bytes = b"", *, mode: int = 0o644, owner: Owner = (0, 0)) -> None:
        """Put a file there, with its directories; not counted, not recorded."""
        self.add_directory(posixpath.dirname(path))
        self._put(path, FakeFile("file", data, mode, owner))

    def add_directory(self, path: str, *, mode: int = 0o755, owner: Owner = (0, 0)) -> None:
        """Put a directory there, with the ones above it."""
        if path != "/" and path not in self.files:
            self.add_directory(posixpath.dirname(path))
            self._put(path, FakeFile("directory", mode=mode, owner=owner))

    def add_node(self, path: str, kind: str, *, mode: int = 0o660, owner: Owner = (0, 0)) -> None:
        """Put a socket, fifo, block or char device there, with its directories."""
        self.add_directory(posixpath.dirname(path))
        self._put(path, FakeFile(kind, mode=mode, owner=owner))

    # what a driver calls

    def stat(self, path: str) -> Optional[FileStat]:
        node = self.files.get(self._place(path))
        if node is None:
            return None
        return FileStat(
            node.kind,
            len(node.data),
            node.mode,
            *node.owner,
            node.mtime_ns,
            device=node.device,
            inode=node.inode,
            allocated=len(node.data),
        )

    def resolve(self, path: str) -> str:
        done = "/"
        for part in [part for part in path.split("/") if part]:
            done = posixpath.normpath(posixpath.join(done, part))
            node = self.files.get(done)
            if node and node.kind == "link":
                done = self.resolve(posixpath.join(posixpath.dirname(done), fsdecode(node.data)))
        return done

    def writable(self, path: str) -> bool:
        node = self.files.get(self.resolve(path))
        return node is not None and (
            self.identity[0] == 0 or (node.owner[0] == self.identity[0] and bool(node.mode & 0o200))
        )

    def read(
        self, path: str, *, offset: int = 0, limit: Optional[int] = None, owner: Optional[int] = None
    ) -> Optional[bytes]:
        self.calls.append(("read", path))
        node = self.files.get(self._place(path) if owner is not None else self.resolve(path))
        if node is None:
            return None
        if node.kind == "directory":
            raise refused("read", path, errno.EISDIR)
        if owner is not None and (node.kind != "file" or node.owner[0] != owner):
            raise refused("read", path, errno.EINVAL)
        return node.data[offset:] if limit is None else node.data[offset : offset + limit]

    def tail(self, path: str, size: int) -> bytes:
        data = self.read(path) or b""
        return data[-size:] if size > 0 else b""

    def write(
        self, path: str, data: bytes, *, mode: int = 0o600, owner: Optional[Owner] = None, lasting: bool = True
    ) -> None:
        self.changing("write", path)
        self._put_new("write", path, FakeFile("file", data, mode, owner or self.identity))

    def shorten(self, path: str, keep: int, *, mark: bytes = b"") -> None:
        self.changing("shorten", path)
        node = self.files.get(self._place(path))
        if node is None or node.kind != "file":
            raise refused("shorten", path, errno.ENOENT)
        self._change("shorten", path, data=mark + node.data[-keep:].partition(b"\n")[2])

    def entries(self, path: str) -> List[str]:
        self.calls.append(("entries", path))
        directory = self.resolve(path)
        node = self.files.get(directory)
        if node and node.kind != "directory":
            raise refused("list", path, errno.ENOTDIR)
        return sorted(posixpath.basename(each) for each in self.files if self._parent(each) == directory)

    def make_directory(self, path: str, *, mode: int = 0o755, owner: Optional[Owner] = None) -> None:
        self.changing("make_directory", path)
        node = self.files.get(self.resolve(path))
        if node and node.kind != "directory":
            raise refused("make the directory", path, errno.ENOTDIR)
        if not node:
            self._put_directories(self.resolve(path), mode, owner or self.identity)

    def remove(self, path: str) -> bool:
        self.changing("remove", path)
        place = self._place(path)
        if place in self.files and self.files[place].kind == "directory":
            raise refused("remove", path, errno.EISDIR)
        return self.files.pop(place, None) is not None

    def remove_tree(self, path: str) -> bool:
        self.changing("remove_tree", path)
        place = self._place(path)
        gone = [each for each in self.files if each == place or each.startswith(f"{place}/")]
        for each in gone:
            del self.files[each]
        return bool(gone)

    def symlink(self, target: str, path: str) -> None:
        self.changing("symlink", path)
        self._put_new("link", path, FakeFile("link", fsencode(target), 0o777, self.identity))

    def rename(self, path: str, target: str, *, replace: bool = False) -> bool:
        self.changing("rename", (path, target))
        place, new = self._place(path), self._place(target)
        if place not in self.files:
            raise refused("rename", path, errno.ENOENT)
        if new in self.files and not replace:
            return False
        if posixpath.dirname(new) not in self.files:
            raise refused("rename", path, errno.ENOENT)
        for each in [each for each in self.files if each == place or each.startswith(f"{place}/")]:
            self.files[new + each[len(place) :]] = self.files.pop(each)
        return True

    def file_system(self, path: str) -> Optional[FileSystem]:
        return self.disk if self.resolve(path) in self.files else None

    def change_owner(self, path: str, uid: int, gid: int) -> None:
        self.changing("change_owner", path)
        node = self.files.get(self._place(path))
        if node is not None and node.kind == "link":
            raise HostError(f"Cannot change the owner of {path}: Too many levels of symbolic links.", path=path)
        self._change("change the owner of", path, owner=(uid, gid))

    def change_mode(self, path: str, mode: int) -> None:
        self.changing("change_mode", path)
        self._change("change the mode of", path, mode=mode)

    def set_kernel(self, path: str, value: str) -> None:
        self.changing("set_kernel", (path, value))
        if not posixpath.normpath(path).startswith(("/proc/sys/", "/sys/")):
            raise HostError(f"{path} is no setting of the kernel.", path=path)
        self._change("set", path, data=f"{value}\n".encode())

    # inside

    def _put_directories(self, path: str, mode: int, owner: Owner) -> None:
        if posixpath.dirname(path) not in self.files:
            self._put_directories(posixpath.dirname(path), mode, self.identity)
        self._put_new("make the directory", path, FakeFile("directory", mode=mode, owner=owner))

    def _place(self, path: str) -> str:
        """Return where a path is, its last part not followed when it is a link."""
        clean = posixpath.normpath(path)
        return posixpath.join(self.resolve(posixpath.dirname(clean)), posixpath.basename(clean))

    def _put(self, path: str, node: FakeFile) -> None:
        self._next_inode += 1
        self.files[path] = replace(node, mtime_ns=int(self.clock * 1e9), inode=self._next_inode)

    def _put_new(self, verb: str, path: str, node: FakeFile) -> None:
        """Put a node where the real host could: its directory is there, and it is none itself."""
        parent = self.files.get(self.resolve(posixpath.dirname(path)))
        if parent is None or parent.kind != "directory":
            raise refused(verb, path, errno.ENOENT if parent is None else errno.ENOTDIR)
        place = self._place(path)
        if place in self.files and self.files[place].kind == "directory":
            raise refused(verb, path, errno.EISDIR)
        self._put(place, node)

    def _change(self, verb: str, path: str, **changes: Any) -> None:
        real = self.resolve(path)
        if real not in self.files:
            raise refused(verb, path, errno.ENOENT)
        self.files[real] = replace(self.files[real], **changes)

    def _parent(self, path: str) -> str:
        return "" if path == "/" else posixpath.dirname(path)


def refused(verb: str, path: str, code: int) -> HostError:
    return HostError(f"Cannot {verb} {path}: {strerror(code)}.", path=path)

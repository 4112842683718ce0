# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of the real machine: atomic writes, and errors that name the path, the reason and what to do.

What is written comes into being under a temporary name beside its target, is brought to the disk and renamed, so
that a kill or a full disk at any instant leaves the old one untouched.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import threading
import time
from contextlib import contextmanager, suppress
from typing import Callable, Iterator, List, Optional, Tuple

from ..errors import HostError
from .api import FileStat, FileSystem

Owner = Tuple[int, int]

_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFBLK: "block",
    stat.S_IFCHR: "char",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFLNK: "link",
}

_RIGHTS = "Run as a user who may do this, such as root (become: true)."
_SPACE = "Free some space there."
_HINTS = {
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EROFS: "Mount its file system for writing.",
    errno.ENOENT: "Make its directory first.",
    errno.EMFILE: "Raise the limit of open files.",
    errno.EIO: "Look at the kernel's log: the disk has errors.",
}

_UMASK = threading.Lock()

# There is nothing at a path, or there cannot be.
_MISSING = (FileNotFoundError, NotADirectoryError)

_PREFIX, _SUFFIX = ".corral-", ".tmp"

# A temporary file of this age (in seconds) belongs to a run that was killed.
_STALE = 3600.0


def refusal(verb: str, path: str, error: Exception) -> HostError:
    """Return the HostError for what the system refused, such as ``refusal("write", path, error)``."""
    code = getattr(error, "errno", None)
    reason = os.strerror(code) if code else str(error)
    return HostError(f"Cannot {verb} {path}: {reason}.", hint=_HINTS.get(code or 0), path=path)


def check_kernel(path: str) -> None:
    """Raise HostError unless the path is one whose files are the kernel's and never anybody's data."""
    if not os.path.normpath(path).startswith(("/proc/sys/", "/sys/")):
        raise HostError(f"{path} is no setting of the kernel.", path=path)


@contextmanager
def attempt(verb: str, path: str) -> Iterator[None]:
    """Turn what the system refuses inside into HostError; ValueError is a path with NUL."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise refusal(verb, path, error) from error


class LocalFiles:
    """The file half of the Host protocol. Links are followed unless a docstring says otherwise."""

    def stat(self, path: str) -> Optional[FileStat]:
        """Return what the path is, or None when there is nothing; a link is not followed."""
        with attempt("look at", path):
            try:
                found = os.lstat(path)
            except _MISSING:
                return None
        return FileStat(
            kind=_KINDS.get(stat.S_IFMT(found.st_mode), "file"),
            size=found.st_size,
            mode=stat.S_IMODE(found.st_mode),
            uid=found.st_uid,
            gid=found.st_gid,
            mtime_ns=found.st_mtime_ns,
            device=found.st_dev,
            inode=found.st_ino,
            allocated=found.st_blocks * 512,
        )

    def resolve(self, path: str) -> str:
        """Return the absolute path without links, as far as it exists."""
        with attempt("resolve", path):
            return os.path.realpath(path)

    def writable(self, path: str) -> bool:
        """Return whether we may write to what is there; False when there is nothing."""
        with attempt("look at", path):
            return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)

    def read(
        self, path: str, *, offset: int = 0, limit: Optional[int] = None, owner: Optional[int] = None
    ) -> Optional[bytes]:
        """Return the content from ``offset`` on, at most ``limit`` bytes of it, or None when there is no file.

        ``owner`` is for what somebody else made, who may have put anything there: only a plain file of that user is
        read, and no link is followed.
        """
        with attempt("read", path):
            try:
                with open(path, "rb", opener=_open_without_waiting if owner is None else _plain_file_of(owner)) as file:
                    if offset:
                        file.seek(offset)
                    return file.read() if limit is None else file.read(limit)
            except _MISSING:
                return None

    def tail(self, path: str, size: int) -> bytes:
        """Return the last ``size`` bytes; empty when there is no file."""
        wanted = max(0, size)
        with attempt("read", path):
            try:
                with open(path, "rb", opener=_open_without_waiting) as file:
                    file.seek(max(0, os.fstat(file.fileno()).st_size - wanted))
                    return file.read(wanted)
            except _MISSING:
                return b""

    def write(
        self, path: str, data: bytes, *, mode: int = 0o600, owner: Optional[Owner] = None, lasting: bool = True
    ) -> None:
        """Put a file there in one step, with exactly this mode; a link there is replaced, not followed.

        One that is not ``lasting``, because its content comes later, is not brought to the disk.
        """
        with attempt("write", path):
            _replace(path, lambda temporary: _write_new(temporary, data, mode, owner, lasting), lasting)

    def shorten(self, path: str, keep: int, *, mark: bytes = b"") -> None:
        """Cut a file that others append to, so that ``mark`` and its last ``keep`` bytes stay, from a whole line on.

        What they append in the instant of the cut is lost, and none of it where they do not.
        """
        flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with attempt("shorten", path), open(os.open(path, flags), "r+b", 0) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - keep))
            kept = file.read(keep).partition(b"\n")[2]
            file.truncate(0)
            file.write(mark + kept)

    def entries(self, path: str) -> List[str]:
        """Return the sorted names in a directory, without our temporary files; [] when there is none."""
        with attempt("list", path):
            try:
                return sorted(name for name in os.listdir(path) if not _is_temporary(name))
            except FileNotFoundError:
                return []

    def make_directory(self, path: str, *, mode: int = 0o755, owner: Optional[Owner] = None) -> None:
        """Make a directory in one step, with the missing ones above it (same mode, our own).

        One that is there stays as it is.
        """
        with attempt("make the directory", path):
            _make_directories(os.path.abspath(path), mode, owner)

    def remove(self, path: str) -> bool:
        """Remove a file, socket or link (not what it points at); False when there was nothing."""
        with attempt("remove", path):
            try:
                os.unlink(path)
            except FileNotFoundError:
                return False
            _sync_directory_of(path)
            return True

    def remove_tree(self, path: str) -> bool:
        """Remove a directory with all that is in it, never following links; False when there was nothing."""
        import shutil

        if not os.path.isdir(path) or os.path.islink(path):
            return self.remove(path)
        with attempt("remove", path):
            shutil.rmtree(path)
            _sync_directory_of(path)
            return True

    def rename(self, path: str, target: str, *, replace: bool = False) -> bool:
        """Bring a file to the disk and then to another name in the same file system, in one step.

        False, and nothing done, when something is there already and it is not to be replaced.
        """
        with attempt("rename", path):
            _sync_file(path)
            if replace:
                os.replace(path, target)
            elif not _rename_to_new(path, target):
                return False
            _sync_directory_of(target)
            return True

    def file_system(self, path: str) -> Optional[FileSystem]:
        """Return the file system that a path is on, None when there is nothing there."""
        with attempt("look at the file system of", path):
            try:
                found = os.statvfs(path)
            except _MISSING:
                return None
        return FileSystem(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize, found.f_frsize)

    def symlink(self, target: str, path: str) -> None:
        """Put a link there in one step, in place of a file or link."""
        with attempt("link", path):
            _replace(path, lambda temporary: os.symlink(target, temporary))

    def change_owner(self, path: str, uid: int, gid: int) -> None:
        """Give a file to (uid, gid); never through a link, which somebody else may have put in its place."""
        with attempt("change the owner of", path):
            descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if stat.S_ISLNK(os.fstat(descriptor).st_mode):
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                os.chown(f"/proc/self/fd/{descriptor}", uid, gid)
            finally:
                os.close(descriptor)

    def change_mode(self, path: str, mode: int) -> None:
        """Set the permission bits of a file."""
        with attempt("change the mode of", path):
            os.chmod(path, mode)

    def set_kernel(self, path: str, value: str) -> None:
        """Write a value into a file of the kernel's below /proc/sys or /sys, in place; never makes a file."""
        check_kernel(path)
        with attempt("set", path):
            descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(descriptor, value.encode("utf-8") + b"\n")
            finally:
                os.close(descriptor)


def _open_without_waiting(path: str, flags: int) -> int:
    """Open like ``open`` does, but a fifo without a writer does not stop us."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _plain_file_of(owner: int) -> Callable[[str, int], int]:
    """An opener for a file in another user's hands: a link, a device, or a hard link to a third user's file fails."""

    def opener(path: str, flags: int) -> int:
        descriptor = _open_without_waiting(path, flags | os.O_NOFOLLOW)
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and found.st_uid == owner:
            return descriptor
        os.close(descriptor)
        raise ValueError(f"it is no plain file of user {owner}")

    return opener


def _is_temporary(name: str) -> bool:
    return name.startswith(_PREFIX) and name.endswith(_SUFFIX)


def _temporary_beside(path: str) -> str:
    return os.path.join(os.path.dirname(path), f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}")


def _replace(path: str, make: Callable[[str], None], lasting: bool = True) -> None:
    """Let ``make`` put something under a temporary name and rename it to the path; leaves nothing on failure."""
    _sweep(os.path.dirname(path) or ".")
    temporary = _temporary_beside(path)
    try:
        make(temporary)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    if lasting:
        _sync_directory_of(path)


# What a file system says that knows no second name for a file.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


def _rename_to_new(path: str, target: str) -> bool:
    """A second name is refused where there is one already, which rename(2) is not; killed in between there are two."""
    try:
        os.link(path, target, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):
            return False
        os.rename(path, target)
        return True
    os.unlink(path)
    return True


def _sync_file(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_new(path: str, data: bytes, mode: int, owner: Optional[Owner], lasting: bool) -> None:
    """Write a file that must not be there yet, and bring a lasting one to the disk; the owner comes before the mode."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        if owner:
            os.fchown(descriptor, *owner)
        os.fchmod(descriptor, mode)
        file.write(data)
        file.flush()
        if lasting:
            os.fsync(descriptor)


def _make_directories(path: str, mode: int, owner: Optional[Owner]) -> None:
    """Make what is missing; that another run makes the same directory at the same time is no error."""
    if os.path.isdir(path):
        return
    _make_directories(os.path.dirname(path), mode, None)
    try:
        _make_directory(path, mode, owner)
    except FileExistsError:
        if not os.path.isdir(path):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
    _sync_directory_of(path)


@contextmanager
def steady_umask() -> Iterator[None]:
    """Keep the umask what it is, for as long as a program takes to inherit it."""
    with _UMASK:
        yield


@contextmanager
def _without_umask() -> Iterator[None]:
    """The umask belongs to the whole process: one thread at a time, or the last one restores another's 0."""
    with _UMASK:
        mask = os.umask(0)
        try:
            yield
        finally:
            os.umask(mask)


def _make_directory(path: str, mode: int, owner: Optional[Owner]) -> None:
    """Make one directory that is complete when it appears; raises FileExistsError."""
    if owner is None:
        with _without_umask():
            os.mkdir(path, mode)
        return
    temporary = _temporary_beside(path)
    os.mkdir(temporary, 0o700)
    try:
        os.chown(temporary, *owner)
        os.chmod(temporary, mode)
        os.rename(temporary, path)
    except BaseException as error:
        os.rmdir(temporary)
        # what rename(2) says of a directory with something in it
        if isinstance(error, OSError) and error.errno == errno.ENOTEMPTY:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        raise


def _sync_directory_of(path: str) -> None:
    """Bring a change of names to the disk; some file systems know no such thing."""
    descriptor = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _sweep(directory: str) -> None:
    """Remove the temporary files that killed runs left in a directory."""
    with suppress(OSError):
        for name in filter(_is_temporary, os.listdir(directory)):
            path = os.path.join(directory, name)
            with suppress(OSError):
                if time.time() - os.lstat(path).st_mtime > _STALE:
                    os.unlink(path)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making a volume: a file that comes into being beside its place, and is renamed into it when it is whole."""

from __future__ import annotations

import posixpath
import re
from contextlib import contextmanager
from dataclasses import replace
from typing import Callable, Iterator, List, Optional

from ....errors import (
    AlreadyExists,
    CommandFailed,
    CorralError,
    HostError,
    InvalidArgument,
    MissingProgram,
    OperationDenied,
)
from ....host.api import Host
from ....model.storage.parts import Permissions
from ....model.storage.volume import Volume
from ....xml.parse import Element
from ..types.base import PART_PREFIX, SECTOR, Argv
from .command import PROGRAM, NewImage, Original, convert_argvs, create_argv, new_image, resize_argv
from .content import Filling, check_size
from .formats import News, recall, recall_all, remember
from .header import Image, probe
from .limits import SMALLER, check_largest
from .look import Facts, check_chain, look, reader
from .patience import run_patiently
from .shelf import Shelf
from .users import WRITE, check_free
from .work import PART_SUFFIX, WORK_TIMEOUT

# Seconds for copying an image.
RUN_TIMEOUT = 12 * 3600.0
# What others may do with a new volume: nothing. QEMU's user is handed what a guest uses.
MODE = 0o600
# What programs say when there is no room, and what that means.
NO_ROOM = {
    "No space left on device": "The file system of {what} is full",
    "Disk quota exceeded": "The quota of the file system of {what} is used up",
    "File too large": "The file system of {what} holds no files of that size",
    "too large for file format 'raw'": "The file system of {what} holds no files of that size",
}
# The files that programs write to, which are no volumes yet.
UNFINISHED = re.compile(rf"\S*/{re.escape(PART_PREFIX)}[0-9a-f-]+{re.escape(PART_SUFFIX)}")


def create(
    shelf: Shelf,
    document: Element,
    *,
    filling: Optional[Filling] = None,
    secret: Optional[bytes] = None,
    preallocation: Optional[str] = None,
    timeout: float = WORK_TIMEOUT,
    announce: Callable[[], None] = lambda: None,
) -> Facts:
    """Make the volume of a complete document, empty or filled, and return it.

    ``announce`` is called when no other run can make it any more, and before anybody sees it.
    Raises AlreadyExists, also when another run was faster, and HostError where there is no room; nothing is there then.
    ``secret`` is what an encrypted volume is to be opened with.
    """
    volume = Volume(document)
    name = volume.name or ""
    place = shelf.place(name)
    _check(shelf, volume, filling, secret)
    with shelf.working(name, timeout=timeout) as part:
        if shelf.host.stat(place) is not None:
            raise _taken(shelf, name)
        announce()
        with making(shelf, name):
            _make(shelf, volume, part, filling, secret, preallocation)
            set_permissions(shelf.host, part, volume.given().permissions)
            put_in_place(shelf, volume, part, place)
    return look(shelf, name)


def _taken(shelf: Shelf, name: str) -> AlreadyExists:
    return AlreadyExists(f"There is a volume named {name} in pool {shelf.pool} already.", name=name)


@contextmanager
def making(shelf: Shelf, name: str, path: Optional[str] = None) -> Iterator[None]:
    """Say what a failure means for a volume, or for the file that it is copied to.

    A program's own words are about a name that nobody knows.
    """
    try:
        yield
    except MissingProgram as error:
        if error.program == PROGRAM:
            raise MissingProgram(PROGRAM, hint="Install qemu-utils or qemu-img.") from None
        raise
    except CommandFailed as error:
        why = next((meaning for words, meaning in NO_ROOM.items() if words in error.stderr), None)
        if why is not None:
            raise _no_room(shelf, name, why, path) from error
        raise _about(error, name) from error


def _about(error: CommandFailed, name: str) -> CommandFailed:
    """The same failure as one of a volume: nobody knows the file that a program wrote to."""
    said = UNFINISHED.sub(lambda _path: f"volume {name}", error.stderr)
    return CommandFailed(error.argv, error.code, said)


def _no_room(shelf: Shelf, name: str, why: str, path: Optional[str]) -> HostError:
    what = f"pool {shelf.pool}" if path is None else path
    left = f"volume {name} was not made or changed" if path is None else f"volume {name} was not copied there"
    hint = f"Make some room in {shelf.target}." if path is None else "Make some room there."
    hint = SMALLER if "of that size" in why and path is None else hint
    return HostError(f"{why.format(what=what)}; {left}.", hint=hint, path=path or shelf.target)


# what is looked at first


def check_new(
    shelf: Shelf, document: Element, *, filling: Optional[Filling] = None, preallocation: Optional[str] = None
) -> None:
    """Raise what ``create`` would raise of a complete document, as far as looking tells.

    A volume of that name may be there: it is one that goes first, so its room counts, and its contents do not.
    """
    volume = Volume(document)
    _check_contents(shelf, volume, filling)
    old = shelf.host.stat(shelf.place(volume.name or ""))
    if old is not None:
        _check_not_itself(shelf, volume, filling)
    image = new_image(volume, shelf.part(volume.name or ""), preallocation=preallocation)
    taken = taken_at_once(volume, image, filling)
    if taken:
        check_room(shelf, volume.name or "", taken - (0 if old is None else old.allocated))
    _check_largest(shelf, volume, image)


def _check_largest(shelf: Shelf, volume: Volume, image: NewImage) -> None:
    """A raw image, and one that is taken whole, is a file of its full size."""
    if image.format == "raw" or image.preallocation in ("falloc", "full"):
        check_largest(shelf, volume.name or "", image.capacity or 0)


def _check(shelf: Shelf, volume: Volume, filling: Optional[Filling], secret: Optional[bytes]) -> None:
    _check_contents(shelf, volume, filling)
    if (volume.given().encryption is None) != (secret is None):
        raise InvalidArgument(f"Volume {volume.name} needs a secret where it is encrypted, and only there.")


def _check_not_itself(shelf: Shelf, volume: Volume, filling: Optional[Filling]) -> None:
    real = shelf.host.resolve(shelf.place(volume.name or ""))
    below = volume.backing_path()
    if (filling is not None and filling.path == real) or (below is not None and shelf.host.resolve(below) == real):
        raise InvalidArgument(
            f"Volume {volume.name} cannot be made anew from itself.", hint="Give the new volume another name."
        )


def _check_contents(shelf: Shelf, volume: Volume, filling: Optional[Filling]) -> None:
    size, backing = volume.size(), volume.backing_path()
    if size is not None and size <= 0:
        raise InvalidArgument(f"Volume {volume.name} cannot have a size of {size} bytes.")
    if size is None and filling is None and backing is None:
        raise InvalidArgument(f"Volume {volume.name} has no size.", hint="Say its capacity.")
    if filling is not None and backing is not None:
        raise InvalidArgument(f"Volume {volume.name} is to be a layer above an image, and filled with another.")
    if filling is not None:
        check_size(volume, filling)
    if backing is not None:
        _check_backing(shelf, volume, backing)


def _check_backing(shelf: Shelf, volume: Volume, path: str) -> None:
    """The image below is of the format that the document says, which is what QEMU will take it for."""
    format = (volume.backing.format if volume.backing is not None else None) or "raw"
    check_chain(shelf.host, path, format)
    found = shelf.host.stat(shelf.host.resolve(path))
    if found is None:
        return
    check_free(shelf.host, found, f"The image {path} below volume {volume.name}", rights=WRITE)
    known = recall(shelf, recall_all(shelf), posixpath.basename(path), found)
    image = probe(reader(shelf.host, path), found.size)
    if image.encryption is not None and (known is None or known.encryption is not None or format != "raw"):
        raise OperationDenied(
            f"The image {path} is encrypted, and volume {volume.name} cannot be a layer above it.",
            hint="Make a whole copy of it: image in place of backing.",
            path=path,
        )
    looks_like = image.format
    if format == "raw" and looks_like not in ("raw", "iso") and (known is None or known.format != "raw"):
        raise OperationDenied(
            f"The image {path} below volume {volume.name} is of the format '{looks_like}', and not raw.",
            hint="Say the format of the backing image.",
            path=path,
        )


def check_room(shelf: Shelf, name: str, size: int) -> None:
    """Raise HostError when the pool has no room for so many bytes that are taken at once."""
    found = shelf.host.file_system(shelf.root())
    if found is not None and size > found.available:
        raise HostError(
            f"Volume {name} takes {size} bytes at once, and pool {shelf.pool} has {found.available} left.",
            hint="Free some space, or let it grow as it is written to: an allocation of 0, no preallocation.",
            path=shelf.target,
        )


# making it


def _make(
    shelf: Shelf,
    volume: Volume,
    part: str,
    filling: Optional[Filling],
    secret: Optional[bytes],
    preallocation: Optional[str],
) -> None:
    """Everything is made in a file that only we may read; programs keep the mode of one that is there."""
    name = volume.name or ""
    given = filling.secret if filling is not None else None
    with shelf.key_file(name, secret, "key0") as key, shelf.key_file(name, given, "key1") as other:
        image = new_image(volume, part, key=key, preallocation=preallocation)
        taken = taken_at_once(volume, image, filling)
        if taken:
            check_room(shelf, name, taken)
        _check_largest(shelf, volume, image)
        shelf.host.write(part, b"", mode=MODE, lasting=False)
        if filling is None:
            run_all(shelf.host, empty_argvs(image, taken))
            return
        image = replace(image, capacity=-(-check_size(volume, filling) // SECTOR) * SECTOR)
        source = Original(filling.path, filling.image.format, other)
        if not (_is_alike(filling, image) and _copy(shelf.host, filling.path, image)):
            run_all(shelf.host, convert_argvs(source, image))
        held = filling.found.size if filling.image.capacity is None else filling.image.capacity
        if image.capacity is not None and image.capacity > held and not (image.key or other):
            run_all(shelf.host, [resize_argv(Original(part, image.format), image.capacity)])


def taken_at_once(volume: Volume, image: NewImage, filling: Optional[Filling]) -> int:
    """How many bytes are taken from the file system when the volume is made.

    The <allocation> of a raw volume says it, as in libvirt; that of another image, and of a copy, is what it comes to.
    """
    capacity = image.capacity or 0
    if image.preallocation in ("falloc", "full"):
        return capacity
    if filling is not None or image.driver != "raw":
        return 0
    return min(volume.allocated() or 0, capacity)


def empty_argvs(image: NewImage, taken: int) -> List[Argv]:
    """The commands that make an empty image, of which so many bytes are taken at once."""
    if image.driver != "raw" or not taken or image.preallocation is not None:
        return [create_argv(image)]
    return [create_argv(image), ("fallocate", "--posix", "--length", str(taken), image.path)]


def run_all(host: Host, argvs: List[Argv]) -> None:
    """Run commands one after the other; raises CommandFailed for the first that fails."""
    for argv in argvs:
        run_patiently(host, argv, timeout=RUN_TIMEOUT)


def _is_alike(filling: Filling, image: NewImage) -> bool:
    """Whether a copy of the file would be the image that is wanted: plain bytes, or a qcow2 of the same kind."""
    there = filling.image
    if filling.secret is not None or image.key is not None or image.preallocation is not None or image.nocow:
        return False
    if filling.found.kind != "file":
        return False
    if image.driver == "raw":
        return there.format in ("raw", "iso") and there.encryption is None
    alike = (there.format, there.compat, there.features) == (image.format, image.compat, image.features)
    clusters = image.cluster_size in (None, there.cluster_size)
    return alike and clusters and image.format == "qcow2" and there.backing is None and there.encryption is None


def _copy(host: Host, source: str, image: NewImage) -> bool:
    """Share the blocks of a file where the file system can; False when it was not copied.

    Plain bytes are copied in any case, zeros as holes: qemu-img takes more than twice as long for the same.
    """
    how = ("--reflink=auto", "--sparse=always") if image.driver == "raw" else ("--reflink=always",)
    return host.run(("cp", *how, source, image.path), timeout=RUN_TIMEOUT, check=False).code == 0


def set_permissions(host: Host, path: str, wanted: Optional[Permissions]) -> None:
    """Give a file the owner, the mode and the label of a document; what it leaves open stays."""
    if wanted is None:
        return
    found = host.stat(path)
    uid, gid = wanted.owner_id(), wanted.group_id()
    if found is not None and (uid is not None or gid is not None):
        host.change_owner(path, found.uid if uid is None else uid, found.gid if gid is None else gid)
    if wanted.mode is not None:
        host.change_mode(path, wanted.mode)
    if wanted.label and host.stat("/sys/fs/selinux/enforce") is not None:
        host.run(("chcon", "--", wanted.label, path))


def put_in_place(shelf: Shelf, volume: Volume, part: str, place: str) -> None:
    """Write down what was made, and give it its name; raises AlreadyExists when that is taken by now."""
    found = shelf.host.stat(part)
    if found is None:
        raise CorralError(f"Volume {volume.name} has gone while it was made.")
    note(shelf, volume.name or "", found.inode, volume.given().format or "raw", volume.given().encryption is not None)
    with _backing_held(shelf, volume):
        if not shelf.host.rename(part, place):
            raise _taken(shelf, volume.name or "")


@contextmanager
def _backing_held(shelf: Shelf, volume: Volume) -> Iterator[None]:
    """Keep a volume of the pool that the new one stands on from being deleted; raises HostError when it was."""
    path = volume.backing_path()
    if path is None or posixpath.dirname(shelf.host.resolve(path)) != shelf.root():
        yield
        return
    with shelf.holding(shelf.key(posixpath.basename(shelf.host.resolve(path)))):
        if shelf.host.stat(shelf.host.resolve(path)) is None:
            raise HostError(f"The image {path} was deleted while volume {volume.name} was made above it.", path=path)
        yield


def note(shelf: Shelf, name: str, inode: int, format: str, encrypted: bool) -> None:
    """Write down of what format a new file is, before it is seen."""
    remember(shelf, [News(name, inode, Image(format, encryption="luks" if encrypted else None), made=True)])

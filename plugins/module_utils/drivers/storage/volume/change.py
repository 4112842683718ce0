# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changing, filling, emptying and deleting volumes that are there; none of them while a program has the image open."""

from __future__ import annotations

import posixpath
from contextlib import contextmanager
from dataclasses import replace
from typing import Callable, Iterator, List, Optional, Sequence, Tuple

from ....errors import InvalidArgument, OperationInvalid
from ....host.api import FileStat, Host
from ....model.storage.volume import Volume
from ....xml.parse import Element
from ..types.base import SECTOR, Argv
from .command import NewImage, Original, create_argv, resize_argv
from .formats import News, forget, half_emptied, recall_all, remember
from .header import Image, inspect
from .look import Facts, layers_above, look, look_all, reader
from .make import MODE, making, note, run_all, set_permissions
from .shelf import Shelf
from .users import check_free

# How a file is overwritten: by zeros, by scrub(1), or by giving its blocks back.
SCRUBS = ("nnsa", "dod", "bsi", "gutmann", "schneier", "pfitzner7", "pfitzner33", "random")
ALGORITHMS = ("zero", "trim", *SCRUBS)


Begin = Callable[[], object]


def _nothing() -> None:
    """What is called before a change that nobody wants to hear of."""


@contextmanager
def _changing(shelf: Shelf, name: str) -> Iterator[Tuple[Facts, str]]:
    """Hold a volume that nobody has open: what it is now, and where another file for it can be made."""
    shelf.find(name)
    with shelf.working(name) as part:
        facts = look(shelf, name)
        check_free(shelf.host, facts.found, f"Volume {name} of pool {shelf.pool}")
        with making(shelf, name):
            yield facts, part


def _check_alone(shelf: Shelf, facts: Facts, what: str, others: Sequence[Facts] = ()) -> None:
    """Raise OperationInvalid where a volume, of this pool or of those given, is a layer above this one."""
    above = layers_above(shelf.host, [*look_all(shelf), *others], facts.real)
    if above:
        more = f" and {len(above) - 3} more" if len(above) > 3 else ""
        raise OperationInvalid(
            f"Volume {facts.name} of pool {shelf.pool} is not {what}: {', '.join(above[:3])}{more} stand on it.",
            hint="Delete those first, or make them whole copies.",
            above=above,
        )


# size


def resize(shelf: Shelf, name: str, capacity: int, *, shrink: bool = False, secret: Optional[bytes] = None) -> Facts:
    """Change a volume's size, in bytes, and return the volume; what is beyond the end of a smaller one is lost.

    Raises OperationInvalid for a smaller size without ``shrink``.
    """
    if capacity <= 0:
        raise InvalidArgument(f"Volume {name} cannot have a size of {capacity} bytes.")
    wanted = -(-capacity // SECTOR) * SECTOR
    with _changing(shelf, name) as (facts, _part):
        if wanted == facts.capacity:
            return facts
        smaller = wanted < facts.capacity
        if smaller:
            _check_shrinking(shelf, facts, wanted, shrink)
        _check_secret(facts, secret)
        with shelf.key_file(name, secret, "key0") as key:
            image = Original(facts.real, facts.image.format, key)
            run_all(shelf.host, [resize_argv(image, wanted, shrink=smaller)])
    return look(shelf, name)


def _check_shrinking(shelf: Shelf, facts: Facts, wanted: int, shrink: bool) -> None:
    if not shrink:
        raise OperationInvalid(
            f"Volume {facts.name} has {facts.capacity} bytes; making it {wanted} bytes would cut off what is beyond.",
            hint="Shrink the file systems in it first, then set shrink: true.",
        )
    _check_alone(shelf, facts, "made smaller")


def _check_secret(facts: Facts, secret: Optional[bytes]) -> None:
    if (facts.image.encryption is None) != (secret is None):
        raise InvalidArgument(f"Volume {facts.name} needs a secret where it is encrypted, and only there.")


# contents


def wipe(shelf: Shelf, name: str, *, algorithm: str = "zero", begin: Begin = _nothing) -> Facts:
    """Overwrite a volume; one of another format than raw is then an empty image again, an encrypted one is raw.

    Of a sparse file only what it holds can be given back. What a disk or its file system keeps elsewhere stays.
    ``begin`` is called when nothing stands in the way, and before anything is changed.
    """
    if algorithm not in ALGORITHMS:
        raise InvalidArgument(f"There is no algorithm {algorithm!r}; write one of {', '.join(ALGORITHMS)}.")
    with _changing(shelf, name) as (facts, part):
        _check_alone(shelf, facts, "wiped")
        image = half_emptied(recall_all(shelf), name, facts.found) or replace(facts.image, capacity=facts.capacity)
        plain = image.format in ("raw", "iso") or image.encryption is not None
        begin()
        if not plain:
            remember(shelf, [News(name, facts.found.inode, image, emptying=True)])
        run_all(shelf.host, wipe_argvs(facts, algorithm))
        if plain:
            note(shelf, name, facts.found.inode, "raw", encrypted=False)
        else:
            _empty_again(shelf, facts, image, part)
    return look(shelf, name)


def wipe_argvs(facts: Facts, algorithm: str) -> List[Argv]:
    """The commands that overwrite a file; none of them changes its size."""
    path, size = facts.real, str(facts.physical)
    if algorithm in SCRUBS:
        return [("scrub", "-f", "-p", algorithm, path)]
    if algorithm == "trim":
        return [("fallocate", "--punch-hole", "--length", size, path)] if facts.physical else []
    if facts.allocation < facts.physical:
        # writing zeros would make a sparse file take all of its size
        return [("truncate", "--size", "0", path), ("truncate", "--size", size, path)]
    zeros = ("dd", "if=/dev/zero", f"of={path}", "bs=4M", f"count={size}", "iflag=count_bytes,fullblock")
    return [(*zeros, "conv=notrunc,fsync", "status=none")]


def _empty_again(shelf: Shelf, facts: Facts, image: Image, part: str) -> None:
    new = NewImage(part, image.format, image.capacity, compat=image.compat, cluster_size=image.cluster_size)
    _begin(shelf, part)
    run_all(shelf.host, [create_argv(new)])
    _take_over(shelf, facts, image, part)


def upload(shelf: Shelf, name: str, path: str, *, begin: Begin = _nothing) -> Facts:
    """Replace a volume's bytes by those of a file of this host; the old ones stay until the new ones are whole.

    The format stays what it is: a raw volume takes any bytes, another one only an image of its format. ``begin`` is
    called when the new ones are there, and before they are put in place.
    """
    with _changing(shelf, name) as (facts, part):
        _check_alone(shelf, facts, "replaced")
        check_upload(shelf, facts, path, path)
        _begin(shelf, part)
        run_all(shelf.host, [copy_argv(path, part)])
        size = check_upload(shelf, facts, path, part)  # somebody may have changed the file meanwhile
        if facts.image.format == "raw" and not facts.image.encryption and size < facts.capacity:
            run_all(shelf.host, [("truncate", "--size", str(facts.capacity), part)])
        begin()
        _take_over(shelf, facts, facts.image, part)
    return look(shelf, name)


def check_upload(shelf: Shelf, facts: Facts, path: str, copy: str) -> int:
    """Return the size of a file, or of its copy; raises InvalidArgument for one that the volume cannot become."""
    found = check_source(shelf.host, path, copy)
    image = facts.image
    there = inspect(reader(shelf.host, copy), found.size, image.format, image.encryption)
    if (there.format, there.encryption) != (image.format, image.encryption):
        raise InvalidArgument(
            f"{path} is no image of the format '{image.format}', which volume {facts.name} has.",
            hint="Make a new volume from it.",
            path=path,
        )
    if there.backing is not None or there.outside:
        raise InvalidArgument(f"{path} has its contents in another file, which it names.", path=path)
    if image.format == "raw" and found.size > facts.physical:
        raise InvalidArgument(
            f"{path} has {found.size} bytes, and volume {facts.name} has {facts.physical}.",
            hint="Resize the volume first.",
            path=path,
        )
    return found.size


def check_source(host: Host, path: str, copy: Optional[str] = None) -> FileStat:
    """Return what the kernel says of a file that is to be uploaded, or of its copy; raises InvalidArgument."""
    found = host.stat(host.resolve(copy or path)) if path.startswith("/") else None
    if found is None or found.kind != "file":
        raise InvalidArgument(f"There is no file {path} on this host.", hint="Correct the path.", path=path)
    return found


def download(shelf: Shelf, name: str, path: str) -> None:
    """Copy a volume's bytes into a file of this host, whole or not at all; one that is there is replaced."""
    host, what = shelf.host, f"Volume {name} of pool {shelf.pool}"
    check_target(host, path)
    shelf.find(name)
    part = posixpath.join(host.resolve(posixpath.dirname(path)), posixpath.basename(shelf.part(name)))
    with shelf.holding(shelf.key(name)), making(shelf, name, path):
        facts = look(shelf, name)
        check_free(host, facts.found, what)
        try:
            host.remove(part)
            host.write(part, b"", mode=MODE, lasting=False)
            run_all(host, [copy_argv(facts.real, part)])
            check_free(host, facts.found, what)  # a guest that was started meanwhile has written to it
            host.rename(part, path, replace=True)
        finally:
            host.remove(part)


def check_target(host: Host, path: str) -> None:
    """Raise InvalidArgument for a path at which no file can be made."""
    if not path.startswith("/") or path.endswith("/"):
        raise InvalidArgument(f"The file {path!r} is not named by an absolute path.", path=path)
    found = host.stat(path)
    if found is not None and found.kind not in ("file", "link"):
        raise InvalidArgument(
            f"{path} is a {found.kind}, and no file that could be replaced.", hint="Name the file itself.", path=path
        )
    above = posixpath.dirname(path)
    if (inside := host.stat(host.resolve(above))) is None or inside.kind != "directory":
        raise InvalidArgument(f"There is no directory {above} on this host.", hint="Make it first.", path=path)


def copy_argv(source: str, target: str) -> Argv:
    """The command that copies a file's bytes, holes as holes, by sharing blocks where the file system can."""
    return ("cp", "--reflink=auto", "--sparse=auto", source, target)


def _begin(shelf: Shelf, part: str) -> None:
    shelf.host.write(part, b"", mode=MODE, lasting=False)


def _take_over(shelf: Shelf, facts: Facts, image: Image, part: str) -> None:
    """Put a new file, which is such an image, in the place of a volume's old one, with its owner and its mode."""
    shelf.host.change_owner(part, facts.found.uid, facts.found.gid)
    shelf.host.change_mode(part, facts.found.mode)
    made = shelf.host.stat(part)
    if made is not None:
        note(shelf, facts.name, made.inode, image.format, encrypted=image.encryption is not None)
    check_free(shelf.host, facts.found, f"Volume {facts.name} of pool {shelf.pool}")  # a guest may have been started
    shelf.host.rename(part, facts.real, replace=True)


# the rest


def update(shelf: Shelf, name: str, wanted: Element) -> Facts:
    """Give a volume the owner, the mode and the label of a document; also while it is in use."""
    shelf.find(name)
    with shelf.working(name):
        set_permissions(shelf.host, shelf.real(name), Volume(wanted).given().permissions)
    return look(shelf, name)


def delete(shelf: Shelf, name: str, *, others: Sequence[Facts] = ()) -> None:
    """Delete a volume. Raises OperationInvalid while it is open, and while a volume stands on it.

    ``others`` are the volumes of other pools that may do so. Of a link only the link goes.
    """
    with _changing(shelf, name) as (facts, _part):
        itself = shelf.host.stat(facts.path)
        is_link = itself is not None and itself.kind == "link"
        if not is_link:
            _check_alone(shelf, facts, "deleted", others)
        shelf.host.remove(facts.path)
        if not is_link:
            forget(shelf, name, facts.found.inode)

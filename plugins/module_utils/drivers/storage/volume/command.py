# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command lines of qemu-img for volumes, as pure functions of what is wanted.

A secret is never in one: a command is told the path of a file that holds it. The format of every image is said, and
never guessed by qemu-img. Source of the options: qemu-img(1), QEMU's qapi/block-core.json.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import List, Optional, Tuple

from ....errors import UnsupportedConfig
from ....model.storage.parts import Encryption
from ....model.storage.volume import Volume
from ..types.base import SECTOR, Argv

PROGRAM = "qemu-img"
COMPAT = "1.1"
PREALLOCATIONS = ("off", "metadata", "falloc", "full")
# Which of these a format knows; the others are made without.
PREALLOCATED = {
    "qcow2": frozenset(PREALLOCATIONS),
    "raw": frozenset({"off", "falloc", "full"}),
    "luks": frozenset({"off", "falloc", "full"}),
}


@dataclass(frozen=True)
class Key:
    """The secret that opens an image: the id of its object in a command, and the file that holds it."""

    id: str
    path: str


@dataclass(frozen=True)
class Cipher:
    """How a new image is sealed; None is QEMU's own choice."""

    algorithm: Optional[str] = None
    mode: Optional[str] = None
    hash: Optional[str] = None
    ivgen: Optional[str] = None
    ivgen_hash: Optional[str] = None


@dataclass(frozen=True)
class NewImage:
    """An image to be made. ``format`` is raw, qcow2, ..., with a ``key`` it is encrypted; ``capacity`` is in bytes."""

    path: str
    format: str = "raw"
    capacity: Optional[int] = None
    backing: Optional[str] = None
    backing_format: str = "raw"
    compat: Optional[str] = None
    cluster_size: Optional[int] = None
    features: Tuple[str, ...] = ()
    nocow: bool = False
    preallocation: Optional[str] = None
    key: Optional[Key] = None
    cipher: Cipher = Cipher()

    @property
    def driver(self) -> str:
        """What QEMU calls the format: an encrypted raw image is one of its own."""
        return driver_of(self.format, self.key)


@dataclass(frozen=True)
class Original:
    """An image that is copied or changed: its path, its format, and the key of an encrypted one.

    ``part`` are the first byte and the number of bytes where it is a part of a device.
    """

    path: str
    format: str
    key: Optional[Key] = None
    part: Optional[Tuple[int, int]] = None

    @property
    def driver(self) -> str:
        """What QEMU calls the format."""
        return driver_of(self.format, self.key)


def driver_of(format: str, key: Optional[Key]) -> str:
    """Return QEMU's name of a format; an ISO image is plain bytes."""
    if format == "raw" and key is not None:
        return "luks"
    return "raw" if format == "iso" else format


def new_image(volume: Volume, path: str, *, key: Optional[Key] = None, preallocation: Optional[str] = None) -> NewImage:
    """Return the image that a complete volume document wants, at a path; raises UnsupportedConfig."""
    target, qcow2 = volume.given(), (volume.given().format or "raw") == "qcow2"
    size, backing = volume.size(), volume.backing
    image = NewImage(
        path=path,
        format=target.format or "raw",
        capacity=None if size is None else -(-size // SECTOR) * SECTOR,
        backing=volume.backing_path(),
        backing_format=(backing.format if backing is not None else None) or "raw",
        compat=target.compat or (COMPAT if qcow2 else None),
        cluster_size=target.cluster_bytes(),
        features=tuple(target.feature_names()) if qcow2 else (),
        nocow=bool(target.nocow),
        preallocation=None if preallocation == "off" else preallocation,
        key=key,
        cipher=Cipher() if target.encryption is None else _cipher(target.encryption),
    )
    _check(image, volume)
    return image


def _cipher(said: Encryption) -> Cipher:
    if said.cipher_name is None:
        return Cipher()
    algorithm = f"{said.cipher_name}-{said.cipher_size}"
    return Cipher(algorithm, said.cipher_mode, said.cipher_hash, said.ivgen_name, said.ivgen_hash)


def _check(image: NewImage, volume: Volume) -> None:
    wanted = image.preallocation
    if wanted is not None and wanted not in PREALLOCATED.get(image.driver, ()):
        raise UnsupportedConfig(
            f"volume {volume.name}: an image of the format '{image.driver}' has no preallocation '{wanted}'.",
            hint="Leave the preallocation out.",
        )
    if wanted is not None and image.backing is not None:
        raise UnsupportedConfig(
            f"volume {volume.name} is a layer above another image, and cannot be preallocated.",
            hint="Leave the preallocation out, or make a full copy.",
        )


# command lines


def create_argv(image: NewImage) -> Argv:
    """Return the command that makes an empty image, or a layer above another."""
    below = () if image.backing is None else ("-b", image.backing, "-F", image.backing_format)
    size = () if image.capacity is None else (str(image.capacity),)
    return (PROGRAM, "create", "-f", image.driver, *below, *_objects(image.key), *_options(image), image.path, *size)


def convert_argvs(source: Original, image: NewImage) -> List[Argv]:
    """Return the commands that make an image with the contents of another; an encrypted one is made empty first."""
    alone = replace(image, backing=None)
    if source.key is None and image.key is None:
        formats = ("-f", source.driver, "-O", image.driver)
        return [(PROGRAM, "convert", *formats, *_options(alone), source.path, image.path)]
    return [create_argv(alone), fill_argv(source, Original(image.path, image.format, image.key))]


def fill_argv(source: Original, target: Original) -> Argv:
    """Return the command that copies the contents of one image into another that is there."""
    head = (PROGRAM, "convert", "--image-opts", "-n", "--target-image-opts", *_objects(target.key, source.key))
    return (*head, _opened(source), _opened(target))


def resize_argv(image: Original, capacity: int, *, shrink: bool = False) -> Argv:
    """Return the command that changes an image's size, in bytes."""
    smaller = ("--shrink",) if shrink else ()
    if image.key is None:
        return (PROGRAM, "resize", "-f", image.driver, *smaller, image.path, str(capacity))
    return (PROGRAM, "resize", *smaller, *_objects(image.key), "--image-opts", _opened(image), str(capacity))


def info_argv(image: Original) -> Argv:
    """Return the command that prints an image's facts as JSON, also of one that is in use."""
    return (PROGRAM, "info", "-U", "--output=json", "-f", image.driver, image.path)


# parts of them


def _objects(*keys: Optional[Key]) -> Argv:
    rows = (("--object", f"secret,id={key.id},file={_escaped(key.path)}") for key in keys if key is not None)
    return tuple(word for row in rows for word in row)


def _options(image: NewImage) -> Argv:
    rows: List[Tuple[str, Optional[str]]] = [
        *_sealing(image),
        ("preallocation", image.preallocation),
        ("nocow", "on" if image.nocow else None),
        ("compat", image.compat),
        ("cluster_size", str(image.cluster_size) if image.cluster_size else None),
        *((name, "on") for name in image.features),
    ]
    said = ",".join(f"{name}={_escaped(value)}" for name, value in rows if value is not None)
    return ("-o", said) if said else ()


def _sealing(image: NewImage) -> List[Tuple[str, Optional[str]]]:
    if image.key is None:
        return []
    before, cipher = ("encrypt." if image.format == "qcow2" else ""), image.cipher
    return [
        *([("encrypt.format", "luks")] if before else []),
        (f"{before}key-secret", image.key.id),
        (f"{before}cipher-alg", cipher.algorithm),
        (f"{before}cipher-mode", cipher.mode),
        (f"{before}hash-alg", cipher.hash),
        (f"{before}ivgen-alg", cipher.ivgen),
        (f"{before}ivgen-hash-alg", cipher.ivgen_hash),
    ]


def _opened(image: Original) -> str:
    """An image for --image-opts: only there a key can be given."""
    said = f"driver={image.driver},{_file(image)}"
    if image.key is None:
        return said
    return f"{said},{'encrypt.' if image.format == 'qcow2' else ''}key-secret={image.key.id}"


def _file(image: Original) -> str:
    """Where an image is; a part of a device is what QEMU calls raw with an offset."""
    name = _escaped(image.path)
    if image.part is None:
        return f"file.filename={name}"
    above = "" if image.driver == "raw" else "file."
    window = f"{above}offset={image.part[0]},{above}size={image.part[1]}"
    below = f"{above}file.driver=host_device,{above}file.filename={name}"
    return f"{window},{below}" if not above else f"file.driver=raw,{window},{below}"


def _escaped(text: str) -> str:
    """A comma ends a value for QEMU unless there are two of them."""
    return text.replace(",", ",,")

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encrypted volumes: which secret opens one, and the sizes of those that lie on devices.

No image says which secret opens it, so the one that it was made with is kept beside the pool (``origins.py``).
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Iterator, List, Optional, Tuple

from ....errors import CommandFailed, CorralError, NotFound, OperationFailed, OperationInvalid
from ....model.storage.volume import Volume
from ....xml.parse import Element, add
from ..types.base import LUKS_HEADER, Found
from ..volume.header import LUKS_MAGIC
from .scene import Scene

# How a secret is named: "uuid" or "usage", and that.
Name = Tuple[str, str]
USAGE_OF = "usage"
PURPOSE = "volume"
# What QEMU says of a value that opens none of the key slots of an image.
WRONG_KEY = "Invalid password"


def is_sealed(scene: Scene, found: Found) -> bool:
    """Whether a device begins with the header of LUKS."""
    path = scene.host.resolve(found.path) if found.path.startswith("/") else ""
    return bool(path) and scene.host.read(path, limit=len(LUKS_MAGIC)) == LUKS_MAGIC


def as_sealed(found: Found) -> Found:
    """A device that we have encrypted as its guest sees it: without the room that was added for the header."""
    return replace(found, encryption="luks", capacity=max(found.capacity - LUKS_HEADER, 0))


def name_of(document: Element) -> Optional[Name]:
    """The secret that a volume's document names."""
    sealed = Volume(document).given().encryption
    use = None if sealed is None else next(iter(sealed.secrets), None)
    if use is None:
        return None
    return ("uuid", use.uuid) if use.uuid else (USAGE_OF, use.usage or "")


def write_name(document: Element, name: Optional[Name]) -> None:
    """Let a document say which secret opens its volume, where it is encrypted and says nothing."""
    sealed = document.find("target/encryption")
    if sealed is not None and name is not None and sealed.find("secret") is None:
        add(sealed, "secret", type="passphrase", **{name[0]: name[1]})


def settle_name(scene: Scene, wanted: Element, kept: Optional[Element]) -> None:
    """Name the secret of a volume as it is known, where a document names the same one in another way."""
    said, known = name_of(wanted), None if kept is None else name_of(kept)
    if said is None or known is None or said == known or scene.neighbours is None:
        return
    with suppress(CorralError):
        if _uuid(scene, said) == _uuid(scene, known):
            for element in wanted.findall("target/encryption/secret"):
                element.attrib.pop(said[0], "")
                element.set(*known)


def check_named(scene: Scene, wanted: Element) -> None:
    """Raise NotFound or OperationInvalid unless the secret that a new volume names is there, and has a value."""
    said = name_of(wanted)
    if said is None or scene.neighbours is None:
        return
    found = scene.neighbours.secret.lookup_secret(reference(said))
    if not found.has_value:
        raise OperationInvalid(f"The secret {said[1]} has no value.", hint="Set its value first.", uuid=found.uuid)


def opener(scene: Scene, name: str, path: str, known: Optional[Name]) -> Name:
    """The secret that opens an encrypted volume: the one that it was made with, else the one for its path or name.

    Raises OperationInvalid where it is not there.
    """
    if scene.neighbours is None:
        raise OperationInvalid("There are no secrets on this connection.")
    for said in [known] if known else by_place(scene, name, path):
        with suppress(NotFound):
            scene.neighbours.secret.lookup_secret(reference(said))
            return said
    if known:
        raise OperationInvalid(
            f"Volume {name} of pool {scene.name} was made with the secret {known[1]}, which is not there.",
            hint="Define that secret again, with the value that it had.",
        )
    raise OperationInvalid(
        f"Volume {name} of pool {scene.name} is encrypted, and there is no secret for it.",
        hint=f"Define a secret with the usage volume: {path}",
    )


def by_place(scene: Scene, name: str, path: str) -> List[Name]:
    """The secrets that an encrypted volume may have which we have not made: for its path, else for its name."""
    return [(USAGE_OF, path), (USAGE_OF, f"{scene.name}/{name}")]


@contextmanager
def opening(what: str, name: Optional[Name]) -> Iterator[None]:
    """Run qemu-img with a secret's value; raises OperationFailed that names both where it is the wrong one.

    ``what`` is the image for people.
    """
    try:
        yield
    except CommandFailed as error:
        if name is None or WRONG_KEY not in error.stderr:
            raise
        raise OperationFailed(
            f"{what} cannot be opened with the value of the secret {reference(name)}: it was encrypted with another.",
            hint="Give that secret the value that it had (corral.virt.secret with force: true). Without it, what is in"
            " there is lost, and can only be deleted.",
            secret=reference(name),
        ) from error


def value_of(scene: Scene, name: Name) -> bytes:
    """The value of a secret, empty on a connection that only reads; raises what the secret driver does."""
    if scene.site.read_only or scene.neighbours is None:
        return b""
    return scene.neighbours.secret.use_secret_value(reference(name))


def reference(name: Name) -> str:
    """How the secret driver is asked for a secret that a document names."""
    return name[1] if name[0] == "uuid" else f"{PURPOSE}:{name[1]}"


def _uuid(scene: Scene, name: Name) -> str:
    if scene.neighbours is None:
        raise NotFound("There are no secrets on this connection.")
    return scene.neighbours.secret.lookup_secret(reference(name)).uuid

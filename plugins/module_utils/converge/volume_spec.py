# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options of volume to what is wanted: the document, what it is made from, what it stands on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

from ..errors import InvalidArgument
from ..model.storage.order import VOLUME_ORDER, order_children
from ..xml.parse import Element, add, new_element
from .options.write import Options, absolute, text
from .resource import spec
from .volume_definition import VOLUME_DEFINING
from .volume_options.content import Asked, backing, image

ABSENT, WIPED = "absent", "wiped"


@dataclass(frozen=True)
class VolumeWanted:
    """What the user asks for. ``document`` is None where only a name is given; what it stands on is ``backing``.

    ``whole`` says that the document is the user's own, with all of the volume in it: what options leave out stays.
    ``wipe`` is an algorithm. ``upload_from`` and ``download_to`` are files of the host.
    """

    pool: str
    name: str
    state: str = "present"
    document: Optional[Element] = field(default=None, compare=False, repr=False)
    whole: bool = False
    image: Optional[Asked] = None
    backing: Optional[Asked] = None
    preallocation: Optional[str] = None
    force: bool = False
    shrink: bool = False
    wipe: Optional[str] = None
    upload_from: Optional[str] = None
    download_to: Optional[str] = None


def wanted_volume(options: Options) -> VolumeWanted:
    """Return what the options ask for; raises InvalidArgument and XmlError. What is to go is only named."""
    pool, state = options["pool"], options["state"]
    name, document = desired_volume(options, describe=state != ABSENT)
    if state == ABSENT:
        return VolumeWanted(pool, name, state, wipe=options.get("wipe"))
    wanted = VolumeWanted(
        pool=pool,
        name=name,
        state=state,
        document=document,
        whole=bool(options.get("xml")),
        image=image(options.get("image"), pool),
        backing=backing(options.get("backing"), pool),
        preallocation=options.get("preallocation"),
        force=options["force"],
        shrink=options["shrink"],
        wipe=options.get("wipe") or ("zero" if state == WIPED else None),
        upload_from=_file(options, "upload_from"),
        download_to=_file(options, "download_to"),
    )
    _check(wanted, options)
    return wanted


def desired_volume(options: Options, *, describe: bool = True) -> tuple[str, Optional[Element]]:
    """Return the volume's name and the wanted document, as ``resource.spec.desired`` does; without its backing."""
    name, document = spec.desired(
        options, noun="volume", root="volume", defining=VOLUME_DEFINING, build=_document, describe=describe
    )
    if document is None and describe and options.get("image") is not None:
        document = _document(options, [])
    return name, document


def write_backing(document: Element, path: str, format: Optional[str]) -> None:
    """Let a volume stand on an image."""
    below = add(document, "backingStore")
    text(below, "path", path)
    if format:
        add(below, "format", type=format)
    order_children(document, VOLUME_ORDER)


def _document(options: Options, _given: list[str]) -> Element:
    from .volume_options.build import BUILDERS

    volume = new_element("volume")
    text(volume, "name", options["name"])
    for build in BUILDERS:
        build(volume, options)
    order_children(volume, VOLUME_ORDER)
    return volume


def _file(options: Options, name: str) -> Optional[str]:
    return absolute(options[name], name) if options.get(name) else None


def _check(wanted: VolumeWanted, options: Options) -> None:
    if wanted.image is not None and wanted.backing is not None:
        raise InvalidArgument(
            "image and backing contradict each other: a volume is a copy of an image, or a layer above one.",
            hint="Leave one of them out.",
        )
    if wanted.upload_from and (wanted.image is not None or wanted.state == WIPED):
        raise InvalidArgument(
            "upload_from replaces what is in the volume: it cannot go with image or with state wiped.",
            hint="Leave one of them out.",
        )
    if options.get("wipe") and wanted.state != WIPED:
        raise InvalidArgument(
            f"wipe goes with state wiped or absent, and the state is {wanted.state}.", hint="Leave wipe out."
        )

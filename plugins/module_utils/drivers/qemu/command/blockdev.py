# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images as block nodes: a storage node, a slice where the image is a part of it, a format node where it has a format.

The node that is read last, the top, carries read-only, cache, discard and detect-zeroes; those below it open what they
need by themselves. Names and shapes are those of QEMU's qapi/block-core.json.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from ....errors import UnsupportedConfig
from ..context import Context
from ..images import Image
from ..options import Option, properties
from .blockdev_protocols import encryption_secret, protocol_properties
from .blockdev_secrets import helper_objects

Props = Mapping[str, Any]

# QEMU's qemu-options.hx, "cache=": what each word means for the host's page cache and for flushes; the third says
# whether the guest sees a write cache.
CACHES: Dict[str, Tuple[bool, bool, bool]] = {
    "none": (True, False, True),
    "writethrough": (False, False, False),
    "writeback": (False, False, True),
    "directsync": (True, False, False),
    "unsafe": (False, True, True),
}

# libvirt's names of formats, where QEMU's differ.
FORMATS: Dict[str, str] = {"fat": "raw", "ploop": "parallels", "vhd": "vhdx"}
WITH_BACKING = ("qcow", "qcow2", "qed", "vmdk")


def chain_options(image: Image, context: Context) -> Iterator[Option]:
    """Everything that a guest device needs to use the image: the lowest image first."""
    for layer in reversed(list(image.chain())):
        if layer.data is not None:
            yield from _image_options(layer.data, context)
        yield from _image_options(layer, context)


def _image_options(image: Image, context: Context) -> Iterator[Option]:
    yield from helper_objects(image, context)
    for node in image_nodes(image):
        yield Option("-blockdev", node)


def image_nodes(image: Image) -> Iterator[Props]:
    """The nodes of one image, the storage first; the form that QMP's blockdev-add takes."""
    storage = f"{image.node}-storage"
    yield _node(image, storage, protocol_properties(image), top=image.top_node() == storage)
    part = image.slice
    if part is not None:
        raw = {"driver": "raw", "file": storage, "offset": part.offset or 0, "size": part.size}
        yield _node(image, f"{image.node}-slice-sto", raw, top=not image.needs_format())
    if image.needs_format():
        yield _node(image, f"{image.node}-format", _format(image), top=True)


def _node(image: Image, name: str, own: Props, *, top: bool) -> Props:
    policy = image.policy
    access: Props = {"auto-read-only": True, "discard": "unmap"}
    if top:
        access = {"read-only": image.read_only, "discard": policy.discard, "detect-zeroes": policy.detect_zeroes}
    elif own["driver"] == "virtio-blk-vhost-vdpa":
        access = {}
    return {"node-name": name, **own, **properties(access, {"cache": _cache(policy.cache)})}


def _cache(mode: Optional[str]) -> Optional[Props]:
    if mode is None:
        return None
    direct, no_flush, _writeback = CACHES[mode]
    return {"direct": direct, "no-flush": no_flush}


def _format(image: Image) -> Props:
    """The format's driver with its own options, what it reads from, and what lies below."""
    own = _luks(image) if image.format == "raw" and image.engine("qemu") is not None else _plain(image)
    return {**properties(own, {"file": image.storage_node(), "data-file": _data(image)}), **_backing(image)}


def _luks(image: Image) -> Props:
    return {"driver": "luks", "key-secret": encryption_secret(image)}


def _plain(image: Image) -> Props:
    qcow2 = image.format == "qcow2"
    return {
        "driver": FORMATS.get(image.format, image.format),
        "encrypt": _encrypt(image),
        "cache-size": image.cache_size if qcow2 else None,
        "discard-no-unref": image.policy.discard_no_unref if qcow2 else None,
    }


def _encrypt(image: Image) -> Optional[Props]:
    found = image.engine("qemu")
    if found is None:
        return None
    return {"format": "aes" if found.format == "qcow" else found.format, "key-secret": encryption_secret(image)}


def _data(image: Image) -> Optional[str]:
    return None if image.data is None else image.data.top_node()


def _backing(image: Image) -> Props:
    """``backing``, which is null where the chain ends: QEMU then looks no further."""
    if image.backing is not None and image.format not in WITH_BACKING:
        raise UnsupportedConfig(f"an image of format '{image.format}' has no <backingStore>.", line=image.source.line)
    if image.format not in WITH_BACKING:
        return {}
    if image.backing is not None:
        return {"backing": image.backing.top_node()}
    return {"backing": None} if image.ends else {}

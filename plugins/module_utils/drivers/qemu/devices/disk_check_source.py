# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of a disk's images: formats, protocols, encryption, what a source may say.

Source of the rules: libvirt's formatdomain, "source", and the block drivers that QEMU has.
"""

from __future__ import annotations

from typing import Callable, Dict, Optional, Tuple

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.disk import Disk
from ....model.domain.storage import Encryption, Source
from ..command.blockdev import FORMATS
from ..command.blockdev_protocols import TYPES
from ..context import Context
from .disk_check_network import check_auth, check_network
from .disk_check_vhost import check_vhost_user
from .disk_layers import Layer, layers

PLAIN_FORMATS = ("raw", "qcow", "qcow2", "qed", "vmdk", "vdi", "vpc", "bochs", "cloop", "dmg")
LOCAL = ("file", "block", "dir")
ADVICE: Dict[str, str] = {
    "cow": "it is no longer read",
    "iso": "a CD image is type='raw'",
    "dir": "write <disk type='dir'> with the format 'fat'",
    "auto": "the format is never guessed; say which it is",
}


def check_images(disk: Disk, domain: Domain, context: Context) -> None:
    """Raise XmlError or UnsupportedConfig for images that this QEMU cannot be given."""
    _check_twice(disk)
    if disk.type == "vhostuser":
        check_vhost_user(disk, domain, context)
        return
    for layer in layers(disk):
        for rule in RULES:
            complaint = rule(layer)
            if complaint:
                raise XmlError(f"the disk '{disk.target}': {complaint}", line=layer.source.line)
        _check_engine(layer, context)
    if disk.device == "lun":
        _check_lun(disk)


def _check_twice(disk: Disk) -> None:
    for tag in ("auth", "encryption"):
        if len(disk.element.findall(tag)) + len(disk.element.findall(f"source/{tag}")) > 1:
            raise XmlError(
                f"the disk '{disk.target}' has <{tag}> twice; write it in the <source> only.", line=disk.line
            )


def _format(layer: Layer) -> Optional[str]:
    known = (*PLAIN_FORMATS, *FORMATS)
    if layer.format and layer.format not in known:
        advice = ADVICE.get(layer.format, f"write one of {', '.join(known)}")
        return f"QEMU cannot use the format '{layer.format}': {advice}."
    if layer.format == "fat" and layer.type not in ("dir", "volume"):
        return "the format 'fat' is for type='dir' only."
    if layer.type == "dir" and layer.format not in ("", "fat"):
        return "a disk of type='dir' has the format 'fat'."
    if layer.type == "dir" and not layer.read_only:
        return "a disk of type='dir' can only be read; add <readonly/>."
    if layer.cache_size and layer.format != "qcow2":
        return "<metadata_cache> is for the format 'qcow2' only."
    if layer.source.data_store is not None and layer.format != "qcow2":
        return "<dataStore> is for the format 'qcow2' only."
    return None


def _type(layer: Layer) -> Optional[str]:
    source = layer.source
    if layer.type not in (*TYPES, "network", "volume"):
        return f"there is no type='{layer.type}'; write one of {', '.join((*TYPES, 'network', 'volume', 'vhostuser'))}."
    if layer.type == "volume" and not (source.pool and source.volume):
        return "a source of type='volume' names both a pool and a volume."
    if layer.type == "volume" and source.mode not in (None, "host", "direct"):
        return f"mode='{source.mode}' is none of host and direct."
    if layer.type == "nvme":
        return _nvme(source)
    if source.fd_group is not None:
        return f"no file descriptors were given for the group '{source.fd_group}'; name a path."
    if source.startup_policy is not None and layer.type not in ("file", "block", "dir", "volume"):
        return f"startupPolicy does not go with type='{layer.type}'."
    if source.snapshot is not None and source.protocol != "rbd":
        return "<snapshot> is for protocol='rbd' only."
    if source.config is not None and source.protocol != "rbd":
        return "<config> is for protocol='rbd' only."
    return None


def _path(layer: Layer) -> Optional[str]:
    """QEMU does not run in a directory that a user would know."""
    for path in (layer.source.file, layer.source.dev, layer.source.dir) if layer.type in LOCAL else ():
        if path and not path.startswith("/"):
            return f"the path '{path}' is not an absolute one."
    return None


def _nvme(source: Source) -> Optional[str]:
    if source.type != "pci" or source.address is None:
        return "an NVMe source is <source type='pci' namespace='1'> with the <address> of the controller."
    if not source.namespace:
        return "an NVMe namespace is counted from 1."
    return None


def _encryption(layer: Layer) -> Optional[str]:
    found = layer.encryption
    if found is None:
        return None
    if found.cipher:
        return "a <cipher> is chosen when the image is made, and not here; remove it."
    if found.format in (None, "default", "qcow"):
        return "the encryption of old qcow images is not safe and no longer used; write format='luks'."
    if found.format not in ("luks", "luks2", "luks-any"):
        return f"there is no encryption format '{found.format}'; write format='luks'."
    if not found.secrets:
        return "an <encryption> has a <secret> with the passphrase."
    return _qemu_engine(layer, found) if (found.engine or "qemu") == "qemu" else None


def _qemu_engine(layer: Layer, found: Encryption) -> Optional[str]:
    if found.format != "luks":
        return f"QEMU itself only does format='luks'; '{found.format}' needs engine='librbd'."
    if layer.format not in ("raw", "qcow2", ""):
        return f"an image of format '{layer.format}' cannot be encrypted; only raw and qcow2 can."
    if len(found.secrets) > 1:
        return "QEMU itself takes one <secret>; more are for engine='librbd'."
    return None


def _slices(layer: Layer) -> Optional[str]:
    for part in layer.source.slices:
        if part.type != "storage" or not part.size:
            return "a <slice> has type='storage', an offset and a size in bytes."
    return None


RULES: Tuple[Callable[[Layer], Optional[str]], ...] = (
    _type,
    _path,
    _format,
    check_network,
    check_auth,
    _encryption,
    _slices,
)


def _check_engine(layer: Layer, context: Context) -> None:
    found = layer.encryption
    if found is not None and found.engine == "librbd":
        if layer.source.protocol != "rbd":
            raise XmlError("engine='librbd' is for protocol='rbd' only.", line=found.line)
        flags = ["rbd-encryption"] + ["rbd-encryption-layering"] * (len(found.secrets) > 1)
        flags += ["rbd-encryption-luks-any"] * (found.format == "luks-any")
        if not all(context.has(flag) for flag in flags):
            raise UnsupportedConfig(f"{context.caps.binary} has no such encryption by librbd.", line=found.line)
    elif found is not None and found.engine not in (None, "qemu", "default"):
        raise XmlError(f"there is no encryption engine '{found.engine}'; write qemu or librbd.", line=found.line)
    if layer.source.tls_hostname is not None and not context.has("nbd-tls-hostname"):
        raise UnsupportedConfig(f"{context.caps.binary} does not know tlsHostname.", line=layer.source.line)
    if layer.type == "vhostvdpa" and not context.has("drive-virtio-vdpa"):
        raise UnsupportedConfig(f"{context.caps.binary} cannot use a vhost-vdpa disk.", line=layer.source.line)
    if layer.type == "nvme" and not context.has("drive-nvme"):
        raise UnsupportedConfig(f"{context.caps.binary} cannot use an NVMe disk.", line=layer.source.line)


def _check_lun(disk: Disk) -> None:
    source = disk.source
    if source is None:
        return
    wrong = None
    if disk.type == "network" and source.protocol != "iscsi":
        wrong = f"device='lun' is for protocol='iscsi', not '{source.protocol}'."
    elif disk.type not in ("network", "block", "volume"):
        wrong = "device='lun' is for type='block' only: a whole device of the host."
    elif disk.format not in (None, "raw") or source.slices or disk.encrypted() is not None:
        wrong = "device='lun' passes a device through as it is: raw, whole and without encryption."
    if wrong:
        raise XmlError(f"the disk '{disk.target}': {wrong}", line=disk.line)

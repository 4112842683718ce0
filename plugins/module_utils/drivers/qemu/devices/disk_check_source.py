# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of a disk's images: formats, protocols, encryption, what a source may say.

Source of the rules: libvirt's formatdomain, "source", and the block drivers that QEMU has.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterator, NamedTuple, Optional, Tuple

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.disk import Disk
from ....model.domain.storage import Auth, DataStore, Encryption, Source
from ..command.blockdev import FORMATS
from ..command.blockdev_protocols import PROTOCOLS, TYPES
from ..context import Context

PLAIN_FORMATS = ("raw", "qcow", "qcow2", "qed", "vmdk", "vdi", "vpc", "bochs", "cloop", "dmg")
ADVICE: Dict[str, str] = {
    "cow": "it is no longer read",
    "iso": "a CD image is type='raw'",
    "dir": "write <disk type='dir'> with the format 'fat'",
    "auto": "the format is never guessed; say which it is",
}
HTTP = ("http", "https")
CURL = (*HTTP, "ftp", "ftps")
WITH_AUTH = (*CURL, "iscsi", "ssh", "rbd")
SECRET_TYPES = {"iscsi": "iscsi", "rbd": "ceph"}


class Layer(NamedTuple):
    """One image as the document says it."""

    type: str
    format: str
    source: Source
    auth: Optional[Auth]
    encryption: Optional[Encryption]
    read_only: bool
    cache_size: Optional[int]


def check_images(disk: Disk, domain: Domain, context: Context) -> None:
    """Raise XmlError or UnsupportedConfig for images that this QEMU cannot be given."""
    _check_twice(disk)
    if disk.type == "vhostuser":
        _check_vhost_user(disk, domain, context)
        return
    for layer in layers(disk):
        for rule in RULES:
            complaint = rule(layer)
            if complaint:
                raise XmlError(f"the disk '{disk.target}': {complaint}", line=layer.source.line)
        _check_engine(layer, context)
    if disk.device == "lun":
        _check_lun(disk)


def layers(disk: Disk) -> Iterator[Layer]:
    """The images that the document names, from the top down, data files after their image."""
    source = disk.source
    if source is not None and not disk.is_empty():
        type_ = disk.type or "file"
        yield Layer(
            type_, disk.format or "", source, disk.secret_bearer(), disk.encrypted(), disk.read_only, disk.cache_size
        )
        yield from _data(source.data_store, disk.read_only)
    store = disk.backing
    while store is not None and store.type is not None:
        if not store.format or store.source is None:
            raise XmlError("a <backingStore> has a <format> and a <source>, or nothing at all.", line=store.line)
        own = store.source
        yield Layer(store.type, store.format, own, own.auth, own.encryption, True, store.cache_size)
        yield from _data(own.data_store, True)
        store = store.backing


def _data(store: Optional[DataStore], read_only: bool) -> Iterator[Layer]:
    if store is None:
        return
    if store.source is None or store.format != "raw":
        raise XmlError("a <dataStore> has <format type='raw'/> and a <source>.", line=store.line)
    yield Layer(store.type or "file", "raw", store.source, store.source.auth, store.source.encryption, read_only, None)


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


def _nvme(source: Source) -> Optional[str]:
    if source.type != "pci" or source.address is None:
        return "an NVMe source is <source type='pci' namespace='1'> with the <address> of the controller."
    if not source.namespace:
        return "an NVMe namespace is counted from 1."
    return None


def _network(layer: Layer) -> Optional[str]:
    source, protocol = layer.source, layer.source.protocol
    if layer.type != "network":
        return None
    if protocol not in PROTOCOLS:
        return f"QEMU has no protocol '{protocol}'; write one of {', '.join(PROTOCOLS)}."
    if not source.name and protocol != "nbd":
        return f"a source with protocol='{protocol}' has a name."
    if protocol in ("rbd", "gluster") and not all((source.name or "").partition("/")):
        return f"the name for protocol='{protocol}' is pool/image, and not '{source.name}'."
    if protocol not in ("rbd", "gluster") and len(source.hosts) != 1:
        return f"a source with protocol='{protocol}' has exactly one <host>."
    if source.tls and protocol not in ("nbd", "vxhs"):
        return f"protocol='{protocol}' has no tls='yes'."
    return _hosts(source) or _http(source) or _nfs(source)


def _hosts(source: Source) -> Optional[str]:
    for host in source.hosts:
        transport = host.transport or "tcp"
        if transport not in ("tcp", "unix", "rdma"):
            return f"transport='{transport}' is none of tcp, unix and rdma."
        if transport == "unix" and not host.socket:
            return "a <host transport='unix'> has a socket."
        if transport != "unix" and host.socket:
            return "a socket needs transport='unix'."
        if transport != "unix" and not host.name:
            return "a <host> has a name."
    return None


def _http(source: Source) -> Optional[str]:
    checks: Tuple[Tuple[bool, Tuple[str, ...], str], ...] = (
        (source.query is not None, HTTP, "query"),
        (bool(source.cookies), HTTP, "<cookies>"),
        (bool(source.readahead), CURL, "<readahead>"),
        (bool(source.timeout), CURL, "<timeout>"),
        (source.ssl_verify is not None, ("https", "ftps"), "<ssl>"),
        (source.tls_hostname is not None, ("nbd",), "tlsHostname"),
    )
    for asked, protocols, what in checks:
        if asked and source.protocol not in protocols:
            return f"{what} is for the protocols {', '.join(protocols)} only."
    for cookie in source.cookies:
        if not cookie.name or any(sign in (cookie.value or "") for sign in '",;\\ \n'):
            return "a <cookie> has a name, and no blank, quote, comma, semicolon or backslash in its value."
    return None


def _nfs(source: Source) -> Optional[str]:
    if source.protocol == "nfs" and (source.hosts[0].port or source.hosts[0].transport not in (None, "tcp")):
        return "the <host> for protocol='nfs' has a name, and neither a port nor another transport than tcp."
    return None


def _auth(layer: Layer) -> Optional[str]:
    if layer.auth is None or layer.type == "volume":
        return None
    protocol = layer.source.protocol or ""
    if layer.type != "network" or protocol not in WITH_AUTH:
        return f"<auth> does not go with {protocol or 'type=' + repr(layer.type)}."
    if not layer.auth.username or layer.auth.secret is None:
        return "an <auth> has a username and a <secret>."
    wanted, found = SECRET_TYPES.get(protocol), layer.auth.secret.type
    if found not in ("ceph", "iscsi", "volume", "tls", "vtpm"):
        return f"there is no secret type '{found}'."
    if wanted is not None and found != wanted:
        return f"the secret for protocol='{protocol}' has type='{wanted}', not '{found}'."
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


RULES: Tuple[Callable[[Layer], Optional[str]], ...] = (_type, _format, _network, _auth, _encryption, _slices)


def _check_engine(layer: Layer, context: Context) -> None:
    found = layer.encryption
    if found is not None and found.engine == "librbd":
        if layer.source.protocol != "rbd":
            raise XmlError("engine='librbd' is for protocol='rbd' only.", line=found.line)
        flags = ["rbd-encryption"] + ["rbd-encryption-layering"] * (len(found.secrets) > 1)
        flags += ["rbd-encryption-luks-any"] * (found.format == "luks-any")
        if not all(context.has(flag) for flag in flags):
            raise UnsupportedConfig(f"line {found.line}: {context.caps.binary} has no such encryption by librbd.")
    elif found is not None and found.engine not in (None, "qemu", "default"):
        raise XmlError(f"there is no encryption engine '{found.engine}'; write qemu or librbd.", line=found.line)
    if layer.source.tls_hostname is not None and not context.has("nbd-tls-hostname"):
        raise UnsupportedConfig(f"line {layer.source.line}: {context.caps.binary} does not know tlsHostname.")
    if layer.type == "vhostvdpa" and not context.has("drive-virtio-vdpa"):
        raise UnsupportedConfig(f"line {layer.source.line}: {context.caps.binary} cannot use a vhost-vdpa disk.")
    if layer.type == "nvme" and not context.has("drive-nvme"):
        raise UnsupportedConfig(f"line {layer.source.line}: {context.caps.binary} cannot use an NVMe disk.")


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


# what vhost-user leaves to the other process: attributes of the view, each with its name in the document
NOT_VHOST_USER: Tuple[Tuple[str, str], ...] = (
    ("cache", "cache"),
    ("error_policy", "error_policy"),
    ("read_error_policy", "rerror_policy"),
    ("io", "io"),
    ("ioeventfd", "ioeventfd"),
    ("copy_on_read", "copy_on_read"),
    ("discard", "discard"),
    ("iothread", "iothread"),
    ("detect_zeroes", "detect_zeroes"),
    ("cache_size", "<metadata_cache>"),
    ("iotune", "<iotune>"),
    ("backing", "<backingStore>"),
    ("read_only", "<readonly/>"),
    ("shareable", "<shareable/>"),
    ("transient", "<transient/>"),
    ("serial", "<serial>"),
    ("wwn", "<wwn>"),
    ("vendor", "<vendor>"),
    ("product", "<product>"),
    ("cylinders", "<geometry>"),
    ("logical_block_size", "<blockio>"),
    ("physical_block_size", "<blockio>"),
)


def _check_vhost_user(disk: Disk, domain: Domain, context: Context) -> None:
    source = disk.source
    if source is None or source.type != "unix" or not source.path:
        raise XmlError("a vhostuser disk has <source type='unix' path='...'/>.", line=disk.line)
    if disk.target_bus != "virtio" or disk.snapshot != "no":
        raise XmlError("a vhostuser disk is on bus='virtio' and has no snapshots (snapshot='no').", line=disk.line)
    wrong = [said for name, said in NOT_VHOST_USER if getattr(disk, name)]
    wrong += ["<auth>"] * (disk.secret_bearer() is not None) + ["<encryption>"] * (disk.encrypted() is not None)
    if wrong:
        raise XmlError(f"a vhostuser disk has no {wrong[0]}: the other process decides.", line=disk.line)
    if not context.caps.has_device("vhost-user-blk"):
        raise UnsupportedConfig(f"line {disk.line}: {context.caps.binary} has no vhost-user disks.")
    if not shares_memory(domain):
        raise XmlError(
            "a vhostuser disk needs memory that another process can see; write <memoryBacking> with"
            " <source type='memfd'/> and <access mode='shared'/>.",
            line=disk.line,
        )


def shares_memory(domain: Domain) -> bool:
    """Whether all of the guest's memory can be seen by another process."""
    cells = domain.element.findall("cpu/numa/cell")
    access = domain.element.find("memoryBacking/access")
    default = access is not None and access.get("mode") == "shared"
    if cells:
        return all(cell.get("memAccess", "shared" if default else "private") == "shared" for cell in cells)
    return default

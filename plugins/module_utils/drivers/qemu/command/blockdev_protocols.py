# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The protocol layer: where an image's bytes come from, as the options of a -blockdev, one row a protocol.

Names and shapes are those of QEMU's qapi/block-core.json, BlockdevOptions.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping
from urllib.parse import quote

from ....errors import UnsupportedConfig
from ....model.domain.storage import SourceHost
from ..images import DEFAULT_PORTS, Image
from ..options import properties

Props = Mapping[str, Any]


def auth_secret(image: Image) -> str:
    """The id of the secret that a server asks for."""
    return f"{image.node}-storage-auth-secret0"


def cookie_secret(image: Image) -> str:
    """The id of the secret that holds the http cookies."""
    return f"{image.node}-storage-httpcookie-secret0"


def tls_object(image: Image) -> str:
    """The id of the TLS credentials."""
    return f"obj{image.node}-storage_tls0"


def pr_manager(image: Image) -> str:
    """The id of the helper for persistent reservations: one for all disks that leave it to us, else one a disk."""
    found = image.source.reservations
    return "pr-helper0" if found is not None and found.managed else f"pr-helper-{image.node}-storage"


def cookie_text(image: Image) -> str:
    """The cookies as one http header's value."""
    return "; ".join(f"{cookie.name}={cookie.value or ''}" for cookie in image.source.cookies)


def _one_host(image: Image) -> SourceHost:
    hosts = image.source.hosts
    if len(hosts) != 1:
        raise UnsupportedConfig(
            f"a source with protocol='{image.source.protocol}' has exactly one <host>.", line=image.source.line
        )
    return hosts[0]


def _port(image: Image, host: SourceHost) -> int:
    return host.port or DEFAULT_PORTS.get(image.source.protocol or "", 0)


def _inet(image: Image, host: SourceHost) -> Props:
    if host.transport not in (None, "tcp"):
        raise UnsupportedConfig(
            f"protocol='{image.source.protocol}' needs transport='tcp', not '{host.transport}'.", line=host.line
        )
    return {"host": host.name or "", "port": str(_port(image, host))}


def _socket(image: Image, host: SourceHost) -> Props:
    if host.transport == "unix":
        return {"type": "unix", "path": host.socket or ""}
    return {"type": "inet", **_inet(image, host)}


def _split(image: Image) -> List[str]:
    """The pool and the image of a name such as pool/image."""
    return (image.source.name or "").split("/", 1)


def _file(image: Image) -> Props:
    source = image.source
    block = image.type == "block"
    return properties(
        {
            "driver": ("host_cdrom" if image.cdrom else "host_device") if block else "file",
            "filename": source.dev if block else source.file,
            "aio": image.policy.io,
            "pr-manager": pr_manager(image) if source.reservations is not None else None,
        }
    )


def _vvfat(image: Image) -> Props:
    return {"driver": "vvfat", "dir": image.source.dir, "floppy": image.floppy, "rw": False}


def _nvme(image: Image) -> Props:
    address = image.source.address
    where = address.pci() if address is not None else ""
    return {"driver": "nvme", "device": str(where), "namespace": image.source.namespace}


def _vdpa(image: Image) -> Props:
    return {"driver": "virtio-blk-vhost-vdpa", "path": image.source.dev}


def _nbd(image: Image) -> Props:
    source = image.source
    return properties(
        {
            "driver": "nbd",
            "server": _socket(image, _one_host(image)),
            "export": source.name,
            "tls-creds": tls_object(image) if source.tls else None,
            "tls-hostname": source.tls_hostname,
        }
    )


def _rbd(image: Image) -> Props:
    source, auth = image.source, image.auth
    return properties(
        {
            "driver": "rbd",
            "pool": _split(image)[0],
            "image": _split(image)[-1],
            "snapshot": source.snapshot,
            "conf": source.config,
            "server": [_inet(image, host) for host in source.hosts] or None,
            "encrypt": _rbd_encryption(image),
            "user": auth.username if auth else None,
            "auth-client-required": ["cephx", "none"] if auth else None,
            "key-secret": auth_secret(image) if auth else None,
        }
    )


def encryption_secret(image: Image, index: int = 0) -> str:
    """The id of the secret of a layer of encryption; it is named after the node that the guest's data comes out of."""
    return f"{image.top_node()}-encryption-secret{index}"


def _rbd_encryption(image: Image) -> Any:
    """librbd's encryption: one secret a layer of clones, from the top down."""
    found = image.engine("librbd")
    if found is None:
        return None
    nested: Any = None
    for index in reversed(range(len(found.secrets))):
        layer = {"format": found.format, "key-secret": encryption_secret(image, index)}
        nested = properties(layer, {"parent": nested})
    return nested


def _iscsi(image: Image) -> Props:
    source, host, auth = image.source, _one_host(image), image.auth
    target, _slash, lun = (source.name or "").partition("/")
    name = f"[{host.name}]" if ":" in (host.name or "") else host.name
    return properties(
        {
            "driver": "iscsi",
            "portal": f"{name}:{_port(image, host)}",
            "target": target,
            "lun": int(lun or 0),
            "transport": "tcp",
            "user": auth.username if auth else None,
            "password-secret": auth_secret(image) if auth else None,
            "initiator-name": source.initiator,
        }
    )


def _curl(image: Image) -> Props:
    source, auth = image.source, image.auth
    return properties(
        {
            "driver": source.protocol,
            "url": _url(image),
            "username": auth.username if auth else None,
            "password-secret": auth_secret(image) if auth else None,
            "sslverify": source.ssl_verify,
            "cookie-secret": cookie_secret(image) if source.cookies else None,
            "timeout": source.timeout or None,
            "readahead": source.readahead or None,
        }
    )


def _url(image: Image) -> str:
    source, host = image.source, _one_host(image)
    name = f"[{host.name}]" if ":" in (host.name or "") else host.name
    path = quote((source.name or "").lstrip("/"), safe="/:@!$&'()*+,;=~%")
    return f"{source.protocol}://{name}:{_port(image, host)}/{path}" + (f"?{source.query}" if source.query else "")


def _ssh(image: Image) -> Props:
    source, auth = image.source, image.auth
    user = auth.username if auth else source.identity_username
    server = _inet(image, _one_host(image))
    return properties({"driver": "ssh", "path": source.name, "server": server, "user": user})


def _gluster(image: Image) -> Props:
    servers = [_socket(image, host) for host in image.source.hosts]
    return {"driver": "gluster", "volume": _split(image)[0], "path": _split(image)[-1], "server": servers}


def _nfs(image: Image) -> Props:
    source = image.source
    server = {"host": _one_host(image).name or "", "type": "inet"}
    ids = {"user": _id(source.identity_user, image), "group": _id(source.identity_group, image)}
    return properties({"driver": "nfs", "server": server, "path": source.name}, ids)


def _id(text: Any, image: Image) -> Any:
    """A numeric user or group; a + before it says that it is no name."""
    if text is None:
        return None
    if not text.lstrip("+").isdigit():
        raise UnsupportedConfig(f"<identity> takes numbers for nfs, and '{text}' is a name.", line=image.source.line)
    return int(text.lstrip("+"))


def _vxhs(image: Image) -> Props:
    source = image.source
    server = _inet(image, _one_host(image))
    tls = tls_object(image) if source.tls else None
    return properties({"driver": "vxhs", "tls-creds": tls, "vdisk-id": source.name, "server": server})


TYPES: Dict[str, Callable[[Image], Props]] = {
    "file": _file,
    "block": _file,
    "dir": _vvfat,
    "nvme": _nvme,
    "vhostvdpa": _vdpa,
}

PROTOCOLS: Dict[str, Callable[[Image], Props]] = {
    "nbd": _nbd,
    "rbd": _rbd,
    "iscsi": _iscsi,
    "http": _curl,
    "https": _curl,
    "ftp": _curl,
    "ftps": _curl,
    "ssh": _ssh,
    "gluster": _gluster,
    "nfs": _nfs,
    "vxhs": _vxhs,
}


def protocol_properties(image: Image) -> Props:
    """The driver of the protocol layer and its own options; raises UnsupportedConfig for what QEMU has not."""
    table, name = (PROTOCOLS, image.source.protocol) if image.type == "network" else (TYPES, image.type)
    row = table.get(name or "")
    if row is None:
        raise UnsupportedConfig(
            f"QEMU cannot read an image from '{name}'.",
            line=image.source.line,
            hint=f"Write one of {', '.join(table)}.",
        )
    return row(image)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of images on a network: protocols, hosts, what only some protocols know, who asks.

Source of the rules: libvirt's formatdomain, "source", and the block drivers that QEMU has.
"""

from __future__ import annotations

from typing import Optional, Tuple

from ....model.domain.storage import Source
from ..command.blockdev_protocols import PROTOCOLS
from .disk_layers import Layer

HTTP = ("http", "https")
CURL = (*HTTP, "ftp", "ftps")
WITH_AUTH = (*CURL, "iscsi", "ssh", "rbd")
SECRET_TYPES = {"iscsi": "iscsi", "rbd": "ceph"}


def check_network(layer: Layer) -> Optional[str]:
    """What is wrong with a network source, or None."""
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


def check_auth(layer: Layer) -> Optional[str]:
    """What is wrong with an <auth>, or None."""
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

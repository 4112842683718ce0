# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused in a <source>: parts that the pool's type needs and that are missing, or that cannot be meant.

Source of the rules: libvirt's formatstorage, "Source elements", and its storage_conf.c and storage backends.
"""

from __future__ import annotations

from typing import Callable, Dict

from ....errors import UnsupportedConfig, XmlError
from ....model.storage.pool import Pool
from ....model.storage.source import Source
from ....xml.views import check_choice
from ..types.base import AUTH, DEVICE, DIR, FORMAT, HOST, INITIATOR, NAME, PROTOCOL, PoolType
from .parts import check_secret
from .texts import check_host, check_path, check_target_name, check_text, shown

LARGEST_PORT = 65535
# How each type of pool proves who asks.
AUTH_TYPES = {"iscsi": "chap", "iscsi-direct": "chap", "rbd": "ceph"}
# Pools whose devices are names of iSCSI targets.
TARGETS = ("iscsi", "iscsi-direct")


def check_source(pool: Pool, row: PoolType) -> None:
    """Raise XmlError or UnsupportedConfig for the first thing that is wrong."""
    source = pool.given()
    _enough(pool, source, row)
    for part, rule in _RULES.items():
        if part in row.source:
            rule(source, row)
    for name, value in (("vendor", source.vendor), ("product", source.product)):
        check_text(source, f"the name of <{name}>", value)


def _enough(pool: Pool, source: Source, row: PoolType) -> None:
    """As many servers and devices as the type needs; a <source> that we made ourselves has no line of its own."""
    line = source.line or pool.line
    for part, found, (least, most) in (
        (HOST, len(source.hosts), row.hosts),
        (DEVICE, len(source.devices), row.devices),
    ):
        if part in row.source and found < least:
            raise XmlError(f"the pool's <source> has no <{part}>; write one.", line=line)
        if part in row.source and most is not None and found > most:
            raise UnsupportedConfig(f"the pool's <source> has {found} times <{part}>, and can have {most}.", line=line)
    if DIR in row.source and not source.dir:
        raise XmlError("the pool's <source> has no <dir> with a path; write one.", line=line)


def _hosts(source: Source, row: PoolType) -> None:
    for host in source.hosts:
        if not host.name:
            raise XmlError("<host> has no name; write one.", line=host.line)
        check_host(host, "the name of <host>", host.name)
        if (host.port or 0) > LARGEST_PORT:
            raise XmlError(f"<host port='{host.port}'> is not from 1 to {LARGEST_PORT}.", line=host.line)


def _devices(source: Source, row: PoolType) -> None:
    seen = set()
    for device in source.devices:
        if not device.path:
            raise XmlError("<device> has no path; write one.", line=device.line)
        if row.name in TARGETS:
            check_target_name(device, "the path of <device>", device.path)
        else:
            check_path(device, "the path of <device>", device.path)
        if device.path in seen:
            raise XmlError(f"<device path='{shown(device.path)}'> is there twice.", line=device.line)
        seen.add(device.path)


def _dir(source: Source, row: PoolType) -> None:
    path = source.dir or ""
    check_text(source, "the path of <dir>", path)
    if ".." in path.split("/"):
        raise XmlError(f"<dir path='{shown(path)}'> goes up with '..'.", line=source.line_at("dir"))


def _name(source: Source, row: PoolType) -> None:
    """Settled documents have one; what it may be is a rule of each type."""
    check_text(source, "the <name> of <source>", source.name)


def _initiator(source: Source, row: PoolType) -> None:
    if source.initiator is None and row.name == "iscsi-direct":
        raise UnsupportedConfig("the pool's <source> has no <initiator> with its IQN; write one.", line=source.line)
    check_target_name(source, "the name of the <initiator>", source.initiator)


def _format(source: Source, row: PoolType) -> None:
    if source.format not in row.formats:
        raise UnsupportedConfig(
            f"<format type='{shown(source.format or '')}'> is not one of {', '.join(row.formats)}.",
            line=source.line_at("format"),
        )


def _auth(source: Source, row: PoolType) -> None:
    auth = source.auth
    if auth is None:
        return
    check_choice(auth, "type", auth.type, ("chap", "ceph"))
    if auth.type != AUTH_TYPES[row.name]:
        raise UnsupportedConfig(
            f"<auth type='{auth.type}'>: pools of the type {row.name} know {AUTH_TYPES[row.name]} only.", line=auth.line
        )
    if not auth.username:
        raise XmlError("<auth> has no username; write one.", line=auth.line)
    check_text(auth, "the username of <auth>", auth.username)
    check_secret(auth, auth.secret)


def _protocol(source: Source, row: PoolType) -> None:
    if source.protocol is None:
        return
    check_text(source, "the ver of <protocol>", source.protocol)
    if not source.protocol.replace(".", "").isalnum():
        raise XmlError(
            f"<protocol ver='{shown(source.protocol)}'> is no version such as 4.1.", line=source.line_at("protocol")
        )


_RULES: Dict[str, Callable[[Source, PoolType], None]] = {
    HOST: _hosts,
    DEVICE: _devices,
    DIR: _dir,
    NAME: _name,
    INITIATOR: _initiator,
    FORMAT: _format,
    AUTH: _auth,
    PROTOCOL: _protocol,
}

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands behind a character device on the host, as -chardev.

QEMU inherits open descriptors for everything that it should not have to find itself: a listening unix socket as
``fd=N`` and a file as a set (``/dev/fdset/N``), so that it needs no right of its own in the directory. Source of the
options: QEMU's qemu-options, "Character device options".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from ....errors import UnsupportedConfig
from ....host.layout import short_name
from ....model.domain.chardev import Channel, CharacterDevice, Console, Parallel, Serial, Source
from ....model.domain.core import Domain
from ....model.domain.remote import Redirdev, Smartcard
from ..context import Context
from ..options import Option, properties
from .blockdev_secrets import SecretNeed, secret_object

# The order in which descriptors and sets are counted.
FAMILIES = (Serial, Parallel, Channel, Console, Smartcard, Redirdev)
SPICE_NAMES = {"channel": "vdagent", "redirdev": "usbredir", "smartcard": "smartcard"}


@dataclass(frozen=True)
class OpenFile:
    """A file that QEMU inherits open: ``number`` of its set, ``role`` is source or log."""

    path: str
    alias: str
    role: str
    number: int
    append: bool

    @property
    def set_path(self) -> str:
        """The name under which QEMU opens it."""
        return f"/dev/fdset/{self.number}"


def all_devices(domain: Domain) -> Iterator[CharacterDevice]:
    """Every character device that has a backend of its own."""
    for family in FAMILIES:
        for device in domain.all(family):
            if not (isinstance(device, Console) and device.is_serial()):
                yield device


def listens(device: CharacterDevice) -> bool:
    """Whether QEMU listens on a unix socket: a channel that says nothing of its socket does too."""
    if device.type != "unix":
        return False
    return device.source_of("bind") is not None or (isinstance(device, Channel) and device.source is None)


def socket_path(device: CharacterDevice, context: Context) -> str:
    """The path of the socket that QEMU listens on; a channel without one gets it in the guest's directory."""
    source = device.source
    if source is not None and source.path:
        return source.path
    return f"{context.channels}/channel-{short_name(device.name or device.id())}"


def server_sockets(domain: Domain, context: Context) -> List[str]:
    """The unix sockets that QEMU is to listen on, in order."""
    return [socket_path(device, context) for device in all_devices(domain) if listens(device)]


def open_files(domain: Domain, context: Context) -> List[OpenFile]:
    """The files that QEMU writes what the guest says into, in order: the user's, and our log of the console."""
    rows: List[OpenFile] = []
    for device in all_devices(domain):
        source = device.source
        if device.type == "file" and source is not None and source.path:
            rows.append(OpenFile(source.path, device.id(), "source", len(rows), source.append is not False))
        if device.log_file:
            rows.append(OpenFile(device.log_file, device.id(), "log", len(rows), device.log_append is not False))
    first = next(all_devices(domain), None)
    if context.console_log and isinstance(first, (Serial, Console)) and first.type != "file" and not first.log_file:
        rows.append(OpenFile(context.console_log, first.id(), "log", len(rows), False))
    return rows


def _file_of(device: CharacterDevice, role: str, domain: Domain, context: Context) -> Optional[OpenFile]:
    return next((row for row in open_files(domain, context) if (row.alias, row.role) == (device.id(), role)), None)


def chardev_options(
    device: CharacterDevice, domain: Domain, context: Context, *, alias: Optional[str] = None
) -> Iterator[Option]:
    """-chardev with the id char<alias>, and what it needs before it; ``alias`` is for what is part of a device."""
    name = alias or device.id()
    write = BACKENDS.get(device.type or "")
    if write is None:
        raise UnsupportedConfig(f"<{device.tag} type='{device.type}'> is not a type that QEMU has.", line=device.line)
    yield from _tls(device, context)
    files = [_file_of(device, role, domain, context) if alias is None else None for role in ("source", "log")]
    for row in files:
        if row is not None:
            number = context.descriptors.get(row.path, 0)
            yield Option("-add-fd", {"set": row.number, "fd": number, "opaque": f"{row.alias}-{row.role}"})
    backend, own = write(device, domain, context)
    head = {"backend": backend, "id": f"char{name}"}
    yield Option("-chardev", properties(head, own, _log(files[1])), first="backend")


def _log(row: Optional[OpenFile]) -> Mapping[str, Any]:
    """Where QEMU copies the output to: always appended, so that somebody else may cut the file."""
    return {} if row is None else {"logfile": row.set_path, "logappend": True}


Backend = Tuple[str, Mapping[str, Any]]


def _plain(name: str) -> Callable[[CharacterDevice, Domain, Context], Backend]:
    return lambda device, domain, context: (name, {})


def _path(name: str) -> Callable[[CharacterDevice, Domain, Context], Backend]:
    def write(device: CharacterDevice, domain: Domain, context: Context) -> Backend:
        return name, {"path": device.source.path if device.source else None}

    return write


def _file(device: CharacterDevice, domain: Domain, context: Context) -> Backend:
    row = _file_of(device, "source", domain, context)
    if row is None:
        raise UnsupportedConfig(f"<{device.tag} type='file'> needs a <source path='...'/>.", line=device.line)
    return "file", {"path": row.set_path, "append": True}


def _host_device(device: CharacterDevice, domain: Domain, context: Context) -> Backend:
    name = "parallel" if isinstance(device, Parallel) else "serial"
    return name, {"path": device.source.path if device.source else None}


def _unix(device: CharacterDevice, domain: Domain, context: Context) -> Backend:
    if listens(device):
        path = socket_path(device, context)
        return "socket", {"fd": context.descriptors.get(path, 0), "server": True, "wait": False}
    source = device.source
    return "socket", {"path": source.path if source else None, **_reconnect(source, context)}


def _tcp(device: CharacterDevice, domain: Domain, context: Context) -> Backend:
    source = device.source_of("bind") or device.source
    own: Dict[str, Any] = {
        "host": source.host if source else None,
        "port": source.service if source else None,
        "telnet": True if device.protocol == "telnet" else None,
    }
    if source is not None and source.mode == "bind":
        own.update(server=True, wait=False)
    own.update(_reconnect(source, context))
    if _wants_tls(source, context):
        own["tls-creds"] = f"objchar{device.id()}_tls0"
    return "socket", own


def _reconnect(source: Optional[Source], context: Context) -> Mapping[str, Any]:
    """Seconds between attempts; 0 is 'never', also where reconnecting is switched off."""
    if source is None or source.reconnect is None:
        return {}
    seconds = (source.reconnect_timeout or 0) if source.reconnect else 0
    if context.has("chardev-reconnect-ms"):
        return {"reconnect-ms": seconds * 1000}
    return {"reconnect": seconds}


def _udp(device: CharacterDevice, domain: Domain, context: Context) -> Backend:
    remote, local = device.source_of("connect"), device.source_of("bind")
    return "udp", {
        "host": (remote.host if remote else None) or "",
        "port": remote.service if remote else None,
        "localaddr": (local.host if local else None) or "",
        "localport": (local.service if local else None) or "0",
    }


def _spicevmc(device: CharacterDevice, domain: Domain, context: Context) -> Backend:
    return "spicevmc", {"name": SPICE_NAMES.get(device.tag, "vdagent")}


def _port_name(name: str) -> Callable[[CharacterDevice, Domain, Context], Backend]:
    def write(device: CharacterDevice, domain: Domain, context: Context) -> Backend:
        return name, {"name": device.source.channel if device.source else None}

    return write


def _vdagent(device: CharacterDevice, domain: Domain, context: Context) -> Backend:
    source = device.source
    mouse = None if source is None or source.mouse is None else source.mouse == "client"
    return "qemu-vdagent", {"name": "vdagent", "clipboard": source.clipboard if source else None, "mouse": mouse}


def _wants_tls(source: Optional[Source], context: Context) -> bool:
    """Whether a connection is encrypted: as it says, else as the host has it."""
    if source is None or source.tls is None:
        return source is not None and context.defaults.chardev_tls
    return source.tls


def _tls(device: CharacterDevice, context: Context) -> Iterator[Option]:
    """The credentials of a TLS connection: what we connect to is verified by default."""
    source = device.source_of("bind") or device.source
    if device.type != "tcp" or source is None or not _wants_tls(source, context):
        return
    need = tls_need(device, context)
    if need is not None:
        yield secret_object(need, context)
    own = {
        "qom-type": "tls-creds-x509",
        "id": f"objchar{device.id()}_tls0",
        "dir": context.defaults.chardev_tls_directory,
        "endpoint": "server" if source.mode == "bind" else "client",
        "verify-peer": context.defaults.chardev_tls_verify or source.mode != "bind",
        "passwordid": need.id if need is not None else None,
    }
    yield Option("-object", properties(own))


def tls_need(device: CharacterDevice, context: Context) -> Optional[SecretNeed]:
    """The passphrase of the key that a device's connection is encrypted with, where the host's has one."""
    source, secret = device.source_of("bind") or device.source, context.defaults.chardev_tls_secret
    if device.type != "tcp" or secret is None or not _wants_tls(source, context):
        return None
    return SecretNeed(f"char{device.id()}-secret0", ("uuid", secret), device.line)


def tls_needs(domain: Domain, context: Context) -> List[SecretNeed]:
    """The passphrases of all character devices."""
    needs = [tls_need(device, context) for device in all_devices(domain)]
    return [need for need in needs if need is not None]


BACKENDS: Dict[str, Callable[[CharacterDevice, Domain, Context], Backend]] = {
    "null": _plain("null"),
    "vc": _plain("vc"),
    "pty": _plain("pty"),
    "stdio": _plain("stdio"),
    "file": _file,
    "pipe": _path("pipe"),
    "dev": _host_device,
    "unix": _unix,
    "tcp": _tcp,
    "udp": _udp,
    "spicevmc": _spicevmc,
    "spiceport": _port_name("spiceport"),
    "dbus": _port_name("dbus"),
    "qemu-vdagent": _vdagent,
}

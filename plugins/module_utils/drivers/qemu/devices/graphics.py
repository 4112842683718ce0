# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Graphics: how a guest's display is reached from outside. One row a type.

Source of the rules: libvirt's formatdomain, "Graphical framebuffers", and QEMU's qemu-options, "Display options".
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.display import Graphics, Listen
from ....xml.parse import add
from ....xml.views import check_choice
from ..command.blockdev_secrets import SecretNeed, secret_object
from ..context import Context
from ..kinds import Kind
from ..options import Option, keyval, properties
from .graphics_local import (
    check_dbus,
    check_egl,
    check_rdp,
    write_dbus,
    write_egl,
    write_rdp,
    write_sdl,
)
from .graphics_spice import check_spice, complete_spice, write_spice

FIRST_PORT = 5900
VNC_PASSWORD = 8  # characters, RFC 6143
# which <listen type=''> goes with which graphics
LISTENING: Dict[str, Tuple[str, ...]] = {
    "vnc": ("address", "network", "socket", "none"),
    "spice": ("address", "network", "socket", "none"),
    "rdp": ("address", "network"),
}
VNC_TLS = "vnc-tls-creds0"
VNC_PORTS = 99  # how many ports QEMU tries when none was chosen


def audio_id(number: Any, domain: Domain) -> str:
    """The id of the audio backend that a device names by number, or of the first one."""
    first = domain.element.find("devices/audio")
    return f"audio{number or (first.get('id') if first is not None else None) or 1}"


def listen_of(graphics: Graphics) -> Listen:
    """The first <listen>, which the completion has written."""
    return graphics.listens[0]


def listen_address(listen: Listen, context: Context, default: str) -> str:
    """The address to listen on: the user's, the host's own on the network that the document names, or the default."""
    if listen.type == "network" and listen.network:
        if listen.network not in context.network_addresses:
            raise UnsupportedConfig(
                f"the host's address on the network '{listen.network}' is not known.",
                line=listen.line,
                hint="Start the network first, or write <listen type='address' address='...'/>.",
            )
        return context.network_addresses[listen.network]
    return listen.address or default


def _complete(graphics: Graphics, domain: Domain, context: Context) -> None:
    if graphics.type not in LISTENING:
        return
    _complete_listens(graphics, context)
    first = graphics.listens[0]
    if first.type == "address":
        _check_one_address(graphics, first)
        first.address = first.address or graphics.listen or None
    graphics.listen = first.address if first.type == "address" else None
    if graphics.type == "spice":
        complete_spice(graphics)
    elif first.type in ("address", "network"):
        _complete_port(graphics)
    else:
        graphics.port = graphics.autoport = None
        graphics.socket = first.socket  # written in both places, for readers of the old form


def _check_one_address(graphics: Graphics, first: Listen) -> None:
    if graphics.listen and first.address and graphics.listen != first.address:
        raise XmlError(
            f"<graphics listen='{graphics.listen}'> and its first <listen address='{first.address}'> differ.",
            line=graphics.line,
            hint="Leave the attribute listen out.",
        )


def _complete_port(graphics: Graphics) -> None:
    """One port that is given, or none that is chosen at the start."""
    if graphics.autoport or graphics.port in (None, -1, 0):
        graphics.port, graphics.autoport = -1 if graphics.type == "vnc" else 0, True
    elif graphics.autoport is None:
        graphics.autoport = False


def _complete_listens(graphics: Graphics, context: Context) -> None:
    """A <graphics socket='...'> is the old way to write the first <listen>; a path of our own is not kept."""
    socket, graphics.socket = graphics.socket, None
    if socket and socket.startswith(f"{posixpath.dirname(context.directory)}/domain-"):
        socket = None
    if not graphics.listens:
        add(graphics.element, "listen", type="address")
        graphics.element.insert(0, graphics.listens[0].element)
    first = graphics.listens[0]
    if socket and graphics.type == "vnc" and first.type in ("address", "network"):
        graphics.listen = first.address = first.network = None
        first.type, first.socket = "socket", socket
    elif socket and first.type == "socket" and first.socket is None:
        first.socket = socket


def _check(graphics: Graphics, domain: Domain, context: Context) -> None:
    check_choice(graphics, "type", graphics.type, TYPES)
    row = TYPES[graphics.type or ""]
    if row.flag is not None and not context.has(row.flag):
        raise UnsupportedConfig(
            f"{context.caps.binary} has no display of type '{graphics.type}'.",
            line=graphics.line,
            hint="Write <graphics type='vnc'/>, or install its display modules.",
        )
    for listen in graphics.listens:
        _check_listen(listen, graphics)
    row.check(graphics, domain, context)
    if len([other for other in domain.all(Graphics) if other.type == graphics.type]) > 1:
        raise XmlError(f"a guest has at most one <graphics type='{graphics.type}'>.", line=graphics.line)


def _check_listen(listen: Listen, graphics: Graphics) -> None:
    allowed = LISTENING.get(graphics.type or "", ())
    check_choice(listen, "type", listen.type, LISTENING["vnc"])
    if listen.type not in allowed:
        raise XmlError(
            f"<listen type='{listen.type}'> does not go with <graphics type='{graphics.type}'>; "
            f"write {' or '.join(allowed) or 'none of them'}.",
            line=listen.line,
        )
    old = graphics.listen
    if listen == graphics.listens[0] and listen.type == "address" and old and listen.address and old != listen.address:
        raise XmlError(
            f"listen='{old}' and <listen address='{listen.address}'/> differ; remove one of them.", line=listen.line
        )


def _check_vnc(graphics: Graphics, domain: Domain, context: Context) -> None:
    port = graphics.port or -1
    if not graphics.autoport and port != -1 and not FIRST_PORT <= port <= 65535:
        raise XmlError(f"the VNC port {port} is not one of {FIRST_PORT} to 65535.", line=graphics.line)
    if graphics.password is not None and len(graphics.password) > VNC_PASSWORD:
        raise XmlError(
            f"the VNC password has {len(graphics.password)} characters; the protocol takes at most {VNC_PASSWORD}.",
            line=graphics.line,
        )


def _vnc(graphics: Graphics, domain: Domain, context: Context) -> Iterator[Option]:
    own: Dict[str, Any] = {"vnc": _vnc_address(graphics, context)}
    if graphics.autoport and "vnc" not in context.ports and listen_of(graphics).type == "address":
        own["to"] = VNC_PORTS
    if graphics.websocket is not None:
        chosen = graphics.websocket if graphics.websocket > 0 else context.ports.get("websocket", "on")
        own["websocket"] = chosen
    own.update(
        {
            "share": graphics.share_policy,
            "password": True if graphics.password or context.defaults.vnc_password else None,
            "tls-creds": VNC_TLS if context.defaults.vnc_tls else None,
            "sasl": True if context.defaults.vnc_sasl else None,
            "power-control": graphics.power_control,
            "audiodev": audio_id(graphics.audio, domain),
        }
    )
    if context.defaults.vnc_tls:
        yield from _vnc_tls(context)
    first = "" if str(own["vnc"]).startswith("unix:") else "vnc"
    yield Option("-vnc", keyval(properties(own), first=first))
    if graphics.keymap:
        yield Option("-k", graphics.keymap)


def _vnc_tls(context: Context) -> Iterator[Option]:
    """The host's credentials, with the passphrase of their key in front of them where it has one."""
    need = vnc_need(context)
    if need is not None:
        yield secret_object(need, context)
    own = {
        "qom-type": "tls-creds-x509",
        "id": VNC_TLS,
        "dir": context.defaults.vnc_tls_directory,
        "endpoint": "server",
        "verify-peer": context.defaults.vnc_tls_verify,
        "passwordid": need.id if need is not None else None,
    }
    yield Option("-object", properties(own))


def vnc_need(context: Context) -> Optional[SecretNeed]:
    """The passphrase of the key that VNC is encrypted with."""
    secret = context.defaults.vnc_tls_secret
    return SecretNeed(f"{VNC_TLS}-secret0", ("uuid", secret)) if secret and context.defaults.vnc_tls else None


def _vnc_address(graphics: Graphics, context: Context) -> str:
    listen = listen_of(graphics)
    automatic = context.defaults.vnc_auto_socket and listen.type == "address" and not listen.address
    if listen.type == "socket" or automatic:
        return f"unix:{listen.socket or context.workplace + '/vnc.sock'}"
    if listen.type == "none":
        return "none"
    address = listen_address(listen, context, context.defaults.vnc_listen)
    shown = f"[{address}]" if ":" in address else address
    port = context.ports.get("vnc", FIRST_PORT) if graphics.autoport else (graphics.port or FIRST_PORT)
    return f"{shown}:{port - FIRST_PORT}"


Write = Callable[[Graphics, Domain, Context], Iterator[Option]]
Check = Callable[[Graphics, Domain, Context], None]


@dataclass(frozen=True)
class Type:
    """A type of graphics: how it is written and checked, and the flag that a QEMU has it by."""

    write: Write
    check: Check = lambda graphics, domain, context: None
    flag: Optional[str] = None


TYPES: Dict[str, Type] = {
    "vnc": Type(_vnc, _check_vnc),
    "spice": Type(write_spice, check_spice),
    "sdl": Type(write_sdl, flag="display-sdl"),
    "egl-headless": Type(write_egl, check_egl, "egl-headless"),
    "dbus": Type(write_dbus, check_dbus, "display-dbus"),
    "rdp": Type(write_rdp, check_rdp),
}


def display_options(domain: Domain, context: Context) -> Iterator[Option]:
    """-display none for a guest without any graphics."""
    if not domain.all(Graphics):
        yield Option("-display", "none")


def _write(graphics: Graphics, domain: Domain, context: Context) -> Iterator[Option]:
    yield from TYPES[graphics.type or ""].write(graphics, domain, context)


GRAPHICS = Kind(Graphics, _write, complete=_complete, check=_check)

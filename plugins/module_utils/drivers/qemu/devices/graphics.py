# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Graphics: how a guest's display is reached from outside. One row a type.

Source of the rules: libvirt's formatdomain, "Graphical framebuffers", and QEMU's qemu-options, "Display options".
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.display import Graphics, Listen
from ....xml.parse import add
from ..context import Context
from ..kinds import Kind
from ..options import Option, keyval, properties

FIRST_PORT = 5900
VNC_PORTS = 99  # how many ports QEMU tries when none was chosen


def audio_id(number: Any, domain: Domain) -> str:
    """The id of the audio backend that a device names by number, or of the first one."""
    first = domain.element.find("devices/audio")
    return f"audio{number or (first.get('id') if first is not None else None) or 1}"


def listen_of(graphics: Graphics) -> Listen:
    """The first <listen>, which the completion has written."""
    return graphics.listens[0]


def _complete(graphics: Graphics, domain: Domain, context: Context) -> None:
    if graphics.type in ("vnc", "spice") and not graphics.listens:
        _add_listen(graphics)
    first = graphics.listens[0] if graphics.listens else None
    if first is not None and first.type == "address":
        if first.address is None:
            first.address = graphics.listen
        graphics.listen = first.address
    if graphics.type == "vnc" and (first is None or first.type in ("address", "network")):
        if graphics.port in (None, -1, 0):
            graphics.port, graphics.autoport = -1, True
        elif graphics.autoport is None:
            graphics.autoport = False


def _add_listen(graphics: Graphics) -> None:
    socket = graphics.socket
    attributes = {"type": "socket", "socket": socket} if socket else {"type": "address"}
    graphics.socket = None
    add(graphics.element, "listen", **attributes)


def _check(graphics: Graphics, domain: Domain, context: Context) -> None:
    if graphics.type not in WRITERS:
        known = ", ".join(WRITERS)
        raise XmlError(f"<graphics type='{graphics.type}'> is not one of {known}.", line=graphics.line)
    port = graphics.port or -1
    if graphics.type == "vnc" and not graphics.autoport and port != -1 and not FIRST_PORT <= port <= 65535:
        raise XmlError(f"the VNC port {port} is not one of {FIRST_PORT} to 65535.", line=graphics.line)
    if len([other for other in domain.all(Graphics) if other.type == graphics.type]) > 1:
        raise XmlError(f"a guest has at most one <graphics type='{graphics.type}'>.", line=graphics.line)


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
            "tls-creds": "vnc-tls-creds0" if context.defaults.vnc_tls else None,
            "sasl": True if context.defaults.vnc_sasl else None,
            "power-control": graphics.power_control,
            "audiodev": audio_id(graphics.audio, domain),
        }
    )
    if context.defaults.vnc_tls:
        yield Option(
            "-object",
            {
                "qom-type": "tls-creds-x509",
                "id": "vnc-tls-creds0",
                "dir": context.defaults.vnc_tls_directory,
                "endpoint": "server",
                "verify-peer": context.defaults.vnc_tls_verify,
            },
        )
    first = "" if str(own["vnc"]).startswith("unix:") else "vnc"
    yield Option("-vnc", keyval(properties(own), first=first))
    if graphics.keymap:
        yield Option("-k", graphics.keymap)


def _vnc_address(graphics: Graphics, context: Context) -> str:
    listen = listen_of(graphics)
    if listen.type == "socket":
        return f"unix:{listen.socket or context.directory + '/vnc.sock'}"
    if listen.type == "none":
        return "none"
    address = listen.address or context.defaults.vnc_listen
    shown = f"[{address}]" if ":" in address else address
    port = context.ports.get("vnc", FIRST_PORT) if graphics.autoport else (graphics.port or FIRST_PORT)
    return f"{shown}:{port - FIRST_PORT}"


Writer = Callable[[Graphics, Domain, Context], Iterator[Option]]

WRITERS: Dict[str, Writer] = {"vnc": _vnc}

# Types for which QEMU shows the display itself; every other guest runs with -display none.
SHOWN: List[str] = ["sdl", "egl-headless", "dbus"]


def display_options(domain: Domain, context: Context) -> Iterator[Option]:
    """-display none for a guest whose display QEMU does not show by itself."""
    if not any(graphics.type in SHOWN for graphics in domain.all(Graphics)):
        yield Option("-display", "none")


def _write(graphics: Graphics, domain: Domain, context: Context) -> Iterator[Option]:
    yield from WRITERS[graphics.type or ""](graphics, domain, context)


GRAPHICS = Kind(Graphics, _write, complete=_complete, check=_check)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Displays that QEMU shows or hands on by -display: a window (sdl), a GPU without a window (egl-headless), D-Bus.

RDP has no option of its own: a helper beside QEMU serves it from the D-Bus display. Source of the rules: libvirt's
formatdomain, "Graphical framebuffers", and QEMU's qemu-options, "Display options".
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Optional

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.display import Graphics
from ..context import Context
from ..options import Option, properties


def _display(kind: str, **own: Any) -> Option:
    return Option("-display", properties({"type": kind}, own), first="type")


def render_node(graphics: Graphics, context: Context) -> Optional[str]:
    """The host's GPU that draws: the one that the document names, else the host's first."""
    return graphics.render_node or context.render_node


def audio_property(graphics: Graphics) -> Optional[str]:
    """The audio backend that a display is bound to, where it names one."""
    return f"audio{graphics.audio}" if graphics.audio else None


# sdl


def write_sdl(graphics: Graphics, domain: Domain, context: Context) -> Iterator[Option]:
    """A window on the host's screen."""
    if graphics.fullscreen:
        yield Option("-full-screen")
    yield _display("sdl", gl=graphics.gl)


def sdl_environment(graphics: Graphics) -> Mapping[str, str]:
    """What QEMU finds the X server by."""
    return properties({"DISPLAY": graphics.display, "XAUTHORITY": graphics.xauth})


# egl-headless


def check_egl(graphics: Graphics, domain: Domain, context: Context) -> None:
    """It shows nothing by itself; the picture goes out by VNC or SPICE."""
    others = [other for other in domain.all(Graphics) if other.type != "egl-headless"]
    wrong = next((other for other in others if other.type not in ("vnc", "spice")), None)
    if wrong is not None:
        raise XmlError(
            f"<graphics type='egl-headless'> goes with vnc or spice, and not with {wrong.type}; remove one of them.",
            line=graphics.line,
        )
    if any(other.type == "spice" and other.gl for other in others):
        raise XmlError(
            "<graphics type='egl-headless'> and a SPICE <gl enable='yes'/> exclude each other; remove one of them.",
            line=graphics.line,
        )


def write_egl(graphics: Graphics, domain: Domain, context: Context) -> Iterator[Option]:
    """Drawing on the host's GPU."""
    node = render_node(graphics, context) if context.has("egl-headless-rendernode") else None
    yield _display("egl-headless", rendernode=node)


# dbus


def check_dbus(graphics: Graphics, domain: Domain, context: Context) -> None:
    """It is reached by a bus or directly, and plays only what the D-Bus backend takes."""
    if graphics.p2p and graphics.bus_address:
        raise XmlError("<graphics type='dbus'> has either p2p='yes' or an address, not both.", line=graphics.line)
    if not graphics.audio:
        return
    backends = {found.get("id"): found.get("type") for found in domain.element.findall("devices/audio")}
    if backends.get(str(graphics.audio)) != "dbus":
        raise XmlError(
            f"<graphics type='dbus'> names the audio {graphics.audio}, which is not an <audio type='dbus'>.",
            line=graphics.line,
        )


def write_dbus(graphics: Graphics, domain: Domain, context: Context) -> Iterator[Option]:
    """The display as objects on a bus."""
    own: Mapping[str, Any] = {"p2p": True} if graphics.p2p else {"addr": bus_address(graphics, context)}
    node = render_node(graphics, context) if graphics.gl else None
    yield _display("dbus", **own, gl=graphics.gl, rendernode=node, audiodev=audio_property(graphics))


def bus_address(graphics: Graphics, context: Context) -> str:
    """The bus that the display appears on: the user's, else one of the guest's own."""
    return graphics.bus_address or f"unix:path={context.dbus_socket}"


# rdp


def check_rdp(graphics: Graphics, domain: Domain, context: Context) -> None:
    """Its helper reads the D-Bus display."""
    if not any(other.type == "dbus" and not other.p2p for other in domain.all(Graphics)):
        raise UnsupportedConfig(
            "<graphics type='rdp'> is served from the D-Bus display, which this guest has not.",
            line=graphics.line,
            hint="Add <graphics type='dbus'/>.",
        )


def write_rdp(graphics: Graphics, domain: Domain, context: Context) -> Iterator[Option]:
    """Nothing of QEMU's."""
    yield from ()

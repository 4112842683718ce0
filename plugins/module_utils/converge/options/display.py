# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person in front of the guest has: screens, graphics cards, sound, keyboards and pointers.

Source of the meanings: libvirt's formatdomain, "Graphical framebuffers", "Video devices", "Sound devices" and "Input
devices".
"""

from __future__ import annotations

import re
from typing import Any

from ...errors import InvalidArgument
from ...xml.parse import Element, add
from .forms import Form, kib, number, truth, words
from .write import Builder, Options, device, each, put

BUSES = {"tablet": ("usb", "virtio"), "keyboard": ("usb", "virtio", "ps2"), "mouse": ("usb", "virtio", "ps2")}
VNC_ONLY, SPICE_ONLY = ("websocket",), ("tls_port",)
PORTS = ("port", "tls_port", "websocket")


def _resolution(value: Any, what: str) -> tuple[str, str]:
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", words(value, what))
    if not match:
        raise InvalidArgument(f"{what}: {value!r} is no resolution; write one such as 1280x1024.")
    return match.group(1), match.group(2)


VIDEO = Form(
    "video",
    "model",
    {"model": words, "memory": kib, "heads": number(1), "accel3d": truth, "resolution": _resolution},
)


def graphics(domain: Element, options: Options) -> None:
    """One screen after the other, one of each type."""
    seen = set()
    for what, screen in each(options, "graphics"):
        kind = screen.get("type") or "vnc"
        if kind in seen:
            raise InvalidArgument(f"{what}: there is a screen of the type {kind} already; write one of each type.")
        seen.add(kind)
        for name in SPICE_ONLY if kind == "vnc" else VNC_ONLY:
            if screen.get(name):
                raise InvalidArgument(f"{what}: {name} is not for the type {kind}; leave it out.")
        _screen(device(domain, "graphics"), kind, screen, what)


def _screen(element: Element, kind: str, screen: Options, what: str) -> None:
    listen = screen.get("listen") or "127.0.0.1"
    element.set("type", kind)
    if listen == "none" or listen.startswith("/"):
        ports = [name for name in PORTS if screen.get(name)]
        if ports:
            raise InvalidArgument(f"{what}: listen {listen} and {ports[0]} contradict each other; write one of them.")
        put(add(element, "listen"), {"type": "none"} if listen == "none" else {"type": "socket", "socket": listen})
    else:
        put(element, _ports(kind, screen, what))
        add(element, "listen", type="address", address=listen)
    put(element, {"passwd": screen.get("password"), "keymap": screen.get("keymap")})


def _ports(kind: str, screen: Options, what: str) -> dict[str, Any]:
    """The ports that are given, else ones that are free when the guest starts."""
    for name in PORTS:
        port = screen.get(name)
        if port is not None and not (0 < port < 65536 or (name == "websocket" and port == -1)):
            raise InvalidArgument(f"{what}: {name}: {port} is no TCP port; write 1 to 65535, or leave it out.")
    port, tls_port = screen.get("port"), screen.get("tls_port")
    if not port and not tls_port:
        place: dict[str, Any] = {"port": -1 if kind == "vnc" else None, "autoport": True}
    else:
        place = {"port": port, "tlsPort": tls_port, "autoport": False}
    return {**place, "websocket": screen.get("websocket")}


def video(domain: Element, options: Options) -> None:
    """The graphics card; its memory counts differently for each model, so it goes to the attribute that they share."""
    asked = VIDEO.read(options.get("video"))
    if asked is None:
        return
    if "model" not in asked:
        raise InvalidArgument("video: model is missing; write one such as virtio, vga or qxl.")
    model = add(device(domain, "video"), "model", type=asked["model"])
    put(model, {"vram": asked.get("memory"), "heads": asked.get("heads")})
    if "accel3d" in asked:
        put(add(model, "acceleration"), {"accel3d": asked["accel3d"]})
    if "resolution" in asked:
        add(model, "resolution", x=asked["resolution"][0], y=asked["resolution"][1])


def sound(domain: Element, options: Options) -> None:
    """The sound card."""
    if options.get("sound"):
        device(domain, "sound", model=options["sound"])


def inputs(domain: Element, options: Options) -> None:
    """Keyboards, mice and tablets beside the keyboard and the mouse that a PC has."""
    seen = set()
    for what, entry in each(options, "inputs"):
        kind = entry["type"]
        bus = entry.get("bus") or BUSES[kind][0]
        if bus not in BUSES[kind]:
            raise InvalidArgument(f"{what}: a {kind} cannot be on the bus {bus}; write {' or '.join(BUSES[kind])}.")
        if (kind, bus) in seen:
            raise InvalidArgument(f"{what}: there is a {kind} on the bus {bus} already; write it once.")
        seen.add((kind, bus))
        device(domain, "input", type=kind, bus=bus)


BUILDERS: tuple[Builder, ...] = (graphics, video, sound, inputs)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SPICE: a display with sound, USB redirection and a clipboard.

Source of the rules: libvirt's formatdomain, "Graphical framebuffers", and QEMU's qemu-options, "-spice".
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional, Tuple

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.display import Graphics, Listen
from ..context import Context
from ..options import Option, keyval
from .graphics_local import render_node

# in the order in which libvirt writes them
CHANNELS: Tuple[str, ...] = (
    "main",
    "display",
    "inputs",
    "cursor",
    "playback",
    "record",
    "smartcard",
    "usbredir",
)
MODES: Dict[str, Optional[str]] = {"any": None, "secure": "tls-channel", "insecure": "plaintext-channel"}
WORDS: Tuple[Tuple[str, str, Tuple[str, ...]], ...] = (
    ("image", "image compression", ("auto_glz", "auto_lz", "quic", "glz", "lz", "off")),
    ("jpeg", "jpeg compression", ("auto", "never", "always")),
    ("zlib", "zlib compression", ("auto", "never", "always")),
    ("streaming", "streaming mode", ("filter", "all", "off")),
    ("mouse", "mouse mode", ("server", "client")),
)


def complete_spice(graphics: Graphics) -> None:
    """One that nobody can connect to listens nowhere; ports that are chosen at the start are not written down."""
    listen = graphics.listens[0]
    if listen.type in ("socket", "none"):
        graphics.port = graphics.tls_port = graphics.autoport = None
        return
    if graphics.port == -1 and graphics.tls_port == -1:
        graphics.autoport = True
    if graphics.autoport:
        graphics.port = graphics.tls_port = None
    elif not graphics.port and not graphics.tls_port:
        graphics.listen = graphics.autoport = graphics.port = graphics.tls_port = None
        listen.address = listen.network = None
        listen.type = "none"
    else:
        graphics.port, graphics.tls_port = graphics.port or None, graphics.tls_port or None
        graphics.autoport = False


def check_spice(graphics: Graphics, domain: Domain, context: Context) -> None:
    """Every word is one that there is, and what is asked for is there."""
    for name, what, words in WORDS:
        value = getattr(graphics, name)
        if value is not None and value not in words:
            raise XmlError(f"the {what} of SPICE is '{value}', and is one of {', '.join(words)}.", line=graphics.line)
    for channel in graphics.channels:
        if channel.name not in CHANNELS or channel.mode not in MODES:
            raise XmlError(
                f"a SPICE channel has a name out of {', '.join(CHANNELS)} and a mode out of {', '.join(MODES)}.",
                line=channel.line,
            )
    if graphics.default_mode is not None and graphics.default_mode not in MODES:
        raise XmlError(f"the defaultMode of SPICE is one of {', '.join(MODES)}.", line=graphics.line)
    if not context.has("spice"):
        raise UnsupportedConfig(
            f"{context.caps.binary} is built without SPICE.", line=graphics.line, hint="Write <graphics type='vnc'/>."
        )
    if (graphics.tls_port or 0) > 0 and not context.defaults.spice_tls:
        raise UnsupportedConfig(
            "<graphics type='spice'> has a tlsPort, and this host has no TLS for SPICE.",
            line=graphics.line,
            hint="Remove the tlsPort, or set spice_tls in the host's configuration.",
        )


def write_spice(graphics: Graphics, domain: Domain, context: Context) -> Iterator[Option]:
    """-spice; a password is told to the running QEMU, so that no command line shows it."""
    pairs: List[Tuple[str, Any]] = _place(graphics, context)
    names = {name for name, value in pairs if value is not None}
    secure, plain = "tls-port" in names, bool(names & {"port", "unix"})
    pairs += [
        ("sasl", True if context.defaults.spice_sasl else None),
        ("agent-mouse", None if graphics.mouse is None else graphics.mouse == "client"),
        ("disable-ticketing", None if graphics.password or context.defaults.spice_password else True),
        ("x509-dir", context.defaults.spice_tls_directory if secure else None),
        *_channels(graphics, secure, plain),
        ("image-compression", graphics.image),
        ("jpeg-wan-compression", graphics.jpeg),
        ("zlib-glz-wan-compression", graphics.zlib),
        ("playback-compression", graphics.playback),
        ("streaming-video", graphics.streaming),
        ("disable-copy-paste", True if graphics.copy_paste is False else None),
        ("disable-agent-file-xfer", True if graphics.file_transfer is False else None),
        ("gl", True if graphics.gl else None),
        ("rendernode", render_node(graphics, context) if graphics.gl and context.has("spice-rendernode") else None),
        ("seamless-migration", True),
    ]
    yield Option("-spice", ",".join(keyval({name: value}) for name, value in pairs if value is not None))
    if graphics.keymap:
        yield Option("-k", graphics.keymap)


def _place(graphics: Graphics, context: Context) -> List[Tuple[str, Any]]:
    """Where it listens: a socket, ports of an address, or nowhere."""
    from .graphics import listen_address  # that module's table holds this one's functions

    listen = graphics.listens[0]
    socket = _socket(listen, context)
    if socket is not None:
        return [("unix", True), ("addr", socket)]
    if listen.type == "none":
        return [("port", 0)]
    port, tls_port = _ports(graphics, context)
    where = listen_address(listen, context, context.defaults.spice_listen)
    return [("port", port), ("tls-port", tls_port), ("addr", where)]


def _socket(listen: Listen, context: Context) -> Optional[str]:
    own = f"{context.workplace}/spice.sock"
    if listen.type == "socket":
        return listen.socket or own
    automatic = context.defaults.spice_auto_socket and listen.type == "address" and not listen.address
    return own if automatic else None


def _ports(graphics: Graphics, context: Context) -> Tuple[Optional[int], Optional[int]]:
    """The plain and the encrypted port; -1 is one that is chosen at the start."""
    modes = {graphics.default_mode or "any", *(channel.mode for channel in graphics.channels)}
    wanted = {"spice": graphics.port, "spice-tls": graphics.tls_port}
    if graphics.autoport:
        wanted["spice"] = -1 if modes & {"any", "insecure"} else None
        wanted["spice-tls"] = -1 if "secure" in modes else None
    found = {name: _chosen(name, graphics, context) if port == -1 else port for name, port in wanted.items()}
    return found["spice"] or None, found["spice-tls"] or None


def _chosen(name: str, graphics: Graphics, context: Context) -> int:
    if name not in context.ports:
        raise UnsupportedConfig(
            "no free port was chosen for <graphics type='spice'>.",
            line=graphics.line,
            hint="Write its port, such as port='5901' autoport='no'.",
        )
    return context.ports[name]


def _channels(graphics: Graphics, secure: bool, plain: bool) -> Iterator[Tuple[str, str]]:
    """Which channels are encrypted; the last word on a channel counts."""
    wanted = {"default": graphics.default_mode or "any"}
    chosen = {channel.name: channel.mode for channel in graphics.channels}
    wanted.update({name: chosen[name] or "any" for name in CHANNELS if name in chosen})
    for name, mode in wanted.items():
        key = MODES[mode]
        if (key == "tls-channel" and not secure) or (key == "plaintext-channel" and not plain):
            raise UnsupportedConfig(
                f"the SPICE channel '{name}' is to be {mode}, and there is no such port.",
                line=graphics.line,
                hint="Write tlsPort for an encrypted one, port for a plain one.",
            )
        if key is not None:
            yield key, name

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Character devices: serial and parallel ports, consoles and channels, and what stands behind them on the host.

Source of the rules: libvirt's formatdomain, "Consoles, serial, parallel & channel devices".
"""

from __future__ import annotations

from typing import Optional

from ...xml.parse import Element
from ...xml.views import NATURAL, ON_OFF, TEXT, YES_NO, Child, Children, Field, Opaque, View
from .device import Device


class Source(View):
    """A <source> of a character device; a UDP one has two of them."""

    mode = Field("@mode", TEXT)
    path = Field("@path", TEXT)
    host = Field("@host", TEXT)
    service = Field("@service", TEXT)
    channel = Field("@channel", TEXT)
    append = Field("@append", ON_OFF)
    tls = Field("@tls", YES_NO)
    reconnect = Field("reconnect/@enabled", YES_NO)
    reconnect_timeout = Field("reconnect/@timeout", NATURAL)
    clipboard = Field("clipboard/@copypaste", YES_NO)
    mouse = Field("mouse/@mode", TEXT)
    labels = Opaque("seclabel")


class CharacterDevice(Device):
    """What serial, parallel, console and channel share."""

    type = Field("@type", TEXT)
    tty = Field("@tty", TEXT)
    source = Child("source", Source)
    sources = Children("source", Source)
    protocol = Field("protocol/@type", TEXT)
    log_file = Field("log/@file", TEXT)
    log_append = Field("log/@append", ON_OFF)
    target_type = Field("target/@type", TEXT)
    target_port = Field("target/@port", TEXT)
    target_model = Field("target/model/@name", TEXT)
    name = Field("target/@name", TEXT)
    state = Field("target/@state", TEXT)
    target_address = Field("target/@address", TEXT)

    def source_of(self, mode: str) -> Optional[Source]:
        """The source with a mode; a source without one counts as 'connect'."""
        return next((source for source in self.sources if (source.mode or "connect") == mode), None)

    def backend(self) -> Element:
        """The element that the backend is described in."""
        return self.element


class Serial(CharacterDevice):
    """A <serial>."""

    tag = "serial"


class Parallel(CharacterDevice):
    """A <parallel>."""

    tag = "parallel"


class Console(CharacterDevice):
    """A <console>; the first one of type serial is the first <serial> by another name."""

    tag = "console"

    def is_serial(self) -> bool:
        """Whether it only repeats the first serial port."""
        return self.target_type in (None, "serial")


class Channel(CharacterDevice):
    """A <channel>."""

    tag = "channel"

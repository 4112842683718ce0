# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random number generators, memory balloons, watchdogs, input devices and hubs.

Source of the rules: libvirt's formatdomain, the section of each.
"""

from __future__ import annotations

from ...xml.views import NATURAL, ON_OFF, TEXT, Field, Opaque
from .chardev import CharacterDevice
from .device import Device


class Rng(Device):
    """An <rng>."""

    tag = "rng"
    model = Field("@model", TEXT)
    rate_bytes = Field("rate/@bytes", NATURAL)
    rate_period = Field("rate/@period", NATURAL)
    backend = Field("backend/@model", TEXT)
    backend_type = Field("backend/@type", TEXT)
    file = Field("backend", TEXT)
    connections = Opaque("backend/source")
    protocol = Opaque("backend/protocol")


class RngSource(CharacterDevice):
    """The <backend> of an <rng> that gets its bytes from a character device."""

    tag = "backend"


class Memballoon(Device):
    """The <memballoon>."""

    tag = "memballoon"
    model = Field("@model", TEXT)
    autodeflate = Field("@autodeflate", ON_OFF)
    free_page_reporting = Field("@freePageReporting", ON_OFF)
    stats_period = Field("stats/@period", NATURAL)


class Watchdog(Device):
    """A <watchdog>."""

    tag = "watchdog"
    model = Field("@model", TEXT)
    action = Field("@action", TEXT)


class Input(Device):
    """An <input>."""

    tag = "input"
    type = Field("@type", TEXT)
    bus = Field("@bus", TEXT)
    model = Field("@model", TEXT)
    device = Field("source/@dev", TEXT)
    event = Field("source/@evdev", TEXT)
    grab = Field("source/@grab", TEXT)
    grab_toggle = Field("source/@grabToggle", TEXT)
    repeat = Field("source/@repeat", ON_OFF)


class Hub(Device):
    """A <hub>."""

    tag = "hub"
    type = Field("@type", TEXT)

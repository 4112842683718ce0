# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices that a guest has without naming them.

Source of the rules: libvirt's formatdomain ("Memory balloon device", "Input devices", "Video devices", "Watchdog
devices", "Audio backends"): what a document leaves out, the machine has all the same, and it is written down.
"""

from __future__ import annotations

from typing import Tuple

from ....model.domain.core import Domain
from ....xml.parse import Element, add
from ..context import Context

PS2_MACHINES: Tuple[str, ...] = ("mouse", "keyboard")


def add_implicit_devices(domain: Domain, context: Context) -> None:
    """Write down the devices that come with the machine or with other devices."""
    devices = domain.devices()
    if domain.is_x86() and domain.feature_state("ps2") != "off":
        for kind in PS2_MACHINES:
            _add_ps2(devices, kind)
    if devices.find("memballoon") is None:
        add(devices, "memballoon", model="virtio")
    if domain.is_q35() and not devices.xpath("watchdog[@model='itco']"):
        other = devices.find("watchdog")  # one action holds for all of them
        add(devices, "watchdog", model="itco", action="reset" if other is None else other.get("action", "reset"))
    if devices.find("graphics") is not None and devices.find("video") is None:
        add(devices, "video")
    if devices.find("audio") is None:
        _add_audio(devices)


def _add_ps2(devices: Element, kind: str) -> None:
    for found in devices.findall("input"):
        if found.get("type") == kind and found.get("bus", "ps2") == "ps2":
            found.set("bus", "ps2")
            return
    add(devices, "input", type=kind, bus="ps2")


def _add_audio(devices: Element) -> None:
    """The backend that a guest's graphics suggest; a guest without graphics plays to nowhere."""
    kinds = [found.get("type") for found in devices.findall("graphics")]
    backend = ""
    for kind in kinds:
        backend = {"vnc": "none", "spice": "spice", "rdp": "dbus"}.get(kind or "", backend)
    if not kinds:
        backend = "none"
    if backend:
        add(devices, "audio", id="1", type=backend)

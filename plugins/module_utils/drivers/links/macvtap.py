# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Macvtap devices: a guest's interface straight on a device of the host.

Source of the modes: libvirt's formatdomain, "Direct attachment to physical interface".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Tuple

from ...errors import InvalidArgument
from ...model.domain.interface import Interface
from ...values import parse_mac
from .batch import Batch, check_link_name, line

# libvirt's word for a mode and iproute2's; without one it is vepa.
MODES = {"private": "private", "vepa": "vepa", "bridge": "bridge", "passthrough": "passthru"}


@dataclass(frozen=True)
class Macvtap:
    """A macvtap device on ``lower``. With the mode passthrough the lower device has the guest's address, too."""

    name: str
    lower: str
    mac: str
    mode: str = "vepa"
    mtu: Optional[int] = None
    link_up: bool = True


def macvtap_of(interface: Interface) -> Macvtap:
    """Return the device of a complete <interface type='direct'>, or network with the device in its live source."""
    return Macvtap(
        check_link_name(interface.target or ""),
        check_link_name(interface.source_device or ""),
        parse_mac(interface.mac or ""),
        interface.source_mode or "vepa",
        interface.mtu,
        interface.link != "down",
    )


def make_lines(macvtap: Macvtap) -> Batch:
    """Return what makes the device; its descriptor is then opened as /dev/tapINDEX. Raises InvalidArgument.

    In the mode passthrough the device takes over the address of the lower one, so it is told its own afterwards, and
    the lower one, which nobody else has up, is started.
    """
    if macvtap.mode not in MODES:
        raise InvalidArgument(f"A macvtap device has no mode {macvtap.mode!r}; write one of {', '.join(MODES)}.")
    name, lower, mac = check_link_name(macvtap.name), check_link_name(macvtap.lower), parse_mac(macvtap.mac)
    mtu: Tuple[object, ...] = ("mtu", macvtap.mtu) if macvtap.mtu else ()
    make = ("link", "add", "link", lower, "name", name)
    kind = ("type", "macvtap", "mode", MODES[macvtap.mode])
    if macvtap.mode == "passthrough":
        lines = [line("link", "set", "dev", lower, "up"), line(*make, *mtu, *kind)]
        lines.append(line("link", "set", "dev", name, "address", mac))
    else:
        lines = [line(*make, "address", mac, *mtu, *kind)]
    return Batch((*lines, line("link", "set", "dev", name, "up" if macvtap.link_up else "down")))


def remove_lines(name: str, *, lower: Optional[str] = None, restore_mac: Optional[str] = None) -> Batch:
    """Return what removes the device, and gives the device below its own address back (passthrough)."""
    lines: List[str] = [line("link", "delete", "dev", check_link_name(name))]
    if lower and restore_mac:
        lines.append(line("link", "set", "dev", check_link_name(lower), "address", parse_mac(restore_mac)))
    return Batch(tuple(lines))

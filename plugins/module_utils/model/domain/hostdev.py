# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices of the host that are given to a guest.

Source of the rules: libvirt's formatdomain, "Host device assignment".
"""

from __future__ import annotations

from ...xml.views import NATURAL, ON_OFF, TEXT, YES_NO, Child, Children, Field, Flag, View, hexadecimal
from .device import Device
from .storage import Auth, SourceHost


class HostPlace(View):
    """The <address> of a <source>: of a PCI or USB device, a logical unit, or a mediated device's uuid."""

    type = Field("@type", TEXT)
    domain = Field("@domain", hexadecimal(4))
    bus = Field("@bus", NATURAL)
    slot = Field("@slot", NATURAL)
    function = Field("@function", NATURAL)
    device = Field("@device", NATURAL)
    target = Field("@target", NATURAL)
    unit = Field("@unit", NATURAL)
    uuid = Field("@uuid", TEXT)


class Hostdev(Device):
    """A <hostdev>."""

    tag = "hostdev"
    mode = Field("@mode", TEXT)
    type = Field("@type", TEXT)
    managed = Field("@managed", YES_NO)
    model = Field("@model", TEXT)
    display = Field("@display", ON_OFF)
    ramfb = Field("@ramfb", ON_OFF)
    raw_io = Field("@rawio", YES_NO)
    sg_io = Field("@sgio", TEXT)
    place = Child("source/address", HostPlace)
    startup_policy = Field("source/@startupPolicy", TEXT)
    guest_reset = Field("source/@guestReset", TEXT)
    write_filtering = Field("source/@writeFiltering", YES_NO)
    vendor = Field("source/vendor/@id", hexadecimal(4))
    product = Field("source/product/@id", hexadecimal(4))
    adapter = Field("source/adapter/@name", TEXT)
    protocol = Field("source/@protocol", TEXT)
    source_name = Field("source/@name", TEXT)
    wwpn = Field("source/@wwpn", TEXT)
    hosts = Children("source/host", SourceHost)
    auth = Child("source/auth", Auth)
    initiator = Field("source/initiator/iqn/@name", TEXT)
    backend = Field("driver/@name", TEXT)
    host_driver = Field("driver/@model", TEXT)
    readonly = Flag("readonly")
    shareable = Flag("shareable")
    teaming = Field("teaming/@type", TEXT)
    teaming_with = Field("teaming/@persistent", TEXT)

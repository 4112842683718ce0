# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices that stand elsewhere and reach the guest through a character device: redirected USB devices, smart cards.

Source of the rules: libvirt's formatdomain, "Redirected devices" and "Smartcard devices".
"""

from __future__ import annotations

from ...xml.views import TEXT, YES_NO, Children, Field, View
from .chardev import CharacterDevice
from .device import Device


class Redirdev(CharacterDevice):
    """A <redirdev>."""

    tag = "redirdev"
    bus = Field("@bus", TEXT)


class RedirRule(View):
    """A <usbdev> of <redirfilter>; what is left out, or -1, matches everything."""

    device_class = Field("@class", TEXT)
    vendor = Field("@vendor", TEXT)
    product = Field("@product", TEXT)
    version = Field("@version", TEXT)
    allow = Field("@allow", YES_NO)


class Redirfilter(Device):
    """The <redirfilter>: which devices may be redirected, for all <redirdev>s of a guest."""

    tag = "redirfilter"
    rules = Children("usbdev", RedirRule)


class Certificate(View):
    """A <certificate> of <smartcard>."""

    name = Field(".", TEXT)


class Smartcard(CharacterDevice):
    """A <smartcard>; ``type`` is its backend in the mode passthrough."""

    tag = "smartcard"
    mode = Field("@mode", TEXT)
    certificates = Children("certificate", Certificate)
    database = Field("database", TEXT)

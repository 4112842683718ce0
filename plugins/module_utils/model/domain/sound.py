# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sound cards.

Source of the rules: libvirt's formatdomain, "Sound devices".
"""

from __future__ import annotations

from ...xml.views import NATURAL, TEXT, YES_NO, Children, Field, View
from .device import Device


class Codec(View):
    """A <codec> of a <sound>."""

    type = Field("@type", TEXT)


class Sound(Device):
    """A <sound>."""

    tag = "sound"
    model = Field("@model", TEXT)
    multichannel = Field("@multichannel", YES_NO)
    streams = Field("@streams", NATURAL)
    codecs = Children("codec", Codec)
    audio = Field("audio/@id", NATURAL)

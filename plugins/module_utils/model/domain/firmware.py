# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firmware of a guest: <loader>, <nvram> and <firmware> of <os>.

Source of the rules: libvirt's formatdomain, "BIOS bootloader".
"""

from __future__ import annotations

from ...xml.views import TEXT, YES_NO, Child, Field, Opaque, View
from .storage import Source


class Loader(View):
    """The <loader>: the firmware's image."""

    path = Field(".", TEXT)
    type = Field("@type", TEXT)
    format = Field("@format", TEXT)
    readonly = Field("@readonly", YES_NO)
    secure = Field("@secure", YES_NO)
    stateless = Field("@stateless", YES_NO)


class Nvram(View):
    """The <nvram>: where the firmware keeps its variables."""

    path = Field(".", TEXT)
    template = Field("@template", TEXT)
    template_format = Field("@templateFormat", TEXT)
    type = Field("@type", TEXT)
    format = Field("@format", TEXT)
    source = Child("source", Source)
    vars = Opaque("varstore")


class FirmwareFeature(View):
    """A <feature> of <firmware>."""

    name = Field("@name", TEXT)
    enabled = Field("@enabled", YES_NO)

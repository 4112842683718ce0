# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random number generators and memory balloons.

Source of the rules: libvirt's formatdomain, "Random number generator device" and "Memory balloon device".
"""

from __future__ import annotations

from ...xml.views import NATURAL, ON_OFF, TEXT, Field
from .device import Device


class Rng(Device):
    """An <rng>."""

    tag = "rng"
    model = Field("@model", TEXT)
    rate_bytes = Field("rate/@bytes", NATURAL)
    rate_period = Field("rate/@period", NATURAL)
    backend = Field("backend/@model", TEXT)
    file = Field("backend", TEXT)


class Memballoon(Device):
    """The <memballoon>."""

    tag = "memballoon"
    model = Field("@model", TEXT)
    autodeflate = Field("@autodeflate", ON_OFF)
    free_page_reporting = Field("@freePageReporting", ON_OFF)
    stats_period = Field("stats/@period", NATURAL)

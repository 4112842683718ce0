# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filesystems of the host that a guest mounts.

Source of the rules: libvirt's formatdomain, "Filesystems".
"""

from __future__ import annotations

from ...xml.views import NATURAL, TEXT, Field, Flag, Opaque
from .device import Device


class Filesystem(Device):
    """A <filesystem>."""

    tag = "filesystem"
    type = Field("@type", TEXT)
    access = Field("@accessmode", TEXT)
    model = Field("@model", TEXT)
    multidevs = Field("@multidevs", TEXT)
    file_mode = Field("@fmode", TEXT)
    directory_mode = Field("@dmode", TEXT)
    driver = Field("driver/@type", TEXT)
    format = Field("driver/@format", TEXT)
    write_policy = Field("driver/@wrpolicy", TEXT)
    queue = Field("driver/@queue", NATURAL)
    source = Field("source/@dir", TEXT)
    socket = Field("source/@socket", TEXT)
    target = Field("target/@dir", TEXT)
    readonly = Flag("readonly")
    binary = Opaque("binary")
    idmap = Opaque("idmap")
    hard_limit = Opaque("space_hard_limit")
    soft_limit = Opaque("space_soft_limit")

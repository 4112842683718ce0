# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filesystems of the host that a guest mounts.

Source of the rules: libvirt's formatdomain, "Filesystems".
"""

from __future__ import annotations

from ...xml.views import NATURAL, ON_OFF, TEXT, Field, Flag, Opaque
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
    binary = Field("binary/@path", TEXT)
    xattr = Field("binary/@xattr", ON_OFF)
    cache = Field("binary/cache/@mode", TEXT)
    sandbox = Field("binary/sandbox/@mode", TEXT)
    posix_lock = Field("binary/lock/@posix", ON_OFF)
    flock = Field("binary/lock/@flock", ON_OFF)
    threads = Field("binary/thread_pool/@size", NATURAL)
    open_files = Field("binary/openfiles/@max", NATURAL)
    idmap = Opaque("idmap")
    hard_limit = Opaque("space_hard_limit")
    soft_limit = Opaque("space_soft_limit")

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The virtual CPU and the clock.

Source of the rules: libvirt's formatdomain, "CPU model and topology" and "Time keeping".
"""

from __future__ import annotations

from ...xml.views import INT, NATURAL, ON_OFF, TEXT, YES_NO, Children, Field, Opaque, View


class CpuFeature(View):
    """A <feature> of <cpu>."""

    name = Field("@name", TEXT)
    policy = Field("@policy", TEXT)


class Cpu(View):
    """The <cpu>."""

    mode = Field("@mode", TEXT)
    match = Field("@match", TEXT)
    check = Field("@check", TEXT)
    migratable = Field("@migratable", ON_OFF)
    model = Field("model", TEXT)
    fallback = Field("model/@fallback", TEXT)
    vendor_id = Field("model/@vendor_id", TEXT)
    vendor = Field("vendor", TEXT)
    sockets = Field("topology/@sockets", NATURAL)
    dies = Field("topology/@dies", NATURAL)
    clusters = Field("topology/@clusters", NATURAL)
    cores = Field("topology/@cores", NATURAL)
    threads = Field("topology/@threads", NATURAL)
    features = Children("feature", CpuFeature)
    cache_level = Field("cache/@level", NATURAL)
    cache_mode = Field("cache/@mode", TEXT)
    address_mode = Field("maxphysaddr/@mode", TEXT)
    address_bits = Field("maxphysaddr/@bits", NATURAL)
    address_limit = Field("maxphysaddr/@limit", NATURAL)
    numa = Opaque("numa")


class Timer(View):
    """A <timer> of <clock>."""

    name = Field("@name", TEXT)
    present = Field("@present", YES_NO)
    track = Field("@track", TEXT)
    tick_policy = Field("@tickpolicy", TEXT)
    frequency = Field("@frequency", NATURAL)
    mode = Field("@mode", TEXT)
    catchup_threshold = Field("catchup/@threshold", NATURAL)
    catchup_slew = Field("catchup/@slew", NATURAL)
    catchup_limit = Field("catchup/@limit", NATURAL)


class Clock(View):
    """The <clock>."""

    offset = Field("@offset", TEXT)
    adjustment = Field("@adjustment", TEXT)
    basis = Field("@basis", TEXT)
    timezone = Field("@timezone", TEXT)
    start = Field("@start", INT)
    timers = Children("timer", Timer)

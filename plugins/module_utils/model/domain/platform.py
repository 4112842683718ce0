# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices of the platform: panic notifiers, TPMs, IOMMUs, vsock, cryptography, shared memory.

Source of the rules: libvirt's formatdomain, the section of each.
"""

from __future__ import annotations

from ...xml.views import NATURAL, ON_OFF, TEXT, YES_NO, Field, Flag, Opaque
from .device import Device


class Panic(Device):
    """A <panic>."""

    tag = "panic"
    model = Field("@model", TEXT)


class Tpm(Device):
    """A <tpm>."""

    tag = "tpm"
    model = Field("@model", TEXT)
    type = Field("backend/@type", TEXT)
    version = Field("backend/@version", TEXT)
    persistent_state = Field("backend/@persistent_state", YES_NO)
    debug = Field("backend/@debug", NATURAL)
    path = Field("backend/device/@path", TEXT)
    secret = Field("backend/encryption/@secret", TEXT)
    banks = Opaque("backend/active_pcr_banks")
    profile = Field("backend/profile/@source", TEXT)
    profile_name = Field("backend/profile/@name", TEXT)
    remove_disabled = Field("backend/profile/@removeDisabled", TEXT)
    source_type = Field("backend/source/@type", TEXT)
    source_mode = Field("backend/source/@mode", TEXT)
    source_path = Field("backend/source/@path", TEXT)


class Iommu(Device):
    """An <iommu>."""

    tag = "iommu"
    model = Field("@model", TEXT)
    intremap = Field("driver/@intremap", ON_OFF)
    caching_mode = Field("driver/@caching_mode", ON_OFF)
    eim = Field("driver/@eim", ON_OFF)
    iotlb = Field("driver/@iotlb", ON_OFF)
    aw_bits = Field("driver/@aw_bits", NATURAL)
    dma_translation = Field("driver/@dma_translation", ON_OFF)


class Vsock(Device):
    """A <vsock>."""

    tag = "vsock"
    model = Field("@model", TEXT)
    auto = Field("cid/@auto", YES_NO)
    cid = Field("cid/@address", NATURAL)


class Crypto(Device):
    """A <crypto>."""

    tag = "crypto"
    model = Field("@model", TEXT)
    type = Field("@type", TEXT)
    backend = Field("backend/@model", TEXT)
    queues = Field("backend/@queues", NATURAL)


class Shmem(Device):
    """A <shmem>."""

    tag = "shmem"
    name = Field("@name", TEXT)
    role = Field("@role", TEXT)
    model = Field("model/@type", TEXT)
    size = Field("size", NATURAL)
    size_unit = Field("size/@unit", TEXT)
    server = Flag("server")
    server_path = Field("server/@path", TEXT)
    msi = Flag("msi")
    msi_enabled = Field("msi/@enabled", ON_OFF)
    vectors = Field("msi/@vectors", NATURAL)
    ioeventfd = Field("msi/@ioeventfd", ON_OFF)

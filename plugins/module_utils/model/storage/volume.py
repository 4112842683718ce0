# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The volume document.

Source of the rules: libvirt's formatstorage, "Storage volume XML".
"""

from __future__ import annotations

from typing import List, Optional

from ...xml.parse import add
from ...xml.views import NATURAL, TEXT, Child, Children, Field, Flag, View
from .parts import Encryption, Permissions, bytes_at

# What a <features> can hold: properties of the qcow2 format.
FEATURES = ("lazy_refcounts", "extended_l2")


class Extent(View):
    """A part of a device that the volume lies on: from byte to byte."""

    start = Field("@start", NATURAL)
    end = Field("@end", NATURAL)


class ExtentDevice(View):
    """A device that parts of the volume lie on."""

    path = Field("@path", TEXT)
    extents = Children("extent", Extent)


class Image(View):
    """What is stored somewhere, and how: the <target> of a volume, and the <backingStore> that it is a layer above."""

    path = Field("path", TEXT)
    format = Field("format/@type", TEXT)
    permissions = Child("permissions", Permissions)
    accessed = Field("timestamps/atime", TEXT)
    modified = Field("timestamps/mtime", TEXT)
    changed = Field("timestamps/ctime", TEXT)
    born = Field("timestamps/btime", TEXT)


class VolumeTarget(Image):
    """The <target>."""

    encryption = Child("encryption", Encryption)
    compat = Field("compat", TEXT)
    nocow = Flag("nocow")
    cluster_size = Field("clusterSize", NATURAL)
    cluster_size_unit = Field("clusterSize/@unit", TEXT)
    features = Flag("features")
    lazy_refcounts = Flag("features/lazy_refcounts")
    extended_l2 = Flag("features/extended_l2")

    def cluster_bytes(self) -> Optional[int]:
        """The size of a cluster in bytes, None where it is left to QEMU."""
        return bytes_at(self, "clusterSize") or None

    def feature_names(self) -> List[str]:
        """The features that are asked for, in libvirt's order."""
        return [name for name in FEATURES if self.element.find(f"features/{name}") is not None]


class Volume(View):
    """The <volume> itself."""

    type = Field("@type", TEXT)
    name = Field("name", TEXT)
    key = Field("key", TEXT)
    devices = Children("source/device", ExtentDevice)
    capacity = Field("capacity", NATURAL)
    capacity_unit = Field("capacity/@unit", TEXT)
    allocation = Field("allocation", NATURAL)
    allocation_unit = Field("allocation/@unit", TEXT)
    physical = Field("physical", NATURAL)
    physical_unit = Field("physical/@unit", TEXT)
    target = Child("target", VolumeTarget)
    backing = Child("backingStore", Image)

    def given(self) -> VolumeTarget:
        """The target; where the document has none, an empty one that is no part of it."""
        found = self.target
        return VolumeTarget(self.element.makeelement("target", {}, {})) if found is None else found

    def need_target(self) -> VolumeTarget:
        """The target, made where the document has none."""
        found = self.target
        return VolumeTarget(add(self.element, "target")) if found is None else found

    def size(self) -> Optional[int]:
        """The capacity in bytes: what a guest sees; None where the document does not say it."""
        return bytes_at(self, "capacity")

    def allocated(self) -> Optional[int]:
        """The allocation in bytes: what is taken on the host at once; None where the document does not say it."""
        return bytes_at(self, "allocation")

    def backing_path(self) -> Optional[str]:
        """The image below; a <backingStore> without a path says that there is none."""
        backing = self.backing
        return None if backing is None else backing.path

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pool document.

Source of the rules: libvirt's formatstorage, "Storage pool XML".
"""

from __future__ import annotations

from typing import Optional

from ...xml.parse import add
from ...xml.views import NATURAL, TEXT, YES_NO, Child, Field, Opaque, View
from .options import FS_NAMESPACE, RBD_NAMESPACE
from .parts import Permissions, bytes_at
from .source import Source


class PoolTarget(View):
    """The <target>: the directory that volumes are found in, and what it is to look like."""

    path = Field("path", TEXT)
    permissions = Child("permissions", Permissions)


class Pool(View):
    """The <pool> itself."""

    type = Field("@type", TEXT)
    name = Field("name", TEXT)
    uuid = Field("uuid", TEXT)
    metadata = Opaque("metadata")
    capacity = Field("capacity", NATURAL)
    capacity_unit = Field("capacity/@unit", TEXT)
    allocation = Field("allocation", NATURAL)
    allocation_unit = Field("allocation/@unit", TEXT)
    available = Field("available", NATURAL)
    available_unit = Field("available/@unit", TEXT)
    cow = Field("features/cow/@state", YES_NO)
    source = Child("source", Source)
    target = Child("target", PoolTarget)
    refresh_allocation = Field("refresh/volume/@allocation", TEXT)
    mount_options = Opaque("mount_opts", FS_NAMESPACE)
    rbd_options = Opaque("config_opts", RBD_NAMESPACE)

    def given(self) -> Source:
        """The source; where the document has none, an empty one that is no part of it."""
        found = self.source
        return Source(self.element.makeelement("source", {}, {})) if found is None else found

    def need_source(self) -> Source:
        """The source, made where the document has none."""
        found = self.source
        return Source(add(self.element, "source")) if found is None else found

    def path(self) -> Optional[str]:
        """The target directory, None for pools that have none."""
        target = self.target
        return None if target is None else target.path

    def permissions(self) -> Optional[Permissions]:
        """What the target directory is to look like, None where nothing is said."""
        target = self.target
        return None if target is None else target.permissions

    def size(self) -> int:
        """The capacity in bytes, 0 where the document does not say it."""
        return bytes_at(self, "capacity") or 0

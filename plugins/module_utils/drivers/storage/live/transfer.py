# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a file could be uploaded to a volume, or a volume downloaded: what a check says of it."""

from __future__ import annotations

from typing import Optional

from ..volume import change
from ..volume.look import look
from . import block
from .scene import Scene


def check_transfer(
    scene: Scene, name: Optional[str], *, source: Optional[str] = None, target: Optional[str] = None
) -> None:
    """Raise InvalidArgument for files that cannot be read, made, or taken by the volume; None is one still to come."""
    if target is not None:
        change.check_target(scene.host, target)
    if source is None:
        return
    change.check_source(scene.host, source)
    if name is not None and scene.row.files:
        change.check_upload(scene.shelf(), look(scene.shelf(), name), source, source)
    elif name is not None:
        block.check_upload(scene.host, block.find(scene, name), source)

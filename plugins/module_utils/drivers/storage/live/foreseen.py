# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a volume that is there could be resized or wiped: asked by a check, and by a run before its first step."""

from __future__ import annotations

from typing import Sequence

from ....errors import OperationInvalid
from ..volume.change import wipe_argvs
from ..volume.look import look
from ..volume.users import check_free
from . import block
from .scene import Scene
from .steps import need_program
from .users import guests_above
from .volumes import find, header_of, user_of


def check_resize(scene: Scene, name: str, capacity: int, others: Sequence[Scene]) -> None:
    """Raise OperationInvalid for a volume that a program has open, and no guest as a disk of its own; NoSupport.

    HostError where there is no room for it.

    QEMU resizes a disk for its guest; of a layer below it has read how long it is when the guest was started.
    """
    found = find(scene, name)
    if capacity == found.capacity:
        return
    guests = guests_above(scene, found, others)
    if guests:
        raise OperationInvalid(
            f"Volume {name} of pool {scene.name} is a layer below a disk of guest {guests[0]}, and keeps its size while"
            " that runs.",
            hint="Resize the disk itself, or stop the guest first.",
            guests=guests,
        )
    if not scene.row.files:
        block.check_resize(scene, block.find(scene, name), capacity + header_of(scene, name))
    elif user_of(scene, found) is None:
        check_free(scene.host, look(scene.shelf(), name).found, f"Volume {name} of pool {scene.name}")


def check_wipe(scene: Scene, name: str, algorithm: str) -> None:
    """Raise MissingProgram where what overwrites a volume is not on this host, NoSupport where the volume is not."""
    if scene.row.files:
        argvs = wipe_argvs(look(scene.shelf(), name), algorithm)
    else:
        found = block.find(scene, name)
        argvs = [block.wipe_argv(block.local_path(scene, found), found.capacity, algorithm)]
    for argv in argvs:
        need_program(scene.host, argv[0])

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volume groups as LVM has them now: whether one is there, and which of its volumes are active."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

from ....model.storage.pool import Pool
from ..types.base import Argv, rows_of, said_by
from .scene import Scene
from .steps import ask, run

# Places in lv_attr (lvs(8)): what it is, its state, whether it is open, whether it is left out when all are activated.
KIND, STATE, OPEN, SKIPPED = 0, 4, 5, 9
SNAPSHOTS = "sS"
# What has no device of its own: thin pools.
POOLS = "t"


def states_argv(pool: Pool) -> Argv:
    """Return the command that lists the volumes of a group with their attributes, active or not."""
    return ("lvs", "--reportformat", "json", "--options", "lv_name,lv_attr", pool.given().name or "")


def read_states(text: str) -> Dict[str, str]:
    """Return the attributes of each volume, ten characters at least."""
    reports = rows_of("lvs", said_by("lvs", text).get("report", []))
    rows = (row for report in reports for rows in report.values() for row in rows_of("lvs", rows))
    return {str(row.get("lv_name")): str(row.get("lv_attr", "")).ljust(10, "-") for row in rows}


def is_there(scene: Scene) -> bool:
    """Whether this host has the group."""
    looking = scene.row.looking
    return looking is not None and run(scene.host, looking.room(scene.pool), check=False).code == 0


def states(scene: Scene) -> Optional[Dict[str, str]]:
    """The volumes of the group, None where there is no such group."""
    return read_states(ask(scene.host, states_argv(scene.pool))) if is_there(scene) else None


def inactive(found: Dict[str, str]) -> Tuple[str, ...]:
    """The volumes that should have a device and have none."""
    return tuple(
        name
        for name, attributes in sorted(found.items())
        if attributes[KIND] not in POOLS and attributes[STATE] != "a" and attributes[SKIPPED] != "k"
    )

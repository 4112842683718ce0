# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the volumes of a pool were made from, in the words of who made them.

It is written down before a volume is seen, so that a run that is killed leaves none of which it is not known; what is
known of a name is that of one file or device, and not of another that comes later under the same name.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, Optional

from ....errors import AlreadyExists
from ...api import Volume
from .scene import Scene

Rows = Dict[str, Dict[str, Any]]


def origin_of(scene: Scene, rows: Rows, volume: Volume) -> Optional[str]:
    """What a volume was made from; one that is just being made has no mark yet."""
    row = rows.get(volume.name, {})
    origin, mark = row.get("origin"), row.get("mark")
    return origin if isinstance(origin, str) and mark in (None, _mark(scene, volume)) else None


def recall(scene: Scene) -> Rows:
    """Return what is written down, by name; a damaged file says nothing."""
    try:
        found = json.loads(scene.host.read(scene.site.layout.volume_origins(scene.name)) or b"{}")
    except ValueError:
        return {}
    return {name: row for name, row in found.items() if isinstance(row, dict)} if isinstance(found, dict) else {}


@contextmanager
def coming(scene: Scene, name: str, origin: Optional[str], find: Callable[[], Volume]) -> Iterator[Callable[[], None]]:
    """Write down what a volume is being made from, when the value is called, and at the end which one it is."""
    try:
        yield lambda: change(scene, name, origin)
    except AlreadyExists:
        raise  # another run was faster, and has written down its own
    except Exception:
        change(scene, name, None)
        raise
    if origin is not None:
        change(scene, name, origin, _mark(scene, find()))


def change(scene: Scene, name: str, origin: Optional[str], mark: Optional[str] = None) -> None:
    """Write down an origin, or forget it."""
    layout, row = scene.site.layout, {"origin": origin, "mark": mark}
    if origin is None and name not in recall(scene):
        return
    with scene.host.lock(layout.volume_formats_lock(scene.name)):
        rows = {key: value for key, value in recall(scene).items() if key != name}
        if origin is not None:
            rows[name] = row
        scene.host.make_directory(layout.volumes_dir, mode=0o700)
        scene.host.write(layout.volume_origins(scene.name), json.dumps(rows, sort_keys=True).encode(), mode=0o600)


def _mark(scene: Scene, volume: Volume) -> str:
    """What tells a volume from another of the same name."""
    found = scene.host.stat(scene.host.resolve(volume.path)) if volume.path.startswith("/") else None
    return str(found.inode) if found is not None and volume.type == "file" else volume.key

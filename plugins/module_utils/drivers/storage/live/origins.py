# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the volumes of a pool were made from, in the words of who made them, and which secrets open them.

It is written down before a volume is seen, so that a run that is killed leaves none of which it is not known; what is
known of a name is that of one file or device, and not of another that comes later under the same name.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from ...api import Volume
from ..site import Site
from .scene import Scene

Rows = Dict[str, Dict[str, Any]]
# How documents name a secret.
NAMED = ("uuid", "usage")


@dataclass(frozen=True)
class Past:
    """What is known of a volume's making: its ``origin``, and its ``secret`` as it was named: uuid or usage, and that.

    What is empty is not known, or there is none.
    """

    origin: Optional[str] = None
    secret: Optional[Tuple[str, str]] = None


NOTHING = Past()


def past_of(scene: Scene, rows: Rows, volume: Volume) -> Past:
    """What is known of a volume; one that is just being made has no mark yet."""
    row = rows.get(volume.name)
    if row is None or row.get("mark") not in (None, _mark(scene, volume)):
        return NOTHING
    origin = row.get("origin")
    return Past(origin if isinstance(origin, str) else None, named_in(row))


def named_in(row: Dict[str, Any]) -> Optional[Tuple[str, str]]:
    """How a row names the secret of its volume, None where it names none."""
    return next(((kind, row[kind]) for kind in NAMED if isinstance(row.get(kind), str)), None)


def recall(scene: Scene) -> Rows:
    """Return what is written down, by name; a damaged file says nothing."""
    return recalled(scene.site, scene.name)


def recalled(site: Site, name: str) -> Rows:
    """The same for a pool of which only the name is known."""
    try:
        found = json.loads(site.host.read(site.layout.volume_origins(name)) or b"{}")
    except ValueError:
        return {}
    return {name: row for name, row in found.items() if isinstance(row, dict)} if isinstance(found, dict) else {}


@contextmanager
def coming(scene: Scene, name: str, past: Past, find: Callable[[], Volume]) -> Iterator[Callable[[], None]]:
    """Write down how a volume is being made, when the value is called, and at the end which one it is."""
    announced = False

    def announce() -> None:
        nonlocal announced
        announced = True
        change(scene, name, past)

    try:
        yield announce
    except Exception:
        if announced:  # else another run was faster, or is at it, and has written down its own
            change(scene, name, NOTHING)
        raise
    if past != NOTHING:
        change(scene, name, past, _mark(scene, find()))


def change(scene: Scene, name: str, past: Past, mark: Optional[str] = None) -> None:
    """Write down what is known of a volume, or forget it."""
    layout = scene.site.layout
    if past == NOTHING and name not in recall(scene):
        return
    with scene.host.lock(layout.volume_formats_lock(scene.name)):
        rows = {key: value for key, value in recall(scene).items() if key != name}
        if past != NOTHING:
            secret = {} if past.secret is None else {past.secret[0]: past.secret[1]}
            rows[name] = {"origin": past.origin, "mark": mark, **secret}
        scene.host.make_directory(layout.volumes_dir, mode=0o700)
        scene.host.write(layout.volume_origins(scene.name), json.dumps(rows, sort_keys=True).encode(), mode=0o600)


def _mark(scene: Scene, volume: Volume) -> str:
    """What tells a volume from another of the same name."""
    found = scene.host.stat(scene.host.resolve(volume.path)) if volume.path.startswith("/") else None
    return str(found.inode) if found is not None and volume.type == "file" else volume.key

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a pool: built, started, mended, looked at again, let go.

A start claims the pool by its live document; everything else is mending. An end forgets the live document last. So a
run that is killed leaves an active pool that lacks something, which the next one mends.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Callable, Collection, Dict, List, Optional, Tuple

from ....errors import CorralError, OperationDenied, OperationFailed
from ....model.storage.order import POOL_ORDER, order_children
from ....model.storage.parts import set_bytes
from ....model.storage.pool import Pool
from ....xml.parse import Element, clone
from ....xml.write import to_text
from ...api import Fault, Neighbours
from ..site import Site
from ..types.base import Empty, MakeDirectory, Room, Step, first_device, make_target
from .find import room_of
from .observe import BEYOND, is_built, observe
from .scene import Scene, scene_of
from .steps import check_own_directory, check_step, fit, make_directory, perform, run

# Types that do not need to be root for anything.
UNPRIVILEGED = ("dir",)
# Types that lie on a device that has to be formatted.
FORMATTED = ("disk", "fs")
BUILD_FIRST = "Build the pool first (state: built, or build: true), or correct its source."


def build(scene: Scene, *, overwrite: bool = False) -> None:
    """Make what the pool lies on; where that is there, and may not be overwritten, only what is missing around it."""
    perform(scene.host, _steps_of_build(scene, overwrite), overwrite=overwrite)


def check_build(scene: Scene, *, overwrite: bool, held: Collection[str] = (), freed: Collection[str] = ()) -> None:
    """Raise what would keep a pool from being built, as far as looking tells.

    ``held`` are the devices that the pool itself, active now, lets go before; of ``freed`` ones nobody knows yet what
    will be left on them.
    """
    for step in _steps_of_build(scene, overwrite):
        if not (isinstance(step, Empty) and step.device in freed):
            check_step(scene.host, step, overwrite=overwrite, held=held)


def _steps_of_build(scene: Scene, overwrite: bool) -> List[Step]:
    _check_right(scene)
    check_own_directory(scene.host, scene.pool, scene.row)
    steps = scene.row.build(scene.pool, overwrite)
    if not overwrite and is_built(scene):
        return [step for step in steps if isinstance(step, MakeDirectory)]
    return steps


def start(site: Site, name: str, make: Callable[[], Element], neighbours: Optional[Neighbours]) -> None:
    """Start a pool that is not active; raises what keeps it from working, and then it is not active.

    ``make`` returns its complete document, and is called while nobody else can choose a name or a source.
    """
    with site.store.names_lock():
        document = make()
        scene = scene_of(site, document, neighbours)
        _check_right(scene)
        check_own_directory(scene.host, scene.pool, scene.row)
        before = observe(scene)
        _check_start(scene, before)
        site.store.remove_live(name)
        site.store.write_live(name, to_text(document).encode(), {"started": site.host.now()})
    try:
        mend(scene, before)
        _attach(scene)
        refresh(scene)
    except CorralError:
        with suppress(CorralError):
            take_down(scene)
        raise


def check_start(scene: Scene, *, active: bool) -> None:
    """Raise what would keep a pool from being started; what an active one has now is let go before."""
    _check_right(scene)
    check_own_directory(scene.host, scene.pool, scene.row)
    if not active:
        _check_start(scene, observe(scene))
    if scene.row.name in FORMATTED and not is_built(scene):
        raise OperationFailed(
            f"Pool {scene.name} cannot be started. There is nothing of its format on {first_device(scene.pool)}.",
            hint=BUILD_FIRST,
        )


def _check_right(scene: Scene) -> None:
    if scene.row.name not in UNPRIVILEGED and scene.host.euid() != 0:
        raise OperationDenied(
            f"Pool {scene.name} is of the type {scene.row.name}, which needs root.",
            hint="Use qemu:///system with become: true, or a pool of the type dir.",
        )


def _check_start(scene: Scene, found: Collection[Fault]) -> None:
    """A pool that was not built is not built by starting it."""
    missing = next((fault for fault in found if fault.what in (BEYOND, "directory")), None)
    if missing is not None:
        raise OperationFailed(f"Pool {scene.name} cannot be started. {missing.detail}", hint=BUILD_FIRST)


def _attach(scene: Scene) -> None:
    """What a start does even where nothing seems to be missing."""
    if scene.row.name == "iscsi":
        from .iscsi import rescan

        rescan(scene)
    if scene.row.name == "mpath":
        run(scene.host, ("multipath",), check=False)


# mending


def mend(scene: Scene, found: Optional[Collection[Fault]] = None) -> List[Fault]:
    """Put everything right and return what was wrong; raises what cannot be put right."""
    faults = list(observe(scene) if found is None else found)
    check_own_directory(scene.host, scene.pool, scene.row)
    beyond = next((fault for fault in faults if fault.what == BEYOND), None)
    if beyond is not None:
        raise OperationFailed(beyond.detail, hint="Only who looks after this host can put that right.")
    words = {fault.what for fault in faults}
    for mender in dict.fromkeys(mender for word, mender in MENDERS if word in words):
        mender(scene)
    return faults


def _directory(scene: Scene) -> None:
    make_directory(scene.host, make_target(scene.pool))


def _begin(scene: Scene) -> None:
    perform(scene.host, scene.row.start(scene.pool))
    if scene.row.name == "fs":
        fit(scene.host, make_target(scene.pool))


def _session(scene: Scene) -> None:
    from .iscsi import log_in

    log_in(scene)


def _adapter(scene: Scene) -> None:
    from .adapters import make_port

    make_port(scene)


def _cluster(scene: Scene) -> None:
    from .gluster import attach

    attach(scene)


def _fit(scene: Scene) -> None:
    fit(scene.host, make_target(scene.pool))


MENDERS: Tuple[Tuple[str, Callable[[Scene], None]], ...] = (
    ("directory", _directory),
    ("mount", _begin),
    ("group", _begin),
    ("session", _session),
    ("adapter", _adapter),
    ("cluster", _cluster),
    ("permissions", _fit),
)


# looking again


def refresh(scene: Scene) -> None:
    """Write down what room an active pool has, after cleaning up what killed runs have left in it."""
    scene.sweep_keys()
    if scene.row.files:
        scene.shelf().sweep()
    elif scene.row.name == "iscsi":
        from .iscsi import rescan

        rescan(scene)
    document = with_room(scene.pool.element, room_of(scene))
    scene.site.store.write_live(scene.name, to_text(document).encode())


def with_room(document: Element, room: Room) -> Element:
    """Return a copy of a pool's document that says what room it has."""
    pool = Pool(clone(document))
    for tag, size in (("capacity", room.capacity), ("allocation", room.allocation), ("available", room.available)):
        set_bytes(pool, tag, max(size, 0))
    order_children(pool.element, POOL_ORDER)
    return pool.element


# the end


def take_down(scene: Scene) -> None:
    """Let a pool go; its data stays. What is not there any more needs no end."""
    end = _ENDS.get(scene.row.name)
    if end is not None:
        end(scene)
    scene.site.store.remove_live(scene.name)


def _unmount(scene: Scene) -> None:
    from .mounting import is_ours, mount_at

    for _again in range(8):  # somebody may have mounted it twice
        mount = mount_at(scene, scene.target)
        if mount is None or not is_ours(scene, mount):
            return
        perform(scene.host, scene.row.stop(scene.pool))


def _deactivate(scene: Scene) -> None:
    from .groups import is_there

    if is_there(scene):
        perform(scene.host, scene.row.stop(scene.pool))


def _log_out(scene: Scene) -> None:
    from .iscsi import log_out

    log_out(scene)


def _remove_port(scene: Scene) -> None:
    from .adapters import remove_port

    remove_port(scene)


def _detach(scene: Scene) -> None:
    from .gluster import detach

    detach(scene)


_ENDS: Dict[str, Callable[[Scene], None]] = {
    "fs": _unmount,
    "netfs": _unmount,
    "vstorage": _unmount,
    "logical": _deactivate,
    "iscsi": _log_out,
    "scsi": _remove_port,
    "gluster": _detach,
}

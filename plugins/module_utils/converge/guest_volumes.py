# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes that are made for the disks of a guest, with the same means as by the module volume.

The definition is kept first and names what is made for the guest, so that a run which is killed leaves no volume that
nobody knows to belong to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Callable, Optional

from ..drivers.api import StorageDriver
from ..errors import CorralError, NotFound, OperationInvalid
from ..model.domain.owned import mark_owned_volume, owned_volumes
from ..xml.parse import Element, add, clone
from .options.disks import is_made
from .resource.values import Plan, Step
from .volume import apply, foresee
from .volume_facts import find_volume
from .volume_plan import VolumeNow, make_volume_plan
from .volume_source import foreseen, with_backing
from .volume_spec import VolumeWanted, wanted_volume

Task = tuple[Step, Callable[[], object]]
# What a disk says of its volume by the names that the module volume has for it.
ALIKE = ("format", "image", "backing", "encryption")
HINT = "Leave it as it is, or let the disk have another volume."


@dataclass(frozen=True)
class Made:
    """A document that names its volumes, and what there is to do so that they are there.

    ``missing`` are those that are not there yet: the pool, the name and the complete document of each.
    """

    document: Element
    tasks: tuple[Task, ...]
    missing: Mapping[tuple[str, str], Element]


def made_volumes(
    storage: StorageDriver, document: Element, options: Mapping[str, Any], existing: Optional[Element]
) -> Made:
    """Work out the volumes of the disks that describe one; raises what keeps one from being made, naming the disk.

    ``existing`` is the guest's definition as it is: what was made for the guest before stays its own.
    """
    document = clone(document)
    tasks: list[Task] = []
    missing: dict[tuple[str, str], Element] = {}
    before = frozenset() if existing is None else owned_volumes(existing)
    elements = document.findall("devices/disk")
    for number, (disk, element) in enumerate(zip(options.get("disks") or [], elements), 1):
        if not disk.get("pool"):
            continue
        place = _place(disk, element, existing)
        with _naming(number):
            if not is_made(disk):
                _use(storage, disk, place, element, existing)
                continue
            beside = [made for other, made in missing.items() if other[0] == place[0]]
            now, wanted, plan = _planned(storage, disk, place, beside)
        _open(element, plan.document if now is None else now.document)
        if now is None and plan.document is not None:
            missing[place] = plan.document
        if now is None or place in before:
            mark_owned_volume(document, *place)
        tasks += _tasks(storage, now, wanted, plan)
    return Made(document, tuple(tasks), missing)


@contextmanager
def _naming(number: int) -> Iterator[None]:
    """Say which disk an error is about."""
    try:
        yield
    except CorralError as error:
        error.message = f"disks[{number}]: {error.message}"
        raise


def _use(
    storage: StorageDriver,
    disk: Mapping[str, Any],
    place: tuple[str, str],
    element: Element,
    existing: Optional[Element],
) -> None:
    """Let the disk of a volume that is there have the secret that opens it; while its pool is off it keeps its own."""
    try:
        document = storage.volume_xml(*place)
    except (NotFound, OperationInvalid):
        for source in () if existing is None else existing.iterfind("devices/disk/source"):
            if (source.get("pool"), source.get("volume")) == place:
                _write(element, source.find("encryption"))
        return
    if disk.get("encryption") is not None:
        _planned(storage, disk, place)
    _open(element, document)


def _open(element: Element, volume: Optional[Element]) -> None:
    """Name the secret that a volume is opened with, where the disk does not."""
    _write(element, None if volume is None else volume.find("target/encryption"))


def _write(element: Element, sealed: Optional[Element]) -> None:
    source, secret = element.find("source"), None if sealed is None else sealed.find("secret")
    if source is None or sealed is None or secret is None or source.find("encryption") is not None:
        return
    add(source, "encryption", format=sealed.get("format", "")).append(clone(secret))


def _place(disk: Mapping[str, Any], element: Element, existing: Optional[Element]) -> tuple[str, str]:
    """Pool and name of a disk's volume: a name that was made up stays, also when the guest gets another one."""
    source, target = element.find("source"), element.find("target")
    if source is None or target is None:
        raise ValueError("a disk of a pool has a source and a target")
    old = None
    if existing is not None and disk.get("volume") is None:
        old = existing.find(f"devices/disk[@type='volume']/target[@dev='{target.get('dev')}']/../source")
    if old is not None and old.get("pool") == disk["pool"]:
        source.set("volume", old.get("volume", ""))
    return disk["pool"], source.get("volume", "")


def _planned(
    storage: StorageDriver, disk: Mapping[str, Any], place: tuple[str, str], beside: Sequence[Element] = ()
) -> tuple[Optional[VolumeNow], VolumeWanted, Plan]:
    asked = {"pool": place[0], "name": place[1], "state": "present", "force": False, "shrink": False}
    given = {"capacity": disk.get("size"), **{name: disk.get(name) for name in ALIKE}}
    wanted = wanted_volume({**asked, **given})
    now = find_volume(storage, *place)
    wanted = with_backing(storage, wanted, new=now is None)
    document = foreseen(storage, wanted, new=now is None)
    try:
        plan = make_volume_plan(now, document, wanted)
    except CorralError as error:
        error.hint = HINT
        raise
    foresee(plan, storage, wanted, beside)
    return now, wanted, plan


def _tasks(storage: StorageDriver, now: Optional[VolumeNow], wanted: VolumeWanted, plan: Plan) -> Iterator[Task]:
    for step in plan.steps:
        alone = replace(plan, steps=(step,))
        detail = (f"of pool {wanted.pool}", *step.detail)
        done = replace(step, action=f"{step.action}_volume", detail=detail)
        yield done, lambda alone=alone: apply(alone, storage, wanted, now)  # type: ignore[misc]

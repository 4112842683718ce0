# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storage volumes: what the module volume does, from options to a result.

No lock is held meanwhile: a volume is made as a whole or not at all by the driver, and a run that finds that another
one was faster looks again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Callable, Optional

from ..drivers.api import Content, StorageDriver
from ..errors import AlreadyExists, NotFound, OperationInvalid
from ..model.storage.identity import VOLUME
from ..model.storage.order import VOLUME_ORDER, order_children
from ..model.storage.parts import set_bytes
from ..model.storage.volume import Volume
from ..xml.compare import Change
from ..xml.parse import Element, clone
from .job import Job
from .resource.result import diff_parts
from .resource.steps import take_steps
from .resource.values import Plan, Step
from .volume_effects import comparable
from .volume_facts import find_volume, volume_facts
from .volume_options.content import secrets_in
from .volume_plan import VolumeNow, differing, make_volume_plan, settled
from .volume_source import content_of, foreseen, with_backing
from .volume_spec import ABSENT, VolumeWanted, wanted_volume

# How often a run looks again, when others make and delete the same volume at the same time.
TRIES = 8
# The steps by which the contents of a volume go, in words.
LOSING = {"delete": "deleted", "wipe": "wiped", "upload": "replaced"}


def converge_volume(job: Job) -> dict[str, Any]:
    """Bring one volume to what the options of volume ask for; in check mode say what that would take.

    Raises CorralError: InvalidArgument for options that make no sense and for what cannot be changed, NotFound,
    OperationInvalid for a volume that guests have open, and what the driver raises.
    """
    for word in secrets_in(job.options.get("image")):
        job.hide(word)
    driver, asked = storage_of(job), wanted_volume(job.options)
    wanted, now, plan = _done(job, driver, asked)
    if now is not None and wanted.image is not None and now.volume.origin is None:
        job.warn(f"What the volume {wanted.name} was made from is not known, so its contents are left as they are.")
    _expect(job, wanted, plan)
    done = bool(plan.steps) and not job.check_mode
    after = _look(driver, wanted) if done else now
    result: dict[str, Any] = {
        "changed": bool(plan.steps),
        "actions": [step.as_dict() for step in plan.steps],
        "volume": None if after is None else volume_facts(after),
    }
    if job.diff:
        result["diff"] = _difference(now, plan, wanted)
    return result


def storage_of(job: Job) -> StorageDriver:
    """Return the storage driver; in a check also with the volumes that earlier elements of a list would have made."""
    if not job.expected:
        return job.connection.storage
    from .volume_expected import ExpectingStorage

    return ExpectingStorage(job.connection.storage, job.expected)


def _expect(job: Job, wanted: VolumeWanted, plan: Plan) -> None:
    """Let later elements of the list find in a check what this one would make."""
    if job.check_mode and job.expected is not None and _makes(plan) and plan.document is not None:
        from .volume_expected import expect_volume

        expect_volume(job, wanted.pool, plan.document)


def _done(job: Job, driver: StorageDriver, asked: VolumeWanted) -> tuple[VolumeWanted, Optional[VolumeNow], Plan]:
    left = TRIES
    while True:
        now = _look(driver, asked)
        wanted = with_backing(driver, asked, new=now is None)
        plan = make_volume_plan(now, foreseen(driver, wanted, new=now is None), wanted)
        wanted = _sized(wanted, now, plan)
        _check_layers(driver, plan, wanted, now)
        try:
            if job.check_mode:
                foresee(plan, driver, wanted)
            else:
                apply(plan, driver, wanted, now)
            return wanted, now, plan
        except AlreadyExists as error:
            left -= 1
            if error.details.get("done") or not left:
                raise


def _sized(wanted: VolumeWanted, now: Optional[VolumeNow], plan: Plan) -> VolumeWanted:
    """A volume that is made anew keeps its size, where nothing else says one."""
    document = wanted.document
    if now is None or document is None or not _makes(plan) or document.find("capacity") is not None:
        return wanted
    if wanted.image is not None or wanted.backing is not None or Volume(document).backing_path() is not None:
        return wanted
    document = clone(document)
    set_bytes(Volume(document), "capacity", now.volume.capacity)
    order_children(document, VOLUME_ORDER)
    return replace(wanted, document=document)


def _check_layers(driver: StorageDriver, plan: Plan, wanted: VolumeWanted, now: Optional[VolumeNow]) -> None:
    """Raise OperationInvalid where the contents go that other volumes stand on."""
    if now is None or not plan.steps:
        return
    what = next((word for action, word in LOSING.items() if action in [step.action for step in plan.steps]), None)
    size = None if plan.document is None else Volume(plan.document).size()
    if what is None and wanted.shrink and size is not None and size < now.volume.capacity:
        what = "made smaller"
    layers = driver.volume_layers(wanted.pool, wanted.name) if what else []
    if layers:
        who = ", ".join(layers[:3]) + (f" and {len(layers) - 3} more" if len(layers) > 3 else "")
        raise OperationInvalid(
            f"The volume {wanted.name} of pool {wanted.pool} cannot be {what}: it is below {who}.",
            hint="Delete those first, or make them whole copies.",
            above=layers,
        )


def foresee(plan: Plan, driver: StorageDriver, wanted: VolumeWanted, beside: Sequence[Element] = ()) -> None:
    """Raise what would keep the volume from being made or changed; an image from elsewhere is not fetched for that.

    ``beside`` are the complete documents of volumes of the pool that are made before.
    """
    _check_steps(plan, driver, wanted)
    asked = wanted.image
    if wanted.document is None or not _makes(plan):
        return
    if asked is not None and asked.fetched is not None:
        driver.check_image(asked.fetched, checksum=asked.checksum)
    else:
        _check_new(driver, wanted, content_of(driver, wanted), beside)


def _check_steps(plan: Plan, driver: StorageDriver, wanted: VolumeWanted) -> None:
    """Raise what keeps the steps from being done that change a volume as it is."""
    actions = [step.action for step in plan.steps]
    if "resize" in actions and plan.document is not None:
        driver.check_resize(wanted.pool, wanted.name, Volume(plan.document).size() or 0)
    if "wipe" in actions:
        driver.check_wipe(wanted.pool, wanted.name, wanted.wipe or "zero")
    _check_transfer(plan, driver, wanted)


def _check_transfer(plan: Plan, driver: StorageDriver, wanted: VolumeWanted) -> None:
    """Raise what is wrong with the files beside the volume; its size counts where it has it already."""
    if wanted.upload_from or wanted.download_to:
        stays = not any(step.action in ("create", "resize") for step in plan.steps)
        name = wanted.name if stays else None
        driver.check_transfer(wanted.pool, name, source=wanted.upload_from, target=wanted.download_to)


def _makes(plan: Plan) -> bool:
    return any(step.action == "create" for step in plan.steps)


def _check_new(
    driver: StorageDriver, wanted: VolumeWanted, content: Optional[Content], beside: Sequence[Element] = ()
) -> None:
    if wanted.document is not None:
        document, how = clone(wanted.document), wanted.preallocation
        driver.check_new_volume(wanted.pool, document, content=content, preallocation=how, beside=beside)


def _look(driver: StorageDriver, wanted: VolumeWanted) -> Optional[VolumeNow]:
    """The volume as it is; a pool that is not there has none, which is right for one that is to go."""
    try:
        return find_volume(driver, wanted.pool, wanted.name)
    except NotFound as error:
        if wanted.state == ABSENT:
            return None
        error.hint = error.hint or "Make the pool with corral.virt.pool first."
        raise
    except OperationInvalid as error:
        error.hint = error.hint or "Start the pool first: corral.virt.pool with state: active."
        raise


def apply(plan: Plan, driver: StorageDriver, wanted: VolumeWanted, now: Optional[VolumeNow]) -> None:
    """Do every step of the plan in its order; raises what the driver raises.

    An image is fetched before the first of them, and what it is to become is looked at, so that nothing is deleted for
    one that does not come or does not fit. So are the files that are copied at the end.
    """
    _check_steps(plan, driver, wanted)
    content = content_of(driver, wanted) if _makes(plan) else None
    if _makes(plan):
        _check_new(driver, wanted, content)
    work = _Work(driver, wanted, now, plan, content)
    take_steps(plan, lambda step: ACTIONS[step.action](work), _left)


def _left(done: list[str], failed: Step) -> str:
    if failed.action == "create" and "delete" in done:
        return "The old volume is gone: correct what is wrong and run this again."
    return ""


class _Work:
    """What the actions need."""

    def __init__(
        self,
        driver: StorageDriver,
        wanted: VolumeWanted,
        now: Optional[VolumeNow],
        plan: Plan,
        content: Optional[Content],
    ) -> None:
        self.driver, self.wanted, self.now, self.plan, self.content = driver, wanted, now, plan, content
        self.place = (wanted.pool, wanted.name)

    def document(self) -> Element:
        """The plan's document for one call, which may change it."""
        if self.plan.document is None:
            raise ValueError("a plan with this step has a document")
        return clone(self.plan.document)

    def create(self) -> None:
        """Make the volume; what its image has said meanwhile completes its document."""
        if self.wanted.document is None:
            raise ValueError("a plan with this step has a document")
        driver, pool = self.driver, self.wanted.pool
        document = driver.normalise_volume(pool, clone(self.wanted.document), content=self.content)
        driver.create_volume(pool, document, content=self.content, preallocation=self.wanted.preallocation)

    def resize(self) -> None:
        """Give the volume its size."""
        size = Volume(self.document()).size() or 0
        self.driver.resize_volume(*self.place, size, shrink=self.wanted.shrink)

    def update(self) -> None:
        """Give the volume its permissions."""
        changes: tuple[Change, ...] = ()
        if self.now is not None:
            changes = differing(self.now, self.document(), self.wanted)
        rest = tuple(change for change in changes if change.place != "capacity")
        self.driver.update_volume(*self.place, self.document(), rest)


ACTIONS: Mapping[str, Callable[[_Work], object]] = {
    "create": _Work.create,
    "resize": _Work.resize,
    "update": _Work.update,
    "wipe": lambda work: work.driver.wipe_volume(*work.place, algorithm=work.wanted.wipe or "zero"),
    "upload": lambda work: work.driver.upload_volume(*work.place, work.wanted.upload_from or ""),
    "download": lambda work: work.driver.download_volume(*work.place, work.wanted.download_to or ""),
    "delete": lambda work: work.driver.delete_volume(*work.place),
}


def _difference(now: Optional[VolumeNow], plan: Plan, wanted: VolumeWanted) -> list[dict[str, str]]:
    """Return the parts of ``--diff``."""
    before = None if now is None else comparable(now.document)
    after = None if plan.state == ABSENT else before
    if plan.document is not None and any(step.action in ("create", "resize", "update") for step in plan.steps):
        after = comparable(plan.document if now is None else settled(now, plan.document, wanted))
    states = ("absent" if now is None else "present", plan.state)
    return diff_parts(wanted.name, VOLUME, (before, after), (f"state: {states[0]}\n", f"state: {states[1]}\n"))

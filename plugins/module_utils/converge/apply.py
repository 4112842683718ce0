# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Doing a plan: a table of actions and the one loop over the steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Callable, Optional

from ..drivers.api import HypervisorDriver
from ..errors import CorralError, MonitorError, NotFound, OperationInvalid, TimedOut
from ..xml.compare import Change
from ..xml.parse import Element, clone
from .plan import Wanted, without_missing
from .resource.steps import take_steps
from .resource.values import Plan, Step

ENDED = ("shut off",)
Missing = AbstractSet[tuple[str, str]]
# The actions that start a guest.
STARTS = ("start", "start_paused", "create", "create_paused")
# A guest that is still booting does not hear the power button, so it is pressed again after this many seconds.
PRESS_AGAIN = 10


@dataclass(frozen=True)
class Job:
    """What an action works on; ``step`` is the one that is being done."""

    driver: HypervisorDriver
    wanted: Wanted
    step: Step
    document: Optional[Element]
    live: tuple[Change, ...] = ()

    @property
    def name(self) -> str:
        """The name of the guest."""
        return self.wanted.name


def check(plan: Plan, driver: HypervisorDriver, missing: Missing = frozenset()) -> None:
    """Raise what would keep the plan from being done, before the first step of it is: as far as it can be foreseen.

    ``missing`` are the volumes, by pool and name, that the plan makes.
    """
    if plan.document is None or not any(step.action in STARTS for step in plan.steps):
        return
    old = next((step.target for step in plan.steps if step.action == "rename"), None)
    document = plan.document if old is None else driver.renamed_document(plan.document, old)
    driver.check_start(without_missing(document, missing) if missing else document)


def apply(plan: Plan, driver: HypervisorDriver, wanted: Wanted) -> None:
    """Do every step of the plan in its order; raises what the driver raises, TimedOut when a guest does not end.

    The error of a step has the actions that were done before it in its details, as ``done``, and says in its hint what
    has become of the guest by them.
    """
    take_steps(
        plan,
        lambda step: ACTIONS[step.action](Job(driver, wanted, step, plan.document, plan.live)),
        lambda done, step: _left(driver, done, step),
    )


@contextmanager
def telling(plan: Plan) -> Iterator[None]:
    """Let an error that comes after the plan say in its details that all of it was done."""
    try:
        yield
    except CorralError as error:
        error.details.update(done=[step.action for step in plan.steps])
        raise


def _left(driver: HypervisorDriver, done: Sequence[str], failed: Step) -> str:
    """What the steps before have made of a guest that could not be started."""
    if failed.action not in STARTS or not done:
        return ""
    state = "is defined" if "define" in done else "was changed"
    with suppress(CorralError):
        state = f"{state} and is {driver.lookup_domain(failed.target).state}"
    return f"The guest {failed.target} {state} now: correct what is wrong and run this again."


def _define(job: Job) -> None:
    if job.document is None:
        raise ValueError("a plan that defines has a document")
    job.driver.define_domain(clone(job.document))


def _write_seed(job: Job) -> None:
    if job.document is None or job.wanted.seed is None:
        raise ValueError("a plan that makes a seed has a document and what is to be in it")
    job.driver.write_seed(job.document, job.wanted.seed)


def _work_on_volume(job: Job) -> None:
    """A volume's own steps know what they are about."""
    next(work for step, work in job.wanted.volumes if step is job.step)()


def _update(job: Job) -> None:
    if job.document is None:
        raise ValueError("a plan that changes what runs has a document")
    job.driver.update_domain(job.name, clone(job.document), job.live, force=job.wanted.force)


def _start_paused(job: Job) -> None:
    job.driver.start_domain(job.name, paused=True)


def _create(job: Job, *, paused: bool = False) -> None:
    if job.document is None:
        raise ValueError("a plan that creates has a document")
    job.driver.create_domain(clone(job.document), paused=paused)


def _undefine(job: Job) -> None:
    """What goes with a definition goes with the guest: one that only becomes transient keeps it."""
    job.driver.undefine_domain(job.name, storage=job.wanted.storage if job.wanted.state == "absent" else "keep")


def _reboot(job: Job) -> None:
    try:
        job.driver.reboot_domain(job.name, timeout=job.wanted.timeout)
    except (TimedOut, OperationInvalid, MonitorError) as error:
        if not job.wanted.force:
            error.hint = error.hint or "Give it more time with timeout, or set force: true to press its reset button."
            raise
        job.driver.reset_domain(job.name)


def _shutdown(job: Job) -> None:
    """Ask the guest to end. With force one is ended that cannot even be asked, because its QEMU does not answer."""
    try:
        _ask_to_end(job)
    except (TimedOut, MonitorError):
        if not job.wanted.force:
            raise
        if not _ended(job, 0):
            job.driver.destroy_domain(job.name)


def _ask_to_end(job: Job) -> None:
    left = job.wanted.timeout
    job.driver.shutdown_domain(job.name)
    while not _ended(job, min(left, PRESS_AGAIN)):
        left -= PRESS_AGAIN
        if left <= 0:
            return _out_of_time(job)
        _press_again(job)
    return None


def _press_again(job: Job) -> None:
    """Press once more; a guest that has ended just now refuses that, which is what is wanted."""
    try:
        job.driver.shutdown_domain(job.name, again=True)
    except (OperationInvalid, NotFound):
        if not _ended(job, 1):
            raise


def _await_end(job: Job) -> None:
    if not _ended(job, job.wanted.timeout):
        _out_of_time(job)


def _ended(job: Job, timeout: float) -> bool:
    try:
        job.driver.wait_domain(job.name, ENDED, timeout=timeout)
    except TimedOut:
        return False
    except NotFound:
        return True  # a transient guest is gone when it has ended
    return True


def _out_of_time(job: Job) -> None:
    if job.wanted.force:
        job.driver.destroy_domain(job.name)
        return
    raise TimedOut(
        f"The guest {job.name} did not shut down within {job.wanted.timeout} s.",
        hint="Look whether it hears the power button (ACPI), give it more time with timeout,"
        " or set force: true to cut its power when the time is over.",
    )


ACTIONS: Mapping[str, Callable[[Job], object]] = {
    "define": _define,
    "update": _update,
    "mend": lambda job: job.driver.mend_domain(job.name),
    "write_seed": _write_seed,
    "create_volume": _work_on_volume,
    "resize_volume": _work_on_volume,
    "update_volume": _work_on_volume,
    "undefine": _undefine,
    "rename": lambda job: job.driver.rename_domain(job.step.target, job.name),
    "create": _create,
    "create_paused": lambda job: _create(job, paused=True),
    "start": lambda job: job.driver.start_domain(job.name),
    "start_paused": _start_paused,
    "resume": lambda job: job.driver.resume_domain(job.name),
    "suspend": lambda job: job.driver.suspend_domain(job.name),
    "shutdown": _shutdown,
    "await_end": _await_end,
    "reboot": _reboot,
    "reset": lambda job: job.driver.reset_domain(job.name),
    "forget_saved": lambda job: job.driver.forget_saved(job.name),
    "destroy": lambda job: job.driver.destroy_domain(job.name),
    "enable_autostart": lambda job: job.driver.set_domain_autostart(job.name, True),
    "disable_autostart": lambda job: job.driver.set_domain_autostart(job.name, False),
}

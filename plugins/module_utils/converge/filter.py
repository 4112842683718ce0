# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network filters: what the module filter does, from options to a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Optional

from ..drivers.api import Fault, Filter, NwfilterDriver, User
from ..errors import NotFound, OperationInvalid
from ..model.nwfilter.identity import FILTER
from ..xml.compare import compare
from ..xml.parse import Element, clone
from .filter_facts import filter_facts
from .filter_spec import desired_filter
from .job import Job
from .options.write import listed
from .resource.result import diff_parts
from .resource.steps import take_steps
from .resource.values import Plan, Step

# Seconds that another run may work on the filter before we give up.
OTHERS = 120
ABSENT = "absent"


@dataclass(frozen=True)
class Current:
    """A filter as it is; ``faults`` are what the rules for active guests lack."""

    summary: Filter
    document: Element
    users: tuple[User, ...]
    faults: tuple[Fault, ...]


def converge_filter(job: Job) -> dict[str, Any]:
    """Bring one filter to what the options of filter ask for; in check mode say what that would take.

    Raises CorralError: InvalidArgument and XmlError for what makes no sense, OperationInvalid for a filter that cannot
    be removed, and what the driver raises for rules that some guest could not have.
    """
    driver, absent = job.connection.nwfilter, job.options["state"] == ABSENT
    name, document = desired_filter(job.options, describe=not absent)
    with _alone(job, driver, name):
        before = gather(driver, name)
        plan = _removal(job, driver, name, before) if absent else _planned(job, driver, name, before, document)
        if not job.check_mode:
            take_steps(plan, lambda step: ACTIONS[step.action](driver, name, plan), _left)
    if job.check_mode and job.expected is not None and not absent:
        job.expected[name] = document  # later filters of a list may take it in
    after = before if job.check_mode or not plan.steps else gather(driver, name)
    result = {
        "changed": bool(plan.steps),
        "actions": [step.as_dict() for step in plan.steps],
        "filter": None if after is None else filter_facts(after.summary, after.document, after.users, after.faults),
    }
    if job.diff:
        result["diff"] = _difference(name, before, plan)
    return result


def gather(driver: NwfilterDriver, name: str) -> Optional[Current]:
    """Return the filter of exactly this name as it is, None when there is none."""
    try:
        summary = driver.lookup_nwfilter(name)
        if summary.name != name:  # its uuid is called so
            return None
        document = driver.nwfilter_xml(name)
    except NotFound:
        return None
    return Current(summary, document, tuple(driver.nwfilter_users(name)), tuple(driver.nwfilter_faults(name)))


def _planned(
    job: Job, driver: NwfilterDriver, name: str, before: Optional[Current], document: Optional[Element]
) -> Plan:
    if document is None:
        if before is None:
            raise NotFound(
                f"There is no filter named {name}, so it cannot be present.",
                hint="Say what it is to be: give xml, or rules and filters.",
            )
        return Plan(steps=_mending(name, before), state="present", document=before.document)
    complete = driver.normalise_nwfilter(document)
    _warn(job, driver, name, document)
    steps = _definition(name, before, complete)
    if steps:
        driver.check_nwfilter(clone(complete))
    return Plan(steps=steps or _mending(name, before), state="present", document=complete)


def _warn(job: Job, driver: NwfilterDriver, name: str, document: Element) -> None:
    from ..drivers.nwfilter.passes.ignored import ignored_parts, unknown_filters

    for part in ignored_parts(document):
        job.warn(f"Filter {name}: {part}, has no effect.")
    expected = job.expected or {}
    missing = unknown_filters(document, lambda other: other == name or other in expected or _exists(driver, other))
    if missing:
        job.warn(f"Filter {name} refers to {listed(missing)}: until that is defined, no guest can use {name}.")


def _exists(driver: NwfilterDriver, name: str) -> bool:
    try:
        driver.nwfilter_xml(name)
    except NotFound:
        return False
    return True


def _definition(name: str, before: Optional[Current], document: Element) -> tuple[Step, ...]:
    """The step that keeps the document; active guests get its rules with it, so nothing is left to mend."""
    if before is None:
        return (Step("define", name),)
    changes = compare(before.document, document, FILTER)
    return (Step("define", name, detail=tuple(str(change) for change in changes)),) if changes else ()


def _mending(name: str, before: Optional[Current]) -> tuple[Step, ...]:
    faults = () if before is None else before.faults
    return (Step("mend", name, detail=tuple(_said(fault) for fault in faults)),) if faults else ()


def _said(fault: Fault) -> str:
    return f"{fault.what}: {fault.detail}"


def _removal(job: Job, driver: NwfilterDriver, name: str, before: Optional[Current]) -> Plan:
    if before is None:
        return Plan()
    if before.summary.builtin:  # there is no definition to remove, so a second run has nothing to do either
        job.warn(f"The filter {name} is built in and stays: it does nothing until somebody refers to it.")
        return Plan(state="present", document=before.document)
    from ..drivers.nwfilter.builtin.table import builtin_document

    own = builtin_document(name)
    if own is not None:
        driver.check_nwfilter(clone(own))
        return Plan(steps=(Step("undefine", name, detail=("the built-in filter is there again",)),), document=own)
    _refuse_used(name, before.users)
    return Plan(steps=(Step("undefine", name),))


def _refuse_used(name: str, users: Sequence[User]) -> None:
    if not users:
        return
    said = [_listed(kind, [user.name for user in users if user.kind == kind]) for kind in ("guest", "filter")]
    raise OperationInvalid(
        f"The filter {name} is used by {listed([part for part in said if part])}, and cannot be absent.",
        hint="Take it out of their definitions first.",
        users=[user._asdict() for user in users],
    )


def _listed(kind: str, names: Sequence[str]) -> str:
    return f"the {kind}{'' if len(names) == 1 else 's'} {', '.join(names)}" if names else ""


def _define(driver: NwfilterDriver, name: str, plan: Plan) -> None:
    if plan.document is not None:
        driver.define_nwfilter(clone(plan.document))


ACTIONS: Mapping[str, Callable[[NwfilterDriver, str, Plan], object]] = {
    "define": _define,
    "mend": lambda driver, name, _plan: driver.mend_nwfilter(name),
    "undefine": lambda driver, name, _plan: driver.undefine_nwfilter(name),
}


def _left(_done: list[str], _failed: Step) -> str:
    """A plan has one step, so nothing has been done before the one that failed."""
    return ""


@contextmanager
def _alone(job: Job, driver: NwfilterDriver, name: str) -> Iterator[None]:
    """Let no other run come between our look and what we do."""
    if job.check_mode:
        yield
        return
    with driver.exclusive(name, timeout=OTHERS):
        yield


def _difference(name: str, before: Optional[Current], plan: Plan) -> list[dict[str, str]]:
    """Return the parts of ``--diff``: the definition, and what the rules for active guests lack."""
    mends = [step for step in plan.steps if step.action == "mend"]
    faults = "".join(f"- {line}\n" for step in mends for line in step.detail)
    states = (f"rules:\n{faults}" if faults else "rules: as they are to be\n", "rules: as they are to be\n")
    return diff_parts(name, FILTER, (None if before is None else before.document, plan.document), states)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets: what the module secret does, from options to a result. No value is ever part of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Optional

from ..drivers.api import Secret, SecretDriver
from ..errors import HostError, InvalidArgument, NotFound
from ..model.secret.core import Secret as SecretView
from ..model.secret.identity import SECRET
from ..xml.canonical import HIDDEN, HIDDEN_CHANGED
from ..xml.compare import compare
from ..xml.parse import Element, clone
from ..xml.views import undeclared
from .job import Job
from .resource.result import diff_parts
from .resource.steps import take_steps
from .resource.values import Plan, Step
from .secret_look import secret_facts
from .secret_spec import Read, Wanted, document_of, wanted_secret

# Seconds that another run may work on secrets before we give up.
OTHERS = 120
# What a value that is made consists of: a text, as LUKS and TPMs want one, that can be typed by hand.
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@dataclass(frozen=True)
class Current:
    """A secret as it is, without its value."""

    summary: Secret
    document: Element


def converge_secret(job: Job, read: Optional[Read] = None) -> dict[str, Any]:
    """Bring one secret to what the options of secret ask for; in check mode say what that would take.

    ``read`` gives a file of the host, by default of the one that the module runs on. Raises CorralError.
    """
    driver = job.connection.secret
    wanted = wanted_secret(job.options, read or _read)
    _hide(job, wanted.value)
    with _alone(job, driver):
        before = gather(driver, wanted.uuid or wanted.purpose or "")
        plan = _planned(job, driver, wanted, before)
        _check_needed(job, driver, wanted, before, plan)
        if not job.check_mode:
            _apply(driver, wanted, plan)
    same = job.check_mode or not plan.steps
    after = before if same else gather(driver, wanted.uuid or wanted.purpose or "")
    result = {
        "changed": bool(plan.steps),
        "actions": [step.as_dict() for step in plan.steps],
        "secret": None if after is None else secret_facts(after.summary),
        "protection": driver.secret_protection(),
    }
    if job.diff:
        result["diff"] = _difference(wanted, before, plan)
    return result


def gather(driver: SecretDriver, reference: str) -> Optional[Current]:
    """Return the secret of a uuid or purpose, None when there is none."""
    try:
        return Current(driver.lookup_secret(reference), driver.secret_xml(reference))
    except NotFound:
        return None


def _planned(job: Job, driver: SecretDriver, wanted: Wanted, before: Optional[Current]) -> Plan:
    if wanted.absent:
        _check_meant(wanted, before)
        return Plan(steps=() if before is None else (Step("undefine", wanted.called()),))
    draft = document_of(wanted, None if before is None else before.document)
    for path, line in undeclared(SecretView(draft)):
        where = f" (line {line})" if line else ""
        job.warn(f"{path}{where} is kept in the definition, and has no effect: this driver does not read it.")
    document = driver.normalise_secret(draft)
    steps = (
        *_definition(wanted, before, document),
        *_value(driver, wanted, before, force=bool(job.options.get("force"))),
    )
    return Plan(steps=steps, state="present", document=document)


def _check_meant(wanted: Wanted, before: Optional[Current]) -> None:
    """What goes is the secret that both names mean."""
    purpose = None if before is None else SecretView(before.document).purpose
    if before is not None and wanted.purpose is not None and purpose != wanted.purpose:
        raise InvalidArgument(
            f"The secret {before.summary.uuid} is for {purpose or 'nothing in particular'}, and not for"
            f" {wanted.purpose}.",
            hint="Give only one of uuid and usage.",
        )


def _check_needed(job: Job, driver: SecretDriver, wanted: Wanted, before: Optional[Current], plan: Plan) -> None:
    """Refuse what would harm those who need the secret; with force they are named in a warning."""
    done = None if before is None else _harm(wanted, before, plan)
    if before is None or done is None:
        return
    from .secret_users import check_unused, needing, said

    users = driver.secret_users().get(before.summary.uuid, [])
    if not job.options.get("force"):
        check_unused(before.summary, wanted.called(), done, users)
    elif harmed := needing(before.summary, done, users):
        job.warn(f"The secret {wanted.called()} was needed by {said(harmed)}, with the value that it had.")


def _harm(wanted: Wanted, before: Current, plan: Plan) -> Optional[str]:
    """What becomes of the value that there is; None where nothing does."""
    actions = [step.action for step in plan.steps]
    if "undefine" in actions:
        return "remove"
    if "set_value" in actions and before.summary.has_value:
        return "rotate"
    passes = plan.document is not None and bool(SecretView(plan.document).ephemeral) and not before.summary.ephemeral
    return "end" if passes and before.summary.has_value and wanted.value is None else None


def _definition(wanted: Wanted, before: Optional[Current], document: Element) -> tuple[Step, ...]:
    if before is None:
        return (Step("define", wanted.called()),)
    changes = compare(before.document, document, SECRET)
    return (Step("define", wanted.called(), detail=tuple(map(str, changes))),) if changes else ()


def _value(driver: SecretDriver, wanted: Wanted, before: Optional[Current], *, force: bool) -> tuple[Step, ...]:
    has = before is not None and before.summary.has_value
    if wanted.value is None:
        sets = wanted.generate is not None and not has
    else:
        sets = not (before is not None and has and _is_value(driver, before.summary.uuid, wanted.value, force=force))
    what = f"value: {HIDDEN} -> {HIDDEN_CHANGED}" if has else f"value: new: {HIDDEN}"
    return (Step("set_value", wanted.called(), detail=(what,)),) if sets else ()


def _is_value(driver: SecretDriver, uuid: str, value: bytes, *, force: bool) -> bool:
    """Whether the secret has this value; one that cannot be read any more is only replaced with force."""
    try:
        return driver.secret_matches(uuid, value)
    except HostError:
        if force:
            return False
        raise


def _apply(driver: SecretDriver, wanted: Wanted, plan: Plan) -> None:
    def left(done: list[str], failed: Step) -> str:
        return "The secret is defined, and has no new value." if "define" in done else ""

    uuid = (SecretView(plan.document).uuid if plan.document is not None else wanted.uuid) or wanted.purpose or ""
    take_steps(plan, lambda step: ACTIONS[step.action](driver, wanted, plan, uuid), left)


def _define(driver: SecretDriver, wanted: Wanted, plan: Plan, uuid: str) -> None:
    if plan.document is not None:
        driver.define_secret(clone(plan.document))


def _set_value(driver: SecretDriver, wanted: Wanted, plan: Plan, uuid: str) -> None:
    driver.set_secret_value(uuid, wanted.value or _made(wanted.generate or 0))


def _undefine(driver: SecretDriver, wanted: Wanted, plan: Plan, uuid: str) -> None:
    driver.undefine_secret(uuid)


ACTIONS: Mapping[str, Callable[[SecretDriver, Wanted, Plan, str], None]] = {
    "define": _define,
    "set_value": _set_value,
    "undefine": _undefine,
}


def _made(length: int) -> bytes:
    from secrets import choice

    return "".join(choice(LETTERS) for _letter in range(length)).encode()


def _read(path: str, limit: int) -> Optional[bytes]:
    from ..host.local import LocalHost

    return LocalHost().read(path, limit=limit)


def _hide(job: Job, value: Optional[bytes]) -> None:
    """Take a value that was decoded or read out of all that is said; one that is no text cannot be said."""
    try:
        text = (value or b"").decode("utf-8")
    except UnicodeDecodeError:
        return
    for words in {text, text.strip()} - {""}:
        job.hide(words)


@contextmanager
def _alone(job: Job, driver: SecretDriver) -> Iterator[None]:
    """Let no other run come between our look and what we do."""
    if job.check_mode:
        yield
        return
    with driver.exclusive("secrets", timeout=OTHERS):
        yield


def _difference(wanted: Wanted, before: Optional[Current], plan: Plan) -> list[dict[str, str]]:
    """Return the parts of ``--diff``: the definition, and whether there is a value and it changes."""
    had = before is not None and before.summary.has_value
    sets = any(step.action == "set_value" for step in plan.steps)
    old = HIDDEN if had else "none"
    new = (HIDDEN_CHANGED if had else HIDDEN) if sets else (old if plan.document is not None else "none")
    documents = (None if before is None else before.document, plan.document)
    return diff_parts(wanted.called(), SECRET, documents, (f"value: {old}\n", f"value: {new}\n"))

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests: what the module vm does, from options to a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Optional

from ..drivers.api import Domain, HypervisorDriver
from ..errors import AlreadyExists, InvalidArgument, OperationFailed
from ..model.domain.identity import DOMAIN
from ..values import parse_uuid
from ..xml.canonical import secret_values
from ..xml.parse import Element
from .apply import apply
from .facts import guest_facts
from .job import Job
from .look import exact, find
from .plan import Current, Wanted, make_plan
from .result import changed_result, guest_diff
from .spec import desired

CONSOLE_LINES = 20


def converge_guest(job: Job) -> dict[str, Any]:
    """Bring one guest to what the options of vm ask for; in check mode say what that would take.

    Raises CorralError: InvalidArgument for options that make no sense, NotFound, what the driver raises, and
    OperationFailed when ``wait_for`` does not see its text.
    """
    driver, options = job.connection.hypervisor, job.options
    wanted, document = _wanted(options)
    for secret in secret_values(document, DOMAIN) if document is not None else ():
        job.hide(secret)
    current = gather(driver, wanted.name)
    if document is not None:
        _check_uuid(driver, document, wanted.name)
        for part in driver.ignored_parts(document):
            job.warn(f"{part} is kept in the definition, and has no effect: this driver does not read it.")
        document = driver.normalise_domain(document)
        current = _observed(driver, current, document)
    plan = make_plan(current, document, wanted)
    if not job.check_mode:
        apply(plan, driver, wanted)
        _wait_for(driver, wanted.name, options.get("wait_for"))
    after = current if job.check_mode else gather(driver, wanted.name)
    result = {**changed_result(plan), "guest": None if after is None else _facts(after)}
    if job.diff:
        result["diff"] = guest_diff(current, plan, wanted)
    return result


def gather(driver: HypervisorDriver, name: str) -> Optional[Current]:
    """Return the guest of exactly this name as it is, None when there is none."""
    domain = exact(driver, name)
    if domain is None:
        return None
    live = driver.domain_xml(name) if domain.active else None
    persistent = driver.domain_xml(name, inactive=True) if domain.persistent else None
    return Current(domain, persistent, live)


def _observed(driver: HypervisorDriver, current: Optional[Current], document: Element) -> Optional[Current]:
    """The same guest with what has drifted from its live document, as far as the wanted one speaks about it."""
    if current is None or current.live is None:
        return current
    return replace(current, live=driver.observe_domain(current.domain.name, document))


def _wanted(options: Mapping[str, Any]) -> tuple[Wanted, Optional[Element]]:
    state, wait_for = options["state"], options.get("wait_for")
    if wait_for and state != "running":
        raise InvalidArgument(
            f"wait_for and state {state} contradict each other: only a running guest writes to its console.",
            hint="Set state: running, or leave wait_for out.",
        )
    name, document = desired(options, describe=state != "absent")
    wanted = Wanted(
        name=name,
        state=state,
        autostart=options.get("autostart"),
        apply=options["apply"],
        force=options["force"],
        timeout=options["timeout"],
    )
    return wanted, document


def _check_uuid(driver: HypervisorDriver, document: Element, name: str) -> None:
    """Say in check mode too that a uuid is taken."""
    text = (document.findtext("uuid") or "").strip()
    if not text:
        return
    other = find(driver, parse_uuid(text))
    if other is not None and other.name != name:
        raise AlreadyExists(f"The uuid {text} belongs to the guest {other.name}; leave it out, or write another.")


def _wait_for(driver: HypervisorDriver, name: str, wait_for: Optional[Mapping[str, Any]]) -> None:
    if not wait_for:
        return
    text, limit = wait_for["console"], wait_for["timeout"]
    if driver.wait_console(name, text, timeout=limit):
        return
    domain = exact(driver, name)
    lines = driver.console_log(name).decode("utf-8", "replace").splitlines()[-CONSOLE_LINES:]
    log = domain.runtime.get("console_log") if domain else None
    raise OperationFailed(
        _unseen(name, text, limit, domain) + _told(lines, log),
        console=lines,
        console_log=log,
        state=domain.state if domain else None,
    )


def _unseen(name: str, text: str, limit: float, domain: Optional[Domain]) -> str:
    if domain is None or not domain.active:
        end = f" ({domain.state}, {domain.reason})" if domain else ""
        return f"The guest {name} has ended{end} without {text!r} on its console."
    return (
        f"The console of the guest {name} did not show {text!r} within {limit} s;"
        f" the guest is {domain.state} ({domain.reason})."
    )


def _told(lines: list[str], log: Optional[str]) -> str:
    where = f" The log is {log}." if log else ""
    return f"{where} Its last lines are:\n" + "\n".join(lines) if lines else f"{where} It wrote nothing at all."


def _facts(current: Current) -> dict[str, Any]:
    document = current.live if current.live is not None else current.persistent
    return guest_facts(current.domain, document)

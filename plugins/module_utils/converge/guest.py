# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests: what the module vm does, from options to a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, Optional

from ..drivers.api import HypervisorDriver, Seed
from ..errors import AlreadyExists, InvalidArgument
from ..host.layout import check_name
from ..model.domain.core import Domain as DomainView
from ..model.domain.identity import DOMAIN
from ..values import parse_uuid
from ..xml.canonical import secret_values
from ..xml.parse import Element, clone
from .apply import apply, check, telling
from .effects import GUEST
from .facts import guest_facts
from .figures import add_addresses, add_figures
from .job import Job
from .look import exact, find
from .plan import ENDS, Current, Wanted, make_plan
from .ready import console_before, wait_until_ready
from .resource.differences import own_definition
from .resource.result import changed_result
from .resource.values import Plan
from .result import guest_diff
from .spec import desired

# Volumes by pool and name, each with its complete document.
Volumes = Mapping[tuple[str, str], Element]
# Seconds that another run may work on the same guest before we give up, beside the time that a guest has to end.
OTHERS = 120


def converge_guest(job: Job) -> dict[str, Any]:
    """Bring one guest to what the options of vm ask for; in check mode say what that would take.

    Raises CorralError: InvalidArgument for options that make no sense, NotFound, what the driver raises, and
    OperationFailed when ``wait_for`` does not see its text.
    """
    driver, options = job.connection.hypervisor, job.options
    wanted, document = _wanted(options)
    for secret in secret_values(document, DOMAIN) if document is not None else ():
        job.hide(secret)
    with _alone(job, wanted):
        current, plan, wanted, missing = _planned(job, wanted, document)
        check(plan, driver, _not_there_yet(job, missing))
        since = 0
        if not job.check_mode:
            since = console_before(driver, plan)
            apply(plan, driver, wanted)
    answered: dict[str, Any] = {}
    if job.check_mode:
        _expect(job, missing)
    else:
        with telling(plan):
            answered = wait_until_ready(driver, wanted.name, options.get("wait_for"), since=since)
    after = current if job.check_mode else gather(driver, wanted.name)
    asked = bool((options.get("wait_for") or {}).get("address"))
    facts = None if after is None else _facts(driver, after, agent=asked)
    result = {**changed_result(plan), **answered, "guest": facts}
    if job.diff:
        result["diff"] = guest_diff(current, plan, wanted)
    return result


@contextmanager
def _alone(job: Job, wanted: Wanted) -> Iterator[None]:
    """Let no other run come between our look and what we do; one that waits for a guest to end takes its time."""
    names = set() if job.check_mode else {wanted.name, job.options.get("renamed_from") or wanted.name}
    with ExitStack() as stack:
        for name in sorted(names):
            stack.enter_context(job.connection.hypervisor.exclusive(name, timeout=max(wanted.timeout, 0) + OTHERS))
        yield


def _not_there_yet(job: Job, missing: Volumes) -> frozenset[tuple[str, str]]:
    """The volumes that are made before the guest is started: its own, and in a check those of guests before it."""
    if not job.expected:
        return frozenset(missing)
    from .volume_expected import expected_places

    return frozenset(missing) | expected_places(job.expected)


def _expect(job: Job, missing: Volumes) -> None:
    """Let later guests of the list find in a check the volumes that this one would have made."""
    if job.expected is None or not missing:
        return
    from .volume_expected import expect_volume

    for (pool, _name), document in missing.items():
        expect_volume(job, pool, document)


def _planned(job: Job, wanted: Wanted, document: Optional[Element]) -> tuple[Optional[Current], Plan, Wanted, Volumes]:
    """The guest as it is, the plan, what is wanted with its volumes, and those of them that are not there yet."""
    driver = job.connection.hypervisor
    missing: Volumes = {}
    current = _found(driver, wanted, job.options.get("renamed_from"))
    if document is not None:
        known = current.domain.name if current else wanted.name
        _check_uuid(driver, document, known)
        job.warn_ignored(driver.ignored_parts(document))
        document = _named(document, known)
        if any(disk.get("pool") for disk in job.options.get("disks") or ()):
            from .guest_volumes import made_volumes  # brings the volumes' code along
            from .volume import storage_of

            existing = None if current is None else own_definition(GUEST, current.persistent, current.live)
            made = made_volumes(storage_of(job), document, job.options, existing)
            document, missing, wanted = made.document, made.missing, replace(wanted, volumes=made.tasks)
        if wanted.seed is not None:
            document = driver.seeded_document(document, wanted.seed)
        document = _renamed(driver, driver.normalise_domain(document), wanted.name)
        for sentence in driver.outdated_parts(document):
            job.warn(sentence)
        current = _observed(driver, _sown(driver, current, document, wanted), document, wanted)
    current = _examined(driver, current, wanted)
    return current, make_plan(current, document, wanted), wanted, missing


def _found(driver: HypervisorDriver, wanted: Wanted, renamed_from: Optional[str]) -> Optional[Current]:
    """The guest as it is, under its old name where it is to be renamed, with what goes when it is removed."""
    old = exact(driver, renamed_from) if renamed_from and renamed_from != wanted.name else None
    if old is not None:
        driver.check_rename(old.name, wanted.name)
        found = gather(driver, old.name)
        kept = None if found is None or found.persistent is None else _renamed(driver, found.persistent, wanted.name)
        return None if found is None else replace(found, persistent=kept)
    found = gather(driver, wanted.name)
    if found is None or wanted.state != "absent" or (wanted.storage == "keep" and not found.domain.persistent):
        return found
    return replace(found, deletes=tuple(driver.check_removal(wanted.name, storage=wanted.storage)))


def _renamed(driver: HypervisorDriver, document: Element, name: str) -> Element:
    """A completed document as it is once its guest has this name."""
    return document if document.findtext("name") == name else driver.renamed_document(document, name)


def _named(document: Element, name: str) -> Element:
    """What the user writes of a guest, under another name."""
    if document.findtext("name") == name:
        return document
    copy = clone(document)
    DomainView(copy).name = name
    return copy


def gather(driver: HypervisorDriver, name: str) -> Optional[Current]:
    """Return the guest of exactly this name as it is, None when there is none."""
    domain = exact(driver, name)
    if domain is None:
        return None
    live = driver.domain_xml(name) if domain.active else None
    persistent = driver.domain_xml(name, inactive=True) if domain.persistent else None
    return Current(domain, persistent, live)


def _sown(driver: HypervisorDriver, current: Optional[Current], document: Element, wanted: Wanted) -> Optional[Current]:
    """The same guest, with whether it lacks the seed that it is to have."""
    if current is None or wanted.seed is None:
        return current
    return replace(current, lacks_seed=not driver.has_seed(current.domain.name, document, wanted.seed))


def _observed(
    driver: HypervisorDriver, current: Optional[Current], document: Element, wanted: Wanted
) -> Optional[Current]:
    """The same guest with what has drifted from its live document, as far as the wanted one speaks about it.

    One that is to end is not asked: it may be ended because it does not answer.
    """
    if current is None or current.live is None or wanted.state == "stopped":
        return current
    return replace(current, live=driver.observe_domain(current.domain.name, document))


def _examined(driver: HypervisorDriver, current: Optional[Current], wanted: Wanted) -> Optional[Current]:
    """The same guest with what it lacks on the host, which is of no account where it is to end."""
    if current is None or current.live is None or ENDS.get(wanted.state) == "off":
        return current
    return replace(current, faults=tuple(driver.domain_faults(current.domain.name)))


def _wanted(options: Mapping[str, Any]) -> tuple[Wanted, Optional[Element]]:
    state = options["state"]
    _check_state(state, options)
    _check_numbers(options)
    for given in (options.get("name"), options.get("renamed_from")):
        if given is not None:
            check_name("guest", given)
    name, document = desired(options, describe=state != "absent")
    wanted = Wanted(
        name=name,
        state=state,
        autostart=options.get("autostart"),
        apply=options["apply"],
        force=options["force"],
        timeout=options["timeout"],
        transient=bool(options.get("transient")),
        storage=options.get("storage") or "keep",
        seed=None if document is None else _seed(options),
    )
    return wanted, document


def _seed(options: Mapping[str, Any]) -> Optional[Seed]:
    if options.get("cloud_init") is None and options.get("ignition") is None:
        return None
    from .options.seed import wanted_seed  # most guests have none

    return wanted_seed(options)


def _check_state(state: str, options: Mapping[str, Any]) -> None:
    """Refuse options that contradict the wanted state."""
    if options.get("wait_for") and ENDS.get(state) != "running":
        raise InvalidArgument(
            f"wait_for and state {state} contradict each other: only a running guest gets ready.",
            hint="Set state: running, or leave wait_for out.",
        )
    if options.get("transient") and ENDS.get(state) not in ("running", "paused") and state != "absent":
        raise InvalidArgument(
            f"transient and state {state} contradict each other: a transient guest is there only while it runs.",
            hint="Set state: running or paused, or leave transient out.",
        )
    if options.get("transient") and options.get("autostart"):
        raise InvalidArgument(
            "transient and autostart contradict each other: only a guest with a definition can start with the host.",
            hint="Leave one of them out.",
        )
    if options.get("renamed_from") and state == "absent":
        raise InvalidArgument(
            "renamed_from and state absent contradict each other.", hint="Remove the guest by the name that it has."
        )


def _check_numbers(options: Mapping[str, Any]) -> None:
    """Refuse times and ports that there are not."""
    awaited: Mapping[str, Any] = options.get("wait_for") or {}
    for name, seconds in (("timeout", options["timeout"]), ("wait_for.timeout", awaited.get("timeout") or 0)):
        if seconds < 0:
            raise InvalidArgument(f"{name}: {seconds} is no time to wait; write a number of seconds, 0 or more.")
    port = awaited.get("port")
    if port is not None and not 1 <= port <= 65535:
        raise InvalidArgument(f"wait_for.port: {port} is no TCP port; write 1 to 65535.")


def _check_uuid(driver: HypervisorDriver, document: Element, name: str) -> None:
    """Say in check mode too that a uuid is taken."""
    text = (document.findtext("uuid") or "").strip()
    if not text:
        return
    other = find(driver, parse_uuid(text))
    if other is not None and other.name != name:
        raise AlreadyExists(f"The uuid {text} belongs to the guest {other.name}; leave it out, or write another.")


def _facts(driver: HypervisorDriver, current: Current, *, agent: bool = False) -> dict[str, Any]:
    document = current.live if current.live is not None else current.persistent
    facts = guest_facts(current.domain, document, current.persistent)
    add_figures(facts, driver, current.domain)
    add_addresses(facts, driver, current.domain, agent=agent)
    return facts

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at guests: what the module vm_info does, and how guests are found."""

from __future__ import annotations

from typing import Any, Optional

from ..drivers.api import Domain, HypervisorDriver
from ..errors import NotFound, OperationInvalid
from .facts import guest_facts, shown_xml
from .figures import (
    AGENT,
    COMMAND,
    MEMORY,
    TASK,
    add_addresses,
    add_agent,
    add_balloon,
    add_command,
    add_figures,
    save_screenshot,
)
from .job import Job
from .unreadable import Unreadable


def show_guests(job: Job) -> dict[str, Any]:
    """Return the facts of the guests that are named (by name, uuid or id), or of all; never changes anything."""
    driver, names = job.connection.hypervisor, job.options.get("name")
    found: list[Domain] = []
    missing: list[str] = []
    for name in names or ():
        domain = find(driver, name)
        if domain is None:
            missing.append(name)
        elif domain.name not in [other.name for other in found]:
            found.append(domain)
    unreadable = Unreadable(job, "Guest")
    picture = job.options.get("screenshot")
    if picture and not job.check_mode:
        save_screenshot(driver, found, picture)
    if names is None:
        everybody = sorted(driver.list_domains(), key=lambda domain: domain.name)
        guests = unreadable.shown(everybody, lambda domain: _shown(job, domain))
    else:
        guests = [facts for domain in found if (facts := _shown(job, domain))]
    return {"changed": False, "guests": guests, "unreadable": unreadable, "missing": missing}


def find(driver: HypervisorDriver, reference: str) -> Optional[Domain]:
    """Return the guest of a name, uuid or id, None when there is none."""
    try:
        return driver.lookup_domain(reference)
    except NotFound:
        return None


def exact(driver: HypervisorDriver, name: str) -> Optional[Domain]:
    """Return the guest of exactly this name: one such as 7 may also be the id of another guest."""
    domain = find(driver, name)
    if domain is None or domain.name == name:
        return domain
    return next((other for other in driver.list_domains() if other.name == name), None)


def _shown(job: Job, domain: Domain) -> Optional[dict[str, Any]]:
    """Return the facts of one guest, None for one that has gone while we looked."""
    driver, options = job.connection.hypervisor, job.options
    asked, xml = options.get("gather") or (), options.get("xml") or "none"
    try:
        waits = domain.active and domain.persistent
        kept = driver.domain_xml(domain.name, inactive=True) if waits else None
        facts = guest_facts(domain, driver.domain_xml(domain.name), kept)
        add_figures(facts, driver, domain)
        if MEMORY in asked:
            add_balloon(facts, driver, domain)
        add_addresses(facts, driver, domain, agent=AGENT in asked)
        if AGENT in asked:
            add_agent(facts, driver, domain)
        if COMMAND in asked:
            add_command(facts, driver, domain)
        if TASK in asked:
            from .export.show import add_task  # brings every option's code along

            add_task(facts, job.connection, domain)
        if xml != "none":
            facts["xml"] = _xml(driver, domain, xml)
    except NotFound:
        return None
    return facts


def _xml(driver: HypervisorDriver, domain: Domain, which: str) -> Optional[str]:
    """The document asked for, None where there is none: a guest that is off has no live one."""
    if which == "live" and not domain.active:
        return None
    if which == "inactive" and not domain.persistent:
        return None
    try:
        return shown_xml(driver.domain_xml(domain.name, inactive=which == "inactive"))
    except OperationInvalid:
        return None

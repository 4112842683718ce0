# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at network filters: what the module filter_info does."""

from __future__ import annotations

from typing import Any, Optional

from ..drivers.api import Filter, NwfilterDriver
from ..errors import CorralError, NotFound
from ..xml.write import to_text
from .filter import gather
from .filter_facts import filter_facts
from .job import Job


def show_filters(job: Job) -> dict[str, Any]:
    """Return the facts of the filters that are named (by name or uuid), or of all; never changes anything."""
    driver, names = job.connection.nwfilter, job.options.get("name")
    xml, builtin = bool(job.options.get("xml")), job.options.get("builtin")
    missing: list[str] = []
    if names is None:
        found = [each for each in driver.list_nwfilters() if builtin in (None, each.builtin)]
        shown = [_shown_beside_others(driver, each.name, xml) for each in found]
    else:
        found = _named(driver, names, missing)
        shown = [_shown(driver, each.name, xml) for each in found]
    return {"changed": False, "filters": [facts for facts in shown if facts], "missing": missing}


def _named(driver: NwfilterDriver, names: list[str], missing: list[str]) -> list[Filter]:
    found: dict[str, Filter] = {}
    for name in names:
        try:
            each = driver.lookup_nwfilter(name)
            found.setdefault(each.name, each)
        except NotFound:
            missing.append(name)
    return list(found.values())


def _shown(driver: NwfilterDriver, name: str, xml: bool) -> Optional[dict[str, Any]]:
    """Return the facts of one filter, None for one that has gone while we looked."""
    current = gather(driver, name)
    if current is None:
        return None
    facts = filter_facts(current.summary, current.document, current.users, current.faults)
    return {**facts, "xml": to_text(current.document)} if xml else facts


def _shown_beside_others(driver: NwfilterDriver, name: str, xml: bool) -> Optional[dict[str, Any]]:
    """Return the same, and of a filter that cannot be looked at what is wrong: it hides no other."""
    try:
        return _shown(driver, name, xml)
    except CorralError as error:
        return {"name": name, "error": " ".join(part for part in (error.message, error.hint) if part)}

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at network filters: what the module filter_info does."""

from __future__ import annotations

from typing import Any, Optional

from ..drivers.api import Filter, NwfilterDriver
from ..errors import NotFound
from ..xml.write import to_text
from .filter import gather
from .filter_facts import filter_facts
from .job import Job
from .unreadable import Unreadable


def show_filters(job: Job) -> dict[str, Any]:
    """Return the facts of the filters that are named (by name or uuid), or of all; never changes anything."""
    driver, names = job.connection.nwfilter, job.options.get("name")
    xml, builtin = bool(job.options.get("xml")), job.options.get("builtin")
    missing: list[str] = []
    unreadable = Unreadable(job, "Filter")
    if names is None:
        everything = [each for each in driver.list_nwfilters() if builtin in (None, each.builtin)]
        filters = unreadable.shown(everything, lambda each: _shown(driver, each.name, xml))
    else:
        found = _named(driver, names, missing)
        filters = [facts for each in found if (facts := _shown(driver, each.name, xml))]
    return {"changed": False, "filters": filters, "unreadable": unreadable, "missing": missing}


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

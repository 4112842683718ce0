# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about a network filter as plain values, for people and for later tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..drivers.api import Fault, Filter, User
from ..model.nwfilter.core import Filter as FilterView
from ..xml.parse import Element


def filter_facts(summary: Filter, document: Element, users: Sequence[User], faults: Sequence[Fault]) -> dict[str, Any]:
    """Return the facts of one filter: what it is, who uses it, and what the rules for active guests lack."""
    view = FilterView(document)
    return {
        "name": summary.name,
        "uuid": summary.uuid,
        "builtin": summary.builtin,
        "chain": view.place,
        "priority": view.rank,
        "filters": view.needs(),
        "rules": len(view.rules),
        "users": [user._asdict() for user in users],
        "faults": [asdict(fault) for fault in faults],
    }

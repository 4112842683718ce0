# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module returns for an object: the plan in words, and the diff, both from the same values."""

from __future__ import annotations

from typing import Any, Optional

from ...xml.canonical import Identity
from ...xml.compare import diff
from ...xml.parse import Element
from .values import Current, Plan

# The actions that take an object away from the guests that use it.
CUTS = ("destroy",)


def changed_result(plan: Plan) -> dict[str, Any]:
    """Return what the plan says: changed, actions, pending and restart_required."""
    return {
        "changed": bool(plan.steps),
        "actions": [step.as_dict() for step in plan.steps],
        "pending": [str(change) for change in plan.pending],
        "restart_required": bool(plan.pending),
    }


def cut_off(current: Optional[Current], plan: Plan) -> list[str]:
    """Return the guests that the plan cuts off, or that the restart would cut off that is still required."""
    cuts = bool(plan.pending) or any(step.action in CUTS for step in plan.steps)
    return list(current.users) if current is not None and cuts else []


def diff_parts(
    name: str, identity: Identity, definition: tuple[Optional[Element], Optional[Element]], states: tuple[str, str]
) -> list[dict[str, str]]:
    """Return the parts of ``--diff`` that differ: the definition as canonical XML, and the state, before and after."""
    parts = [
        _part(f"{name} (definition)", diff(*definition, identity)),
        _part(f"{name} (state)", {"before": states[0], "after": states[1]}),
    ]
    return [part for part in parts if part["before"] != part["after"]]


def state_text(state: str, autostart: bool) -> str:
    """Return what ``--diff`` shows of a state."""
    return f"state: {state}\n" if state == "absent" else f"state: {state}\nautostart: {str(autostart).lower()}\n"


def _part(header: str, texts: dict[str, str]) -> dict[str, str]:
    return {"before_header": header, "after_header": header, **texts}

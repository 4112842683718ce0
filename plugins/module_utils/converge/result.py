# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module returns for a guest: the plan in words, the facts, and the diff, all from the same values."""

from __future__ import annotations

from typing import Any, Optional

from ..model.domain.identity import DOMAIN
from ..xml.compare import diff
from .plan import STATES as PHASE_STATES
from .plan import Current, Plan, Wanted, phase


def changed_result(plan: Plan) -> dict[str, Any]:
    """Return what the plan says: changed, actions, pending and restart_required."""
    return {
        "changed": bool(plan.steps),
        "actions": [step.as_dict() for step in plan.steps],
        "pending": [str(change) for change in plan.pending],
        "restart_required": bool(plan.pending),
    }


def guest_diff(current: Optional[Current], plan: Plan, wanted: Wanted) -> list[dict[str, str]]:
    """Return the parts of ``--diff`` that differ: the definition as canonical XML, and the state."""
    old = current.persistent if current else None
    new = None if plan.state == "absent" else plan.document
    name = wanted.name
    parts = [
        {"before_header": f"{name} (definition)", "after_header": f"{name} (definition)", **diff(old, new, DOMAIN)},
        {"before_header": f"{name} (state)", "after_header": f"{name} (state)", **_states(current, plan)},
    ]
    return [part for part in parts if part["before"] != part["after"]]


def _states(current: Optional[Current], plan: Plan) -> dict[str, str]:
    before = PHASE_STATES[phase(current)] if current else "absent"
    autostart = bool(current and current.domain.autostart)
    return {"before": _state_text(before, autostart), "after": _state_text(plan.state, plan.autostart)}


def _state_text(state: str, autostart: bool) -> str:
    return f"state: {state}\n" if state == "absent" else f"state: {state}\nautostart: {str(autostart).lower()}\n"

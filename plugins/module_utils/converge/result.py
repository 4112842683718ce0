# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest's module returns: the plan in words, and the diff, from the same values."""

from __future__ import annotations

from typing import Optional

from ..model.domain.identity import DOMAIN
from .effects import GUEST
from .plan import STATES as PHASE_STATES
from .plan import Current, Wanted, phase
from .resource.differences import own_definition
from .resource.result import diff_parts, state_text
from .resource.values import Plan


def guest_diff(current: Optional[Current], plan: Plan, wanted: Wanted) -> list[dict[str, str]]:
    """Return the parts of ``--diff`` that differ: the definition as canonical XML, and the state."""
    old = own_definition(GUEST, current.persistent, current.live) if current else None
    new = None if plan.state == "absent" else plan.document
    before = PHASE_STATES[phase(current)] if current else "absent"
    autostart = bool(current and current.domain.autostart)
    states = (state_text(before, autostart), state_text(plan.state, plan.autostart))
    return diff_parts(wanted.name, DOMAIN, (old, new), states)

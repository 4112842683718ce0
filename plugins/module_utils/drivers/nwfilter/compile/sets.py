# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The set that a rule needs for itself: it keeps what is counted, or has what fields are compared with."""

from __future__ import annotations

from typing import Optional, Tuple

from ....model.nwfilter.protocols import PROTOCOLS
from .values import ConcreteRule

# Senders that are counted at a time; nobody else fits in then.
MOST_SENDERS = 65535


def own_set(rule: ConcreteRule) -> Optional[str]:
    """Return what stands between the braces of the definition of ``rule.own_set``; None where no set is needed."""
    if rule.says("connlimit-above"):
        family = PROTOCOLS[rule.protocol or ""].family or 4
        return f"type ipv{family}_addr; size {MOST_SENDERS}; flags dynamic;"
    return "typeof @nh,112,8 . @nh,192,8;" if _compares(rule) else None


def own_elements(rule: ConcreteRule) -> Tuple[str, ...]:
    """Return what is in ``rule.own_set`` from the start: nothing, or all pairs of a byte with itself."""
    return tuple(f"{byte} . {byte}" for byte in range(256)) if _compares(rule) else ()


def _compares(rule: ConcreteRule) -> bool:
    gratuitous = rule.get("gratuitous")
    return gratuitous is not None and bool(gratuitous.value)

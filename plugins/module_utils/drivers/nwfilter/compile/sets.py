# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The set that a rule needs for itself, to keep what it counts or compares from one packet to the next."""

from __future__ import annotations

from typing import Optional

from ....model.nwfilter.protocols import PROTOCOLS
from .values import ConcreteRule

# Senders that are counted at a time, and that are compared at a time; nobody else fits in then.
MOST_SENDERS = 65535


def own_set(rule: ConcreteRule) -> Optional[str]:
    """Return what stands between the braces of the definition of ``rule.own_set``; None where no set is needed."""
    if rule.says("connlimit-above"):
        family = PROTOCOLS[rule.protocol or ""].family or 4
        return f"type ipv{family}_addr; size {MOST_SENDERS}; flags dynamic;"
    gratuitous = rule.get("gratuitous")
    if gratuitous is not None and gratuitous.value:
        return f"typeof @nh,112,32; size {MOST_SENDERS}; flags dynamic;"
    return None

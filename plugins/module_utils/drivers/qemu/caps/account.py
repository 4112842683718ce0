# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who runs QEMU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple


@dataclass(frozen=True)
class Account:
    """Who runs QEMU: (uid, gid) and the supplementary groups; the caller itself when there is no user."""

    user: Optional[Tuple[int, int]] = None
    groups: Tuple[int, ...] = ()


OURSELVES = Account()

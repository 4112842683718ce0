# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many processors the real machine has for us."""

from __future__ import annotations

import os


def processors() -> int:
    """Return how many processors we may run on: less than the machine has in a container that is limited to some."""
    return len(os.sched_getaffinity(0))

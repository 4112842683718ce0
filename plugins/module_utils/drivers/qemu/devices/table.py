# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of device kinds, in the order in which QEMU gets them: what others plug into stands first."""

from __future__ import annotations

from typing import Dict, Tuple

from ..kinds import Kind
from .memballoon import MEMBALLOON

DEVICES: Tuple[Kind, ...] = (MEMBALLOON,)

BY_TAG: Dict[str, Kind] = {kind.tag: kind for kind in DEVICES}

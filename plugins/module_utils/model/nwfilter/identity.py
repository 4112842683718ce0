# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of a filter document. Rules and references have no name: which comes first counts, also among both."""

from __future__ import annotations

from typing import Dict, Tuple

from ...xml.canonical import Identity

FILTER_ORDER: Dict[str, Tuple[str, ...]] = {"": ("uuid", "rule|filterref")}
FILTER = Identity(order={"": (*FILTER_ORDER[""], "...")})

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules as a kernel without connection tracking and reject for bridges can check them."""

from __future__ import annotations

import re

# What is taken out, and what is put there.
LACKING = (
    (r" ct state & \([^)]*\) == 0", ""),
    (r" ct (?:state|direction) (?:!= )?[a-z,]+", ""),
    (r"\{ (ip6? saddr) ct count (?:over )?\d+ \}", r"{ \1 }"),
    (r"\breject(?= comment)", "drop"),
)


def softened(text: str) -> str:
    """Return the text of a transaction without what such a kernel lacks; comments stay as they are."""
    for pattern, instead in LACKING:
        text = re.sub(pattern, instead, text)
    return text

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module says of a failure: of the whole run, or of one element of a list."""

from __future__ import annotations

from typing import Any

from ..errors import CorralError


def failure(error: CorralError) -> dict[str, Any]:
    """Return the keys that every failure has: msg, changed, error (its kind), hint and details.

    Something has changed where the error came after a step that was done.
    """
    details = {name: value for name, value in error.details.items() if value is not None}
    return {
        "msg": str(error),
        "changed": bool(details.get("done")),
        "error": type(error).__name__,
        "hint": error.hint,
        "details": details,
    }

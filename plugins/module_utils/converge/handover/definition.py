# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hand_over can be told, as Ansible's argument specification."""

from __future__ import annotations

from typing import Any

HAND_OVER: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "to": {"type": "str", "required": True},
    "uri": {"type": "str"},
    "to_uri": {"type": "str"},
    "timeout": {"type": "int", "default": 120},
    "force": {"type": "bool", "default": False},
    "shared": {"type": "list", "elements": "str", "default": []},
    "replace": {"type": "bool", "default": False},
    "remove_copied": {"type": "bool", "default": False},
}

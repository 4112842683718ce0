# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What filter can be told of a network filter, as Ansible's argument specification.

No option has a default here: "not given" has to be told from "given", because ``xml`` contradicts whatever is given,
and a filter is described as soon as one of them is.
"""

from __future__ import annotations

from typing import Any

from .argspec import Spec

ACTIONS = ["drop", "accept", "reject", "return", "continue"]
DIRECTIONS = ["in", "out", "inout"]

RULE: dict[str, dict[str, Any]] = {
    "action": {"type": "str", "choices": ACTIONS, "required": True},
    "direction": {"type": "str", "choices": DIRECTIONS, "required": True},
    "priority": {"type": "int"},
    "statematch": {"type": "bool"},
    "protocol": {"type": "str"},
    "match": {"type": "dict"},
    "unless": {"type": "dict"},
    "comment": {"type": "str"},
}

# What a filter is. An entry of ``filters`` is a name, or a mapping of a name with parameters.
FILTER_DEFINITION = Spec(
    {
        "name": {"type": "str"},
        "xml": {"type": "str"},
        "uuid": {"type": "str"},
        "chain": {"type": "str"},
        "priority": {"type": "int"},
        "filters": {"type": "list", "elements": "raw"},
        "rules": {"type": "list", "elements": "dict", "options": RULE},
    },
    required_one_of=(("name", "xml"),),
)
# The options that a document says too: with ``xml`` they contradict it.
FILTER_DEFINING: tuple[str, ...] = tuple(name for name in FILTER_DEFINITION.options if name not in ("name", "xml"))

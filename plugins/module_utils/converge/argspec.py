# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specifications: what modules share, and the one composition of them.

A specification is a value; ``composed`` joins any number of them into the arguments of AnsibleModule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Spec:
    """A part of a module's arguments: ``options`` as in Ansible's argument_spec, and the rules between them."""

    options: Mapping[str, Any]
    required_one_of: tuple[tuple[str, ...], ...] = ()
    required_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    supports_check_mode: bool = True


CONNECTION = Spec({"uri": {"type": "str"}})


def composed(*parts: Spec) -> dict[str, Any]:
    """Return the keyword arguments of AnsibleModule for these parts together."""
    options: dict[str, Any] = {}
    required_by: dict[str, tuple[str, ...]] = {}
    for part in parts:
        clash = sorted(set(options) & set(part.options))
        if clash:
            raise ValueError(f"the option {clash[0]} is given by two parts of an argument specification")
        options.update(part.options)
        required_by.update(part.required_by)
    return {
        "argument_spec": options,
        "required_one_of": [rule for part in parts for rule in part.required_one_of],
        "required_by": required_by,
        "supports_check_mode": all(part.supports_check_mode for part in parts),
    }

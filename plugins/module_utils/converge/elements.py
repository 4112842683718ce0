# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an element of a list is told, as Ansible reads the options of a module: types, choices, what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Callable

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError

from .argspec import Spec, composed
from .hiding import secret_words

Read = Callable[[Mapping[str, Any]], "tuple[dict[str, Any], list[str]]"]


def reader(parts: Iterable[Spec], hide: Callable[[Iterable[str]], None]) -> Read:
    """Return what makes values of an element's options, with what is wrong with them; secrets go to ``hide``."""
    whole = composed(*parts)
    rows, rules = whole["argument_spec"], ("required_one_of", "required_by")
    validator = ArgumentSpecValidator(rows, **{rule: whole[rule] for rule in rules})

    def read(told: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        found = validator.validate(told)
        options = dict(found.validated_parameters)
        hide(secret_words(rows, options))
        wrong = [str(error.msg) for error in found.errors if not isinstance(error, UnsupportedError)]
        unknown = [_path(name) for name in found.unsupported_parameters]
        wrong += [f"there is no option {name}." for name in sorted(unknown)]
        return options, wrong

    return read


def _path(name: Any) -> str:
    """Where an option stands that nobody knows: Ansible has a tuple for one below another."""
    return ".".join(map(str, name)) if isinstance(name, tuple) else str(name)

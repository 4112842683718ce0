# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""QEMU options as values, and their one way onto a command line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, FrozenSet, Iterable, Iterator, List, Mapping, Optional, Tuple, Union

from .caps.model import Capabilities

Value = Union[None, str, Mapping[str, Any]]

# These take a JSON object in every QEMU that we support (7.0 and newer); the others take key=value lists.
JSON_FLAGS: FrozenSet[str] = frozenset({"-device", "-object", "-blockdev", "-netdev", "-audiodev", "-compat"})


@dataclass(frozen=True)
class Option:
    """One option: ``flag`` with its dash, and its value.

    A value is None (a bare flag), a text that is written as it is, or a mapping. ``first`` names the key of a mapping
    whose value stands first and without its key in the key=value form (``-machine q35,...``).
    """

    flag: str
    value: Value = None
    first: Optional[str] = None


def device(driver: str, **properties: Any) -> Option:
    """A -device; properties that are None are left out, and underscores in names become dashes."""
    return Option("-device", with_set({"driver": driver}, **properties))


def with_set(start: Mapping[str, Any], **properties: Any) -> Mapping[str, Any]:
    """The mapping with these properties added: None is left out, underscores become dashes."""
    more = {name.replace("_", "-"): value for name, value in properties.items() if value is not None}
    return {**start, **more}


def properties(*parts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Join mappings, leaving out every property that is None; names are taken as they are."""
    return {name: value for part in parts for name, value in part.items() if value is not None}


def argv(options: Iterable[Option], caps: Capabilities) -> List[str]:
    """Write options as arguments for a QEMU with these capabilities."""
    words: List[str] = []
    for option in options:
        words.append(option.flag)
        if option.value is not None:
            words.append(_text(option, caps))
    return words


def _text(option: Option, caps: Capabilities) -> str:
    if isinstance(option.value, str):
        return option.value
    if option.value is None:
        raise AssertionError("option.value is not there")
    if option.flag in JSON_FLAGS and (option.flag != "-netdev" or caps.version >= (7, 2, 0)):
        return json.dumps(option.value, separators=(",", ":"))
    return keyval(option.value, first=option.first)


def keyval(mapping: Mapping[str, Any], *, first: Optional[str] = None) -> str:
    """Write a mapping as QEMU's key=value list; a comma in a value is doubled (QEMU's keyval.c)."""
    parts = []
    for name, value in _flat(mapping):
        text = _scalar(value).replace(",", ",,")
        parts.append(text if name == first else f"{name}={text}")
    return ",".join(parts)


def _flat(mapping: Mapping[str, Any]) -> Iterator[Tuple[str, Any]]:
    for name, value in mapping.items():
        if isinstance(value, Mapping):
            for inner, item in _flat(value):
                yield f"{name}.{inner}", item
        elif isinstance(value, (list, tuple)):
            for item in value:  # a repeated key, as in hostfwd=...,hostfwd=...; JSON wraps its texts
                yield name, item["str"] if isinstance(item, Mapping) else item
        else:
            yield name, value


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Capabilities as JSON that is quick to read: names are joined into one text, the schema is compressed."""

from __future__ import annotations

import base64
import json
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Tuple

from .flags import SCHEMA_PATHS
from .model import AccelView, Capabilities, CpuModel, Machine
from .schema import Schema

# To be raised when what is stored changes, or when the prober asks for more.
FORMAT = 1

Pair = Tuple[Callable[[Any], Any], Callable[[Any], Any]]


def pack(caps: Capabilities) -> Dict[str, Any]:
    """Return the capabilities as plain JSON values."""
    return {name: to_plain(getattr(caps, name)) for name, (to_plain, _back) in _FIELDS.items()}


def unpack(plain: Mapping[str, Any]) -> Capabilities:
    """Return what was packed; raises KeyError, TypeError or ValueError when this is something else."""
    return Capabilities(**{name: back(plain[name]) for name, (_to_plain, back) in _FIELDS.items()})


def _same(value: Any) -> Any:
    return value


def _join(names: FrozenSet[str]) -> str:
    return " ".join(sorted(names))  # no name in QEMU has a space


def _split(text: str) -> FrozenSet[str]:
    return frozenset(text.split())


def _join_each(names: Mapping[str, FrozenSet[str]]) -> Dict[str, str]:
    return {key: _join(value) for key, value in names.items()}


def _split_each(texts: Mapping[str, str]) -> Dict[str, FrozenSet[str]]:
    return {key: _split(value) for key, value in texts.items()}


def _pack_schema(schema: Schema) -> Dict[str, Any]:
    return {
        "packed": base64.b64encode(schema.packed).decode("ascii"),
        "yes": [path for path in SCHEMA_PATHS if schema.has(path)],
        "no": [path for path in SCHEMA_PATHS if not schema.has(path)],
    }


def _unpack_schema(plain: Mapping[str, Any]) -> Schema:
    known = {**dict.fromkeys(plain["yes"], True), **dict.fromkeys(plain["no"], False)}
    return Schema(base64.b64decode(plain["packed"], validate=True), known)


def _pack_view(view: AccelView) -> Dict[str, Any]:
    return {
        "machines": [list(vars(machine).values()) for machine in view.machines],
        "cpus": [list(vars(cpu).values()) for cpu in view.cpus],
        "host_cpu": _pack_switches(view.host_cpu),
        "host_cpu_all": _pack_switches(view.host_cpu_all),
        "hyperv": _pack_switches(view.hyperv),
    }


def _unpack_view(plain: Mapping[str, Any]) -> AccelView:
    return AccelView(
        machines=tuple(Machine(*row) for row in plain["machines"]),
        cpus=tuple(_unpack_cpu(row) for row in plain["cpus"]),
        host_cpu=_unpack_switches(plain["host_cpu"]),
        host_cpu_all=_unpack_switches(plain["host_cpu_all"]),
        hyperv=_unpack_switches(plain["hyperv"]),
    )


def _unpack_cpu(row: List[Any]) -> CpuModel:
    name, typename, deprecated, unavailable, alias_of = row
    return CpuModel(name, typename, deprecated, None if unavailable is None else tuple(unavailable), alias_of)


def _pack_switches(values: Mapping[str, Any]) -> List[Any]:
    """Most properties of a CPU are true or false: their names in two texts, and the others as they are."""
    on = _join(frozenset(name for name, value in values.items() if value is True))
    off = _join(frozenset(name for name, value in values.items() if value is False))
    return [on, off, {name: value for name, value in values.items() if not isinstance(value, bool)}]


def _unpack_switches(plain: List[Any]) -> Dict[str, Any]:
    on, off, others = plain
    return {**dict.fromkeys(on.split(), True), **dict.fromkeys(off.split(), False), **others}


_PLAIN: Pair = (_same, _same)
_NAMES: Pair = (_join, _split)
_NAMES_EACH: Pair = (_join_each, _split_each)

_FIELDS: Mapping[str, Pair] = {
    "binary": _PLAIN,
    "version": (list, tuple),
    "arch": _PLAIN,
    "package": _PLAIN,
    "kvm": _PLAIN,
    "kvm_reason": _PLAIN,
    "accels": (
        lambda views: {accel: _pack_view(view) for accel, view in views.items()},
        lambda plain: {accel: _unpack_view(view) for accel, view in plain.items()},
    ),
    "types": _NAMES,
    "device_properties": _NAMES_EACH,
    "object_properties": _NAMES_EACH,
    "commands": _NAMES,
    "events": _NAMES,
    "schema": (_pack_schema, _unpack_schema),
    "command_line_options": _NAMES_EACH,
    "migrate_capabilities": _NAMES,
    "tpm_models": _NAMES,
    "tpm_types": _NAMES,
    "sev": _PLAIN,
    "sgx": _PLAIN,
}


def dump(document: Mapping[str, Any]) -> bytes:
    """Return a document as compact JSON."""
    return json.dumps(document, separators=(",", ":")).encode()

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions to the answer of query-qmp-schema, asked as paths.

The rules of the schema are those of QEMU's docs/devel/qapi-code-gen, "Client JSON Protocol introspection".
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Callable, Dict, Mapping, Optional, Sequence

Entity = Mapping[str, Any]
Entities = Mapping[str, Entity]

_STARTS = ("command", "event")


@dataclass(frozen=True)
class Schema:
    """A monitor's schema, kept as compressed JSON because most runs ask it nothing that is not ``known``.

    A path starts with the name of a command or an event, its steps are separated by ``/``:

    - ``arg-type`` or ``ret-type`` of the command or event;
    - ``NAME`` a member of an object; ``*NAME`` one that may be left out;
    - ``+NAME`` the branch of a union where the tag has that value, or the JSON type of an alternate;
    - ``^NAME`` a value of an enumeration;
    - ``!NAME`` a feature of what the path has reached so far.

    Arrays are walked through without a step. Example: ``blockdev-add/arg-type/+file/drop-cache``.
    ``known`` are answers that were found before: parsing a schema takes about 10 ms.
    """

    packed: bytes = zlib.compress(b"[]")
    known: Mapping[str, bool] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, entities: Sequence[Entity]) -> Schema:
        """Return the schema from the answer of query-qmp-schema."""
        return cls(zlib.compress(json.dumps(entities, separators=(",", ":")).encode(), 6))

    def has(self, path: str) -> bool:
        """Whether the whole path exists."""
        answer = self.known.get(path)
        return self._find(path) if answer is None else answer

    def names(self, meta_type: str) -> Sequence[str]:
        """The names of all entities of a meta-type, such as ``command`` or ``event``."""
        return [name for name, entity in _entities(self.packed).items() if entity.get("meta-type") == meta_type]

    def _find(self, path: str) -> bool:
        first, *steps = path.split("/")
        entities = _entities(self.packed)
        start = entities.get(first, {})
        return start.get("meta-type") in _STARTS and _walk(entities, start, steps)


@lru_cache(maxsize=4)
def _entities(packed: bytes) -> Entities:
    return {entity["name"]: entity for entity in json.loads(zlib.decompress(packed))}


def _walk(entities: Entities, at: Optional[Entity], steps: Sequence[str]) -> bool:
    reached = at  # members are kept as they stand in their object, because features belong to the member
    for step in steps:
        if reached is None:
            return False
        reached = _STEPS.get(step[:1], _member)(entities, reached, step)
    return reached is not None


def _type_of(entities: Entities, reached: Entity) -> Entity:
    """The entity that a member, branch, command side or array finally stands for."""
    entity = entities.get(reached["type"], {}) if "type" in reached else reached
    while entity.get("meta-type") == "array":
        entity = entities.get(entity["element-type"], {})
    return entity


def _named(rows: Sequence[Any], name: str, key: str = "name") -> Optional[Entity]:
    return next((row for row in rows if row.get(key) == name), None)


def _member(entities: Entities, reached: Entity, step: str) -> Optional[Entity]:
    entity = _type_of(entities, reached)
    if entity.get("meta-type") in _STARTS:
        return {"type": entity[step]} if step in ("arg-type", "ret-type") and step in entity else None
    return _named(entity.get("members", ()), step) if entity.get("meta-type") == "object" else None


def _optional(entities: Entities, reached: Entity, step: str) -> Optional[Entity]:
    member = _member(entities, reached, step[1:])
    return member if member is not None and "default" in member else None


def _branch(entities: Entities, reached: Entity, step: str) -> Optional[Entity]:
    entity, name = _type_of(entities, reached), step[1:]
    if entity.get("meta-type") == "alternate":
        return next((row for row in entity["members"] if _alternate_name(entities, row) == name), None)
    return _named(entity.get("variants", ()), name, key="case")


def _alternate_name(entities: Entities, row: Entity) -> str:
    # object and enum names are hidden behind numbers in the schema, so an alternate's types go by their meta-type
    entity = entities.get(row["type"], {})
    return str(entity.get("json-type") if entity.get("meta-type") == "builtin" else entity.get("meta-type"))


def _value(entities: Entities, reached: Entity, step: str) -> Optional[Entity]:
    entity, name = _type_of(entities, reached), step[1:]
    if entity.get("meta-type") != "enum" or name not in entity.get("values", ()):
        return None
    return _named(entity.get("members", ()), name) or {}  # members, with their features, came with 6.2


def _feature(entities: Entities, reached: Entity, step: str) -> Optional[Entity]:
    own = reached.get("features", ())
    typed = _type_of(entities, reached).get("features", ()) if "type" in reached else ()
    return {} if step[1:] in own or step[1:] in typed else None


_STEPS: Dict[str, Callable[[Entities, Entity, str], Optional[Entity]]] = {
    "*": _optional,
    "+": _branch,
    "^": _value,
    "!": _feature,
}

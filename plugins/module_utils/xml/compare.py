# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Comparing two completed documents: differences as values, siblings matched by what names them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Optional

from .canonical import (
    HIDDEN,
    HIDDEN_CHANGED,
    Identity,
    below,
    canonical,
    canonical_text,
    labelled,
    masked,
    secret_values,
)
from .parse import Element, clone
from .write import to_text

Steps = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Change:
    """One difference: ``place`` is the path of tags, ``path`` the same for people, such as /domain/devices/disk[vda].

    ``before`` is None for what is new, ``after`` for what is gone. A value is a text or attribute, or a whole element
    on one line. Secret values are hidden. ``steps`` lead to the element: its tag and label at each level, as ``at``
    takes them; ``whole`` says that the element itself is new or gone.
    """

    place: str
    path: str
    before: Optional[str]
    after: Optional[str]
    steps: Steps = field(default=(), compare=False, repr=False)
    whole: bool = field(default=False, compare=False, repr=False)

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.path}: new: {self.after}"
        if self.after is None:
            return f"{self.path}: gone: {self.before}"
        return f"{self.path}: {self.before} -> {self.after}"


def compare(before: Element, after: Element, identity: Identity) -> tuple[Change, ...]:
    """Return what differs between two documents of one kind, in the order of their canonical form."""
    root = f"/{after.tag}"
    if before.tag != after.tag:
        return (Change("", root, str(before.tag), str(after.tag)),)
    if to_text(before) == to_text(after):  # which most documents are, and it is soon seen
        return ()
    start = _Place("", root, (), identity)
    return tuple(_differences(canonical(before, identity), canonical(after, identity), start))


def at(document: Element, steps: Steps, identity: Identity) -> Optional[Element]:
    """Return the element that the steps of a change lead to in a document, None where it has none."""
    found, place = document, ""
    for step in steps:
        inner = labelled(found, place, identity.keys).get(step)
        if inner is None:
            return None
        found, place = inner, below(place, step[0])
    return found


def take(document: Element, wanted: Element, change: Change, identity: Identity) -> None:
    """Let a document have what the wanted one has at the place of a change, and nothing else of it."""
    holder, source, place = document, wanted, ""
    for step in change.steps:
        inner = labelled(holder, place, identity.keys).get(step)
        model = labelled(source, place, identity.keys).get(step)
        if inner is None or model is None:
            if inner is not None:
                holder.remove(inner)
            if model is not None:
                _insert(holder, source, model, place, identity)
            return
        holder, source, place = inner, model, below(place, step[0])
    _take_value(holder, source, change)


def _insert(holder: Element, source: Element, model: Element, place: str, identity: Identity) -> None:
    """Put a copy of ``model`` behind the sibling that it stands behind in ``source``, where there is one."""
    here, position = labelled(holder, place, identity.keys), 0
    for key, sibling in labelled(source, place, identity.keys).items():
        if sibling is model:
            break
        if key in here:
            position = holder.index(here[key]) + 1
    holder.insert(position, clone(model))


def _take_value(holder: Element, source: Element, change: Change) -> None:
    _head, mark, name = change.place.rpartition("@")
    parent, value = holder.getparent(), source.get(name) if mark else None
    if change.whole and parent is not None:
        parent.replace(holder, clone(source))
    elif value is not None:
        holder.set(name, value)
    elif mark:
        holder.attrib.pop(name, "")
    else:
        holder.text = source.text


def diff(before: Optional[Element], after: Optional[Element], identity: Identity) -> dict[str, str]:
    """Return the texts of ``--diff``: canonical documents with their secrets hidden, "" where there is none."""
    known = None if before is None else secret_values(before, identity)
    return {
        "before": "" if before is None else canonical_text(before, identity),
        "after": "" if after is None else canonical_text(after, identity, known),
    }


@dataclass(frozen=True)
class _Place:
    """Where a comparison is: the place and the path of a change there, and the steps to it."""

    place: str
    path: str
    steps: Steps
    identity: Identity

    def child(self, key: tuple[str, str], shown: str) -> _Place:
        return _Place(below(self.place, key[0]), f"{self.path}/{shown}", (*self.steps, key), self.identity)


def _differences(before: Element, after: Element, here: _Place) -> Iterator[Change]:
    for name in sorted({str(name) for name in (*before.attrib, *after.attrib)}):
        inner = _Place(below(here.place, f"@{name}"), f"{here.path}/@{name}", here.steps, here.identity)
        yield from _values(before.get(name), after.get(name), inner)
    yield from _values(before.text, after.text, here)
    old, new = (labelled(side, here.place, here.identity.keys) for side in (before, after))
    for key in [*old, *(key for key in new if key not in old)]:
        deeper = here.child(key, _shown(key, old, new))
        if key in old and key in new:
            yield from _differences(old[key], new[key], deeper)
        else:
            gone, fresh = _line(old.get(key), deeper), _line(new.get(key), deeper)
            yield Change(deeper.place, deeper.path, gone, fresh, deeper.steps, whole=True)
    if set(old) == set(new) and [tag for tag, _label in old] != [tag for tag, _label in new]:  # "a|b" in the order
        was, now = (", ".join(_shown(key, old, new) for key in side) for side in (old, new))
        yield Change(here.place, here.path, was, now, here.steps)


def _values(before: Optional[str], after: Optional[str], here: _Place) -> Iterator[Change]:
    if before == after:
        return
    if here.place in here.identity.secrets:
        before, after = before and HIDDEN, after and HIDDEN_CHANGED
    yield Change(here.place, here.path, before, after, here.steps)


def _shown(key: tuple[str, str], *sides: dict[tuple[str, str], Element]) -> str:
    """Show the label, but not the number 1 of an element that is alone."""
    tag, name = key
    alone = name == "1" and not any((tag, "2") in side for side in sides)
    return tag if alone else f"{tag}[{name}]"


def _line(element: Optional[Element], here: _Place) -> Optional[str]:
    if element is None:
        return None
    place = here.place
    secrets = (path[len(place) :].lstrip("/") for path in here.identity.secrets if path.startswith(f"{place}/"))
    text = to_text(masked(element, Identity(secrets=frozenset(secrets))))
    return "".join(line.strip() for line in text.splitlines())

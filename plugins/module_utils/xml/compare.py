# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Comparing two completed documents: differences as values, siblings matched by what names them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
from .parse import Element
from .write import to_text


@dataclass(frozen=True)
class Change:
    """One difference: ``place`` is the path of tags, ``path`` the same for people, such as /domain/devices/disk[vda].

    ``before`` is None for what is new, ``after`` for what is gone. A value is a text or attribute, or a whole element
    on one line. Secret values are hidden.
    """

    place: str
    path: str
    before: Optional[str]
    after: Optional[str]

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
    return tuple(_differences(canonical(before, identity), canonical(after, identity), "", root, identity))


def diff(before: Optional[Element], after: Optional[Element], identity: Identity) -> dict[str, str]:
    """Return the texts of ``--diff``: canonical documents with their secrets hidden, "" where there is none."""
    known = None if before is None else secret_values(before, identity)
    return {
        "before": "" if before is None else canonical_text(before, identity),
        "after": "" if after is None else canonical_text(after, identity, known),
    }


def _differences(before: Element, after: Element, place: str, path: str, identity: Identity) -> Iterator[Change]:
    for name in sorted({str(name) for name in (*before.attrib, *after.attrib)}):
        inner, shown = below(place, f"@{name}"), f"{path}/@{name}"
        yield from _values(before.get(name), after.get(name), inner, shown, identity)
    yield from _values(before.text, after.text, place, path, identity)
    old, new = labelled(before, place, identity.keys), labelled(after, place, identity.keys)
    for key in [*old, *(key for key in new if key not in old)]:
        inner, shown = below(place, key[0]), f"{path}/{_shown(key, old, new)}"
        if key in old and key in new:
            yield from _differences(old[key], new[key], inner, shown, identity)
        else:
            yield Change(inner, shown, _line(old.get(key), inner, identity), _line(new.get(key), inner, identity))


def _values(before: Optional[str], after: Optional[str], place: str, path: str, identity: Identity) -> Iterator[Change]:
    if before == after:
        return
    if place in identity.secrets:
        before, after = before and HIDDEN, after and HIDDEN_CHANGED
    yield Change(place, path, before, after)


def _shown(key: tuple[str, str], *sides: dict[tuple[str, str], Element]) -> str:
    """Show the label, but not the number 1 of an element that is alone."""
    tag, name = key
    alone = name == "1" and not any((tag, "2") in side for side in sides)
    return tag if alone else f"{tag}[{name}]"


def _line(element: Optional[Element], place: str, identity: Identity) -> Optional[str]:
    if element is None:
        return None
    secrets = (path[len(place) :].lstrip("/") for path in identity.secrets if path.startswith(f"{place}/"))
    text = to_text(masked(element, Identity(secrets=frozenset(secrets))))
    return "".join(line.strip() for line in text.splitlines())

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The canonical form: two documents that mean the same read the same, so that a diff shows only what differs.

Paths here are tags joined by ``/`` below the root, such as ``devices/disk``; ``*`` stands for any one tag, and a
last step ``@name`` for an attribute.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Optional

from .parse import Element, clone
from .write import to_text

Keys = Mapping[str, tuple[tuple[str, ...], ...]]
HIDDEN = "(secret)"
HIDDEN_CHANGED = "(secret, changed)"


@dataclass(frozen=True)
class Identity:
    """How the elements of one kind of document are told apart, ordered and hidden.

    ``keys``: path of an element to the alternatives of values that name it among its siblings; the first
    alternative that is complete counts, and an element with none goes by its position. ``order``: path of a parent
    ("" is the root, "*" any other) to the tags of its children, first to last; "..." stands for those that are not
    named, which are sorted, and "a|b" for two tags whose order among each other counts. ``secrets``: paths of values
    that nobody is shown.
    """

    keys: Keys = field(default_factory=dict)
    order: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()


def below(path: str, tag: str) -> str:
    """Return the path of a child of the element at ``path``."""
    return f"{path}/{tag}" if path else tag


def value_at(element: Element, path: str) -> Optional[str]:
    """Return the text or attribute at a path below the element, None where it is missing or empty."""
    steps, attribute = _split(path)
    holder = element.find(steps) if steps else element
    if holder is None:
        return None
    return holder.get(attribute) if attribute else ((holder.text or "").strip() or None)


def label(element: Element, path: str, keys: Keys) -> Optional[str]:
    """Return what names the element among its siblings, None where nothing does."""
    for alternative in keys.get(path, ()):
        values = [value_at(element, part) for part in alternative]
        if all(value is not None for value in values):
            return ",".join(str(value) for value in values)
    return None


def labelled(parent: Element, path: str, keys: Keys) -> dict[tuple[str, str], Element]:
    """Return the children by (tag, label); those without a label, and those of one label, are counted from 1."""
    found: dict[tuple[str, str], Element] = {}
    for child in parent:
        tag = str(child.tag)
        name = label(child, below(path, tag), keys)
        number = 1
        key = (tag, "1" if name is None else name)
        while key in found:
            number += 1
            key = (tag, str(number) if name is None else f"{name}#{number}")
        found[key] = child
    return found


def without(document: Element, paths: Iterable[str]) -> Element:
    """Return a copy of the document in which nothing is left at these paths."""
    copy = clone(document)
    for path in paths:
        for holder, attribute in _holders(copy, path):
            if attribute:
                holder.attrib.pop(attribute, "")
            else:
                parent = holder.getparent()
                if parent is not None:
                    parent.remove(holder)
    return copy


def secret_values(document: Element, identity: Identity) -> frozenset[str]:
    """Return every secret value that the document holds."""
    return frozenset(
        value for path in identity.secrets for holder, name in _holders(document, path) if (value := _get(holder, name))
    )


def masked(document: Element, identity: Identity, known: Optional[AbstractSet[str]] = None) -> Element:
    """Return a copy with its secrets hidden; those that are not among the ``known`` are marked as changed."""
    copy = clone(document)
    for path in identity.secrets:
        for holder, attribute in _holders(copy, path):
            value = _get(holder, attribute)
            word = HIDDEN if known is None or value in known else HIDDEN_CHANGED
            if value and attribute:
                holder.set(attribute, word)
            elif value:
                holder.text = word
    return copy


def canonical(document: Element, identity: Identity) -> Element:
    """Return a copy with attributes and siblings in one order and without blank text."""
    copy = clone(document)
    copy.tail = None
    _settle(copy, "", identity)
    return copy


def canonical_text(document: Element, identity: Identity, known: Optional[AbstractSet[str]] = None) -> str:
    """Return the canonical form as indented text with its secrets hidden (``known`` as in ``masked``)."""
    return to_text(canonical(masked(document, identity, known), identity))


def _split(path: str) -> tuple[str, str]:
    """Take a path apart into the steps to an element and the name of its attribute, "" where it has none."""
    steps, _at, attribute = path.rpartition("@") if "@" in path else (path, "", "")
    return steps.rstrip("/"), attribute


def _holders(document: Element, path: str) -> Iterator[tuple[Element, str]]:
    steps, attribute = _split(path)
    for holder in document.findall(steps) if steps else [document]:
        if not attribute or attribute in holder.attrib:
            yield holder, attribute


def _get(holder: Element, attribute: str) -> Optional[str]:
    return holder.get(attribute) if attribute else holder.text


def _settle(element: Element, path: str, identity: Identity) -> None:
    attributes = sorted((str(name), str(value)) for name, value in element.attrib.items())
    element.attrib.clear()
    element.attrib.update(attributes)
    element.text = (element.text or "").strip() or None
    element.tail = None
    for child in element:
        _settle(child, below(path, str(child.tag)), identity)
    element[:] = _in_order(element, path, identity)


def _in_order(parent: Element, path: str, identity: Identity) -> list[Element]:
    """Tags in the table's order, siblings of one tag by their labels, or as they came where they have none."""
    order = identity.order.get(path, identity.order.get("*", ()))
    ranks = {tag: (rank, "") for rank, tags in enumerate(order) for tag in tags.split("|")}
    other = ranks.get("...", (len(ranks), ""))[0]
    named = labelled(parent, path, identity.keys)
    rows = [
        (ranks.get(tag, (other, tag)), _natural(name) if below(path, tag) in identity.keys else (), place, child)
        for place, ((tag, name), child) in enumerate(named.items())
    ]
    return [row[-1] for row in sorted(rows, key=lambda row: row[:3])]


def _natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Split a label so that numbers in it sort as numbers."""
    parts = re.findall(r"\d+|\D+", text)
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Views: typed lenses over elements. The element is the only state; a view declares what it means.

    class Disk(View):
        device = Field("@device", TEXT)
        source = Field("source/@file", TEXT)
        boot = Field("boot/@order", INT)
        address = Child("address", Address)

Reading gives the typed value or None; writing makes the elements on the way, and None takes the value away.
What no view declares stays in the tree untouched, and ``undeclared`` lists it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import (
    Any,
    Callable,
    Dict,
    Generic,
    Iterable,
    Iterator,
    List,
    Optional,
    Set,
    Tuple,
    Type,
    TypeVar,
    Union,
    overload,
)

from ..errors import XmlError
from .parse import Element, add

T = TypeVar("T")
V = TypeVar("V", bound="View")


@dataclass(frozen=True)
class Kind(Generic[T]):
    """How a value is read from text and written to it; ``read`` raises ValueError, ``says`` is for the user."""

    read: Callable[[str], T]
    write: Callable[[T], str]
    says: str


def _choice(yes: str, no: str) -> Kind[bool]:
    words = {yes: True, no: False}

    def read(text: str) -> bool:
        if text not in words:
            raise ValueError(text)
        return words[text]

    return Kind(read, lambda value: yes if value else no, f"'{yes}' or '{no}'")


def _number(text: str) -> int:
    match = re.fullmatch(r"[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)", text.strip())
    if match is None:
        raise ValueError(text)
    return int(text, 16 if match.group(1)[:2] in ("0x", "0X") else 10)


def _natural(text: str) -> int:
    value = _number(text)
    if value < 0:
        raise ValueError(text)
    return value


TEXT: Kind[str] = Kind(str, str, "a text")
INT: Kind[int] = Kind(_number, str, "a whole number")
NATURAL: Kind[int] = Kind(_natural, str, "a whole number from 0 on")
ON_OFF = _choice("on", "off")
YES_NO = _choice("yes", "no")
TRUE_FALSE = _choice("true", "false")


def hexadecimal(width: int) -> Kind[int]:
    """A number written as 0x and ``width`` digits, read in either base."""
    return Kind(_natural, lambda value: f"0x{value:0{width}x}", "a number, decimal or 0x...")


def one_of(*words: str) -> Kind[str]:
    """A word out of a list."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return Kind(read, str, "one of " + ", ".join(words))


class Field(Generic[T]):
    """A value at a path below the view's element: ``@attribute``, ``child/@attribute``, ``child`` (its text), ``.``."""

    def __init__(self, path: str, kind: Kind[T]) -> None:
        self.path = path
        self.kind = kind
        steps = [step for step in path.split("/") if step != "."]
        self.attribute = steps.pop()[1:] if steps and steps[-1].startswith("@") else None
        self.steps = tuple(steps)

    @overload
    def __get__(self, view: None, owner: type) -> Field[T]: ...

    @overload
    def __get__(self, view: View, owner: type) -> Optional[T]: ...

    def __get__(self, view: Optional[View], owner: type) -> Union[Field[T], Optional[T]]:
        if view is None:
            return self
        holder = _walk(view.element, self.steps)
        if holder is None:
            return None
        text = holder.get(self.attribute) if self.attribute else (holder.text or "").strip()
        return None if text is None or (not self.attribute and not text) else self._read(holder, text)

    def _read(self, holder: Element, text: str) -> T:
        try:
            return self.kind.read(text)
        except ValueError:
            where = f"the attribute {self.attribute} of <{holder.tag}>" if self.attribute else f"<{holder.tag}>"
            raise XmlError(f"{where} is {text!r}, and must be {self.kind.says}.", line=holder.sourceline) from None

    def __set__(self, view: View, value: Optional[T]) -> None:
        if value is None:
            self._clear(view)
            return
        holder = view.element
        for step in self.steps:
            found = holder.find(step)
            holder = add(holder, step) if found is None else found
        text = self.kind.write(value)
        try:
            if self.attribute:
                holder.set(self.attribute, text)
            else:
                holder.text = text
        except ValueError:  # NUL and other control characters
            raise XmlError(f"<{holder.tag}> cannot be {text!r}: no document can hold these characters.") from None

    def _clear(self, view: View) -> None:
        holder = _walk(view.element, self.steps)
        if holder is None:
            return
        if self.attribute:
            holder.attrib.pop(self.attribute, None)
        else:
            holder.text = None
        while holder is not view.element and not holder.attrib and len(holder) == 0 and not holder.text:
            parent = holder.getparent()
            if parent is None:
                raise AssertionError("parent is not there")
            parent.remove(holder)
            holder = parent


class Flag:
    """An element that says something by being there, such as <readonly/>."""

    def __init__(self, path: str) -> None:
        self.steps = tuple(path.split("/"))

    @overload
    def __get__(self, view: None, owner: type) -> Flag: ...

    @overload
    def __get__(self, view: View, owner: type) -> bool: ...

    def __get__(self, view: Optional[View], owner: type) -> Union[Flag, bool]:
        return self if view is None else _walk(view.element, self.steps) is not None

    def __set__(self, view: View, value: bool) -> None:
        found = _walk(view.element, self.steps)
        if value and found is None:
            holder = view.element
            for step in self.steps:
                inner = holder.find(step)
                holder = add(holder, step) if inner is None else inner
        elif not value and found is not None:
            parent = found.getparent()
            if parent is None:
                raise AssertionError("parent is not there")
            parent.remove(found)


class Child(Generic[V]):
    """The first element at a path, seen through another view; None where it is missing."""

    def __init__(self, path: str, view: Type[V]) -> None:
        self.steps = tuple(path.split("/"))
        self.view = view

    @overload
    def __get__(self, view: None, owner: type) -> Child[V]: ...

    @overload
    def __get__(self, view: View, owner: type) -> Optional[V]: ...

    def __get__(self, view: Optional[View], owner: type) -> Union[Child[V], Optional[V]]:
        if view is None:
            return self
        found = _walk(view.element, self.steps)
        return None if found is None else self.view(found)


class Children(Generic[V]):
    """Every element at a path, in the order of the document."""

    def __init__(self, path: str, view: Type[V]) -> None:
        self.steps = tuple(path.split("/"))
        self.view = view

    @overload
    def __get__(self, view: None, owner: type) -> Children[V]: ...

    @overload
    def __get__(self, view: View, owner: type) -> List[V]: ...

    def __get__(self, view: Optional[View], owner: type) -> Union[Children[V], List[V]]:
        if view is None:
            return self
        return [self.view(element) for element in view.element.findall("/".join(self.steps))]


class Opaque:
    """A subtree that belongs to somebody else, such as <metadata>: declared, never looked into."""

    def __init__(self, path: str, namespace: str = "") -> None:
        steps = path.split("/")
        self.steps = tuple(f"{{{namespace}}}{step}" for step in steps) if namespace else tuple(steps)


class View:
    """A lens over one element; two views of one element are equal."""

    __slots__ = ("element",)

    def __init__(self, element: Element) -> None:
        self.element = element

    def __eq__(self, other: object) -> bool:
        return isinstance(other, View) and self.element is other.element

    def __hash__(self) -> int:
        return id(self.element)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {dict(self.element.attrib)}>"

    @property
    def line(self) -> Optional[int]:
        """The line of the element in the user's document, where it came from one."""
        return self.element.sourceline

    def line_at(self, path: str) -> Optional[int]:
        """The line of the first element at a path below, else of this one."""
        found = self.element.find(path)
        return self.line if found is None else found.sourceline

    @classmethod
    def declared(cls) -> Iterator[Tuple[str, Any]]:
        """Yield every declaration of the view, those of its bases included."""
        for base in reversed(cls.__mro__):
            for name, value in vars(base).items():
                if isinstance(value, (Field, Flag, Child, Children, Opaque)):
                    yield name, value


def check_choice(view: View, attribute: str, value: Optional[str], choices: Iterable[str]) -> None:
    """Raise XmlError unless the value, that of an attribute of the view's element, is one of the choices."""
    known, tag = tuple(choices), view.element.tag
    if value is None:
        raise XmlError(f"<{tag}> has no {attribute}; write one of {', '.join(known)}.", line=view.line)
    if value not in known:
        raise XmlError(f"<{tag} {attribute}='{value}'> is not one of {', '.join(known)}.", line=view.line)


def number_of(view: View, attribute: str, value: Optional[str]) -> int:
    """The number that a text is, for an attribute whose meaning depends on others; raises XmlError."""
    try:
        return _natural(value or "")
    except ValueError:
        where = f"the {attribute} of <{view.element.tag}>"
        raise XmlError(f"{where} is {value!r}, and must be {NATURAL.says}.", line=view.line) from None


def _walk(element: Element, steps: Tuple[str, ...]) -> Optional[Element]:
    for step in steps:
        found = element.find(step)
        if found is None:
            return None
        element = found
    return element


class _Known:
    """What views declare below one element; views of children are looked into only when they are reached."""

    def __init__(self, *views: Type[View]) -> None:
        self.views: List[Type[View]] = list(views)
        self.attributes: Set[str] = set()
        self.opaque = False
        self.children: Dict[str, _Known] = {}

    def at(self, steps: Tuple[str, ...]) -> _Known:
        known = self
        for step in steps:
            known = known.children.setdefault(step, _Known())
        return known

    def expand(self) -> None:
        while self.views:
            for _name, item in self.views.pop().declared():
                self._learn(item)

    def _learn(self, item: Any) -> None:
        place = self.at(item.steps)
        if isinstance(item, Field) and item.attribute:
            place.attributes.add(item.attribute)
        elif isinstance(item, Opaque):
            place.opaque = True
        elif isinstance(item, (Child, Children)):
            place.views.append(item.view)


def undeclared(view: View) -> List[Tuple[str, Optional[int]]]:
    """List what no declaration of the view covers, as (path, line): what a driver would silently ignore."""
    return list(_unknown(view.element, _Known(type(view)), str(view.element.tag)))


def _unknown(element: Element, known: _Known, path: str) -> Iterator[Tuple[str, Optional[int]]]:
    known.expand()
    if known.opaque:
        return
    for name in element.attrib:
        if str(name) not in known.attributes:
            yield f"{path}/@{name}", element.sourceline
    for child in element:
        inner = known.children.get(str(child.tag))
        if inner is None:
            yield f"{path}/{child.tag}", child.sourceline
        else:
            yield from _unknown(child, inner, f"{path}/{child.tag}")

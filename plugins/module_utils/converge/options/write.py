# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing elements from options: what every family of them needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Callable

from ...errors import InvalidArgument
from ...values import parse_size
from ...xml.parse import Element, add

Options = Mapping[str, Any]
Builder = Callable[[Element, Options], None]


def text(parent: Element, tag: str, words: str, **attributes: str) -> Element:
    """Append an element with a text and return it."""
    child = add(parent, tag, **attributes)
    child.text = words
    return child


def part(parent: Element, path: str) -> Element:
    """Return the element at a path below the parent, made where it is missing."""
    for tag in path.split("/"):
        found = parent.find(tag)
        parent = add(parent, tag) if found is None else found
    return parent


def device(domain: Element, tag: str, **attributes: str) -> Element:
    """Append a device and return it."""
    return add(part(domain, "devices"), tag, **attributes)


def put(element: Element, attributes: Mapping[str, Any]) -> Element:
    """Set the attributes that have a value: a truth as yes or no, all else as its text."""
    for name, value in attributes.items():
        if value is not None and value != "":
            element.set(name, yes_no(value) if isinstance(value, bool) else str(value))
    return element


def yes_no(value: bool) -> str:
    """Return libvirt's word for a truth."""
    return "yes" if value else "no"


def given(options: Options, names: Iterable[str]) -> dict[str, Any]:
    """Return those of the options that have a value."""
    return {name: options[name] for name in names if options.get(name) is not None}


def each(options: Options, name: str) -> list[tuple[str, Options]]:
    """Return the entries of a list option, each with what to call it in a message, such as disks[2]."""
    return [(f"{name}[{number}]", entry) for number, entry in enumerate(options.get(name) or [], 1)]


def size_of(value: Any, what: str) -> int:
    """Return a size in bytes. Raises InvalidArgument for one without a unit, and for what is no size."""
    words = str(value).strip()
    if words.isdigit():
        raise InvalidArgument(f"{what}: {words} has no unit; write {words}MiB or another number with KiB, MiB or GiB.")
    return parse_size(words, what=what)


def kib_of(value: Any, what: str) -> int:
    """Return a size in KiB, rounded up. Raises InvalidArgument for less than one."""
    size = size_of(value, what)
    if size < 1024:
        raise InvalidArgument(f"{what}: {value} is less than a guest can have; write a size such as 512MiB.")
    return -(-size // 1024)


def absolute(path: str, what: str) -> str:
    """Return the path. Raises InvalidArgument for a relative one, which would depend on where Ansible runs."""
    if not path.startswith("/"):
        raise InvalidArgument(f"{what}: {path!r} is relative; write the whole path on the target host.")
    return path


def listed(names: list[str], last: str = "and") -> str:
    """Return words as people list them."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a module's options to the document that is wanted: the XML as it was given, or one made of options.

What each option writes is said by builders, a file a family; a family is imported when one of its options is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Callable, Optional

from ...errors import InvalidArgument
from ...host.layout import check_name
from ...xml.parse import Element, parse
from ..options.write import Builder, listed

Options = Mapping[str, Any]
Builders = tuple[Builder, ...]
# The options for which each family is needed, and what imports it.
Families = tuple[tuple[tuple[str, ...], Callable[[], Builders]], ...]
# What no XML document can hold: control characters, halves of surrogate pairs, and what is no character.
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Makes a document of the options, of which the named ones are given.
Build = Callable[[Options, "list[str]"], Element]


def desired(
    options: Options, *, noun: str, root: str, defining: Sequence[str], build: Build, describe: bool = True
) -> tuple[str, Optional[Element]]:
    """Return the object's name and the wanted document; the document is None when only a name is given.

    ``root`` is the tag of the document, ``defining`` are the options that a document says too. Without ``describe``
    only the name is wanted, and options that describe the object are not looked at. Raises InvalidArgument for options
    that contradict each other or that lack something, and XmlError.
    """
    given = [name for name in defining if options.get(name) is not None]
    if not options.get("xml"):
        name = check_name(noun, options.get("name") or "")
        if describe:
            check_texts(options, given)
        return name, build(options, given) if describe and given else None
    if given:
        raise InvalidArgument(
            f"xml cannot be given together with {listed(given)}: the xml says all of the {noun}.",
            hint="Write it into the xml, or leave the xml out.",
        )
    document = parse(options["xml"], root=root, what="xml")
    return _written_name(document, options.get("name"), noun), document if describe else None


def check_texts(options: Options, given: list[str]) -> None:
    """Raise InvalidArgument for a text that no document can hold; it may be a secret, so only its place is named."""
    for option in given:
        for place, words in _texts(options[option], option):
            found = UNWRITABLE.search(words)
            if found:
                raise InvalidArgument(
                    f"{place} holds the character {ascii(found.group())[1:-1]}, which no definition can hold.",
                    hint="Remove it; a file in another encoding, or one that is no text, was probably read.",
                )


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """All texts in an option, names of fields too, each with what to call its place, such as disks[2].serial."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield place, str(name)
            yield from _texts(inner, f"{place}.{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value, 1):
            yield from _texts(inner, f"{place}[{number}]")


def builders(options: Options, families: Families) -> list[Builder]:
    """Return the builders of the families of which an option is given, in the order of the table."""
    found: list[Builder] = []
    for names, family in families:
        if any(options.get(name) is not None for name in names):
            found.extend(family())
    return found


def _written_name(document: Element, name: Optional[str], noun: str) -> str:
    written = (document.findtext("name") or "").strip()
    if not written:
        raise InvalidArgument(f"The xml has no <name>; write the {noun}'s name into it.")
    if name and name != written:
        raise InvalidArgument(f"name is {name!r} and the xml says {written!r}; write the same, or leave name out.")
    return check_name(noun, written)

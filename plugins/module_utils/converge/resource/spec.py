# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a module's options to the document that is wanted: the XML as it was given, or one made of options.

What each option writes is said by builders, a file a family; a family is imported when one of its options is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable, Optional

from ...errors import InvalidArgument
from ...host.layout import check_name
from ...xml.parse import Element, parse
from ..options.write import Builder, listed

Options = Mapping[str, Any]
Builders = tuple[Builder, ...]
# The options for which each family is needed, and what imports it.
Families = tuple[tuple[tuple[str, ...], Callable[[], Builders]], ...]
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
        return name, build(options, given) if describe and given else None
    if given:
        raise InvalidArgument(
            f"xml cannot be given together with {listed(given)}: the xml says all of the {noun}.",
            hint="Write it into the xml, or leave the xml out.",
        )
    document = parse(options["xml"], root=root, what="xml")
    return _written_name(document, options.get("name"), noun), document if describe else None


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

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options of filter to the document that is wanted: the XML as it was given, or one made of options.

A made document says only what the options say; the driver completes it. What is wrong with a rule is said here, with
the place of the rule among the options, because a made document has no lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Optional

from ..errors import InvalidArgument, XmlError
from ..host.layout import check_name
from ..values import SEXAGESIMAL
from ..xml.parse import Element, add, new_element, parse
from .filter_definition import FILTER_DEFINING
from .options.forms import Form, words
from .options.write import Options, each, given, listed, put, text
from .resource.spec import check_texts


def desired_filter(options: Options, *, describe: bool = True) -> tuple[str, Optional[Element]]:
    """Return the filter's name and the wanted document; the document is None when only a name is given.

    Without ``describe`` only the name is wanted, and options that describe the filter are not looked at. Raises
    InvalidArgument for options that contradict each other or that make no sense, and XmlError.
    """
    said = list(given(options, FILTER_DEFINING))
    if not options.get("xml"):
        name = check_name("filter", options.get("name") or "")
        if describe:
            check_texts(options, said)
        return name, _document(name, options) if describe and said else None
    if said:
        raise InvalidArgument(
            f"xml cannot be given together with {listed(said)}: the xml says all of the filter.",
            hint="Write it into the xml, or leave the xml out.",
        )
    document = parse(options["xml"], root="filter", what="xml")
    return _written_name(document, options.get("name")), document if describe else None


def _written_name(document: Element, name: Optional[str]) -> str:
    written = document.get("name") or ""
    if not written:
        raise InvalidArgument("The xml has no name; write <filter name='...'>.")
    if name and name != written:
        raise InvalidArgument(f"name is {name!r} and the xml says {written!r}; write the same, or leave name out.")
    return check_name("filter", written)


def _document(name: str, options: Options) -> Element:
    """References come first, then rules: among those of one priority that is the order in which they are asked."""
    element = put(new_element("filter", name=name), given(options, ("chain", "priority")))
    if options.get("uuid"):
        text(element, "uuid", options["uuid"])
    for number, entry in enumerate(options.get("filters") or [], 1):
        _reference(element, entry, f"filters[{number}]")
    for what, entry in each(options, "rules"):
        _rule(element, entry, what)
    return element


def _parameters(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidArgument(f"{what}: {value!r} is no mapping; write the names of variables with their values.")
    return {str(name): found for name, found in value.items()}


def _reference(parent: Element, entry: Any, what: str) -> None:
    """Another filter, and what is passed to it: a value, or a list of them, for each variable."""
    from ..drivers.nwfilter.passes.check import check_reference
    from ..model.nwfilter.core import Reference

    said = Form(what, "name", {"name": words, "parameters": _parameters}).read(entry) or {}
    if "name" not in said:
        raise InvalidArgument(f"{what} names no filter.", hint="Write its name.")
    element = add(parent, "filterref", filter=said["name"])
    for name, found in (said.get("parameters") or {}).items():
        for value in found if isinstance(found, list) else [found]:
            add(element, "parameter", name=name, value=_plain(value, f"{what}.parameters.{name}"))
    try:
        check_reference(Reference(element))
    except XmlError as error:
        raise InvalidArgument(f"{what}: {error.message}", hint=error.hint) from None


def _rule(parent: Element, said: Options, what: str) -> None:
    from ..drivers.nwfilter.passes.check_rule import check_rule
    from ..model.nwfilter.core import Rule

    rule = put(add(parent, "rule"), given(said, ("action", "direction", "priority")))
    if said.get("statematch") is False:
        rule.set("statematch", "false")
    for element in _matches(said, what):
        rule.append(element)
    try:
        check_rule(Rule(rule))
    except XmlError as error:
        raise InvalidArgument(f"{what}: {error.message}", hint=_hint(said, error)) from None


def _matches(said: Options, what: str) -> Iterator[Element]:
    """The elements of the protocol: one for what has to be so, one for what must not."""
    protocol = said.get("protocol")
    if not protocol:
        lost = list(given(said, ("match", "unless", "comment")))
        if lost:
            raise InvalidArgument(
                f"{what}: {listed(lost)} {'goes' if len(lost) == 1 else 'go'} with a protocol.",
                hint="Write protocol, too; every frame is of protocol mac.",
            )
        return
    _check_protocol(protocol, what)
    match, unless = (_terms(said.get(name) or {}, f"{what}.{name}") for name in ("match", "unless"))
    twice = sorted(set(match) & set(unless))
    if twice:
        raise InvalidArgument(f"{what}: {twice[0]} is in match and in unless.", hint="Leave one of them out.")
    comment = {"comment": said["comment"]} if said.get("comment") else {}
    if match or comment or not unless:
        yield new_element(protocol, **match, **comment)
    if unless:
        yield new_element(protocol, match="no", **unless)


def _check_protocol(protocol: str, what: str) -> None:
    from ..drivers.nwfilter.passes.known import advice
    from ..model.nwfilter.protocols import PROTOCOLS

    if protocol not in PROTOCOLS:
        raise InvalidArgument(
            f"{what}: there is no protocol {protocol!r}.", hint=advice(protocol, PROTOCOLS, "The protocols are")
        )


def _terms(said: Mapping[Any, Any], what: str) -> dict[str, str]:
    """Attributes with their values as a document has them; several words are a list."""
    found: dict[str, str] = {}
    for key, value in said.items():
        name = str(key)
        if name in ("match", "comment") or not name.replace("-", "").isidentifier():
            raise InvalidArgument(f"{what}: {name!r} is nothing that a packet has.", hint="Write it beside match.")
        parts = value if isinstance(value, list) else [value]
        found[name] = ",".join(_plain(part, f"{what}.{name}") for part in parts)
    return found


def _plain(value: Any, what: str) -> str:
    if value is None or isinstance(value, (list, Mapping)):
        raise InvalidArgument(f"{what} has no value.", hint="Write a value, or leave it out.")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _hint(said: Options, error: XmlError) -> Optional[str]:
    """What to do; a MAC or IPv6 address without quotes is a number to YAML."""
    numbers = [value for name in ("match", "unless") for value in (said.get(name) or {}).values()]
    if "address" in error.message and any(isinstance(value, int) for value in numbers):
        return SEXAGESIMAL
    return error.hint

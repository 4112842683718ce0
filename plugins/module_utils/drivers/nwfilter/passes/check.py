# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of a filter: rules that nobody could obey, or that are not what was meant. The first is said.

Source of the rules: libvirt's formatnwfilter, and its nwfilter_conf.c.
"""

from __future__ import annotations

import re
from typing import Callable, Tuple

from ....errors import InvalidArgument, XmlError
from ....host.layout import check_name
from ....model.nwfilter.core import Filter, Parameter, Reference, Rule
from ....model.nwfilter.protocols import CHAIN_PRIORITIES, LONGEST_CHAIN, ROOT, chain_prefix
from ....model.nwfilter.variables import NAME_SAYS, VALUE_SAYS, is_name, is_value
from ....values import parse_uuid
from .check_rule import check_priority, check_rule
from .known import check_attributes, check_children, shown

MOST_ENTRIES = 5000


def check(filter_: Filter) -> None:
    """Raise XmlError or InvalidArgument for the first thing that is wrong with a document by itself."""
    for rule in RULES:
        rule(filter_)


def _name(filter_: Filter) -> None:
    if not filter_.name:
        raise XmlError("the filter has no name.", line=filter_.line, hint="Write <filter name='...'>.")
    try:
        check_name("filter", filter_.name)
    except InvalidArgument as error:
        raise XmlError(error.message, line=filter_.line) from None


def _parts(filter_: Filter) -> None:
    check_attributes(filter_.element, ("name", "chain", "priority"))
    check_children(filter_.element, ("uuid", "rule", "filterref"))
    if len(filter_.element) > MOST_ENTRIES:
        raise XmlError(f"the filter has more than {MOST_ENTRIES} rules.", line=filter_.line, hint="Split it.")


def _uuid(filter_: Filter) -> None:
    second = filter_.element.findall("uuid")[1:]
    if second:
        raise XmlError("there is more than one <uuid>.", line=second[0].sourceline, hint="Leave one of them.")
    if filter_.uuid is not None:
        try:
            parse_uuid(filter_.uuid)
        except InvalidArgument as error:
            hint = "Leave it out, and one is made from the filter's name."
            raise XmlError(error.message, line=filter_.line_at("uuid"), hint=hint) from None


def _chain(filter_: Filter) -> None:
    chain = filter_.place
    if len(chain) > LONGEST_CHAIN or not re.fullmatch(r"[a-zA-Z0-9_.:-]+", chain, re.ASCII):
        raise XmlError(
            f"<filter chain='{shown(chain)}'> is not 1 to {LONGEST_CHAIN} letters, digits and _.:-.",
            line=filter_.line,
            hint=_CHAINS,
        )
    if chain_prefix(chain) is None:
        raise XmlError(f"<filter chain='{chain}'> is no chain.", line=filter_.line, hint=_CHAINS)
    check_priority(filter_, filter_.priority)


_CHAINS = f"Write {ROOT}, or a name that is or begins with one of {', '.join(CHAIN_PRIORITIES)}."


def _entries(filter_: Filter) -> None:
    for entry in filter_.entries():
        if isinstance(entry, Rule):
            check_rule(entry)
        else:
            check_reference(entry)


def check_reference(reference: Reference) -> None:
    """Raise XmlError for the first thing that is wrong with a <filterref>."""
    check_attributes(reference.element, ("filter",))
    check_children(reference.element, ("parameter",))
    if not reference.filter:
        raise XmlError("<filterref> names no filter.", line=reference.line, hint="Write <filterref filter='...'/>.")
    for parameter in reference.parameters:
        _check_parameter(parameter)


def _check_parameter(parameter: Parameter) -> None:
    check_attributes(parameter.element, ("name", "value"))
    check_children(parameter.element, ())
    for name, text, holds, says in (
        ("name", parameter.name, is_name, NAME_SAYS),
        ("value", parameter.value, is_value, VALUE_SAYS),
    ):
        if text is None:
            raise XmlError(f"<parameter> has no {name}.", line=parameter.line, hint=f"Write {says}.")
        if not holds(text):
            raise XmlError(f"<parameter {name}='{shown(text)}'> is not {says}.", line=parameter.line)


RULES: Tuple[Callable[[Filter], None], ...] = (_name, _parts, _uuid, _chain, _entries)

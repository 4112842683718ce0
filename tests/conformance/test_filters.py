# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter documents of a libvirt source tree, and our own: as they are stored, and laws that hold for each of them.

The inputs that libvirt's test calls invalid are refused by libvirt (nwfilterxml2xmltest.c expects the error), and so
they are here, with the line of what is wrong. A rule that lost the attribute that could not be read would let more
packets through than it was written for. Some of the tree's expectations are older than that and show such documents
as they once were stored: those are read as documents of their own.

CORRAL_LIBVIRT_SOURCE names the tree; else it is looked for beside the checkout.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.builtin.table import (
    builtin_document,
    builtin_names,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.passes.complete import complete
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.passes.ignored import ignored_parts
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError, XmlError
from ansible_collections.corral.virt.plugins.module_utils.model.nwfilter.identity import FILTER
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, clone, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(os.environ.get("CORRAL_LIBVIRT_SOURCE") or ROOT.parent / "shared" / "conformance" / "libvirt-11.3")
TESTS = SOURCE / "tests"

INPUTS = {path.stem: path for path in sorted((TESTS / "nwfilterxml2xmlin").glob("*.xml"))}
OUTPUTS = {path.stem: path for path in sorted((TESTS / "nwfilterxml2xmlout").glob("*.xml"))}
RULES = {f"rules-{path.stem}": path for path in sorted((TESTS / "nwfilterxml2firewalldata").glob("*.xml"))}
THEIRS = {path.stem: path for path in sorted((SOURCE / "src" / "nwfilter" / "xml").glob("*.xml"))}
TEXTS = {
    **{f"in-{name}": path.read_text(encoding="utf-8") for name, path in INPUTS.items()},
    **{f"out-{name}": path.read_text(encoding="utf-8") for name, path in OUTPUTS.items()},
    **{name: path.read_text(encoding="utf-8") for name, path in RULES.items()},
    **{f"builtin-{name}": to_text(found) for name in builtin_names() if (found := builtin_document(name)) is not None},
    "own-mixed": """<filter name='a' chain='arp-x'><rule action='drop' direction='out'>
        <arp match='no' arpsrcmacaddr='$MAC'/><arp opcode='1' comment='x'/><arp match='no' arpsrcipaddr='$IP[ @1 ]'/>
        </rule><filterref filter='b'><parameter name='B' value='2'/><parameter name='A' value='1'/></filterref>
        </filter>""",
}
# Expectations that no input leads to, and that are not the form in which documents are stored.
ELSEWHERE = {
    "out-ipv6-test": "rules without the priority of 500 that libvirt writes as well",
    "out-udp-ipv6-test": "a mask whose address could not be read and was left out: refused, it would match everybody",
}
REFUSED = {"out-udp-ipv6-test"}


def read(case: str) -> Element:
    return parse(TEXTS[case], root="filter")


def define(document: Element) -> Element:
    return complete(document, (), kept=None, host_id="host")


@pytest.mark.parametrize("case", [case for case in INPUTS if case in OUTPUTS])
def test_round_trip(case: str) -> None:
    stored, expected = define(read(f"in-{case}")), parse(OUTPUTS[case].read_text(encoding="utf-8"))
    assert compare(stored, expected, FILTER) == ()
    # the uuid is written where libvirt writes it, and so are attributes: it is the same text
    assert to_text(stored) == to_text(expected)
    assert ignored_parts(stored) == []


@pytest.mark.parametrize("case", [case for case in INPUTS if case.endswith("-invalid")])
def test_refused_as_libvirt_refuses_it(case: str) -> None:
    with pytest.raises(XmlError) as caught:
        define(read(f"in-{case}"))
    assert caught.value.line


def test_every_input_has_an_expectation_or_is_invalid() -> None:
    assert [case for case in INPUTS if case not in OUTPUTS and not case.endswith("-invalid")] == []


@pytest.mark.parametrize("case", [case for case in TEXTS if case.startswith("out-") and case not in ELSEWHERE])
def test_what_libvirt_has_stored_is_stored_like_that(case: str) -> None:
    assert to_text(define(read(case))) == to_text(read(case))


@pytest.mark.parametrize("case", [case for case in ELSEWHERE if case in TEXTS])
def test_what_libvirt_would_not_store_like_that_either(case: str) -> None:
    if case in REFUSED:
        with pytest.raises(XmlError, match="srcipmask and no srcipaddr"):
            define(read(case))
    else:
        assert {change.before for change in compare(read(case), define(read(case)), FILTER)} == {None}


@pytest.mark.parametrize("case", RULES)
def test_what_libvirt_makes_rules_of_can_be_defined(case: str) -> None:
    assert define(read(case)).findtext("uuid")


def test_built_in_filters_mean_what_those_of_libvirt_mean() -> None:
    for name, path in THEIRS.items():
        ours = builtin_document(name)
        theirs = complete(parse(path.read_text(encoding="utf-8")), (), kept=ours, host_id="host")
        assert ours is not None and compare(theirs, ours, FILTER) == (), name


@pytest.mark.parametrize("case", TEXTS)
def test_defining_again_finds_nothing_to_do(case: str) -> None:
    first = defined(case)
    for wanted in (read(case), first) if first is not None else ():
        again = complete(wanted, (), kept=first, host_id="another")
        assert compare(first, again, FILTER) == () and to_text(again) == to_text(first)


def defined(case: str) -> Element | None:
    """The document as it is stored, None for one that is refused."""
    try:
        return define(read(case))
    except CorralError:
        return None


def edits(document: Element) -> Iterator[tuple[str, Element]]:
    """The document with one attribute changed, for each of it in turn, and with each element gone."""
    for number, element in enumerate(document.iter()):
        for name, value in element.attrib.items():
            changed = clone(document)
            place = list(changed.iter())[number]
            place.set(name, other(str(value)))
            yield f"{place.tag}/@{name}: {value} -> {place.get(name)}", changed
        parent = element.getparent()
        if parent is not None and element.tag != "uuid":
            changed = clone(document)
            gone = list(changed.iter())[number]
            holder = gone.getparent()
            assert holder is not None
            holder.remove(gone)
            yield f"no {element.tag}", changed


def other(value: str) -> str:
    """Another value of the same sort."""
    pairs = {"yes": "no", "no": "yes", "true": "false", "false": "true", "in": "out", "accept": "drop", "0": "1"}
    return pairs.get(value) or (str(int(value) - 1) if value.isdigit() else f"{value}x")


def is_seen(before: Element, changed: Element) -> bool:
    try:
        return bool(compare(before, define(changed), FILTER))
    except CorralError:
        return True


@pytest.mark.parametrize("case", TEXTS)
def test_no_edit_is_passed_over(case: str) -> None:
    before, document = defined(case), read(case)
    unseen = [what for what, changed in edits(document) if before is not None and not is_seen(before, changed)]
    assert unseen == []

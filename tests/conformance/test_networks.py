# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network documents of a libvirt source tree, and our own: as they are stored, and laws that hold for each of them.

CORRAL_LIBVIRT_SOURCE names the tree; else it is looked for beside the checkout. Without one our own documents, those
of tests/unit/drivers/network, are what the laws are tried with.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.network.passes.complete import complete
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.passes.ignored import ignored_parts
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.passes.settle import (
    drop_empty,
    rewrite,
    settle,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.surroundings import Surroundings
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError
from ansible_collections.corral.virt.plugins.module_utils.model.network.core import Network
from ansible_collections.corral.virt.plugins.module_utils.model.network.identity import NETWORK
from ansible_collections.corral.virt.plugins.module_utils.model.network.order import order_children
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, clone
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.conformance import networks

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(os.environ.get("CORRAL_LIBVIRT_SOURCE") or ROOT.parent / "shared" / "conformance" / "libvirt-11.3")
TESTS = SOURCE / "tests"
OWN = ROOT / "tests" / "unit" / "drivers" / "network" / "documents"

INPUTS = {path.stem: path for path in sorted((TESTS / "networkxml2xmlin").glob("*.xml"))}
OUTPUTS = {path.stem: path for path in sorted((TESTS / "networkxml2xmlout").glob("*.xml"))}
OTHERS = {f"conf-{path.stem}": path for path in sorted((TESTS / "networkxml2confdata").glob("*.xml"))}
OURS = {f"own-{path.stem}": path for path in sorted(OWN.glob("*.xml"))}
DOCUMENTS = {**INPUTS, **OTHERS, **OURS}
# libvirt's test reads and writes documents; defining a network refuses more, and these are such networks.
NOT_DEFINED = {"8021Qbh-net", "passthrough-address-crash", "passthrough-pf"}
# What is given to a network when it is defined, which libvirt's test does not do.
GIVEN = ("mac/@address", "bridge/@name", "mac", "bridge")


def stored(document: Element) -> Element:
    """The document in the one form in which it is kept, whether such a network could be defined or not."""
    network = Network(clone(document))
    for step in (rewrite, drop_empty, settle):
        step(network)
    order_children(network.element)
    return network.element


@pytest.mark.parametrize("case", [case for case in INPUTS if case in OUTPUTS])
def test_round_trip(case: str) -> None:
    document, expected = networks.read(INPUTS[case]), networks.read(OUTPUTS[case])
    assert compare(stored(document), expected, NETWORK) == ()
    assert ignored_parts(document) in ([], [part for part in ignored_parts(document) if "zone" in part])
    assert [str(child.tag) for child in stored(document)] == [str(child.tag) for child in expected]


@pytest.mark.parametrize("case", [case for case in INPUTS if case in OUTPUTS])
def test_what_is_defined_is_that_and_what_was_left_open(case: str) -> None:
    document, expected = networks.read(INPUTS[case]), networks.read(OUTPUTS[case])
    if case in NOT_DEFINED:
        with pytest.raises(CorralError):
            networks.define(document)
        return
    changes = compare(expected, networks.define(document), NETWORK)
    assert [str(change) for change in changes if change.before is not None or change.place not in GIVEN] == []


@pytest.mark.parametrize("case", [case for case in INPUTS if case not in OUTPUTS])
def test_refused_as_libvirt_refuses_it(case: str) -> None:
    with pytest.raises(CorralError) as caught:
        networks.define(networks.read(INPUTS[case]))
    assert caught.value.details["line"]


def defined(case: str) -> Element | None:
    """The document as it is stored, None for one that is refused."""
    try:
        return networks.define(networks.read(DOCUMENTS[case]))
    except CorralError:
        return None


@pytest.mark.parametrize("case", DOCUMENTS)
def test_defining_again_finds_nothing_to_do(case: str) -> None:
    first, document = defined(case), networks.read(DOCUMENTS[case])
    for wanted in (document, first) if first is not None else ():
        again = complete(wanted, Surroundings(), (), kept=first, host_id="another")
        assert compare(first, again, NETWORK) == ()
    if first is not None:
        assert to_text(networks.define(first)) == to_text(first)


# What a live document counts, what is changed together with its first <interface>, what means the same in two words.
NOT_SEEN = {("network", "connections"), ("interface", "connections")}


def edits(document: Element) -> Iterator[tuple[str, Element]]:
    """The document with one attribute changed, for each attribute of it in turn."""
    for number, element in enumerate(document.iter()):
        for name, value in element.attrib.items():
            if (element.tag, name) in NOT_SEEN or element.xpath("ancestor::metadata"):
                continue
            changed = clone(document)
            place = list(changed.iter())[number]
            place.set(name, other(str(value)))
            yield f"{place.tag}/@{name}: {value} -> {place.get(name)}", changed


def other(value: str) -> str:
    """Another value of the same sort."""
    pairs = {"yes": "no", "on": "off", "no": "yes", "off": "on"}
    return pairs.get(value) or (str(int(value) + 1) if value.isdigit() else f"{value}x")


def is_seen(before: Element, changed: Element) -> bool:
    try:
        return bool(compare(before, networks.define(changed), NETWORK))
    except CorralError:
        return True


@pytest.mark.parametrize("case", DOCUMENTS)
def test_no_edit_is_passed_over(case: str) -> None:
    before = defined(case)
    document = networks.read(DOCUMENTS[case])
    unseen = [what for what, changed in edits(document) if before is not None and not is_seen(before, changed)]
    assert unseen == []

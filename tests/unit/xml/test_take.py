# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking differences over one by one: all of them together make the documents equal."""

from __future__ import annotations

from itertools import permutations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.model.domain.identity import DOMAIN
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import at, compare, take
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text

DISK = "<disk type='file'><source file='/a'/><target dev='vda' bus='virtio'/></disk>"
ONE = f"<domain><name>a</name><vcpu current='1'>2</vcpu><devices>{DISK}<interface/></devices></domain>"
PAIRS = [
    (ONE, ONE.replace("current='1'", "current='2'")),
    (ONE, ONE.replace(" current='1'", "")),
    (ONE, ONE.replace(">2<", ">3<")),
    (ONE, ONE.replace("/a", "/b")),
    (ONE, ONE.replace("<source file='/a'/>", "")),
    (ONE, ONE.replace("<vcpu", "<title>t</title><vcpu")),
    (ONE, ONE.replace("<interface/>", "<interface><link state='down'/></interface><interface/>")),
    (ONE, ONE.replace(DISK, "").replace("<name>", "<title>t</title><metadata><x xmlns='urn:x'>1</x></metadata><name>")),
]


@pytest.mark.parametrize(("first", "second"), [*PAIRS, *(pair[::-1] for pair in PAIRS)])
def test_all_together_in_any_order(first: str, second: str) -> None:
    changes = compare(parse(first), parse(second), DOMAIN)
    assert changes
    for order in permutations(changes):
        document = parse(first)
        for change in order:
            take(document, parse(second), change, DOMAIN)
        assert compare(document, parse(second), DOMAIN) == ()


def test_nothing_else_is_taken() -> None:
    wanted = parse(ONE.replace("/a", "/b").replace(">2<", ">3<"))
    vcpu, source = compare(parse(ONE), wanted, DOMAIN)
    document = parse(ONE)
    take(document, wanted, source, DOMAIN)
    assert compare(document, wanted, DOMAIN) == (vcpu,)


def test_a_change_is_taken_by_a_document_that_was_not_compared() -> None:
    """What was seen had lost its source; what was written down still has it, with a number of its own."""
    written, seen = (
        parse(ONE.replace("file='/a'", "file='/a' index='3'")),
        parse(ONE.replace("<source file='/a'/>", "")),
    )
    (change,) = compare(seen, parse(ONE), DOMAIN)
    take(written, parse(ONE), change, DOMAIN)
    assert compare(written, parse(ONE), DOMAIN) == ()


def test_a_new_element_stands_where_it_stood() -> None:
    wanted = parse(ONE.replace("<vcpu", "<title>t</title><vcpu"))
    document = parse(ONE)
    take(document, wanted, *compare(document, wanted, DOMAIN), DOMAIN)
    assert to_text(document) == to_text(wanted)


def test_the_steps_lead_to_the_element() -> None:
    wanted = parse(ONE.replace("/a", "/b"))
    (change,) = compare(parse(ONE), wanted, DOMAIN)
    assert change.steps == (("devices", "1"), ("disk", "vda"), ("source", "1"))
    found = at(wanted, change.steps, DOMAIN)
    assert found is not None and found.get("file") == "/b"
    assert at(parse("<domain/>"), change.steps, DOMAIN) is None

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secret documents of a libvirt source tree, and our own: as they are stored, and laws that hold for each of them.

CORRAL_LIBVIRT_SOURCE names the tree; else it is looked for beside the checkout.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.secret.complete import complete
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError
from ansible_collections.corral.virt.plugins.module_utils.model.secret.core import Secret
from ansible_collections.corral.virt.plugins.module_utils.model.secret.identity import SECRET
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, clone, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.views import undeclared
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(os.environ.get("CORRAL_LIBVIRT_SOURCE") or ROOT.parent / "shared" / "conformance" / "libvirt-11.3")
TESTS = SOURCE / "tests" / "secretxml2xmlin"
UUID = "<uuid>7f1f1e9e-6d5b-4a4e-9d9f-3d8c5c7f5a10</uuid>"

THEIRS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(TESTS.glob("*.xml"))}
OURS = {
    "own-nothing": f"<secret ephemeral='no' private='no'>{UUID}</secret>",
    "own-none": f"<secret ephemeral='no' private='no'>{UUID}<usage type='none'/></secret>",
    "own-bare": "<secret><usage type='tls'><name>a</name></usage></secret>",
    "own-order": f"<secret><usage type='vtpm'><name>a</name></usage><description>x</description>{UUID}</secret>",
}
DOCUMENTS = {**THEIRS, **OURS}


def read(case: str) -> Element:
    return parse(DOCUMENTS[case], root="secret")


def stored(document: Element) -> Element:
    return complete(document, (), host_id="host")


@pytest.mark.parametrize("case", THEIRS)
def test_round_trip(case: str) -> None:
    document = read(case)
    assert to_text(stored(document)) == to_text(document)
    assert undeclared(Secret(document)) == []


@pytest.mark.parametrize("case", DOCUMENTS)
def test_defining_again_finds_nothing_to_do(case: str) -> None:
    first = stored(read(case))
    for wanted in (read(case), first):
        again = complete(wanted, (first,), host_id="another")
        assert compare(first, again, SECRET) == () and to_text(again) == to_text(first)


def edits(document: Element) -> Iterator[tuple[str, Element]]:
    """The document with one attribute or text changed, for each of it in turn."""
    for number, element in enumerate(document.iter()):
        for name, value in element.attrib.items():
            changed = clone(document)
            place = list(changed.iter())[number]
            place.set(name, {"yes": "no", "no": "yes"}.get(str(value), f"{value}x"))
            yield f"{place.tag}/@{name}", changed
        if (element.text or "").strip():
            changed = clone(document)
            place = list(changed.iter())[number]
            place.text = f"{place.text}x"
            yield str(place.tag), changed


def is_seen(before: Element, changed: Element) -> bool:
    try:
        return bool(compare(before, stored(changed), SECRET))
    except CorralError:
        return True


@pytest.mark.parametrize("case", DOCUMENTS)
def test_no_edit_is_passed_over(case: str) -> None:
    before = stored(read(case))
    assert [what for what, changed in edits(read(case)) if not is_seen(before, changed)] == []

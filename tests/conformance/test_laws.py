# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Laws that hold for every domain document of a libvirt source tree that is accepted.

Defining it again finds nothing to do, with and without uuid, MAC addresses and addresses of devices. An attribute
that is changed is seen, or refused: it is never passed over.

CORRAL_LIBVIRT_SOURCE names the tree; else it is looked for beside the checkout.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.identity import inherit
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.run import complete
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError
from ansible_collections.corral.virt.plugins.module_utils.model.domain.identity import DOMAIN
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, clone, parse
from ansible_collections.corral.virt.tests.conformance import generate

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(os.environ.get("CORRAL_LIBVIRT_SOURCE") or ROOT.parent / "shared" / "conformance" / "libvirt-11.3")

if not (SOURCE / "tests").is_dir():
    pytest.skip(f"there is no libvirt source tree at {SOURCE}: set CORRAL_LIBVIRT_SOURCE", allow_module_level=True)

INPUTS = {path.stem: path for path in generate.cases(SOURCE) if not path.stem.startswith("broken-xml")}
# Addresses on the host's side name its devices and are no matter of identity.
IDENTITY = ("uuid", "devices/interface/mac", "devices/*/address", "devices/*/alias")


class Host:
    """What defining needs: the recorded QEMU and the reference host."""

    def __init__(self) -> None:
        self.caps = generate.capabilities(SOURCE)

    def define(self, case: str, document: Element, existing: Optional[Element] = None) -> Element:
        """The document as it is stored; raises CorralError."""
        context = generate.context_for(case, document, self.caps, SOURCE)
        return complete(inherit(document, existing, context.host_id, kvm=True), context, existing)


@pytest.fixture(scope="module")
def host() -> Host:
    return Host()


def read(case: str) -> Element:
    return parse(INPUTS[case].read_text(encoding="utf-8"), root="domain")


def without_identity(document: Element) -> Element:
    """The document as a person would write it who leaves to us what can be left."""
    bare = clone(document)
    for path in IDENTITY:
        for found in bare.findall(path):
            parent = found.getparent()
            if parent is not None and not parent.xpath("self::disk | self::hostdev | self::memory"):
                parent.remove(found)
    return bare


def changes(before: Element, after: Element) -> list[str]:
    return [str(change) for change in compare(before, after, DOMAIN)]


@pytest.mark.parametrize("case", INPUTS)
def test_defining_again_finds_nothing_to_do(case: str, host: Host) -> None:
    document = read(case)
    for wanted in (document, without_identity(document)):
        try:
            first = host.define(case, wanted)
        except CorralError:
            continue  # an input that has to be refused, or one that lives by its addresses
        again = host.define(case, wanted, first)
        assert changes(first, again) == []
        assert changes(first, host.define(case, first, first)) == []


# What a live document says and a definition does not keep.
TRANSIENT = {("domain", "id"), ("source", "index"), ("backingStore", "index"), ("console", "tty")}
# A job that runs; a label that is left to security drivers, of which there are none.
NOT_KEPT = "ancestor-or-self::mirror | ancestor-or-self::seclabel[parent::domain and not(@model)]"


def edits(document: Element) -> Iterator[tuple[str, Element]]:
    """The document with one attribute changed, for each attribute of it in turn."""
    for number, element in enumerate(document.iter()):
        for name, value in element.attrib.items():
            if (element.tag, name) in TRANSIENT or element.xpath(NOT_KEPT) or is_outdone(element):
                continue
            changed = clone(document)
            place = list(changed.iter())[number]
            place.set(name, other(str(value)))
            yield f"{place.tag}/@{name}: {value} -> {place.get(name)}", changed


def is_outdone(element: Element) -> bool:
    """Whether it is of an application's metadata, and the application has given some before: the first counts."""
    of_applications = element.xpath("ancestor-or-self::*[parent::metadata]")
    if not of_applications:
        return False
    (own,) = of_applications
    space = str(own.tag).partition("}")[0]
    return any(str(earlier.tag).startswith(f"{space}}}") for earlier in own.itersiblings(preceding=True))


def other(value: str) -> str:
    """Another value of the same sort."""
    pairs = {"yes": "no", "on": "off", "no": "yes", "off": "on"}
    if value in pairs:
        return pairs[value]
    if value.isdigit():
        return str(int(value) + 1)
    return f"{value}x"


def is_seen(host: Host, case: str, before: Element, changed: Element) -> bool:
    try:
        after = host.define(case, changed, before)
    except CorralError:
        return True
    return bool(compare(before, after, DOMAIN))


@pytest.mark.parametrize("case", sorted(INPUTS)[::5])
def test_no_edit_is_passed_over(case: str, host: Host) -> None:
    document = read(case)
    try:
        before = host.define(case, document)
    except CorralError:
        return
    unseen: list[Any] = [what for what, changed in edits(document) if not is_seen(host, case, before, changed)]
    assert unseen == []

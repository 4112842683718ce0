# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools and volumes of a libvirt source tree, and our own: as they are stored, how they start, and laws for each.

CORRAL_LIBVIRT_SOURCE names the tree; else it is looked for beside the checkout. Without one our own documents, those
of tests/unit/drivers/storage, are what the laws are tried with.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.complete import (
    complete_pool,
    stored_pool,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.complete_volume import (
    complete_volume,
    stored_volume,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.ignored import (
    ignored_pool_parts,
    ignored_volume_parts,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types.base import commands
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types.table import pool_type
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError
from ansible_collections.corral.virt.plugins.module_utils.model.storage.identity import (
    POOL,
    VOLUME,
    comparable_volume,
    persistent_pool,
)
from ansible_collections.corral.virt.plugins.module_utils.model.storage.pool import Pool
from ansible_collections.corral.virt.plugins.module_utils.xml.canonical import without
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, clone, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(os.environ.get("CORRAL_LIBVIRT_SOURCE") or ROOT.parent / "shared" / "conformance" / "libvirt-11.3")
TESTS = SOURCE / "tests"
OWN = ROOT / "tests" / "unit" / "drivers" / "storage" / "documents"


def listed(folder: Path, pattern: str = "*.xml") -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob(pattern))}


POOLS = listed(TESTS / "storagepoolxml2xmlin")
POOLS_OUT = listed(TESTS / "storagepoolxml2xmlout")
VOLUMES = listed(TESTS / "storagevolxml2xmlin")
VOLUMES_OUT = listed(TESTS / "storagevolxml2xmlout")
ARGV = listed(TESTS / "storagepoolxml2argvdata", "*.argv")
# What the tree expects on Linux is in a file of its own where systems differ.
COMMANDS = {
    case: ARGV.get(f"{case}-linux", path) for case, path in ARGV.items() if not case.endswith(("-linux", "-freebsd"))
}
REFUSED = sorted((TESTS / "storagepoolschemadata").glob("*invalid.xml"))
OURS = {f"own-{name}": path for name, path in listed(OWN, "pool-*.xml").items()}
OUR_VOLUMES = {f"own-{name}": path for name, path in listed(OWN, "volume-*.xml").items()}
DOCUMENTS = {**POOLS, **OURS}


def read(path: Path, root: str) -> Element:
    return parse(path.read_text(encoding="utf-8"), root=root)


def define(document: Element) -> Element:
    return complete_pool(document, (), kept=None, host_id="reference")


def pool_of(case: str) -> Pool:
    """The pool that the tree's test has for a volume; its test program says which, and the names say it too."""
    kind = next((kind for word, kind in HOLDERS.items() if word in case), "dir")
    target = "/dev" if kind == "disk" else "/var/lib/libvirt/images"
    pool = parse(f"<pool type='{kind}'><name>virtimages</name><target><path>{target}</path></target></pool>")
    return Pool(pool)


HOLDERS = {"logical": "logical", "partition": "disk", "gluster": "gluster"}


# documents


@pytest.mark.parametrize("case", [case for case in POOLS if case in POOLS_OUT])
def test_pool_round_trip(case: str) -> None:
    document, expected = read(POOLS[case], "pool"), read(POOLS_OUT[case], "pool")
    stored = stored_pool(document).element
    assert compare(persistent_pool(expected), stored, POOL) == ()
    tags = [child.tag for child in persistent_pool(expected).iter()]
    assert [child.tag for child in stored.iter()] == tags
    assert [part for part in ignored_pool_parts(document) if "label" not in part] == []


@pytest.mark.parametrize("case", [case for case in POOLS if case in POOLS_OUT])
def test_what_is_defined_is_that(case: str) -> None:
    document, expected = read(POOLS[case], "pool"), read(POOLS_OUT[case], "pool")
    assert [str(change) for change in compare(persistent_pool(expected), define(document), POOL)] == []


def test_refused_as_libvirt_refuses_it() -> None:
    for path in REFUSED:
        with pytest.raises(CorralError) as caught:
            define(read(path, "pool"))
        assert caught.value.details["line"]


@pytest.mark.parametrize("case", [case for case in VOLUMES if case in VOLUMES_OUT])
def test_volume_round_trip(case: str) -> None:
    document, expected = read(VOLUMES[case], "volume"), read(VOLUMES_OUT[case], "volume")
    stored = without(stored_volume(document, pool_of(case)).element, NOT_SHOWN)
    for name in set(stored.attrib) - set(expected.attrib):
        stored.attrib.pop(name)
    shown = without(expected, NOT_SHOWN)
    assert compare(shown, stored, VOLUME) == ()
    assert [child.tag for child in stored.iter()] == [child.tag for child in shown.iter()]


# What libvirt reads and does not write, and what it does not read.
NOT_SHOWN = ("source", "target/nocow", "target/timestamps")


# commands


@pytest.mark.parametrize("case", COMMANDS)
def test_pools_start_as_in_libvirt(case: str) -> None:
    expected = shlex.split(COMMANDS[case].read_text(encoding="utf-8").replace("\\\n", " "))
    pool = Pool(define(read(POOLS[case], "pool")))
    row = pool_type(pool.type)
    assert row is not None
    assert [list(argv) for argv in commands(row.start(pool))] == [expected]


# laws


def defined(case: str) -> Element | None:
    try:
        return define(read(DOCUMENTS[case], "pool"))
    except CorralError:
        return None


@pytest.mark.parametrize("case", DOCUMENTS)
def test_defining_again_finds_nothing_to_do(case: str) -> None:
    first, document = defined(case), read(DOCUMENTS[case], "pool")
    assert first is not None
    for wanted in (document, first):
        again = complete_pool(wanted, (first,), kept=first, host_id="another")
        assert compare(first, again, POOL) == ()
    assert to_text(define(first)) == to_text(first)


@pytest.mark.parametrize("case", [*VOLUMES, *OUR_VOLUMES])
def test_making_again_finds_nothing_to_do(case: str) -> None:
    document, pool = read({**VOLUMES, **OUR_VOLUMES}[case], "volume"), pool_of(case)
    try:
        first = complete_volume(document, pool)
    except CorralError as error:
        assert case not in OUR_VOLUMES and error.details.get("line")
        return
    for wanted in (document, first):
        again = complete_volume(wanted, pool, kept=first)
        assert compare(comparable_volume(first), comparable_volume(again), VOLUME) == ()
    assert to_text(complete_volume(first, pool)) == to_text(first)
    assert [part for part in ignored_volume_parts(document) if "label" not in part] == []


def edits(document: Element) -> Iterator[tuple[str, Element]]:
    """The document with one attribute or text changed, for each of them in turn."""
    for number, element in enumerate(document.iter()):
        for name, value in element.attrib.items():
            changed = clone(document)
            place = list(changed.iter())[number]
            place.set(name, other(str(value)))
            yield f"{element.tag}/@{name}: {value} -> {place.get(name)}", changed
        if (element.text or "").strip() and not len(element):
            changed = clone(document)
            place = list(changed.iter())[number]
            place.text = other((element.text or "").strip())
            yield f"{element.tag}: {element.text} -> {place.text}", changed


def other(value: str) -> str:
    """Another value of the same sort."""
    pairs = {"yes": "no", "no": "yes"}
    return pairs.get(value) or (str(int(value) + 1) if value.isdigit() else f"{value}x")


# What only an active pool has, and what follows from something else, so that what is written there does not count.
NOT_SEEN = ("capacity", "allocation", "available", "freeExtent")
FIXED_TARGETS = ("logical", "zfs", "mpath")


def is_passed_over(what: str, case: str) -> bool:
    kind = read(DOCUMENTS[case], "pool").get("type")
    return what.startswith(NOT_SEEN) or (kind in FIXED_TARGETS and what.startswith("path:"))


@pytest.mark.parametrize("case", DOCUMENTS)
def test_no_edit_is_passed_over(case: str) -> None:
    before = defined(case)
    unseen = [
        what
        for what, changed in edits(read(DOCUMENTS[case], "pool"))
        if not is_passed_over(what, case) and before is not None and not is_seen(before, changed)
    ]
    assert unseen == []


def is_seen(before: Element, changed: Element) -> bool:
    try:
        return bool(compare(before, define(changed), POOL))
    except CorralError:
        return True

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes of a libvirt source tree: qemu-img is told what libvirt tells it.

CORRAL_LIBVIRT_SOURCE names the tree; else it is looked for beside the checkout. Which documents belong to which
expected command line is known from libvirt's storagevolxml2argvtest.c. A command line agrees when it says the same:
the order of options, the ids of secrets and the unit of a size do not matter.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.check_volume import check_volume
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.complete_volume import stored_volume
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types.directory import DIR
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.command import (
    Key,
    Original,
    convert_argvs,
    create_argv,
    new_image,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import UnsupportedConfig
from ansible_collections.corral.virt.plugins.module_utils.model.storage.pool import Pool
from ansible_collections.corral.virt.plugins.module_utils.model.storage.volume import Volume
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(os.environ.get("CORRAL_LIBVIRT_SOURCE") or ROOT.parent / "shared" / "conformance" / "libvirt-11.3")
TESTS = SOURCE / "tests"
EXPECTED = {path.stem: path for path in sorted((TESTS / "storagevolxml2argvdata").glob("*.argv"))}
POOL = Pool(parse("<pool type='dir'><name>p</name><target><path>/var/lib/libvirt/images</path></target></pool>"))


@dataclass(frozen=True)
class Case:
    """The volume that is made, what it is made from, and whether libvirt's flag for preallocation is set."""

    volume: str
    source: str | None = None
    preallocate: bool = False


CASES = {
    "qcow2-compat": Case("vol-qcow2"),
    "qcow2-nobacking-prealloc-compat": Case("vol-qcow2-nobacking", preallocate=True),
    "qcow2-nobacking-convert-prealloc-compat": Case("vol-qcow2-nobacking", "vol-file", preallocate=True),
    "qcow2-lazy": Case("vol-qcow2-lazy"),
    "qcow2-1.1": Case("vol-qcow2-1.1"),
    "qcow2-from-logical-compat": Case("vol-qcow2-nobacking", "vol-logical"),
    "logical-from-qcow2": Case("vol-logical", "vol-qcow2-nobacking"),
    "qcow2-nocow-compat": Case("vol-qcow2-nocow"),
    "qcow2-nocapacity-convert-prealloc": Case("vol-qcow2-nocapacity", "vol-file", preallocate=True),
    "qcow2-zerocapacity": Case("vol-qcow2-zerocapacity"),
    "qcow2-nocapacity": Case("vol-qcow2-nocapacity-backing"),
    "qcow2-clusterSize": Case("vol-qcow2-clusterSize"),
    "iso": Case("vol-file-iso"),
    "iso-input": Case("vol-file", "vol-file-iso"),
    "luks": Case("vol-luks"),
    "luks-cipher": Case("vol-luks-cipher"),
    "qcow2-luks": Case("vol-qcow2-luks"),
    "luks-convert": Case("vol-luks-convert", "vol-file"),
    "luks-convert-qcow2": Case("vol-luks-convert", "vol-file-qcow2"),
    "luks-convert-encrypt": Case("vol-luks", "vol-luks-convert"),
    "luks-convert-encrypt2fileraw": Case("vol-file", "vol-luks-convert"),
    "luks-convert-encrypt2fileqcow2": Case("vol-file-qcow2", "vol-luks-convert"),
    "qcow2-luks-convert-encrypt": Case("vol-qcow2-luks", "vol-qcow2-luks-convert"),
    "qcow2-luks-convert-encrypt2fileraw": Case("vol-file", "vol-qcow2-luks-convert"),
    "qcow2-luks-convert-encrypt2fileqcow2": Case("vol-file-qcow2", "vol-qcow2-luks-convert"),
}
# A document that no test of libvirt's takes for this command line: its encryption is refused there and here.
OBSOLETE = {"qcow2-nocow"}
REFUSED = ("vol-qcow2-0.10-lazy", "vol-qcow2-encryption")


def read(name: str) -> Volume:
    """A volume as libvirt's test program has it: one of a volume group is a block device, without a format."""
    document = parse((TESTS / "storagevolxml2xmlin" / f"{name}.xml").read_text(encoding="utf-8"), root="volume")
    return Volume(document)


def format_of(volume: Volume) -> str:
    return "raw" if "/dev/" in (volume.given().path or "") else volume.given().format or "raw"


def ours(case: Case) -> list[tuple[str, ...]]:
    volume = read(case.volume)
    path, sealed = volume.given().path or "", volume.given().encryption is not None
    if volume.element.findtext("target/path", "").startswith("/dev/"):
        volume.need_target().format = "raw"
    prealloc = _preallocation(volume) if case.preallocate else None
    image = new_image(volume, path, key=Key("new", "/path/to/secretFile") if sealed else None, preallocation=prealloc)
    if case.source is None:
        return [create_argv(image)]
    source = read(case.source)
    opened = Key("old", "/path/to/inputSecretFile") if source.given().encryption is not None else None
    return list(convert_argvs(Original(source.given().path or "", format_of(source), opened), image))


def _preallocation(volume: Volume) -> str:
    """libvirt has one flag, and takes from the sizes what it means."""
    return "metadata" if (volume.size() or 0) > (volume.allocated() or 0) else "falloc"


# what a command line says, in one form


def meaning(argv: list[str]) -> dict[str, object]:
    """What a command line of qemu-img says, whatever the order of its words."""
    said: dict[str, object] = {"verb": argv[1]}
    words = argv[2:]
    options: dict[str, str] = {}
    names: list[str] = []
    while words:
        word = words.pop(0)
        if word in ("-f", "-O", "-b"):
            said[word] = words.pop(0)
        elif word == "-F":
            options["backing_fmt"] = words.pop(0)
        elif word == "-o":
            options.update(pairs(words.pop(0)))
        elif word == "--object":
            said.setdefault("objects", []).append(pairs(words.pop(0)))  # type: ignore[attr-defined]
        elif word.startswith("-"):
            said[word] = True
        else:
            names.append(word)
    said.update(options=options, images=[image(name) for name in names])
    return said


def pairs(text: str) -> dict[str, str]:
    """Options; one without a value is switched on, and the id of a secret says only which it is."""
    rows = (part.partition("=") for part in re.split(r"(?<!,),(?!,)", text))
    return {name: value or "on" for name, _mark, value in rows}


def image(word: str) -> object:
    """A path, a size in bytes, or the options with which an image is opened."""
    size = re.fullmatch(r"([0-9]+)(K?)", word)
    if size:
        return int(size.group(1)) * (1024 if size.group(2) else 1)
    return pairs(word) if word.startswith("driver=") else word


def without_ids(lines: list[list[str]]) -> list[list[str]]:
    """The ids of secrets in the order in which they come, over all the commands of one case."""
    ids: dict[str, str] = {}
    for word in (word for line in lines for word in line):
        for found in re.findall(r"secret,id=([^,]+)", word):
            ids.setdefault(found, f"secret{len(ids)}")
    pattern = "|".join(sorted(map(re.escape, ids), key=len, reverse=True))
    return (
        [[re.sub(f"=({pattern})(?=,|$)", lambda m: f"={ids[m[1]]}", word) for word in line] for line in lines]
        if ids
        else lines
    )


def expected(case: str) -> list[list[str]]:
    text = EXPECTED[case].read_text(encoding="utf-8").replace("\\\n", "")
    return [shlex.split(line) for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("case", [case for case in EXPECTED if case not in OBSOLETE])
def test_qemu_img_is_told_what_libvirt_tells_it(case: str) -> None:
    lines = [list(argv) for argv in ours(CASES[case])]
    assert [meaning(line) for line in without_ids(lines)] == [meaning(line) for line in without_ids(expected(case))]


@pytest.mark.parametrize("name", [name for name in REFUSED if (TESTS / "storagevolxml2xmlin" / f"{name}.xml").exists()])
def test_refused_as_libvirt_refuses_it(name: str) -> None:
    document = parse((TESTS / "storagevolxml2xmlin" / f"{name}.xml").read_text(encoding="utf-8"), root="volume")
    with pytest.raises(UnsupportedConfig):
        check_volume(stored_volume(document, POOL), POOL, DIR, new=True)

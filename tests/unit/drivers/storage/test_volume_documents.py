# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes that are refused, each with one sentence and its line; and what a complete document has."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.check_volume import check_volume_name
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.complete_volume import complete_volume
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.ignored import ignored_volume_parts
from ansible_collections.corral.virt.plugins.module_utils.errors import DocumentError, UnsupportedConfig, XmlError
from ansible_collections.corral.virt.plugins.module_utils.model.storage.identity import VOLUME, comparable_volume
from ansible_collections.corral.virt.plugins.module_utils.model.storage.pool import Pool
from ansible_collections.corral.virt.plugins.module_utils.model.storage.volume import Volume
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

SIZE = "<capacity>1048576</capacity>"
LUKS = "<encryption format='luks'>{}</encryption>"
SECRET = "<secret type='passphrase' usage='s'/>"


def pool(kind: str = "dir", inner: str = "") -> Pool:
    return Pool(parse(f"<pool type='{kind}'><name>p</name>{inner}<target><path>/dev/vg</path></target></pool>"))


def document(body: str, name: str = "v.img") -> Element:
    return parse(f"<volume>\n<name>{name}</name>\n{body}\n</volume>", root="volume")


def complete(found: Element, kind: str = "dir", **facts: Any) -> Volume:
    return Volume(complete_volume(found, pool(kind), **facts))


def target(inner: str, rest: str = "") -> str:
    return f"{SIZE}<target>\n{inner}</target>{rest}"


REFUSED = [
    # sizes
    ("dir", "", "has no <capacity>"),
    ("dir", "<capacity>0</capacity>", "a <capacity> of 0"),
    ("dir", "<capacity>-1</capacity>", "must be a whole number"),
    ("dir", "<capacity>9223372036854775808</capacity>", "beyond what can be counted"),
    ("dir", "<capacity unit='furlong'>1</capacity>", "'furlong' is not known"),
    ("dir", f"{SIZE}<allocation>x</allocation>", "must be a whole number"),
    ("dir", f"{SIZE}{SIZE}", "more than one <capacity>"),
    # formats
    ("dir", target("<format type='qcow3'/>"), "is not one of raw"),
    ("dir", target("<format type='dmg'/>"), "can be used, and not made"),
    ("dir", target("<format type='dir'/>"), "can be used, and not made"),
    ("logical", target("<format type='qcow2'/>"), "those of logical pools have none"),
    ("rbd", target("<format type='qcow2'/>"), "is not one of raw"),
    ("disk", target("<format type='raw'/>"), "is not one of none, linux"),
    ("dir", target("<compat>1.1</compat>"), "<compat> is for images of the format qcow2"),
    ("dir", target("<format type='qcow2'/><compat>2</compat>"), "is not one of 0.10, 1.1"),
    ("dir", target("<format type='qcow2'/><features><x/></features>"), "the feature x is not known"),
    (
        "dir",
        target("<format type='qcow2'/><compat>0.10</compat><features><lazy_refcounts/></features>"),
        "needs <compat>1.1</compat>",
    ),
    ("dir", target("<format type='qcow2'/><clusterSize>1000</clusterSize>"), "a power of two"),
    ("dir", target("<format type='qcow2'/><clusterSize unit='MiB'>4</clusterSize>"), "a power of two"),
    (
        "dir",
        target("<format type='qcow2'/><clusterSize unit='KiB'>4</clusterSize><features><extended_l2/></features>"),
        "from 16384",
    ),
    ("logical", target("<nocow/>"), "<nocow/> is for files"),
    ("dir", target("<permissions><mode>4755</mode></permissions>"), "octal digits"),
    # layers
    ("dir", f"{SIZE}<backingStore><path>/b</path></backingStore>", "cannot be a layer above another"),
    ("disk", f"{SIZE}<backingStore><path>/b</path></backingStore>", "disk pools cannot be a layer"),
    (
        "dir",
        target("<format type='qcow2'/>", "<backingStore><path>b</path></backingStore>"),
        "is not an absolute path",
    ),
    (
        "dir",
        target("<format type='qcow2'/>", "<backingStore><path>/b/../../etc/shadow</path></backingStore>"),
        "goes up with",
    ),
    (
        "dir",
        target("<format type='qcow2'/>", "<backingStore><path>/b</path><format type='x'/></backingStore>"),
        "of <backingStore> is not known",
    ),
    ("logical", f"{SIZE}<backingStore><path>/dev/other/b</path></backingStore>", "only a volume of pool p"),
    ("logical", f"{SIZE}<backingStore><path>/dev/vg/a/b</path></backingStore>", "only a volume of pool p"),
    # encryption
    ("dir", target("<encryption format='qcow'/>"), "cannot be made; write luks"),
    ("dir", target(LUKS.format("")), "names no <secret>"),
    ("dir", target(LUKS.format(SECRET + SECRET)), "more than one <secret>"),
    ("dir", target(LUKS.format("<secret usage='s'/>")), "of the type passphrase"),
    ("dir", target(LUKS.format(SECRET + "<cipher name='aes,x=y' size='256'/>")), "no name of a cipher"),
    ("dir", target(LUKS.format(SECRET + "<cipher name='aes'/>")), "needs a name and a size"),
    ("dir", target(f"<encryption format='luks' engine='librbd'>{SECRET}</encryption>"), "is not qemu"),
    ("dir", target("<format type='vmdk'/>" + LUKS.format(SECRET)), "take raw or qcow2"),
    ("zfs", target(LUKS.format(SECRET)), "zfs pools cannot be encrypted"),
    ("rbd", target(LUKS.format(SECRET)), "rbd pools cannot be encrypted"),
    # what is made elsewhere
    ("iscsi", SIZE, "are not made here"),
    ("mpath", SIZE, "are not made here"),
]


@pytest.mark.parametrize(("kind", "body", "words"), REFUSED)
def test_refused(kind: str, body: str, words: str) -> None:
    with pytest.raises(DocumentError) as caught:
        complete(document(body, "v"), kind)
    assert words in caught.value.message
    assert caught.value.line and "\n" not in caught.value.message


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "../x", "-rf", "a\nb", "a\0b", "\x7f", "é" * 101, "a" * 201, ".corral-x.part", "\udcff"],
)
def test_hostile_names(name: str) -> None:
    with pytest.raises(XmlError, match="a volume cannot be named") as caught:
        check_volume_name(name, line=7)
    assert caught.value.line == 7


@pytest.mark.parametrize("name", ["a", ".hidden", "a b", "disk:1,2", "é" * 100, "..x", "a-"])
def test_names_that_are_good(name: str) -> None:
    assert check_volume_name(name) == name


@pytest.mark.parametrize(
    ("kind", "name"),
    [("logical", "a b"), ("logical", "x_tmeta"), ("logical", "snapshot1"), ("zfs", "a@b"), ("rbd", "a@b")],
)
def test_names_of_one_type(kind: str, name: str) -> None:
    with pytest.raises(XmlError, match="volume"):
        complete(document(SIZE, name), kind)


def test_extended_partitions_are_for_one_table() -> None:
    source = "<source><format type='gpt'/></source>"
    with pytest.raises(UnsupportedConfig, match="in tables of the format dos only"):
        complete_volume(document(target("<format type='extended'/>")), pool("disk", source))


def test_another_document() -> None:
    with pytest.raises(XmlError, match="write a <volume>"):
        complete(parse("<pool/>"))


@pytest.mark.parametrize(
    ("kind", "body", "type", "image"),
    [
        ("dir", SIZE, "file", "raw"),
        ("fs", target("<format type='qcow2'/>"), "file", "qcow2"),
        ("logical", SIZE, "block", None),
        ("logical", target("<format type='raw'/>"), "block", "raw"),
        ("disk", SIZE, "block", "none"),
        ("rbd", SIZE, "network", "raw"),
    ],
)
def test_what_follows_from_the_pool(kind: str, body: str, type: str, image: Optional[str]) -> None:
    found = complete(document(body, "v"), kind)
    assert (found.type, found.given().format) == (type, image)


def test_sizes_are_whole_units_of_the_pool() -> None:
    assert complete(document("<capacity unit='KB'>1</capacity>")).size() == 1024
    assert complete(document("<capacity>1</capacity>", "v"), "logical", grain=4 << 20).size() == 4 << 20
    assert complete(document(SIZE)).allocated() == 1 << 20
    assert complete(document(f"{SIZE}<allocation>0</allocation>")).allocated() == 0


def test_what_the_host_says_cannot_be_asked_for() -> None:
    found = complete(document(f"<key>/etc/passwd</key>{target('<path>/etc/passwd</path>')}<physical>5</physical>"))
    assert (found.key, found.given().path, found.physical) == (None, None, None)


def test_the_size_of_what_it_is_made_from() -> None:
    assert complete(document(""), capacity=5 << 20, image_format="qcow2").given().format == "qcow2"
    assert complete(document(""), capacity=5 << 20).size() == 5 << 20
    assert complete(document("<capacity unit='MiB'>6</capacity>"), capacity=5 << 20).size() == 6 << 20
    with pytest.raises(XmlError, match="has 1048576 bytes, and what it is made from has 5242880") as caught:
        complete(document(SIZE), capacity=5 << 20)
    assert caught.value.line == 3 and caught.value.hint


THERE = """<volume type='file'><name>v.img</name><key>/srv/v.img</key><capacity unit='bytes'>2097152</capacity>
<allocation unit='bytes'>4096</allocation><physical unit='bytes'>4096</physical>
<target><path>/srv/v.img</path><format type='qcow2'/>
<permissions><mode>0600</mode><owner>0</owner><group>0</group><label>system_u:x</label></permissions>
<timestamps><atime>1.5</atime></timestamps><compat>1.1</compat><clusterSize unit='B'>65536</clusterSize>
<features><lazy_refcounts/></features></target></volume>"""


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<capacity unit='MiB'>2</capacity>",
        "<target><format type='qcow2'/></target>",
        "<target><permissions><mode>0600</mode></permissions></target>",
        "<target><compat>1.1</compat></target>",
        "<allocation>0</allocation><target><nocow/></target>",
    ],
)
def test_what_is_left_open_stays_as_it_is(body: str) -> None:
    there = parse(THERE)
    again = complete(document(body), kept=there)
    assert compare(comparable_volume(there), comparable_volume(again.element), VOLUME) == ()


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ("<capacity unit='MiB'>4</capacity>", "capacity"),
        ("<target><format type='raw'/></target>", "target/format/@type"),
        ("<target><permissions><owner>107</owner></permissions></target>", "target/permissions/owner"),
        ("<target><clusterSize>131072</clusterSize></target>", "target/clusterSize"),
        ("<backingStore><path>/b</path></backingStore>", "backingStore"),
    ],
)
def test_what_is_asked_for_is_seen(body: str, place: str) -> None:
    there = parse(THERE)
    again = complete(document(body), kept=there)
    changes = compare(comparable_volume(there), comparable_volume(again.element), VOLUME)
    assert place in [change.place for change in changes]


def test_one_that_is_there_need_not_be_makeable() -> None:
    unit = parse("<volume type='block'><name>unit:0:0:1</name><capacity>1048576</capacity></volume>")
    assert complete(document("", "unit:0:0:1"), "iscsi", kept=unit).size() == 1048576
    directory = parse(THERE.replace("qcow2", "dir").replace("<compat>1.1</compat>", ""))
    for tag in ("clusterSize", "features"):
        found = directory.find(f"target/{tag}")
        assert found is not None
        directory.findall("target")[0].remove(found)
    assert complete(document(""), kept=directory).type == "dir"


def test_what_is_there_is_taken_as_it_is() -> None:
    empty = parse("<volume type='file'><name>v.img</name><capacity>0</capacity></volume>")
    assert complete(document(""), kept=empty).size() == 0
    with pytest.raises(XmlError, match="a <capacity> of 0"):
        complete(document("<capacity>0</capacity>"), kept=parse(THERE))
    sealed = THERE.replace("</target>", "<encryption format='luks'/></target>")
    assert complete(parse(sealed), kept=parse(sealed)).given().encryption is not None


def test_what_nobody_reads_is_told() -> None:
    found = document(target("<colour/><permissions><label>x</label></permissions>"))
    assert [part.partition(" ")[0] for part in ignored_volume_parts(found)] == [
        "volume/target/colour",
        "volume/target/permissions/label",
    ]

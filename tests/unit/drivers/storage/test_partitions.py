# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables of partitions as parted 3.5 printed them for images of ours, and where a new partition goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types import disk
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types.base import Room, Run
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types.partitions import (
    Place,
    place,
    read_table,
    table_argv,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.command import (
    Key,
    Original,
    fill_argv,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import HostError, InvalidArgument, NoSupport
from ansible_collections.corral.virt.plugins.module_utils.model.storage.pool import Pool
from ansible_collections.corral.virt.plugins.module_utils.model.storage.volume import Volume
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

MIB = 1 << 20
MSDOS = """BYT;
/dev/vdb:104857600B:virtblk:512:512:msdos:Virtio Block Device:;
1:16384B:1048575B:1032192B:free;
1:1048576B:21000191B:19951616B:::;
1:21000192B:31457279B:10457088B:free;
2:31457280B:83886079B:52428800B:::lba;
1:31473664B:32440319B:966656B:free;
5:32505856B:42991615B:10485760B:::;
1:42991616B:83886079B:40894464B:free;
1:83886080B:104857599B:20971520B:free;
"""
GPT = """BYT;
/dev/vdb:52428800B:virtblk:512:512:gpt:Virtio Block Device:;
1:17408B:1048575B:1031168B:free;
1:1048576B:21000191B:19951616B::a\\:b;c:;
1:21000192B:52411903B:31411712B:free;
"""
NONE = "BYT;\n/dev/vdb:5242880B:virtblk:512:512:unknown:Virtio Block Device:;\n"
# Four primary ones, of which the last is extended and full but for one space.
FULL = """BYT;
/dev/vdb:104857600B:virtblk:512:512:msdos::;
1:1048576B:2097151B:1048576B:::;
2:2097152B:3145727B:1048576B:::;
3:3145728B:4194303B:1048576B:::;
4:4194304B:104857599B:100663296B:::lba;
5:5242880B:10485759B:5242880B:::;
1:10485760B:104857599B:94371840B:free;
"""


def pool(kind: str = "dos", path: str = "/dev/vdb", words: str = "") -> Pool:
    return Pool(
        parse(
            f"<pool type='disk'><name>p</name><source><device path='{path}' {words}/><format type='{kind}'/></source>"
            "<target><path>/dev</path></target></pool>"
        )
    )


def volume(name: str, mebibytes: int, kind: str = "linux", inner: str = "") -> Volume:
    size = f"<capacity unit='bytes'>{mebibytes * MIB}</capacity>"
    return Volume(parse(f"<volume><name>{name}</name>{size}<target><format type='{kind}'/>{inner}</target></volume>"))


def test_a_table_of_msdos() -> None:
    table = read_table(MSDOS)
    assert (table.device, table.size, table.label) == ("/dev/vdb", 104857600, "msdos")
    assert [(part.number, part.kind) for part in table.partitions] == [(1, "primary"), (2, "extended"), (5, "logical")]
    assert [part.kind for part in table.free] == ["primary", "primary", "logical", "logical", "primary"]
    assert table.partitions[0].size == 19951616


def test_a_table_of_gpt() -> None:
    table = read_table(GPT)
    assert [(part.number, part.name, part.kind) for part in table.partitions] == [(1, "a:b;c", "primary")]
    assert table.extended is None


def test_no_table() -> None:
    table = read_table(NONE)
    assert (table.label, table.parts) == ("unknown", ())
    assert not disk.has_its_label(pool(), table) and disk.has_its_label(pool("gpt"), read_table(GPT))
    assert disk.has_its_label(pool("unknown"), read_table(MSDOS))


@pytest.mark.parametrize(
    "text",
    ["", "x", "BYT;\n", "BYT;\n/dev/vdb:5kB:a:1:1:gpt:m:;\n", GPT + "x:1B:2B:2B:free;\n", GPT + "3:1:2B:2B:::;\n"],
)
def test_what_cannot_be_read(text: str) -> None:
    with pytest.raises(HostError):
        read_table(text)


@pytest.mark.parametrize(
    ("text", "size", "extended", "expected"),
    [
        (GPT, 5 * MIB, False, Place("primary", 2, 21 * MIB, 26 * MIB - 1)),
        (GPT, 1, False, Place("primary", 2, 21 * MIB, 22 * MIB - 1)),
        (MSDOS, 5 * MIB, False, Place("primary", 3, 21 * MIB, 26 * MIB - 1)),
        (MSDOS, 15 * MIB, False, Place("primary", 3, 80 * MIB, 95 * MIB - 1)),
        (FULL, 5 * MIB, False, Place("logical", 6, 11 * MIB, 16 * MIB - 1)),
        (GPT, 28 * MIB, False, Place("primary", 2, 21 * MIB, 49 * MIB - 1)),
    ],
)
def test_where_a_partition_goes(text: str, size: int, extended: bool, expected: Place) -> None:
    assert place(read_table(text), size, extended=extended) == expected


@pytest.mark.parametrize(
    ("text", "size", "words"), [(GPT, 29 * MIB, "no free space"), (MSDOS, 21 * MIB, "no free space")]
)
def test_where_none_fits(text: str, size: int, words: str) -> None:
    with pytest.raises(HostError, match=words):
        place(read_table(text), size)


def test_four_primary_ones_and_no_more() -> None:
    with pytest.raises(HostError, match="no extended one"):
        place(
            read_table(FULL.replace("5:5242880B:10485759B:5242880B:::;\n1:10485760B:104857599B:94371840B:free;\n", "")),
            1,
        )


def test_volumes_are_partitions() -> None:
    found = disk.volumes_of(read_table(MSDOS), pool())
    assert [(each.name, each.path, each.capacity, each.allocation, each.format) for each in found] == [
        ("vdb1", "/dev/vdb1", 19951616, 19951616, "none"),
        ("vdb2", "/dev/vdb2", 52428800, 0, "extended"),
        ("vdb5", "/dev/vdb5", 10485760, 10485760, "none"),
    ]
    assert found[0].extents == (("/dev/vdb", 1048576, 21000192),)


def test_the_room_of_a_disk() -> None:
    looking = disk.DISK.looking
    assert looking is not None and looking.room(pool()) == table_argv("/dev/vdb")
    assert looking.read_room(MSDOS, pool()) == Room(104857600, 30437376, 74321920)
    assert [each.name for each in looking.read_volumes(MSDOS, pool())] == ["vdb1", "vdb2", "vdb5"]


@pytest.mark.parametrize(
    ("path", "words", "node", "name"),
    [
        ("/dev/sda", "", None, "sda3"),
        ("/dev/nvme0n1", "", None, "nvme0n1p3"),
        ("/dev/mapper/mpatha", "part_separator='yes'", None, "mpathap3"),
        ("/dev/mapper/disk1", "part_separator='no'", None, "disk13"),
        ("/dev/disk/by-id/x", "", "/dev/loop0", "loop0p3"),
    ],
)
def test_names_of_partitions(path: str, words: str, node: Optional[str], name: str) -> None:
    found = pool("gpt", path, words)
    assert disk.partition_name(found, 3, node) == name
    assert disk.partition_number(found, name, node) == 3


@pytest.mark.parametrize("name", ["vdc1", "vdb", "vdb0", "vdb01", "vdb1x", "vdb1234", "vdbp1", ""])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(InvalidArgument, match="vdb1, vdb2"):
        disk.partition_number(pool(), name)


def made(found: Pool, wanted: Volume, text: str) -> str:
    (step,) = disk.create_steps(found, wanted, read_table(text))
    assert isinstance(step, Run)
    return " ".join(step.argv)


def test_partitions_are_made() -> None:
    head = "parted --script /dev/vdb mkpart"
    assert made(pool("gpt"), volume("vdb2", 5), GPT) == f"{head} primary 22020096B 27262975B"
    assert made(pool(), volume("vdb3", 5, "fat32"), MSDOS) == f"{head} primary fat32 22020096B 27262975B"
    assert made(pool(), volume("vdb6", 5), FULL) == f"{head} logical ext2 11534336B 16777215B"
    assert made(pool(), volume("vdb3", 5, "extended"), MSDOS.replace("2:31457280B:83886079B", "2:31457280B:31473663B"))
    sealed = volume("vdb2", 5, inner="<encryption format='luks'/>")
    assert made(pool("gpt"), sealed, GPT).endswith("22020096B 29360127B")


def test_the_space_of_a_partition_is_filled() -> None:
    """A part of a device is raw with an offset for QEMU, below LUKS too; a comma in a name is doubled."""
    space = Original("/dev/a,b", "raw", part=(MIB, 5 * MIB))
    where = f"offset={MIB},size={5 * MIB}"
    words = fill_argv(Original("/i", "qcow2"), space)
    assert words[-2:] == (
        "driver=qcow2,file.filename=/i",
        f"driver=raw,{where},file.driver=host_device,file.filename=/dev/a,,b",
    )
    sealed = fill_argv(Original("/i", "raw", Key("key1", "/k1")), replace(space, key=Key("key0", "/k0")))
    assert sealed[-2:] == (
        "driver=luks,file.filename=/i,key-secret=key1",
        f"driver=luks,file.driver=raw,file.offset={MIB},file.size={5 * MIB},file.file.driver=host_device,"
        "file.file.filename=/dev/a,,b,key-secret=key0",
    )
    assert sealed[:5] == ("qemu-img", "convert", "--image-opts", "-n", "--target-image-opts")


def test_what_cannot_be_made() -> None:
    with pytest.raises(InvalidArgument, match="The next partition of pool p is vdb2"):
        disk.create_steps(pool("gpt"), volume("vdb3", 5), read_table(GPT))
    with pytest.raises(HostError, match="no further extended"):
        disk.create_steps(pool(), volume("vdb3", 5, "extended"), read_table(MSDOS))


def grown(found: Pool, name: str, size: int, text: str, *, shrink: bool = False) -> str:
    (step,) = disk.resize_steps(found, name, size, shrink, read_table(text))
    assert isinstance(step, Run)
    return " ".join(step.argv)


def test_partitions_grow_into_what_is_free_behind_them() -> None:
    assert grown(pool("gpt"), "vdb1", 30 * MIB, GPT) == f"parted --script /dev/vdb resizepart 1 {31 * MIB - 1}B"
    most = 83886080 - 32505856
    assert grown(pool(), "vdb5", most, MSDOS).endswith(f"resizepart 5 {83886080 - 1}B")


@pytest.mark.parametrize(
    ("text", "name", "size", "words"),
    [
        (
            GPT,
            "vdb1",
            60 * MIB,
            "cannot grow to 62914560 bytes: directly behind its 19951616 bytes only 31411712",
        ),
        (MSDOS, "vdb5", 60 * MIB, "directly behind its 10485760 bytes only 40894464 bytes are free"),
        (FULL, "vdb1", 2 * MIB, "directly behind its 1048576 bytes nothing is free"),
        (FULL, "vdb7", 2 * MIB, "has no partition 7"),
    ],
)
def test_partitions_that_cannot_grow(text: str, name: str, size: int, words: str) -> None:
    with pytest.raises(HostError, match=words):
        grown(pool("gpt" if text is GPT else "dos"), name, size, text)


def test_partitions_that_keep_their_size() -> None:
    with pytest.raises(NoSupport, match="not made smaller here: vdb1 of pool p keeps its size"):
        grown(pool("gpt"), "vdb1", MIB, GPT, shrink=True)
    with pytest.raises(NoSupport, match="An extended partition is not resized here: vdb2"):
        grown(pool(), "vdb2", 60 * MIB, MSDOS)


def test_partitions_are_deleted() -> None:
    (step,) = disk.delete_steps(pool(), "vdb5")
    assert isinstance(step, Run) and step.argv == ("parted", "--script", "/dev/vdb", "rm", "5")

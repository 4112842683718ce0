# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tiny file system: what a reader finds in both of its trees."""

from __future__ import annotations

import struct

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.iso9660 import SECTOR, make_image

FILES = {"user-data": b"u" * 5000, "meta-data": b"m", "network-config": b"", "vendor-data": b"v" * SECTOR}


def number(image: bytes, at: int) -> int:
    """A number in both byte orders, which have to agree."""
    little, big = struct.unpack_from("<I", image, at)[0], struct.unpack_from(">I", image, at + 4)[0]
    assert little == big
    return int(little)


def rows(image: bytes, descriptor: int) -> list[tuple[bytes, bytes, bytes]]:
    """Name, content and what stands behind the name, of all in the root directory but itself."""
    root = descriptor * SECTOR + 156
    at, found = number(image, root + 2) * SECTOR, []
    while image[at]:
        length, size = image[at], image[at + 32]
        start, count = number(image, at + 2) * SECTOR, number(image, at + 10)
        name = image[at + 33 : at + 33 + size]
        assert length % 2 == 0 and start + count <= len(image)
        found.append((name, image[start : start + count], image[at + 33 + size + (1 - size % 2) : at + length]))
        at += length
    assert [name for name, _data, _more in found[:2]] == [b"\0", b"\1"]
    return found[2:]


def true_name(more: bytes) -> str:
    """The name in Rock Ridge's NM."""
    while more[:2] != b"NM":
        more = more[more[2] :]
    return more[5 : more[2]].decode()


def test_both_trees_have_the_files() -> None:
    image = make_image("cidata", FILES)
    assert {true_name(more): data for _name, data, more in rows(image, 16)} == FILES
    assert {name.decode("utf-16-be"): data for name, data, _more in rows(image, 17)} == FILES


def test_the_descriptors_are_as_the_standard_says() -> None:
    image = make_image("cidata", FILES)
    assert len(image) == number(image, 16 * SECTOR + 80) * SECTOR
    assert [image[sector * SECTOR] for sector in (16, 17, 18)] == [1, 2, 255]
    assert all(image[sector * SECTOR + 1 : sector * SECTOR + 6] == b"CD001" for sector in (16, 17, 18))
    assert image[16 * SECTOR + 40 : 16 * SECTOR + 72] == b"cidata".ljust(32)
    assert image[17 * SECTOR + 40 : 17 * SECTOR + 52].decode("utf-16-be") == "cidata"
    assert image[17 * SECTOR + 88 : 17 * SECTOR + 91] == b"%/E"
    for descriptor in (16, 17):
        at = descriptor * SECTOR
        for where, order in ((140, "<"), (148, ">")):
            table = struct.unpack_from(f"{order}I", image, at + where)[0] * SECTOR
            assert struct.unpack_from(f"{order}I", image, table + 2)[0] == number(image, at + 158)


def test_it_depends_on_the_files_alone() -> None:
    assert make_image("cidata", FILES) == make_image("cidata", dict(reversed(FILES.items())))
    assert make_image("cidata", FILES) != make_image("cidata", {**FILES, "meta-data": b"n"})


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="16 MiB"):
        make_image("cidata", {"a": bytes(17 << 20)})
    with pytest.raises(ValueError, match="one directory"):
        make_image("cidata", {f"file-number-{number}": b"" for number in range(40)})

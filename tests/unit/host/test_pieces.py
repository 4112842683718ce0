# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Large files in pieces: what arrives is what was sent, holes stay holes, and half a file is never in its place."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import HostError
from ansible_collections.corral.virt.plugins.module_utils.host import local_pieces as pieces

SIZES = [1 << 12, (1 << 16) + 7, 1 << 20, 3 << 20]


def made(path: Path, size: int, data: dict[int, bytes]) -> str:
    with path.open("wb") as file:
        file.truncate(size)
        for offset, part in data.items():
            file.seek(offset)
            file.write(part)
    return str(path)


def copied(source: str, target: str, size: int) -> int:
    """Copy it as two hosts would; returns how many pieces that took."""
    pieces.begin_file(target, os.stat(source).st_size)
    offset = count = 0
    while True:
        found = pieces.piece(source, offset, size)
        if found is None:
            return count
        pieces.write_piece(target, *found)
        offset, count = found[0] + len(found[1]), count + 1


FILES = {
    "empty": (0, {}),
    "a hole": (9 << 20, {}),
    "small": (5, {0: b"small"}),
    "dense": (2 << 20, {0: os.urandom(2 << 20)}),
    "data between holes": (64 << 20, {0: b"head", (33 << 20) + 4095: os.urandom(70000), (64 << 20) - 3: b"end"}),
    "zeros that are written": (4 << 20, {0: bytes(2 << 20), 3 << 20: b"x"}),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", FILES)
def test_what_arrives_is_what_was_sent(tmp_path: Path, name: str, size: int) -> None:
    source, target = made(tmp_path / "source", *FILES[name]), str(tmp_path / "target")
    copied(source, target, size)
    assert not os.path.exists(target), "half a file is not in its place"
    pieces.finish_file(target, mode=0o640, owner=None)
    assert Path(target).read_bytes() == Path(source).read_bytes()
    assert pieces.file_digest(target) == pieces.file_digest(source)
    assert stat.S_IMODE(os.stat(target).st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["source", "target"]
    assert os.stat(target).st_blocks <= os.stat(source).st_blocks + 2 * 2048


def test_a_digest_tells_files_apart_and_holes_do_not_matter(tmp_path: Path) -> None:
    sparse = made(tmp_path / "sparse", 3 << 20, {1 << 20: b"x"})
    dense = made(tmp_path / "dense", 3 << 20, {0: bytes(3 << 20), 1 << 20: b"x"})
    moved = made(tmp_path / "moved", 3 << 20, {2 << 20: b"x"})
    longer = made(tmp_path / "longer", (3 << 20) + 1, {1 << 20: b"x"})
    assert pieces.file_digest(sparse) == pieces.file_digest(dense)
    assert len({pieces.file_digest(path) for path in (sparse, moved, longer)}) == 3


def test_a_second_attempt_begins_anew(tmp_path: Path) -> None:
    source, target = made(tmp_path / "source", 4, {0: b"good"}), str(tmp_path / "target")
    pieces.begin_file(target, 99)
    pieces.write_piece(target, 50, b"left by the first")
    copied(source, target, 10)
    pieces.finish_file(target, mode=0o600, owner=None)
    assert Path(target).read_bytes() == b"good"


def test_a_link_in_the_place_of_a_part_is_not_followed(tmp_path: Path) -> None:
    victim, target = tmp_path / "victim", str(tmp_path / "target")
    victim.write_text("mine")
    os.symlink(victim, pieces.part_of(target))
    with pytest.raises(HostError):
        pieces.begin_file(target, 4)
    assert victim.read_text() == "mine"


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="No such file"):
        pieces.piece(str(tmp_path / "no"), 0, 1)

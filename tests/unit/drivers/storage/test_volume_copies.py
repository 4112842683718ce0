# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens while a volume is copied out or replaced: a full disk, a guest that starts, a file that is changed."""

from __future__ import annotations

from typing import Callable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume import change, make
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.shelf import Shelf
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CorralError,
    HostError,
    InvalidArgument,
    OperationInvalid,
)
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.tests.unit.drivers.storage.small_images import (
    TARGET,
    ImageHost,
    backing,
    qcow2,
    shelf_on,
    volume,
)

IMAGE = "/srv/image"


@pytest.fixture
def host() -> ImageHost:
    return ImageHost()


@pytest.fixture
def shelf(host: ImageHost) -> Shelf:
    return shelf_on(host)


def opened_by_a_program(host: ImageHost, path: str) -> None:
    """Let QEMU have an image open for writing."""
    found = host.stat(path)
    assert found is not None
    host.add_file("/proc/locks", f"1: OFDLCK ADVISORY  READ -1 00:01:{found.inode} 101 101\n".encode())


def test_downloading(host: ImageHost, shelf: Shelf) -> None:
    make.create(shelf, volume())
    host.add_file("/srv/out", b"old")
    change.download(shelf, "a", "/srv/out")
    found = host.stat("/srv/out")
    assert host.data("/srv/out") == bytes(8192)
    assert found is not None
    assert found.mode == 0o600
    host.full = True
    with pytest.raises(CorralError):
        change.download(shelf, "a", "/srv/out")
    assert host.entries("/srv") == ["out"]
    with pytest.raises(InvalidArgument, match="absolute path"):
        change.download(shelf, "a", "out")


def test_a_download_that_has_no_room_says_where(host: ImageHost, shelf: Shelf) -> None:
    make.create(shelf, volume())
    host.add_directory("/srv")
    host.full = True
    with pytest.raises(HostError, match="The file system of /srv/out is full; volume a was not copied there"):
        change.download(shelf, "a", "/srv/out")


@pytest.mark.parametrize(("path", "words"), [("/srv/folder", "is a directory"), ("/srv/none/out", "no directory")])
def test_places_to_which_nothing_is_downloaded(host: ImageHost, shelf: Shelf, path: str, words: str) -> None:
    make.create(shelf, volume())
    host.add_directory("/srv/folder")
    with pytest.raises(InvalidArgument, match=words):
        change.download(shelf, "a", path)


def while_copying(host: ImageHost, act: Callable[[], object]) -> None:
    """Let something happen while cp is at work."""

    def copy(argv: tuple[str, ...], stdin: bytes) -> Completed:
        act()
        return host._cp(argv, stdin)

    host.add_program("cp", copy)


def test_a_guest_that_is_started_during_a_copy(host: ImageHost, shelf: Shelf) -> None:
    make.create(shelf, volume())
    host.add_file(IMAGE, b"words")
    host.add_file("/srv/out", b"old")
    while_copying(host, lambda: opened_by_a_program(host, f"{TARGET}/a"))
    for act in (lambda: change.upload(shelf, "a", IMAGE), lambda: change.download(shelf, "a", "/srv/out")):
        host.add_file("/proc/locks", b"")
        with pytest.raises(OperationInvalid, match="is open in a program"):
            act()
        assert (host.data(f"{TARGET}/a"), host.data("/srv/out")) == (bytes(8192), b"old")
    assert (host.in_pool(), host.entries("/srv")) == (["a"], ["image", "out"])


def test_a_file_that_is_changed_while_it_is_uploaded(host: ImageHost, shelf: Shelf) -> None:
    make.create(shelf, volume("a", 8192, "qcow2"))
    host.add_file(IMAGE, qcow2(16384))
    while_copying(host, lambda: host.add_file(IMAGE, qcow2(16384, backing="/etc/shadow")))
    before = host.data(f"{TARGET}/a")
    with pytest.raises(InvalidArgument, match=f"{IMAGE} has its contents in another file"):
        change.upload(shelf, "a", IMAGE)
    assert host.data(f"{TARGET}/a") == before


def test_a_volume_is_downloaded_by_one_run_at_a_time(host: ImageHost, shelf: Shelf) -> None:
    make.create(shelf, volume())
    host.add_directory("/srv")
    held: list[set[str]] = []
    while_copying(host, lambda: held.append(set(host.locks)))
    change.download(shelf, "a", "/srv/out")
    assert [any(shelf.key("a") in path for path in paths) for paths in held] == [True]


def test_no_layer_is_made_above_an_image_that_is_written(host: ImageHost, shelf: Shelf) -> None:
    base, layer = make.create(shelf, volume("base")), volume("layer", 8192, "qcow2", backing(f"{TARGET}/base", "raw"))
    opened_by_a_program(host, base.path)
    for act in (make.check_new, make.create):
        with pytest.raises(OperationInvalid, match=f"The image {TARGET}/base below volume layer is open in a program"):
            act(shelf, layer)
    assert host.in_pool() == ["base"]
    assert base.found is not None
    host.add_file("/proc/locks", f"1: OFDLCK ADVISORY  READ -1 00:01:{base.found.inode} 100 100\n".encode())
    make.create(shelf, layer)  # who only reads it is in nobody's way


def test_a_check_looks_at_the_files_of_a_copy(host: ImageHost, shelf: Shelf) -> None:
    made = make.create(shelf, volume("a", 8192, "qcow2"))
    for path, data in ((IMAGE, b"words"), ("/srv/whole", qcow2(16384))):
        host.add_file(path, data)
    for path, words in (("/srv/none", "There is no file"), ("/srv", "There is no file"), (IMAGE, "is no image of")):
        with pytest.raises(InvalidArgument, match=words):
            change.check_upload(shelf, made, path, path)
    assert change.check_upload(shelf, made, "/srv/whole", "/srv/whole") == len(qcow2(16384))

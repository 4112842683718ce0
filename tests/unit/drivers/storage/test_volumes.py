# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes of a pool of files: made, filled, cloned, resized, wiped, replaced, copied out and deleted."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Callable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.ignored import ignored_volume_parts
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume import change, content, make
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.document import described, document
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.formats import SPARE, recall_all
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.look import look, look_all
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.shelf import Shelf
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.users import check_free
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    AlreadyExists,
    CorralError,
    HostError,
    InvalidArgument,
    LockBusy,
    MissingProgram,
    NotFound,
    OperationDenied,
    OperationInvalid,
    UnsupportedConfig,
)
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed, FileSystem
from ansible_collections.corral.virt.plugins.module_utils.model.storage.volume import Volume
from ansible_collections.corral.virt.tests.unit.drivers.storage.small_images import (
    SEALED,
    TARGET,
    ImageHost,
    backing,
    luks,
    qcow2,
    shelf_on,
    volume,
)

SECRET = b"open sesame"
IMAGE = "/srv/image"


@pytest.fixture
def host() -> ImageHost:
    return ImageHost()


@pytest.fixture
def shelf(host: ImageHost) -> Shelf:
    return shelf_on(host)


def opened_by_a_program(host: ImageHost, path: str, first: int = 101, last: int = 101) -> None:
    """Let QEMU have an image open for writing."""
    found = host.stat(path)
    assert found is not None
    host.add_file("/proc/locks", f"1: OFDLCK ADVISORY  READ -1 fd:01:{found.inode} {first} {last}\n".encode())


# making


@pytest.mark.parametrize("format", ["raw", "qcow2"])
def test_an_empty_volume(host: ImageHost, shelf: Shelf, format: str) -> None:
    made = make.create(shelf, volume("a.img", 8192, format))
    assert (made.name, made.path, made.capacity, made.image.format) == ("a.img", f"{TARGET}/a.img", 8192, format)
    assert (host.in_pool(), made.found.mode, made.found.uid) == (["a.img"], 0o600, 0)
    assert look_all(shelf) == [made]
    assert [path for path in host.files if "/locks/" in path or "/keys/" in path] == []


def test_sizes_are_whole_sectors(shelf: Shelf) -> None:
    assert make.create(shelf, volume("a", 1000)).capacity == 1024


def test_the_owner_and_the_mode_of_the_document(host: ImageHost, shelf: Shelf) -> None:
    wanted = "<permissions><mode>0640</mode><owner>7</owner><group>8</group></permissions>"
    found = make.create(shelf, volume(more=wanted)).found
    assert (found.mode, found.uid, found.gid) == (0o640, 7, 8)
    changed = "<permissions><mode>0600</mode><group>9</group></permissions>"
    found = change.update(shelf, "a", volume(more=changed)).found
    assert (found.mode, found.uid, found.gid) == (0o600, 7, 9)


def test_a_volume_that_is_there(host: ImageHost, shelf: Shelf) -> None:
    make.create(shelf, volume("a", 8192))
    with pytest.raises(AlreadyExists, match="named a in pool default already"):
        make.create(shelf, volume("a", 4096))
    assert look(shelf, "a").capacity == 8192


def test_another_run_was_faster(host: ImageHost, shelf: Shelf) -> None:
    """On a network file system another host may make the same volume, and its lock is not seen here."""
    real = host.rename

    def faster(path: str, target: str, *, replace: bool = False) -> bool:
        host.add_file(target, b"theirs")
        return real(path, target, replace=replace)

    host.rename = faster  # type: ignore[method-assign]
    with pytest.raises(AlreadyExists):
        make.create(shelf, volume())
    assert (host.in_pool(), host.data(f"{TARGET}/a")) == (["a"], b"theirs")


def test_another_run_is_at_it(host: ImageHost, shelf: Shelf) -> None:
    with host.lock(shelf.layout.work_lock(shelf.key("a"))), pytest.raises(LockBusy):
        make.create(shelf, volume(), timeout=5)
    assert host.in_pool() == []


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", "-a", ".corral-a", "a\nb", "x" * 201, "\udcff"])
def test_names_that_are_none(host: ImageHost, shelf: Shelf, name: str) -> None:
    wanted = volume()
    Volume(wanted).name = "a"
    for act in (look, change.delete, change.wipe):
        with pytest.raises(InvalidArgument, match="a volume cannot be named"):
            act(shelf, name)
    assert host.in_pool() == []


@pytest.mark.parametrize("size", [0, -1])
def test_sizes_that_are_none(host: ImageHost, shelf: Shelf, size: int) -> None:
    make.create(shelf, volume())
    with pytest.raises(InvalidArgument, match=f"cannot have a size of {size} bytes"):
        change.resize(shelf, "a", size)
    with pytest.raises(CorralError):
        make.create(shelf, volume("b", size))
    with pytest.raises(InvalidArgument, match="Say its capacity"):
        make.create(shelf, volume("b", None))
    assert host.in_pool() == ["a"]


def test_what_is_taken_at_once_needs_room(host: ImageHost, shelf: Shelf) -> None:
    host.disk = FileSystem(1 << 20, 10000)
    make.create(shelf, volume("thin", 1 << 20, "qcow2"))
    make.create(shelf, volume("sparse", 1 << 20))
    for wanted, how in ((volume("b", 16384, allocation=16384), None), (volume("b", 16384, "qcow2"), "falloc")):
        with pytest.raises(HostError, match="takes 16384 bytes at once, and pool default has 10000 left"):
            make.create(shelf, wanted, preallocation=how)
    make.create(shelf, volume("b", 16384, allocation=8192))
    assert host.ran("fallocate")[-1][:4] == ("fallocate", "--posix", "--length", "8192")
    assert "b" in host.in_pool()


@pytest.mark.parametrize("fill", ["empty", "copy", "clone"])
def test_a_full_file_system(host: ImageHost, shelf: Shelf, fill: str) -> None:
    host.add_file(IMAGE, b"words" + bytes(507))
    filling = None if fill == "empty" else content.from_path(shelf, IMAGE, "raw")
    host.full, host.reflinks = True, fill == "clone"
    with pytest.raises(HostError, match="The file system of pool default is full; volume a was not made"):
        make.create(shelf, volume(capacity=512), filling=filling)
    assert host.in_pool() == []


def test_without_qemu_img(host: ImageHost, shelf: Shelf) -> None:
    del host.programs["qemu-img"]
    with pytest.raises(MissingProgram, match="Install qemu-utils or qemu-img"):
        make.create(shelf, volume())
    assert host.in_pool() == []


def test_a_directory_that_is_not_there(host: ImageHost) -> None:
    shelf = Shelf(host, shelf_on(host).layout, "p", "/srv/none")
    with pytest.raises(HostError, match="The directory /srv/none of pool p is not there"):
        make.create(shelf, volume())


def test_a_read_only_connection_changes_nothing(host: ImageHost, shelf: Shelf) -> None:
    make.create(shelf, volume())
    host.add_file(f"{TARGET}/b", qcow2(4096))
    before, mutations = dict(host.files), host.mutations
    looking = shelf_on(host, read_only=True)
    assert [facts.image.format for facts in look_all(looking)] == ["raw", "qcow2"]
    for act in (lambda: make.create(looking, volume("c")), lambda: change.delete(looking, "a")):
        with pytest.raises(OperationDenied, match="read-only"):
            act()
    assert (host.files, host.mutations) == (before, mutations)


# contents


@pytest.mark.parametrize(("of", "to"), [("raw", "raw"), ("raw", "qcow2"), ("qcow2", "raw"), ("qcow2", "qcow2")])
def test_a_volume_from_an_image(host: ImageHost, shelf: Shelf, of: str, to: str) -> None:
    host.add_file(IMAGE, b"words".ljust(4096, b"\0") if of == "raw" else qcow2(4096, b"words"))
    filling = content.from_path(shelf, IMAGE, None)
    made = make.create(shelf, volume(capacity=16384, format=to), filling=filling)
    assert (made.capacity, made.image.format) == (16384, to)
    assert b"words" in host.data(made.path)
    assert (host.ran("qemu-img")[0][:6] == ("qemu-img", "convert", "-f", of, "-O", to)) == ((of, to) != ("raw", "raw"))
    assert make.create(shelf, volume("b", None, to), filling=filling).capacity == 4096


def test_plain_bytes_are_copied_without_qemu_img(host: ImageHost, shelf: Shelf) -> None:
    host.add_file(IMAGE, b"words".ljust(4096, b"\0"))
    filling = content.from_path(shelf, IMAGE, None)
    make.create(shelf, volume(capacity=4096), filling=filling)
    assert host.ran("cp")[-1][:3] == ("cp", "--reflink=auto", "--sparse=always")
    assert host.ran("qemu-img") == []
    del host.programs["cp"]
    host.add_program("cp", lambda argv, stdin: Completed(argv, 1, b"", b"cp: unrecognized option: reflink=auto\n"))
    made = make.create(shelf, volume("b", 4096), filling=filling)
    assert host.ran("qemu-img")[-1][1] == "convert", "a cp that knows nothing of this"
    assert host.data(made.path) == host.data(IMAGE)


def test_plain_bytes_end_with_a_whole_sector(host: ImageHost, shelf: Shelf) -> None:
    host.add_file(IMAGE, b"words")
    filling = content.from_path(shelf, IMAGE, "raw")
    made = make.create(shelf, volume(capacity=None), filling=filling)
    assert host.data(made.path) == b"words".ljust(512, b"\0")


def test_blocks_are_shared_where_they_can_be(host: ImageHost, shelf: Shelf) -> None:
    host.reflinks = True
    host.add_file(IMAGE, qcow2(4096, b"words"))
    filling = content.from_path(shelf, IMAGE, None)
    made = make.create(shelf, volume(capacity=8192, format="qcow2"), filling=filling)
    assert (made.capacity, made.found.mode) == (8192, 0o600)
    assert [argv[1] for argv in host.ran("qemu-img")] == ["resize"]
    make.create(shelf, volume("b", 4096, "qcow2", "<compat>0.10</compat>"), filling=filling)
    assert host.ran("qemu-img")[-1][1] == "convert", "an image of another kind is made anew"


def test_a_copy_of_a_volume(host: ImageHost, shelf: Shelf) -> None:
    host.add_file(f"{TARGET}/base", b"base".ljust(4096, b"\0"))
    make.create(shelf, volume("layer", 8192, "qcow2", backing(f"{TARGET}/base", "raw")))
    filling = content.from_volume(shelf, look(shelf, "layer"))
    assert make.create(shelf, volume("copy", 8192, "qcow2"), filling=filling).backing is None
    opened_by_a_program(host, f"{TARGET}/layer")
    with pytest.raises(OperationInvalid, match="Volume layer is open in a program"):
        content.from_volume(shelf, look(shelf, "layer"))
    opened_by_a_program(host, f"{TARGET}/layer", 100, 100)
    content.from_volume(shelf, look(shelf, "layer"))


def test_a_content_that_is_larger(host: ImageHost, shelf: Shelf) -> None:
    host.add_file(IMAGE, qcow2(8192))
    with pytest.raises(InvalidArgument, match="is to have 4096 bytes, and what it is made from has 8192"):
        make.create(shelf, volume(capacity=4096), filling=content.from_path(shelf, IMAGE, None))


@pytest.mark.parametrize(
    ("data", "format", "words"),
    [
        (qcow2(4096, backing="/etc/shadow", backing_format="raw"), None, "has its contents in another file"),
        (qcow2(4096, backing="/etc/shadow"), "qcow2", "has its contents in another file"),
        (qcow2(4096, needs=4), None, "has its contents in another file"),
        (b"# Disk DescriptorFile\nRW 1 FLAT /etc/shadow", None, "has its contents in another file"),
        (b"KDMV" + bytes(100), "vmdk", "has its contents in another file"),
        (bytes(4096), "qcow2", "is no image of the format 'qcow2'"),
        (qcow2(4096), "vmdk", "is no image of the format 'vmdk'"),
    ],
)
def test_images_that_are_not_let_in(host: ImageHost, shelf: Shelf, data: bytes, format: str | None, words: str) -> None:
    host.add_file(IMAGE, data)
    with pytest.raises(CorralError, match=words):
        content.from_path(shelf, IMAGE, format)
    content.from_path(shelf, IMAGE, "raw")


def test_images_that_are_no_files(host: ImageHost, shelf: Shelf) -> None:
    host.add_node("/srv/fifo", "fifo")
    for path in ("/srv/fifo", "/srv", "/srv/none"):
        with pytest.raises(HostError, match="There is no image"):
            content.from_path(shelf, path, None)
    with pytest.raises(InvalidArgument, match="absolute path"):
        content.from_path(shelf, "nbd:unix:/x", None)


# layers


def test_a_linked_clone(host: ImageHost, shelf: Shelf) -> None:
    host.add_file(f"{TARGET}/base", qcow2(4096))
    made = make.create(shelf, volume("layer", 8192, "qcow2", backing(f"{TARGET}/base", "qcow2")))
    assert (made.backing, made.image.backing_format) == (f"{TARGET}/base", "qcow2")
    assert ("-b", f"{TARGET}/base", "-F", "qcow2") == host.ran("qemu-img")[-1][4:8]
    for act in (change.delete, change.wipe, lambda shelf, name: change.resize(shelf, name, 512, shrink=True)):
        with pytest.raises(OperationInvalid, match="layer stand on it"):
            act(shelf, "base")
    change.delete(shelf, "layer")
    change.delete(shelf, "base")
    assert host.in_pool() == []


def test_a_layer_in_another_pool(host: ImageHost, shelf: Shelf) -> None:
    host.add_file(f"{TARGET}/base", qcow2(4096))
    host.add_file("/srv/other/layer", qcow2(4096, backing=f"{TARGET}/base", backing_format="qcow2"))
    others = look_all(Shelf(host, shelf.layout, "other", "/srv/other"))
    with pytest.raises(OperationInvalid, match="is not deleted: layer stand"):
        change.delete(shelf, "base", others=others)


@pytest.mark.parametrize(
    ("data", "format", "words"),
    [
        (None, "raw", "does not exist"),
        (qcow2(4096), "raw", "is of the format 'qcow2', and not raw"),
        (bytes(4096), "qcow2", "is no image of the format 'qcow2'"),
        (qcow2(4096, backing="/srv/below"), "qcow2", "does not say of what format"),
        (qcow2(4096, backing="nbd://x/", backing_format="raw"), "qcow2", "does not say of what format"),
        (qcow2(4096, backing=IMAGE, backing_format="qcow2"), "qcow2", "more than 200 images"),
    ],
)
def test_layers_that_are_not_made(host: ImageHost, shelf: Shelf, data: bytes | None, format: str, words: str) -> None:
    if data is not None:
        host.add_file(IMAGE, data)
    with pytest.raises(CorralError, match=words):
        make.create(shelf, volume("layer", 8192, "qcow2", backing(IMAGE, format)))
    assert host.in_pool() == []


def test_a_base_that_goes_meanwhile(host: ImageHost, shelf: Shelf) -> None:
    host.add_file(f"{TARGET}/base", bytes(4096))
    below = qcow2(8192, backing=f"{TARGET}/base", backing_format="raw")

    def qemu_img(argv: tuple[str, ...], stdin: bytes) -> Completed:
        host._fill(argv[-2], below)
        del host.files[f"{TARGET}/base"]
        return Completed(argv, 0, b"", b"")

    host.add_program("qemu-img", qemu_img)
    with pytest.raises(HostError, match="was deleted while volume layer was made"):
        make.create(shelf, volume("layer", 8192, "qcow2", backing(f"{TARGET}/base", "raw")))
    assert host.in_pool() == []


# encryption


@pytest.mark.parametrize("format", ["raw", "qcow2"])
def test_an_encrypted_volume(host: ImageHost, shelf: Shelf, format: str) -> None:
    made = make.create(shelf, volume(capacity=8192, format=format, more=SEALED), secret=SECRET)
    assert (made.image.format, made.image.encryption, made.capacity) == (format, "luks", 8192)
    assert change.resize(shelf, "a", 16384, secret=SECRET).capacity == 16384
    with pytest.raises(InvalidArgument, match="needs a secret"):
        change.resize(shelf, "a", 32768)
    assert not any(SECRET.decode() in str(call) for call in host.calls if call[0] == "run")
    assert host.entries("/run/corral/keys") == []
    assert [call for call in host.calls if call[0] == "write" and "keys" in str(call[1])]


def test_an_encrypted_copy_of_an_encrypted_volume(host: ImageHost, shelf: Shelf) -> None:
    make.create(shelf, volume(capacity=8192, more=SEALED), secret=SECRET)
    with pytest.raises(InvalidArgument, match="no secret is there to open it"):
        content.from_volume(shelf, look(shelf, "a"))
    filling = content.from_volume(shelf, look(shelf, "a"), SECRET)
    made = make.create(shelf, volume("b", 16384, "qcow2", SEALED), filling=filling, secret=b"another")
    assert (made.image.encryption, made.capacity) == ("luks", 16384)
    assert make.create(shelf, volume("c", 8192), filling=filling).image.encryption is None
    with pytest.raises(InvalidArgument, match="needs a secret"):
        make.create(shelf, volume("d", 8192, more=SEALED))


# what they are


def test_what_was_raw_stays_raw(host: ImageHost, shelf: Shelf) -> None:
    """A guest writes a header into its disk that names a file of the host."""
    make.create(shelf, volume("ours", 8192))
    host.add_file(f"{TARGET}/foreign", bytes(8192))
    look_all(shelf)
    evil = qcow2(1 << 40, backing="/etc/shadow", backing_format="raw")
    for name in ("ours", "foreign"):
        host._fill(f"{TARGET}/{name}", evil)
    for facts in (*look_all(shelf), look(shelf, "ours")):
        assert (facts.image.format, facts.backing, facts.capacity) == ("raw", None, len(evil))


def test_another_file_of_that_name_is_looked_at(host: ImageHost, shelf: Shelf) -> None:
    make.create(shelf, volume())
    host.add_file(f"{TARGET}/a", qcow2(4096))
    assert look(shelf, "a").image.format == "qcow2"
    host._fill(f"{TARGET}/a", bytes(512))
    assert look(shelf, "a").image.format == "raw"


def test_what_is_new_is_probed_once(host: ImageHost, shelf: Shelf) -> None:
    host.add_file(f"{TARGET}/a", bytes(512))
    host.add_file(f"{TARGET}/b", luks(4096))
    assert [facts.image.encryption for facts in look_all(shelf)] == [None, "luks"]
    host.calls.clear()
    look_all(shelf)
    assert [call for call in host.calls if call == ("read", f"{TARGET}/a")] == []
    assert host.ran("qemu-img") == []
    assert "write" not in [call for call, _subject in host.calls]


def test_what_is_gone_is_forgotten(host: ImageHost, shelf: Shelf) -> None:
    for name in ("kept", "a"):
        make.create(shelf, volume(name))
    inode = look(shelf, "a").found.inode
    change.delete(shelf, "a")
    assert [row["name"] for row in recall_all(shelf).values()] == ["kept"]
    host.add_file(f"{TARGET}/a", qcow2(4096))
    host.files[f"{TARGET}/a"] = replace(host.files[f"{TARGET}/a"], inode=inode)
    assert look(shelf, "a").image.format == "qcow2"
    for number in range(50):
        host.add_file(f"{TARGET}/{number}", b"")
        look(shelf, str(number))
        host.remove(f"{TARGET}/{number}")
        assert len(recall_all(shelf)) <= 4 + SPARE, number
    assert "kept" in {row["name"] for row in recall_all(shelf).values()}


def test_a_link_is_the_file_that_it_leads_to(host: ImageHost, shelf: Shelf) -> None:
    make.create(shelf, volume("a"))
    host._fill(f"{TARGET}/a", qcow2(1 << 40))
    host.symlink("a", f"{TARGET}/link")
    assert {facts.image.format for facts in look_all(shelf)} == {"raw"}
    change.delete(shelf, "link")
    assert look(shelf, "a").image.format == "raw"


def test_a_list_of_formats_that_is_damaged(host: ImageHost, shelf: Shelf) -> None:
    make.create(shelf, volume("a", 8192, "qcow2"))
    for data in (b"", b"{", b"[]", b'{"volumes": 5}', b'{"volumes": {"x": 5, "2": {"name": "a"}}}'):
        host.add_file(shelf.layout.volume_formats("default"), data)
        assert look(shelf, "a").image.format == "qcow2"


def test_formats_that_only_qemu_knows(host: ImageHost, shelf: Shelf) -> None:
    host.add_file(f"{TARGET}/a", b"KDMV" + bytes(8) + b"\x08" + bytes(600))
    assert look(shelf, "a").capacity == 4096
    assert host.ran("qemu-img") == [("qemu-img", "info", "-U", "--output=json", "-f", "vmdk", f"{TARGET}/a")]


def test_only_files_of_the_pool_are_volumes(host: ImageHost, shelf: Shelf) -> None:
    make.create(shelf, volume())
    host.add_file("/etc/shadow", b"secrets")
    host.add_directory(f"{TARGET}/lost+found")
    host.add_node(f"{TARGET}/socket", "socket")
    host.symlink("/etc/shadow", f"{TARGET}/out")
    host.symlink("nothing", f"{TARGET}/dangling")
    host.symlink("a", f"{TARGET}/inside")
    host.add_file(f"{TARGET}/.corral-1-2.part")
    assert [facts.name for facts in look_all(shelf)] == ["a", "inside"]
    acts: list[Callable[[], object]] = [
        lambda: look(shelf, "out"),
        lambda: change.delete(shelf, "out"),
        lambda: change.resize(shelf, "out", 1 << 20),
        lambda: change.upload(shelf, "out", "/srv/x"),
        lambda: change.update(shelf, "out", volume()),
    ]
    for act in acts:
        with pytest.raises(OperationDenied, match="is a link out of the pool, to /etc/shadow"):
            act()
    with pytest.raises(OperationDenied, match="is a socket, and no volume"):
        look(shelf, "socket")
    with pytest.raises(NotFound, match="no volume named 'dangling'"):
        look(shelf, "dangling")
    change.delete(shelf, "inside")
    assert host.data(f"{TARGET}/a") == bytes(8192)


def test_the_document_and_the_value(host: ImageHost, shelf: Shelf) -> None:
    host.add_file(f"{TARGET}/base", bytes(4096))
    wanted = volume("a", 8192, "qcow2", "<compat>1.1</compat>" + backing(f"{TARGET}/base", "raw"))
    facts = make.create(shelf, wanted)
    view = Volume(document(facts))
    assert (view.size(), view.given().format, view.given().compat) == (8192, "qcow2", "1.1")
    assert (view.backing_path(), view.backing and view.backing.format) == (f"{TARGET}/base", "raw")
    value = described("default", facts)
    assert (value.pool, value.name, value.key, value.backing) == ("default", "a", facts.path, f"{TARGET}/base")
    assert ignored_volume_parts(document(facts)) == []


# size


def test_resizing(shelf: Shelf) -> None:
    for name, format in (("a", "raw"), ("b", "qcow2")):
        make.create(shelf, volume(name, 8192, format))
        assert change.resize(shelf, name, 15800).capacity == 15872
        assert change.resize(shelf, name, 16384).capacity == 16384
        with pytest.raises(OperationInvalid, match=r"set shrink: true"):
            change.resize(shelf, name, 8192)
        assert change.resize(shelf, name, 8192, shrink=True).capacity == 8192


def test_nothing_is_done_for_the_size_that_there_is(host: ImageHost, shelf: Shelf) -> None:
    make.create(shelf, volume(capacity=8192))
    before = len(host.ran("qemu-img"))
    change.resize(shelf, "a", 8192)
    assert len(host.ran("qemu-img")) == before


@pytest.mark.parametrize(
    "act",
    [
        lambda shelf: change.resize(shelf, "a", 1 << 20),
        lambda shelf: change.wipe(shelf, "a"),
        lambda shelf: change.upload(shelf, "a", IMAGE),
        lambda shelf: change.download(shelf, "a", "/srv/out"),
        lambda shelf: change.delete(shelf, "a"),
    ],
)
def test_what_a_guest_has_open(host: ImageHost, shelf: Shelf, act: Callable[[Shelf], object]) -> None:
    make.create(shelf, volume())
    host.add_file(IMAGE, b"")
    opened_by_a_program(host, f"{TARGET}/a")
    before = host.data(f"{TARGET}/a")
    with pytest.raises(OperationInvalid, match="Volume a of pool default is open in a program"):
        act(shelf)
    assert (host.data(f"{TARGET}/a"), host.in_pool()) == (before, ["a"])


# bytes


@pytest.mark.parametrize(
    ("device", "row", "free"),
    [
        (0xFD01, "fd:01", False),
        (0xFD01, "fd:02", True),
        (0x10FD01, "fd:01", True),
        (0x10FD01, "fd:101", False),
        (0xFD01, "00:1b", False),
        (0x1B, "00:1a", False),
    ],
)
def test_a_file_of_that_number_in_another_file_system(
    host: ImageHost, shelf: Shelf, device: int, row: str, free: bool
) -> None:
    found = replace(make.create(shelf, volume("a")).found, device=device)
    host.add_file("/proc/locks", f"1: OFDLCK ADVISORY  READ -1 {row}:{found.inode} 101 101\n".encode())
    with nullcontext() if free else pytest.raises(OperationInvalid, match="is open"):
        check_free(host, found, "It")


@pytest.mark.parametrize("algorithm", change.ALGORITHMS)
def test_wiping(host: ImageHost, shelf: Shelf, algorithm: str) -> None:
    for name, data in (("a", b"secret".ljust(4096, b"\0")), ("b", qcow2(4096, b"secret"))):
        host.add_file(f"{TARGET}/{name}", data)
        before = look(shelf, name)
        after = change.wipe(shelf, name, algorithm=algorithm)
        assert (after.capacity, after.image.format) == (before.capacity, before.image.format)
        assert b"secret" not in host.data(after.path)
    with pytest.raises(InvalidArgument, match="no algorithm 'burn'"):
        change.wipe(shelf, "a", algorithm="burn")


def test_a_sparse_file_is_not_written_full(host: ImageHost, shelf: Shelf) -> None:
    make.create(shelf, volume())
    host.holes[f"{TARGET}/a"] = 4096
    change.wipe(shelf, "a")
    assert host.ran("dd") == []
    assert [argv[2] for argv in host.ran("truncate")] == ["0", "8192"]


def test_an_encrypted_volume_that_was_wiped_is_raw(shelf: Shelf) -> None:
    make.create(shelf, volume(more=SEALED), secret=SECRET)
    assert change.wipe(shelf, "a").image.encryption is None


def test_uploading(host: ImageHost, shelf: Shelf) -> None:
    make.create(shelf, volume("a", 8192, more="<permissions><mode>0640</mode><owner>7</owner></permissions>"))
    host.add_file(IMAGE, b"words")
    facts = change.upload(shelf, "a", IMAGE)
    assert host.data(facts.path) == b"words".ljust(8192, b"\0")
    assert (facts.found.mode, facts.found.uid, facts.image.format) == (0o640, 7, "raw")
    host.add_file(IMAGE, qcow2(1 << 30, backing="/etc/shadow"))
    assert change.upload(shelf, "a", IMAGE).image.format == "raw"
    host.add_file(IMAGE, bytes(8193))
    with pytest.raises(InvalidArgument, match="Resize the volume first"):
        change.upload(shelf, "a", IMAGE)


def test_uploading_an_image(host: ImageHost, shelf: Shelf) -> None:
    make.create(shelf, volume("a", 8192, "qcow2"))
    host.add_file(IMAGE, qcow2(16384, b"words"))
    assert change.upload(shelf, "a", IMAGE).capacity == 16384
    for data, words in ((b"words", "no image of the format"), (qcow2(1, backing="/etc/shadow"), "in another file")):
        host.add_file(IMAGE, data)
        with pytest.raises(InvalidArgument, match=words):
            change.upload(shelf, "a", IMAGE)
    with pytest.raises(InvalidArgument, match="There is no file /srv/none"):
        change.upload(shelf, "a", "/srv/none")
    assert b"words" in host.data(f"{TARGET}/a")


def test_an_upload_without_room_leaves_the_old_bytes(host: ImageHost, shelf: Shelf) -> None:
    make.create(shelf, volume())
    host.add_file(IMAGE, b"words")
    host.full = True
    with pytest.raises(HostError, match="is full"):
        change.upload(shelf, "a", IMAGE)
    assert (host.data(f"{TARGET}/a"), host.in_pool()) == (bytes(8192), ["a"])


def test_preallocation_is_for_formats_that_know_it(host: ImageHost, shelf: Shelf) -> None:
    with pytest.raises(UnsupportedConfig, match="has no preallocation 'metadata'"):
        make.create(shelf, volume(), preallocation="metadata")
    make.create(shelf, volume("b", 8192, "qcow2"), preallocation="metadata")
    assert "preallocation=metadata" in " ".join(host.ran("qemu-img")[-1])
    host.add_file(IMAGE, bytes(512))
    with pytest.raises(UnsupportedConfig, match="cannot be preallocated"):
        make.create(shelf, volume("c", 8192, "qcow2", backing(IMAGE, "raw")), preallocation="falloc")

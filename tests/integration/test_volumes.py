# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes made by the real qemu-img, and images fetched from a real server on this machine's own address."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume import change, content, make
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.cache import Cache
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.look import look, look_all
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.shelf import Shelf
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    AlreadyExists,
    CorralError,
    OperationFailed,
    OperationInvalid,
    TimedOut,
)
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20
SECRET = b"a secret of this test"
SEALED = "<encryption format='luks'><secret type='passphrase' usage='a'/></encryption>"


def volume(name: str, size: int | None = 4 * MIB, format: str = "qcow2", more: str = "", below: str = "") -> Element:
    sizes = "" if size is None else f"<capacity>{size}</capacity><allocation>0</allocation>"
    beside = f"<backingStore><path>{below}</path><format type='qcow2'/></backingStore>" if below else ""
    target = f"<target><format type='{format}'/>{more}</target>"
    return parse(f"<volume><name>{name}</name>{sizes}{target}{beside}</volume>")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout.embed(str(tmp_path / "tree"))
    layout.prepare(LocalHost())
    return layout


@pytest.fixture
def shelf(tmp_path: Path, layout: Layout) -> Shelf:
    (tmp_path / "pool").mkdir()
    return Shelf(LocalHost(), layout, "p", str(tmp_path / "pool"))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A raw image with something at its beginning, its middle and its end."""
    path = tmp_path / "image"
    with path.open("wb") as file:
        for at in (0, 2 * MIB, 4 * MIB - 512):
            file.seek(at)
            file.write(b"words".ljust(512, b"."))
    return path


def files(shelf: Shelf) -> list[str]:
    return sorted(os.listdir(shelf.target))


def tidy(shelf: Shelf) -> bool:
    left = [path.name for path in Path(shelf.layout.runtime).rglob("*") if path.is_file()]
    return [name for name in left if name != "volumes-p.lock"] == [] and not [
        name for name in files(shelf) if name.startswith(".")
    ]


def info(path: str) -> dict[str, Any]:
    done = subprocess.run(["qemu-img", "info", "--output=json", path], capture_output=True, check=True)
    return dict(json.loads(done.stdout))


def same(one: str, other: str, format: str) -> bool:
    argv = ["qemu-img", "compare", "-f", "raw", "-F", format, one, other]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("format", ["raw", "qcow2", "vmdk", "vdi", "qed", "vpc"])
def test_each_format_is_what_it_says(shelf: Shelf, format: str) -> None:
    made = make.create(shelf, volume("a", 4 * MIB, format))
    said = info(made.path)
    assert (made.image.format, said["format"]) == (format, format)
    assert made.capacity == said["virtual-size"] >= 4 * MIB
    assert look_all(shelf) == [made]
    assert tidy(shelf)


@pytest.mark.parametrize(
    "details",
    [
        "<compat>0.10</compat>",
        "<compat>1.1</compat><features><lazy_refcounts/></features>",
        "<compat>1.1</compat><clusterSize unit='KiB'>128</clusterSize><features><extended_l2/></features>",
        "<nocow/>",
    ],
)
def test_details_of_qcow2(shelf: Shelf, details: str) -> None:
    made = make.create(shelf, volume("a", more=details))
    said = info(made.path)
    data = said["format-specific"]["data"]
    assert (made.image.compat, made.image.cluster_size) == (data["compat"], said["cluster-size"])
    assert ("lazy_refcounts" in made.image.features) == bool(data.get("lazy-refcounts"))
    assert ("extended_l2" in made.image.features) == bool(data.get("extended-l2"))


@pytest.mark.parametrize("preallocation", ["metadata", "falloc", "full"])
def test_preallocation(shelf: Shelf, preallocation: str) -> None:
    made = make.create(shelf, volume("a"), preallocation=preallocation)
    assert (made.allocation >= 4 * MIB) == (preallocation != "metadata")
    assert made.physical >= 4 * MIB


def test_an_allocation_is_taken_at_once(shelf: Shelf) -> None:
    document = parse("<volume><name>a</name><capacity>4194304</capacity><allocation>1048576</allocation></volume>")
    made = make.create(shelf, document)
    assert MIB <= made.allocation < 2 * MIB
    assert made.capacity == 4 * MIB
    assert make.create(shelf, volume("b", format="raw")).allocation < MIB


@pytest.mark.parametrize("format", ["raw", "qcow2"])
def test_from_an_image_and_back(shelf: Shelf, image: Path, tmp_path: Path, format: str) -> None:
    made = make.create(shelf, volume("a", None, format), filling=content.from_path(shelf, str(image), "raw"))
    assert same(str(image), made.path, format)
    copy = make.create(shelf, volume("b", 8 * MIB, format), filling=content.from_volume(shelf, made))
    assert (copy.capacity, same(str(image), copy.path, format)) == (8 * MIB, True)
    assert copy.allocation < 2 * MIB
    out = tmp_path / "out"
    change.download(shelf, "a", str(out))
    assert out.read_bytes() == Path(made.path).read_bytes()
    change.upload(shelf, "a", str(out))
    assert same(str(image), made.path, format)
    change.wipe(shelf, "a")
    assert look(shelf, "a").capacity == 4 * MIB
    assert b"words" not in Path(made.path).read_bytes()
    assert tidy(shelf)


def test_layers(shelf: Shelf, image: Path) -> None:
    base = make.create(shelf, volume("base", None), filling=content.from_path(shelf, str(image), "raw"))
    layer = make.create(shelf, volume("layer", 8 * MIB, below=base.path))
    said = info(layer.path)
    assert (layer.backing, layer.image.backing_format) == (base.path, "qcow2")
    assert (said["full-backing-filename"], said["backing-filename-format"]) == (base.path, "qcow2")
    with pytest.raises(OperationInvalid, match="layer stand on it"):
        change.delete(shelf, "base")
    flat = make.create(shelf, volume("flat", None, "raw"), filling=content.from_volume(shelf, layer))
    assert (flat.capacity, Path(flat.path).read_bytes()[:5]) == (8 * MIB, b"words")
    for name in ("layer", "base", "flat"):
        change.delete(shelf, name)
    assert files(shelf) == []


@pytest.mark.parametrize("format", ["raw", "qcow2"])
def test_encryption(shelf: Shelf, image: Path, format: str) -> None:
    filling = content.from_path(shelf, str(image), "raw")
    cipher = "<cipher name='aes' size='128' mode='cbc' hash='sha256'/><ivgen name='plain64'/>"
    sealed = SEALED.replace("</encryption>", f"{cipher}</encryption>")
    made = make.create(shelf, volume("a", None, format, sealed), filling=filling, secret=SECRET)
    assert (made.image.encryption, made.capacity) == ("luks", 4 * MIB)
    assert b"words" not in Path(made.path).read_bytes()
    assert change.resize(shelf, "a", 8 * MIB, secret=SECRET).capacity == 8 * MIB
    again = content.from_volume(shelf, look(shelf, "a"), SECRET)
    plain = make.create(shelf, volume("b", None, "raw"), filling=again)
    assert Path(plain.path).read_bytes()[: 4 * MIB] == image.read_bytes()
    with pytest.raises(CorralError, match="qemu-img ended with 1"):
        change.resize(shelf, "a", 16 * MIB, secret=b"wrong")
    assert tidy(shelf)


@pytest.mark.parametrize("format", ["raw", "qcow2"])
def test_resizing(shelf: Shelf, format: str) -> None:
    make.create(shelf, volume("a", 4 * MIB, format))
    for size in (8 * MIB, 2 * MIB):
        assert (
            change.resize(shelf, "a", size, shrink=True).capacity == size == info(f"{shelf.target}/a")["virtual-size"]
        )


def test_an_image_that_a_program_has_open(shelf: Shelf, tmp_path: Path) -> None:
    for name in ("a", "b"):
        make.create(shelf, volume(name))
    argv = ["qemu-io", "-f", "qcow2", f"{shelf.target}/a"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin is not None
        _until(lambda: str(os.stat(f"{shelf.target}/a").st_ino) in Path("/proc/locks").read_text())
        for act in (
            lambda: change.delete(shelf, "a"),
            lambda: change.resize(shelf, "a", 8 * MIB),
            lambda: change.download(shelf, "a", str(tmp_path / "out")),
            lambda: content.from_volume(shelf, look(shelf, "a")),
        ):
            with pytest.raises(OperationInvalid, match="is open in a program"):
                act()
        change.delete(shelf, "b")
        program.stdin.close()
    change.delete(shelf, "a")


def _until(holds: Any) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_twenty_at_once_and_two_of_the_same(shelf: Shelf, image: Path) -> None:
    base = make.create(shelf, volume("base", None), filling=content.from_path(shelf, str(image), "raw"))

    def clone(number: int) -> str:
        try:
            return make.create(shelf, volume(f"c{number}", 8 * MIB, below=base.path)).name
        except AlreadyExists:
            return "there"

    with ThreadPoolExecutor(8) as pool:
        done = sorted(pool.map(clone, [*range(20), 7]))
    assert done.count("there") == 1
    assert len(files(shelf)) == 21
    assert {facts.backing for facts in look_all(shelf) if facts.name != "base"} == {base.path}
    assert tidy(shelf)


# a full disk

SMALL = """
mount -t tmpfs -o size=3m none "$1" && exec "$2" -c "$3" "$1" "$4"
"""
FILL = """
import sys
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume import content, make
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.look import look_all
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.shelf import Shelf
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
import os

disk, image = sys.argv[1:]
shelf = Shelf(LocalHost(), Layout.embed(os.path.dirname(disk) + "/tree"), "small", disk)
document = "<volume><name>%s</name><capacity>%d</capacity><allocation>%d</allocation>"
document += "<target><format type='%s'/></target></volume>"
def attempt(name, allocation, format, **how):
    try:
        make.create(shelf, parse(document % (name, 4 << 20, allocation, format)), **how)
        print("made", name)
    except CorralError as error:
        print(error.message)
    print(sorted(os.listdir(disk)))
attempt("a", 0, "raw", filling=content.from_path(shelf, image, "raw"))
attempt("b", 0, "qcow2", filling=content.from_path(shelf, image, "raw"))
attempt("c", 4 << 20, "raw")
attempt("d", 0, "qcow2", preallocation="full")
attempt("e", 0, "qcow2")
"""


@pytest.mark.root
def test_a_full_disk(shelf: Shelf, tmp_path: Path) -> None:
    image = tmp_path / "full"
    image.write_bytes(os.urandom(4 * MIB))
    disk = tmp_path / "disk"
    disk.mkdir()
    argv = ["unshare", "--mount", "sh", "-c", SMALL, "sh", str(disk), sys.executable, FILL, str(image)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    full = "The file system of pool small is full; volume {} was not made or changed."
    assert lines[0:4] == [full.format("a"), "[]", full.format("b"), "[]"]
    assert [line.partition(" bytes at once")[0] for line in lines[4:8:2]] == [
        f"Volume {name} takes {4 * MIB}" for name in ("c", "d")
    ]
    assert lines[8:] == ["made e", "['e']"]


# images from elsewhere


class Server(ThreadingHTTPServer):
    """Pages by path. ``cut`` are those of which half comes, ``slow`` those that take their time."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.slow: set[str] = set()
        self.asked: list[tuple[str, int]] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(BaseHTTPRequestHandler):
    """Answers with an ETag, and 304 to whoever shows it."""

    server: Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        data = self.server.pages.get(path)
        etag = f'"{hashlib.md5(data or b"").hexdigest()}"'
        if path.startswith("/circle"):
            self.send_response(302)
            self.send_header("Location", f"{self.path}1" if path == "/circle/far" else self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        code = 404 if data is None else 304 if self.headers.get("If-None-Match") == etag else 200
        self.server.asked.append((path, code))
        self.send_response(code)
        if code != 200 or data is None:
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", etag)
        self.end_headers()
        if path in self.server.slow:
            time.sleep(0.5)
        self.wfile.write(data[: len(data) // 2] if path in self.server.cut else data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is told."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(layout: Layout) -> Cache:
    return Cache(LocalHost(), layout)


def test_an_image_is_fetched_and_asked_for_again(server: Server, cache: Cache, image: Path) -> None:
    server.pages["/a.img.gz"] = gzip.compress(image.read_bytes())
    path = cache.fetch(server.url("/a.img.gz"))
    assert Path(path).read_bytes() == image.read_bytes()
    assert cache.fetch(server.url("/a.img.gz")) == path
    server.pages["/a.img.gz"] = gzip.compress(b"new")
    assert Path(cache.fetch(server.url("/a.img.gz"))).read_bytes() == b"new"
    assert [code for _path, code in server.asked] == [200, 304, 200]
    assert sorted(path.stat().st_mode & 0o777 for path in Path(cache.layout.image_cache).iterdir()) == [0o600] * 3


@pytest.mark.parametrize("program", ["xz", "zstd", "bzip2"])
def test_what_programs_pack_is_unpacked(
    server: Server, cache: Cache, image: Path, tmp_path: Path, program: str
) -> None:
    with image.open("rb") as file:
        packed = subprocess.run([program, "-c"], stdin=file, capture_output=True, check=True).stdout
    server.pages["/a"] = packed
    checksum = f"sha512:{hashlib.sha512(packed).hexdigest()}"
    path = Path(cache.fetch(server.url("/a"), checksum=checksum))
    assert path.read_bytes() == image.read_bytes()
    assert path.stat().st_blocks * 512 < 2 * MIB
    assert cache.fetch(server.url("/a"), checksum=checksum) == str(path)
    assert len(server.asked) == 1


def test_what_fails_leaves_nothing(server: Server, cache: Cache) -> None:
    server.pages["/a"] = os.urandom(3 * MIB)
    server.cut.add("/a")
    right = f"sha256:{hashlib.sha256(server.pages['/a']).hexdigest()}"
    for checksum in (None, right):
        with pytest.raises(OperationFailed, match=r"/a was cut: \d+ of 3145728 bytes"):
            cache.fetch(server.url("/a?token=hunter2"), checksum=checksum)
    server.cut.clear()
    with pytest.raises(OperationFailed, match="has the sha256 checksum"):
        cache.fetch(server.url("/a"), checksum="sha256:" + "0" * 64)
    with pytest.raises(OperationFailed, match="answered 404") as caught:
        cache.fetch(server.url("/none?token=hunter2"))
    assert "hunter2" not in str(caught.value)
    assert os.listdir(cache.layout.image_cache) == []
    assert Path(cache.fetch(server.url("/a"), checksum=right)).read_bytes() == server.pages["/a"]


def test_servers_that_are_not_there(cache: Cache) -> None:
    with pytest.raises(OperationFailed, match=r"http://127.0.0.1:1/a was not reached: Connection refused") as caught:
        cache.fetch("http://user:hunter2@127.0.0.1:1/a")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("path", ["/circle", "/circle/far"])
def test_a_server_that_sends_in_a_circle(server: Server, cache: Cache, path: str) -> None:
    with pytest.raises(
        OperationFailed, match=f"The server of http.*{path} answered 302, and where it points"
    ) as caught:
        cache.fetch(server.url(f"{path}?token=hunter2"))
    assert "hunter2" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_server_that_takes_too_long(server: Server, layout: Layout, tmp_path: Path) -> None:
    server.pages["/a"] = b"words"
    server.slow.add("/a")
    with pytest.raises(TimedOut):
        LocalHost().download(server.url("/a"), str(tmp_path / "out"), timeout=0.2)
    assert not (tmp_path / "out").exists()


def test_a_list_of_checksums(server: Server, cache: Cache) -> None:
    server.pages["/a.img"] = b"words"
    server.pages["/SHA256SUMS"] = f"{hashlib.sha256(b'words').hexdigest()} *a.img\n".encode()
    url, checksum = server.url("/a.img"), f"sha256:{server.url('/SHA256SUMS')}"
    assert Path(cache.fetch(url, checksum=checksum)).read_bytes() == b"words"
    server.pages["/a.img"] = b"others"
    cache.fetch(url, checksum=checksum)
    assert [path for path, _code in server.asked].count("/a.img") == 1


def test_runs_at_once_fetch_once(server: Server, cache: Cache) -> None:
    server.pages["/a"] = os.urandom(MIB)
    server.slow.add("/a")
    right = f"sha256:{hashlib.sha256(server.pages['/a']).hexdigest()}"
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _number: cache.fetch(server.url("/a"), checksum=right), range(4)))
    assert len(paths) == len(server.asked) == 1


def test_a_volume_from_a_fetched_image(server: Server, cache: Cache, shelf: Shelf) -> None:
    make.create(shelf, volume("source", 4 * MIB))
    server.pages["/a.qcow2"] = Path(f"{shelf.target}/source").read_bytes()
    path = cache.fetch(server.url("/a.qcow2"))
    made = make.create(shelf, volume("a", 8 * MIB), filling=content.from_path(shelf, path, None))
    assert (made.image.format, made.capacity) == ("qcow2", 8 * MIB)

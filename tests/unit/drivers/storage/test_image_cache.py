# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cache of images: fetched once, checked, unpacked, asked for again only where that is needed."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
from typing import List

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.cache import Cache, digest_of
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CorralError,
    HostError,
    InvalidArgument,
    MissingProgram,
    OperationFailed,
)
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakePage, Killed
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.tests.unit.drivers.storage.small_images import ImageHost, qcow2

URL, SUMS = "https://example.com/images/a.img", "https://example.com/images/SHA256SUMS"
DATA = qcow2(4096, b"words")
RIGHT = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
WRONG = "sha256:" + "0" * 64
CACHE = "/var/cache/corral/images"


@pytest.fixture
def host() -> ImageHost:
    host = ImageHost()
    host.pages[URL] = FakePage(DATA, etag='"1"', modified="Mon, 01 Jan 2026 00:00:00 GMT")
    return host


@pytest.fixture
def cache(host: ImageHost) -> Cache:
    return Cache(host, Layout.system())


def kept(host: ImageHost) -> List[str]:
    """What is in the cache, without notes."""
    return [name for name in host.entries(CACHE) if not name.endswith(".json")]


def test_with_a_checksum_it_is_fetched_once(host: ImageHost, cache: Cache) -> None:
    path = cache.fetch(URL, checksum=RIGHT)
    assert host.data(path) == DATA
    assert cache.fetch(URL, checksum=RIGHT.upper().replace("SHA256", "sha256")) == path
    assert host.pages[URL].asked == 1
    host.remove(path)
    assert cache.fetch(URL, checksum=RIGHT) == path
    assert host.pages[URL].asked == 2


def test_without_one_the_server_is_asked_whether_it_changed(host: ImageHost, cache: Cache) -> None:
    path = cache.fetch(URL)
    assert cache.fetch(URL) == path
    assert host.pages[URL].asked == 2
    host.pages[URL] = FakePage(b"new", etag='"2"')
    other = cache.fetch(URL)
    assert (host.data(other), host.data(path)) == (b"new", DATA), "volumes may stand on the old one"
    host.pages[URL] = FakePage(DATA)
    assert cache.fetch(URL) == path


def test_a_wrong_checksum_leaves_nothing(host: ImageHost, cache: Cache) -> None:
    with pytest.raises(OperationFailed, match="has the sha256 checksum"):
        cache.fetch(URL, checksum=WRONG)
    assert host.entries(CACHE) == []


def test_a_cut_download_leaves_nothing(host: ImageHost, cache: Cache) -> None:
    host.pages[URL].sent = 10
    with pytest.raises(OperationFailed, match="was cut"):
        cache.fetch(URL)
    assert host.entries(CACHE) == []


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress, lambda data: b"\x28\xb5\x2f\xfd" + data])
def test_packed_images(host: ImageHost, cache: Cache, pack: object) -> None:
    packed = pack(DATA)  # type: ignore[operator]
    host.pages[URL] = FakePage(packed)
    checksum = f"sha512:{hashlib.sha512(packed).hexdigest()}"
    assert host.data(cache.fetch(URL, checksum=checksum)) == DATA
    assert len(kept(host)) == 1
    host.pages[URL] = FakePage(packed[: len(packed) // 2] if not packed.startswith(b"\x28") else packed)
    if not packed.startswith(b"\x28"):
        with pytest.raises(OperationFailed, match=f"{URL} .*damaged"):
            cache.fetch(URL)
        assert len(kept(host)) == 1


def test_without_the_program_that_unpacks(host: ImageHost, cache: Cache) -> None:
    host.pages[URL] = FakePage(b"\x28\xb5\x2f\xfd" + DATA)
    del host.programs["zstd"]
    with pytest.raises(MissingProgram, match="Install zstd"):
        cache.fetch(URL)
    assert host.entries(CACHE) == []


def test_a_list_of_checksums(host: ImageHost, cache: Cache) -> None:
    host.pages[SUMS] = FakePage(f"{'0' * 64}  b.img\n{RIGHT[7:]} *./a.img\n".encode())
    path = cache.fetch(URL, checksum=f"sha256:{SUMS}")
    assert (host.data(path), kept(host)) == (DATA, [path.rpartition("/")[2]])
    host.pages[SUMS] = FakePage(b"nothing\n")
    with pytest.raises(OperationFailed, match=r"SHA256SUMS has no checksum of that kind for a\.img"):
        cache.fetch(URL, checksum=f"sha256:{SUMS}")


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (f"{'A' * 64}\n", "a" * 64),
        (f"{'a' * 64}  a.img\n", "a" * 64),
        (f"{'a' * 64} *dir/a.img\n", "a" * 64),
        (f"# list\nSHA256 (a.img) = {'a' * 64}\n", "a" * 64),
        (f"{'a' * 64}  xa.img\n", None),
        (f"{'a' * 40}  a.img\n", None),
        ("", None),
    ],
)
def test_lists_of_checksums(text: str, digest: str | None) -> None:
    assert digest_of(text, "a.img", 64) == digest


@pytest.mark.parametrize(
    ("url", "checksum", "words"),
    [
        ("ftp://example.com/a", None, "is no URL of http"),
        ("/srv/a", None, "is no URL of http"),
        ("https://", None, "is no URL of http"),
        ("https://example.com/a b", None, "spaces or control"),
        ("https://example.com/a\r\nHost: b", None, "spaces or control"),
        (URL, "0" * 64, "names no algorithm"),
        (URL, "crc:00", "names no algorithm"),
        (URL, "sha256:00", "has not the 64 digits"),
        (URL, "sha256:ftp://example.com/SUMS", "is no URL of http"),
    ],
)
def test_what_cannot_be_fetched(cache: Cache, url: str, checksum: str | None, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        cache.fetch(url, checksum=checksum)


def test_secrets_of_a_url_are_not_kept_or_shown(host: ImageHost, cache: Cache) -> None:
    url = "https://user:hunter2@example.com/a.img?token=hunter2"
    host.pages[url] = FakePage(DATA)
    cache.fetch(url)
    assert not any(b"hunter2" in node.data for node in host.files.values())
    with pytest.raises(CorralError) as caught:
        cache.fetch(url, checksum=WRONG)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("checksum", [RIGHT, None])
def test_a_run_that_is_killed_at_any_step(checksum: str | None) -> None:
    for step in range(1, 60):
        host = ImageHost()
        cache = Cache(host, Layout.system())
        host.pages[URL] = FakePage(gzip.compress(DATA) if checksum is None else DATA, etag='"1"')
        host.kill_at(step)
        try:
            cache.fetch(URL, checksum=checksum)
        except Killed:
            host.revive()
            assert all(host.data(f"{CACHE}/{name}") == DATA for name in kept(host) if not name.startswith("."))
            host.pages["https://example.com/b"] = FakePage(b"other")
            cache.fetch("https://example.com/b")
            assert not [name for name in kept(host) if name.startswith(".")], f"killed at step {step}"
            assert host.data(cache.fetch(URL, checksum=checksum)) == DATA
            assert (len(kept(host)), host.entries("/run/corral/locks")) == (2, [])
            continue
        assert step > 5
        return
    pytest.fail("too many steps")


@pytest.mark.parametrize("step", range(1, 15))
def test_a_call_that_fails(host: ImageHost, cache: Cache, step: int) -> None:
    host.fail_at(step, HostError("The disk is full."))
    try:
        cache.fetch(URL)
    except HostError as error:
        assert "disk is full" in str(error)
    host.revive()
    assert host.data(cache.fetch(URL)) == DATA
    assert len(kept(host)) == 1

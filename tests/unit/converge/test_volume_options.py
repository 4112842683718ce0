# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each option of a volume writes, what is refused of it, and what its contents are called."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.corral.virt.plugins.module_utils.converge.volume_definition import (
    ALGORITHMS,
    VOLUME_DEFINING,
    VOLUME_DEFINITION,
)
from ansible_collections.corral.virt.plugins.module_utils.converge.volume_options.content import (
    DIGESTS,
    SCHEMES,
    Asked,
    backing,
    image,
    is_same,
    secrets_in,
)
from ansible_collections.corral.virt.plugins.module_utils.converge.volume_spec import desired_volume, wanted_volume
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.complete_volume import complete_volume
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.ignored import ignored_volume_parts
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume import cache
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.change import (
    ALGORITHMS as DRIVERS_ALGORITHMS,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.test.normalise_volume import normalise_volume
from ansible_collections.corral.virt.plugins.module_utils.errors import InvalidArgument
from ansible_collections.corral.virt.plugins.module_utils.model.storage.identity import VOLUME
from ansible_collections.corral.virt.plugins.module_utils.model.storage.pool import Pool
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.converge.volume_rows import VOLUME_REFUSED, VOLUME_WRITTEN

ROWS = [options for options, _part in VOLUME_WRITTEN]
POOL = Pool(parse("<pool type='dir'><name>p</name><target><path>/srv/p</path></target></pool>"))
MD5, SHA = f"md5:{'1' * 32}", f"sha256:{'a' * 64}"
STATE: dict[str, Any] = {"pool": "p", "name": "a", "state": "present", "force": False, "shrink": False}


def document(options: dict[str, Any]) -> Element:
    _name, made = desired_volume({"name": "a", **options})
    assert made is not None
    return made


@pytest.mark.parametrize(("options", "part"), VOLUME_WRITTEN)
def test_an_option_writes_its_part(options: dict[str, Any], part: str) -> None:
    assert part in "".join(line.strip() for line in to_text(document(options)).splitlines())


@pytest.mark.parametrize(("options", "said"), VOLUME_REFUSED)
def test_what_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        wanted_volume({**STATE, **options})


def test_every_option_is_tried() -> None:
    tried = {name for options in ROWS for name in options}
    assert tried == set(VOLUME_DEFINING) - {"backing"}
    assert ALGORITHMS == DRIVERS_ALGORITHMS
    assert (DIGESTS, SCHEMES) == (cache.DIGESTS, cache.SCHEMES)


def test_a_name_alone_describes_nothing() -> None:
    assert desired_volume({"name": "a"}) == ("a", None)
    assert desired_volume({"name": "a", "capacity": "1GiB"}, describe=False) == ("a", None)
    assert desired_volume({"name": "a", "image": "/b"})[1] is not None


@pytest.mark.parametrize("options", ROWS)
def test_the_driver_takes_it_reads_all_of_it_and_a_second_run_changes_nothing(options: dict[str, Any]) -> None:
    assert ignored_volume_parts(document(options)) == []
    first = complete_volume(document(options), POOL)
    assert [str(change) for change in compare(first, complete_volume(first, POOL), VOLUME)] == []


@pytest.mark.parametrize("options", ROWS)
def test_the_test_driver_takes_it_and_a_second_run_changes_nothing(options: dict[str, Any]) -> None:
    first = normalise_volume(document(options), POOL, None, None)
    assert compare(first, normalise_volume(document(options), POOL, first, None), VOLUME) == ()
    assert compare(first, normalise_volume(first, POOL, None, None), VOLUME) == ()


@pytest.mark.parametrize("options", ROWS)
def test_ansible_hands_it_on_as_it_was_written(options: dict[str, Any]) -> None:
    found = ArgumentSpecValidator(dict(VOLUME_DEFINITION.options)).validate({"pool": "p", "name": "a", **options})
    assert found.error_messages == []
    assert to_text(document(found.validated_parameters)) == to_text(document(options))


# contents

URL = "https://u:p@cloud.example/a.qcow2?token=x"


@pytest.mark.parametrize(
    ("said", "asked", "fetched", "origin"),
    [
        ("golden", Asked(volume=("p", "golden")), None, "volume golden of pool p"),
        ({"volume": "golden", "pool": "q"}, Asked(volume=("q", "golden")), None, "volume golden of pool q"),
        ("/srv/a b.img", Asked(path="/srv/a b.img"), None, "/srv/a b.img"),
        ("/srv/a b.img.xz", Asked(path="/srv/a b.img.xz"), "file:///srv/a%20b.img.xz", "/srv/a b.img.xz"),
        (
            {"path": "/srv/a.img", "checksum": MD5},
            Asked(path="/srv/a.img", checksum=MD5),
            "file:///srv/a.img",
            f"/srv/a.img {MD5}",
        ),
        (URL, Asked(url=URL), URL, "https://cloud.example/a.qcow2"),
        (
            {"url": URL, "checksum": SHA, "format": "qcow2"},
            Asked(url=URL, checksum=SHA, format="qcow2"),
            URL,
            f"https://cloud.example/a.qcow2 {SHA}",
        ),
    ],
)
def test_images(said: Any, asked: Asked, fetched: Any, origin: str) -> None:
    found = image(said, "p")
    assert found == asked
    assert (asked.fetched, asked.origin) == (fetched, origin)


def test_what_nobody_is_shown_of_a_url() -> None:
    assert secrets_in(URL) == secrets_in({"url": URL}) == {"p", "token=x"}
    assert secrets_in("https://u:a%20b@c/d") == {"a%20b", "a b"}
    for harmless in (None, "golden", "/srv/a", {"path": "/a"}, "https://c/d", ["x"], {"url": 3}):
        assert secrets_in(harmless) == set()


def test_backings() -> None:
    assert backing("golden", "p") == Asked(volume=("p", "golden"))
    assert backing({"path": "/a", "format": "raw"}, "p") == Asked(path="/a", format="raw")
    assert backing(None, "p") is None


@pytest.mark.parametrize(
    ("had", "wanted", "same"),
    [
        ("https://a/x", "https://a/x", True),
        ("https://a/x", "https://b/x", False),
        ("https://a/x sha256:AA", "https://b/y sha256:aa", True),
        ("https://a/x sha256:aa", "https://a/x sha256:bb", False),
        ("https://a/x sha256:aa", "https://a/x", True),
        ("https://a/x sha256:aa", "https://a/x sha512:bb", True),
        ("https://a/x sha256:aa", "https://b/x sha512:bb", False),
        ("https://a/x sha256:aa", "https://a/x sha256:https://a/SUMS", True),
        ("https://a/x sha256:https://a/SUMS", "https://a/x sha256:https://b/SUMS", False),
        ("/srv/a b", "/srv/a c", False),
    ],
)
def test_what_is_the_same(had: str, wanted: str, same: bool) -> None:
    assert is_same(had, wanted) is same

# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the first bytes of an image say, and that hostile ones do no harm; what qemu-img is told."""

from __future__ import annotations

import random

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.command import (
    Key,
    NewImage,
    Original,
    convert_argvs,
    create_argv,
    info_argv,
    resize_argv,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.header import (
    Image,
    Read,
    inspect,
    probe,
)
from ansible_collections.corral.virt.tests.unit.drivers.storage.small_images import luks, qcow2


def of(data: bytes) -> Read:
    return lambda offset, size: data[offset : offset + size]


def read(data: bytes) -> Image:
    return probe(of(data), len(data))


@pytest.mark.parametrize(
    ("data", "image"),
    [
        (b"", Image("raw", 0)),
        (bytes(5000), Image("raw", 5000)),
        (qcow2(1 << 40), Image("qcow2", 1 << 40, compat="1.1", cluster_size=65536)),
        (qcow2(4096, version=2), Image("qcow2", 4096, compat="0.10", cluster_size=65536)),
        (qcow2(4096, crypt=2), Image("qcow2", 4096, "luks", compat="1.1", cluster_size=65536)),
        (
            qcow2(4096, backing="/a b", backing_format="raw"),
            Image("qcow2", 4096, backing="/a b", backing_format="raw", compat="1.1", cluster_size=65536),
        ),
        (
            qcow2(4096, may=1, needs=20),
            Image(
                format="qcow2",
                capacity=4096,
                compat="1.1",
                cluster_size=65536,
                features=("lazy_refcounts", "extended_l2"),
                outside=True,
            ),
        ),
        (luks(4096), Image("raw", 4096, "luks")),
        (luks(4096).replace(b"\0\1", b"\0\2", 1), Image("raw", 5120)),
        (b"QED\0" + bytes(600), Image("qed")),
        (b"KDMV" + bytes(8) + b"\1" + bytes(600), Image("vmdk")),
        (b"KDMV" + bytes(600), Image("vmdk", outside=True)),
        (b"COWD" + bytes(600), Image("vmdk", outside=True)),
        (bytes(64) + b"\x7f\x10\xda\xbe" + bytes(600), Image("vdi")),
        (bytes(32769) + b"CD001" + bytes(600), Image("iso", 33374)),
    ],
)
def test_what_the_bytes_say(data: bytes, image: Image) -> None:
    assert read(data) == image


def test_a_known_format_is_not_guessed() -> None:
    assert inspect(of(qcow2(4096)), 100, "raw") == Image("raw", 100)
    assert inspect(of(bytes(512)), 512, "qcow2") == Image("raw", 512)
    assert inspect(of(qcow2(4096)), 100, "qcow2").capacity == 4096
    assert inspect(of(luks(4096)), 5120, "raw", "luks").capacity == 4096
    assert inspect(of(qcow2(4096, version=1)), 100, "qcow").format == "qcow"


def test_bytes_of_somebody_who_means_ill() -> None:
    chance = random.Random(5)
    whole = (qcow2(4096, backing="/x", backing_format="raw"), luks(512), b"KDMV" + bytes(40), b"COWD")
    for data in whole:
        for length in range(min(len(data), 130)):
            read(data[:length])
        for _round in range(300):
            at = chance.randrange(4, 120)
            read(data[:at] + chance.randbytes(8) + data[at + 8 :])


def test_commas_end_nothing() -> None:
    key = Key("key0", "/run/a,file=b")
    image = NewImage("/srv/x,y", "qcow2", 512, key=key)
    words = create_argv(image)
    assert "secret,id=key0,file=/run/a,,file=b" in words
    assert words[-2:] == ("/srv/x,y", "512")
    fill = convert_argvs(Original("/srv/a,b", "raw"), image)[1]
    assert fill[-2:] == (
        "driver=raw,file.filename=/srv/a,,b",
        "driver=qcow2,file.filename=/srv/x,,y,encrypt.key-secret=key0",
    )


def test_the_format_is_always_said() -> None:
    key = Key("key0", "/k")
    assert resize_argv(Original("/a", "raw"), 512) == ("qemu-img", "resize", "-f", "raw", "/a", "512")
    assert resize_argv(Original("/a", "qcow2"), 512, shrink=True)[2:5] == ("-f", "qcow2", "--shrink")
    assert resize_argv(Original("/a", "raw", key), 512)[-3:] == (
        "--image-opts",
        "driver=luks,file.filename=/a,key-secret=key0",
        "512",
    )
    assert info_argv(Original("/a", "iso"))[-3:] == ("-f", "raw", "/a")

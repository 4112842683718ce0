# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a volume beside its name, and a part of the document that each of them writes."""

from __future__ import annotations

from typing import Any

SIZE = {"capacity": "1GiB"}
QCOW2 = {**SIZE, "format": "qcow2"}

VOLUME_WRITTEN: tuple[tuple[dict[str, Any], str], ...] = (
    (SIZE, '<volume><name>a</name><capacity unit="bytes">1073741824</capacity></volume>'),
    ({**SIZE, "allocation": "0B"}, '<allocation unit="bytes">0</allocation>'),
    (QCOW2, '<target><format type="qcow2"/></target>'),
    ({**QCOW2, "compat": "0.10"}, "<compat>0.10</compat>"),
    ({**QCOW2, "cluster_size": "2MiB"}, '<clusterSize unit="B">2097152</clusterSize>'),
    ({**QCOW2, "lazy_refcounts": True}, "<features><lazy_refcounts/></features>"),
    ({**QCOW2, "extended_l2": True, "lazy_refcounts": False}, "<features><extended_l2/></features>"),
    ({**SIZE, "nocow": True}, "<target><nocow/></target>"),
    ({**SIZE, "permissions": {"mode": "0640", "group": 7}}, "<mode>0640</mode><group>7</group>"),
    (
        {**SIZE, "encryption": "vault"},
        '<encryption format="luks"><secret type="passphrase" usage="vault"/></encryption>',
    ),
    (
        {
            **SIZE,
            "encryption": {
                "secret": "6f3a1c52-9d3b-4a0e-8a55-5d7c3f1f0c11",
                "cipher": "aes-256",
                "mode": "xts",
                "hash": "sha256",
                "ivgen": "plain64",
            },
        },
        '<secret type="passphrase" uuid="6f3a1c52-9d3b-4a0e-8a55-5d7c3f1f0c11"/><cipher name="aes" size="256"'
        ' mode="xts" hash="sha256"/><ivgen name="plain64"/></encryption>',
    ),
)

VOLUME_REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"capacity": "20"}, "capacity: 20 has no unit; write 20MiB"),
    ({"capacity": "-1GiB"}, "is not a size"),
    ({"capacity": "x"}, "is not a size"),
    ({**QCOW2, "cluster_size": "64"}, "cluster_size: 64 has no unit"),
    ({**SIZE, "encryption": {"cipher": "aes-256"}}, "encryption: secret is missing"),
    ({**SIZE, "encryption": {"secret": "a", "cipher": "aes"}}, "write one such as aes-256"),
    ({**SIZE, "encryption": {"secret": "a", "ivgen_hash": "sha256"}}, "ivgen_hash is that of an ivgen"),
    ({**SIZE, "encryption": {"secret": "a", "format": "qcow"}}, "encryption.format: 'qcow' is not known; write luks"),
    ({**SIZE, "encryption": {"secret": "a", "mode": "xts"}}, "mode and hash are those of a cipher"),
    ({**SIZE, "image": {"path": "a"}}, "image.path: 'a' is relative"),
    ({**SIZE, "image": {"path": "/a", "url": "http://a/b"}}, "image: write one of volume, path or url"),
    ({**SIZE, "image": {"format": "raw"}}, "image: write one of volume, path or url"),
    ({**SIZE, "image": {"path": "/a", "pool": "b"}}, "image.pool is that of a volume"),
    ({**SIZE, "image": {"path": "/a", "checksum": "abc"}}, "image.checksum: 'abc' is no checksum"),
    ({**SIZE, "image": {"path": "/a", "checksum": "sha256:abc"}}, "image.checksum: 'abc' has not the 64 digits"),
    ({**SIZE, "image": {"path": "/a", "checksum": "md5:ftp://a/b"}}, "image.checksum: ftp://a/b is no URL of http"),
    ({**SIZE, "image": "ftp://a/b"}, "image.url: ftp://a/b is no URL of http, https or file"),
    ({**SIZE, "image": {"volume": "a", "checksum": f"md5:{'1' * 32}"}}, "the image is a volume"),
    ({**SIZE, "backing": {"url": "http://a/b"}}, "backing: url is none of its fields"),
    ({**SIZE, "backing": {"volume": "b", "format": "raw"}}, "backing.format is for a path"),
    ({**SIZE, "backing": "/a", "image": "/b"}, "image and backing contradict each other"),
    ({**SIZE, "image": "/b", "upload_from": "/c"}, "upload_from replaces what is in the volume"),
    ({**SIZE, "upload_from": "c"}, "upload_from: 'c' is relative"),
    ({**SIZE, "download_to": "c"}, "download_to: 'c' is relative"),
    ({**SIZE, "wipe": "zero"}, "wipe goes with state wiped or absent"),
    ({"xml": "<volume><name>a</name></volume>", **QCOW2}, "xml cannot be given together with capacity and format"),
    ({"name": "a/b", **SIZE}, "a slash"),
)

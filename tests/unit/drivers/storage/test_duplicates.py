# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two pools on one source: refused where libvirt refuses them, and let be where it does."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.complete import complete_pool
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.duplicates import conflict
from ansible_collections.corral.virt.plugins.module_utils.errors import AlreadyExists
from ansible_collections.corral.virt.plugins.module_utils.model.storage.pool import Pool
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse


def pool(kind: str, body: str, name: str = "one") -> Element:
    document = parse(f"<pool type='{kind}'><name>{name}</name>{body}</pool>")
    return complete_pool(document, (), kept=None, host_id="here")


def at(path: str) -> str:
    return f"<target><path>{path}</path></target>"


def on(device: str, path: str = "/srv/x") -> str:
    return f"<source><device path='{device}'/></source>{at(path)}"


def nfs(host: str, directory: str, path: str) -> str:
    return f"<source><host name='{host}'/><dir path='{directory}'/></source>{at(path)}"


def brick(host: str, directory: str) -> str:
    return f"<source><host {host}/><name>v</name><dir path='{directory}'/></source>"


def san(host: str, initiator: str) -> str:
    inner = f"<initiator><iqn name='{initiator}'/></initiator>" if initiator else ""
    return f"<source><host name='{host}'/><device path='iqn.2026-01.example:t'/>{inner}</source>"


def hba(words: str, inner: str = "") -> str:
    return f"<source><adapter {words}>{inner}</adapter></source>"


CLUSTER = "<source><name>c</name></source>"
FC = "type='fc_host' wwnn='20000000c9831b4b' wwpn='10000000c9831b4{}' {}"
PLACE = "<parentaddr unique_id='{}'><address slot='31' function='2'/></parentaddr>"
CASES = [
    ("dir", at("/srv/a"), "dir", at("/srv//a/"), True),
    ("dir", at("/srv/a"), "dir", at("/srv/b"), False),
    ("dir", at("/srv/a"), "fs", on("/dev/vdb", "/srv/a"), False),
    ("fs", on("/dev/vdb", "/srv/a"), "disk", on("/dev/vdb"), True),
    ("fs", on("/dev/vdb", "/srv/a"), "logical", on("/dev/vdb"), True),
    ("fs", on("/dev/vdb", "/srv/a"), "fs", on("/dev/vdc", "/srv/b"), False),
    ("fs", on("/dev/vdb", "/srv/a"), "fs", on("/dev/vdc", "/srv/a"), True),
    ("fs", on("/dev/vdb", "/srv/a"), "netfs", nfs("h", "/x", "/srv/a"), True),
    ("zfs", on("/dev/vdb"), "disk", on("/dev/vdb"), True),
    ("logical", "", "logical", "", False),
    ("netfs", nfs("h", "/x", "/srv/a"), "netfs", nfs("h", "/x/", "/srv/b"), True),
    ("netfs", nfs("h", "/x", "/srv/a"), "netfs", nfs("i", "/x", "/srv/b"), False),
    ("gluster", brick("name='h'", "/a"), "gluster", brick("name='h' port='1'", "/a"), True),
    ("gluster", brick("name='h' port='2'", "/a"), "gluster", brick("name='h' port='1'", "/a"), False),
    ("gluster", brick("name='h'", "/a"), "gluster", brick("name='h'", "/b"), False),
    ("iscsi", san("h", ""), "iscsi", san("other", ""), True),
    ("iscsi", san("h", ""), "iscsi", san("h", "iqn.2026-01.example:i"), False),
    ("scsi", hba("name='host5'"), "scsi", hba("type='scsi_host' name='scsi_host5'"), True),
    ("scsi", hba("name='host5'"), "scsi", hba("name='host6'"), False),
    ("scsi", hba(FC.format("b", "")), "scsi", hba(FC.format("b", "parent='scsi_host3'")), True),
    ("scsi", hba(FC.format("b", "")), "scsi", hba(FC.format("c", "")), False),
    ("scsi", hba(FC.format("b", "parent='scsi_host5'")), "scsi", hba("name='host5'"), True),
    ("scsi", hba(FC.format("b", "")), "scsi", hba("name='host5'"), False),
    ("scsi", hba("type='scsi_host'", PLACE.format(1)), "scsi", hba("type='scsi_host'", PLACE.format(1)), True),
    ("scsi", hba("type='scsi_host'", PLACE.format(1)), "scsi", hba("type='scsi_host'", PLACE.format(2)), False),
    ("mpath", "", "mpath", "", True),
    ("vstorage", f"{CLUSTER}{at('/a')}", "vstorage", on("/x", "/b"), False),
    (
        "vstorage",
        f"<source><name>c</name></source>{at('/a')}",
        "vstorage",
        f"<source><name>c</name></source>{at('/b')}",
        True,
    ),
    ("rbd", brick("name='h'", "/"), "rbd", brick("name='h'", "/"), False),
]


@pytest.mark.parametrize(("kind", "body", "other_kind", "other_body", "meet"), CASES)
def test_two_pools(kind: str, body: str, other_kind: str, other_body: str, meet: bool) -> None:
    one, other = pool(kind, body), pool(other_kind, other_body, "two")
    found = conflict(Pool(one), [other])
    assert (found is not None and found.name == "two") is meet
    assert conflict(Pool(one), [one]) is None


def test_links_lead_to_one_disk() -> None:
    one, other = pool("disk", on("/dev/vdb")), pool("fs", on("/dev/disk/by-id/x", "/srv/y"), "two")
    assert conflict(Pool(one), [other]) is None
    assert conflict(Pool(one), [other], real={"/dev/disk/by-id/x": "/dev/vdb"}) is not None


def test_it_is_said_which_pool_it_is() -> None:
    with pytest.raises(AlreadyExists, match="Pool two has the source of pool one"):
        complete_pool(pool("dir", at("/a")), [pool("dir", at("/a"), "two")], kept=None, host_id="here")
